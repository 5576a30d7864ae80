"""The eraser: retention, and forgetting a person, on one database."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import ColumnElement, Connection, and_, func, or_, select

from connector.domain.ticket import Ticket
from connector.ports import Clock
from connector.store.columns import to_ms
from connector.store.erasure import (
    erase,
    erase_labels,
    erase_older,
    erase_remains,
    erase_unreadable,
    locked,
)
from connector.store.personal import Erasure
from connector.store.tables import WAITING, checkpoints, decisions, labels, model_calls, submissions, writes
from connector.store.tombstones import barred, entomb
from connector.store.transactions import Database, repeated

_HELD = (submissions, model_calls, decisions, writes, labels)  # the tables that words are erased from


@dataclass(frozen=True, slots=True)
class Whose:
    """Whose words: requesters and tickets, by the helpdesk's ids."""

    requesters: tuple[str, ...] = ()
    tickets: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Found:
    """What the ledger holds of somebody.  ``waiting``: tickets not decided yet, which go to a person now."""

    tickets: tuple[str, ...]
    waiting: tuple[str, ...]
    texts: int
    decisions: int
    answers: int
    labels: int = 0


class SqlEraser:
    """Erases words of one helpdesk's customers; errors as for the ledger."""

    def __init__(self, database: Database, clock: Clock, helpdesk: str) -> None:
        self._database = database
        self._clock = clock
        self._helpdesk = helpdesk

    # --- Retention ----------------------------------------------------------------------------------------

    @repeated
    def erase_older(self, before: datetime | None, limit: int) -> int:
        """Erase at most ``limit`` submissions written back before a moment; returns how many.

        Besides, whatever an earlier erasure had to leave for work that has ended since.
        """
        with self._database.write("erase_older") as tx:
            erase_remains(tx, self._helpdesk, limit)
            if before is None:
                return 0
            return erase_older(tx, self._helpdesk, to_ms(before), limit, to_ms(self._clock.now()))

    def settle(self) -> bool:
        """Empty SQLite's journal, which holds pages as they were; False while a reader still needs it."""
        return self._database.empty_journal()

    # --- Forgetting ---------------------------------------------------------------------------------------

    def barred(self, tickets: Sequence[Ticket]) -> frozenset[str]:
        """The ids of those tickets whose words were erased on request and may not be stored again."""
        with self._database.read("barred") as tx:
            return barred(tx, self._helpdesk, tickets)

    def look(self, whose: Whose) -> Found:
        """What would be erased."""
        with self._database.read("look") as tx:
            return self._found(tx, whose)

    def forget(self, whose: Whose) -> Found:
        """Erase all words of somebody and keep them from coming back; returns what was there.

        Two transactions: a page that is being stored has either seen the tombstone, or is erased as well.
        """
        self._entomb(whose)
        return self._erase(whose)

    @repeated
    def _entomb(self, whose: Whose) -> None:
        with self._database.write("entomb") as tx:
            entomb(tx, self._helpdesk, whose.requesters, whose.tickets, to_ms(self._clock.now()))

    @repeated
    def _erase(self, whose: Whose) -> Found:
        with self._database.write("forget") as tx:
            # Whoever stores a page holds this row until it is committed.
            tx.execute(
                select(checkpoints.c.helpdesk)
                .where(checkpoints.c.helpdesk == self._helpdesk)
                .with_for_update()
            ).all()
            ids = locked(tx, self._theirs(whose))
            found = self._found(tx, whose)
            erase(tx, ids, Erasure.REQUEST, to_ms(self._clock.now()))
            tickets = [*dict.fromkeys((*found.tickets, *whose.tickets))]
            erase_unreadable(tx, self._helpdesk, tickets)
            # A file that still has the words must not bring them back, and no file says whose they are.
            labelled = erase_labels(tx, self._helpdesk, self._labels(whose, tickets))
            entomb(tx, self._helpdesk, (), sorted(labelled), to_ms(self._clock.now()))
            return found

    def scrub(self) -> bool:
        """Rewrite the tables, so that no unused byte of the database holds what was erased.

        False while a reader keeps SQLite's journal from being emptied.
        """
        self._database.rewrite([table.name for table in _HELD])
        return self._database.empty_journal()

    def _theirs(self, whose: Whose) -> ColumnElement[bool]:
        named = or_(submissions.c.requester.in_(whose.requesters), submissions.c.ticket_id.in_(whose.tickets))
        return and_(submissions.c.helpdesk == self._helpdesk, named)

    def _labels(self, whose: Whose, tickets: Sequence[str]) -> ColumnElement[bool]:
        """Labels of these tickets, and of those that only the label knows to be theirs."""
        return or_(labels.c.requester.in_(whose.requesters), labels.c.ticket_id.in_(tickets))

    def _found(self, tx: Connection, whose: Whose) -> Found:
        theirs = self._theirs(whose)
        ids = select(submissions.c.id).where(theirs)
        answers = model_calls.c.submission_id.in_(ids) & model_calls.c.answer.is_not(None)
        tickets = _tickets(tx, theirs)
        labelled = self._labels(whose, [*tickets, *whose.tickets])
        return Found(
            tickets=tickets,
            waiting=_tickets(tx, theirs & WAITING),
            texts=_count(tx, submissions.c.id, theirs & submissions.c.ticket.is_not(None)),
            decisions=_count(tx, decisions.c.id, decisions.c.submission_id.in_(ids)),
            answers=_count(tx, model_calls.c.id, answers),
            labels=_count(tx, labels.c.id, (labels.c.helpdesk == self._helpdesk) & labelled),
        )


def _tickets(tx: Connection, where: ColumnElement[bool]) -> tuple[str, ...]:
    ids: Sequence[str] = tx.scalars(select(submissions.c.ticket_id).where(where).distinct()).all()
    return tuple(sorted(ids))


def _count(tx: Connection, column: ColumnElement[object], where: ColumnElement[bool]) -> int:
    return tx.scalar(select(func.count(column)).where(where)) or 0
