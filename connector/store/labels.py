"""The labels: tickets with their right classes, kept until somebody asks to be forgotten."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from datetime import datetime

from sqlalchemy import Connection, and_, bindparam, or_, select, update

from connector.classify.examples import Outline
from connector.domain.taxonomy import Axis
from connector.ports import Clock
from connector.quality.dataset import LabelledTicket, Source
from connector.quality.merging import Key, Merge, Take, key_of, merge
from connector.store.columns import AnyRow, from_ms, maybe_from_ms, to_ms
from connector.store.documents import Said
from connector.store.rows import insert_new
from connector.store.tables import checkpoints, labels, submissions
from connector.store.tombstones import buried
from connector.store.transactions import Database, repeated

_AT_ONCE = 500  # ids of one statement
_OUTLINE = [labels.c[name] for name in ("ticket_id", "digest", *Axis)]


class SqlLabels:
    """The labels of one helpdesk's tickets; errors as for the ledger."""

    def __init__(self, database: Database, clock: Clock, helpdesk: str) -> None:
        self._database = database
        self._clock = clock
        self._helpdesk = helpdesk

    def tickets(self) -> tuple[LabelledTicket, ...]:
        """All of them, in the order in which they were stored."""
        mine = select(labels).where(labels.c.helpdesk == self._helpdesk).order_by(labels.c.id)
        with self._database.read("labels") as tx:
            return tuple(map(_ticket, tx.execute(mine)))

    def outlines(self) -> tuple[Outline, ...]:
        """All of them, in the same order, without any words."""
        mine = select(*_OUTLINE).where(labels.c.helpdesk == self._helpdesk).order_by(labels.c.id)
        with self._database.read("label_outlines") as tx:
            return tuple(Outline(row.ticket_id, row.digest, _classes(row)) for row in tx.execute(mine))

    def find(self, keys: Sequence[str]) -> Mapping[str, LabelledTicket]:
        """The labels with these keys, as far as they are there; of one ticket the one stored last."""
        named = or_(labels.c.ticket_id.in_(keys), and_(labels.c.ticket_id == "", labels.c.digest.in_(keys)))
        mine = select(labels).where(labels.c.helpdesk == self._helpdesk, named).order_by(labels.c.id)
        with self._database.read("find_labels") as tx:
            return {each.key: each for each in map(_ticket, tx.execute(mine))}

    @repeated
    def store(self, tickets: Sequence[LabelledTicket], take: Take) -> Merge:
        """Add what is new and change what ``take`` allows, all or nothing: where something clashes, nothing.

        Under READ what clashes is left as it is and the rest is stored.

        Words of tickets that somebody had erased are left out.  Who wrote the others is taken from the ledger
        where the label does not say it, so that they can be forgotten.
        """
        with self._database.write("store_labels") as tx:
            # As for a page: what is being forgotten is either seen here, or is erased after this.
            tx.execute(
                select(checkpoints.c.helpdesk)
                .where(checkpoints.c.helpdesk == self._helpdesk)
                .with_for_update()
            ).all()
            ids = [*dict.fromkeys(each.ticket_id for each in tickets if each.ticket_id)]
            gone, authors = buried(tx, self._helpdesk, ids), self._authors(tx, ids)
            numbers, stored = self._stored(tx, [*ids, ""])
            kept = [each for each in tickets if each.ticket_id not in gone]
            merged = merge(stored, [_signed(each, authors) for each in kept], take)
            if take is Take.READ or not merged.clashes:
                self._write(tx, merged, numbers)
            return _renumbered(
                merged, [at for at, t in enumerate(tickets) if t.ticket_id not in gone], tickets
            )

    def _authors(self, tx: Connection, ids: Sequence[str]) -> Mapping[str, str]:
        """Who wrote the tickets, as far as the ledger knows (still)."""
        found: dict[str, str] = {}
        for some in _in_parts(ids):
            known = select(submissions.c.ticket_id, submissions.c.requester).where(
                submissions.c.helpdesk == self._helpdesk,
                submissions.c.ticket_id.in_(some),
                submissions.c.requester.is_not(None),
            )
            found |= {row.ticket_id: row.requester for row in tx.execute(known)}
        return found

    def _stored(
        self, tx: Connection, ids: Sequence[str]
    ) -> tuple[Mapping[Key, int], Mapping[Key, LabelledTicket]]:
        numbers: dict[Key, int] = {}
        stored: dict[Key, LabelledTicket] = {}
        for some in _in_parts(ids):
            mine = labels.c.helpdesk == self._helpdesk, labels.c.ticket_id.in_(some)
            for row in tx.execute(select(labels).where(*mine)):
                key = (row.ticket_id, row.digest)
                numbers[key], stored[key] = row.id, _ticket(row)
        return numbers, stored

    def _write(self, tx: Connection, merged: Merge, numbers: Mapping[Key, int]) -> None:
        at = to_ms(self._clock.now())
        if merged.fresh:
            named = {"helpdesk": self._helpdesk, "stored_at": at}
            rows = [
                {"ticket_id": each.ticket_id, "digest": each.digest, **_values(each), **named}
                for each in merged.fresh
            ]
            tx.execute(insert_new(tx, labels), rows)
        if merged.changed:
            rows = [{"of_id": numbers[key_of(each)], **_values(each)} for each in merged.changed]
            tx.execute(update(labels).where(labels.c.id == bindparam("of_id")), rows)


def _renumbered(merged: Merge, places: Sequence[int], tickets: Sequence[LabelledTicket]) -> Merge:
    """The merge of some of the tickets, its clashes told by their places among all."""
    clashes = tuple(
        replace(each, at=places[each.at], earlier=None if each.earlier is None else places[each.earlier])
        for each in merged.clashes
    )
    return replace(merged, clashes=clashes, barred=len(tickets) - len(places))


def _signed(ticket: LabelledTicket, authors: Mapping[str, str]) -> LabelledTicket:
    author = ticket.requester or authors.get(ticket.ticket_id, "")
    return replace(ticket, requester=author, labelled_at=_rounded(ticket.labelled_at))


def _rounded(at: datetime | None) -> datetime | None:
    """The moment as precise as the database keeps it."""
    return from_ms(to_ms(at)) if at else None


def _values(ticket: LabelledTicket) -> dict[str, object]:
    said = Said(
        subject=ticket.subject,
        text=ticket.text,
        tier=ticket.tier,
        severity=ticket.severity,
        route=ticket.route,
        why=ticket.why,
        reviewer=ticket.reviewer,
    )
    return {
        "requester": ticket.requester or None,
        "said": said,
        **{axis.value: ticket.labels.get(axis) for axis in Axis},
        "source": ticket.source.value,
        "labelled_at": to_ms(ticket.labelled_at) if ticket.labelled_at else None,
    }


def _ticket(row: AnyRow) -> LabelledTicket:
    said: Said = row.said
    return LabelledTicket(
        text=said.text,
        labels=_classes(row),
        ticket_id=row.ticket_id,
        subject=said.subject,
        tier=said.tier,
        severity=said.severity,
        route=said.route,
        why=said.why,
        source=Source(row.source),
        reviewer=said.reviewer,
        labelled_at=maybe_from_ms(row.labelled_at),
        requester=row.requester or "",
    )


def _classes(row: AnyRow) -> dict[Axis, str]:
    named = {axis: getattr(row, axis.value) for axis in Axis}
    return {axis: name for axis, name in named.items() if name is not None}


def _in_parts(ids: Sequence[str]) -> Iterator[Sequence[str]]:
    for at in range(0, len(ids), _AT_ONCE):
        yield ids[at : at + _AT_ONCE]
