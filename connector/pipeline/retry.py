"""Retry: what failed is parked with a reason, and put back when a person asks for it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from enum import StrEnum
from typing import Protocol

from connector.domain.decision import Outcome
from connector.domain.ticket import Disposition, Ticket, Unreadable
from connector.pipeline.intake import screen
from connector.pipeline.write_back import gives_way
from connector.ports import Helpdesk, Screened

_BATCH = 100  # tickets read at a time


class Plight(StrEnum):
    """What happened to a parked ticket."""

    FAILED_OPEN = "failed_open"  # something broke; it was left to the human group undecided
    WRITE_FAILED = "write_failed"  # the write was given up: unclear, or somebody was always faster
    WRITE_REJECTED = "write_rejected"  # the helpdesk refused the write
    UNREADABLE = "unreadable"  # the helpdesk delivered something that could not be read


@dataclass(frozen=True, slots=True)
class Parked:
    """One ticket that failed and waits for a person's word.

    ``key`` is the ledger's own name of what failed.  ``ticket`` is the ticket as it was classified, None when
    it was never read or its words were erased.
    """

    key: int
    helpdesk: str
    ticket_id: str  # empty where the helpdesk sent none
    plight: Plight
    at: datetime
    reason: str
    cause: str | None = None  # of the decision, if there was one
    outcome: Outcome | None = None  # of its write; None while that waits
    ticket: Ticket | None = None
    left_in: str | None = None  # the group in which our own write left it
    is_deadly: bool = False  # it killed the process, each time


class Shelf(Protocol):
    """Where the parked tickets of one helpdesk are; the ledger's errors."""

    def parked(self, since: datetime | None, ticket_ids: Sequence[str] | None) -> Sequence[Parked]:
        """What failed since a moment, and of these tickets; the oldest first."""
        ...

    def horizon(self) -> datetime:
        """Tickets created before this are too old for intake."""
        ...

    def write_again(self, parked: Parked) -> bool:
        """Put a write back as if it had never been tried; that it may have been sent stays known.

        False, here and below, when somebody else was faster.
        """
        ...

    def ask_again(self, parked: Parked, now: Ticket) -> bool:
        """Queue a new generation of the submission, to be judged by the ticket as it is ``now``."""
        ...

    def screen_again(self, screened: Screened) -> bool:
        """Store a ticket that can be read at last, like a page that holds it alone."""
        ...


class Deed(StrEnum):
    """What a retry did, or in a rehearsal would do."""

    WRITE = "write"  # the write is waiting again
    ASK = "ask"  # the submission is waiting to be classified again
    SCREEN = "screen"  # the ticket could be read this time; ``why`` is its disposition
    NOTHING = "nothing"


@dataclass(frozen=True, slots=True)
class Retried:
    """What was done about one ticket; ``why`` says why nothing was, or what comes next."""

    ticket_id: str
    plight: Plight | None  # None: nothing of it has failed
    deed: Deed
    why: str


Found = Mapping[str, Ticket | Unreadable]


class Retry:
    """Puts parked tickets back where they stopped, and leaves alone what people have taken since.

    Only the ledger is written; the stages do the rest.  A rehearsal writes nothing at all.
    """

    def __init__(
        self, helpdesk: Helpdesk, shelf: Shelf, inbox_groups: frozenset[str], *, rehearsal: bool = False
    ) -> None:
        self._helpdesk = helpdesk
        self._shelf = shelf
        self._inbox = inbox_groups
        self._rehearsal = rehearsal

    def some(self, ticket_ids: Sequence[str]) -> Iterator[Retried]:
        """Put these tickets back, whenever they failed.  Raises what helpdesk and ledger raise."""
        parked = self._shelf.parked(None, ticket_ids)
        yield from self._retry(parked)
        for ticket_id in dict.fromkeys(ticket_ids):
            if all(each.ticket_id != ticket_id for each in parked):
                why = "nothing of it has failed, or a person has moved it since"
                yield Retried(ticket_id, None, Deed.NOTHING, why)

    def all_since(self, since: datetime | None) -> Iterator[Retried]:
        """Put back all that failed since a moment, but what kills the process: that must be named."""
        parked = self._shelf.parked(since, None)
        yield from self._retry([each for each in parked if not each.is_deadly])
        for each in parked:
            if each.is_deadly:
                why = "it killed the process each time; name it to try again all the same"
                yield Retried(each.ticket_id, each.plight, Deed.NOTHING, why)

    def _retry(self, parked: Sequence[Parked]) -> Iterator[Retried]:
        for at in range(0, len(parked), _BATCH):
            batch = parked[at : at + _BATCH]
            wanted = {each.ticket_id for each in batch if _must_be_read(each)}
            fresh = self._helpdesk.fetch(sorted(wanted)) if wanted else {}
            for each in batch:
                deed, why = self._put_back(each, fresh)
                yield Retried(each.ticket_id, each.plight, deed, why)

    def _put_back(self, parked: Parked, fresh: Found) -> tuple[Deed, str]:
        match parked.plight:
            case Plight.UNREADABLE:
                return self._screen(parked, fresh)
            case Plight.FAILED_OPEN:
                return self._ask(parked, fresh)
            case _:
                return self._write(parked)

    def _write(self, parked: Parked) -> tuple[Deed, str]:
        if _is_erased(parked.ticket):
            return Deed.NOTHING, "its text was erased; please move it by hand"
        return self._done(
            self._rehearsal or self._shelf.write_again(parked), Deed.WRITE, "waits to be written"
        )

    def _ask(self, parked: Parked, fresh: Found) -> tuple[Deed, str]:
        original, now = parked.ticket, fresh.get(parked.ticket_id)
        if parked.outcome is None:
            return Deed.NOTHING, "its write to the human group still waits; try again after it"
        if original is None or _is_erased(original):
            return Deed.NOTHING, "its text was erased; please move it by hand"
        if now is None:
            return Deed.NOTHING, "deleted"
        if isinstance(now, Unreadable):
            return Deed.NOTHING, f"it cannot be read now: {now.reason}"
        if refusal := gives_way(replace(original, group=parked.left_in), now, self._inbox):
            return Deed.NOTHING, refusal[1]
        text = now.text if original.text is None else original.text
        asked = replace(now, subject=original.subject, text=text, settles_in_seconds=0.0)
        return self._done(
            self._rehearsal or self._shelf.ask_again(parked, asked), Deed.ASK, "waits to be classified"
        )

    def _screen(self, parked: Parked, fresh: Found) -> tuple[Deed, str]:
        if not parked.ticket_id:
            return Deed.NOTHING, "the helpdesk sent it without an id"
        now = fresh.get(parked.ticket_id)
        if now is None:
            return Deed.NOTHING, "deleted"
        if isinstance(now, Unreadable):
            return Deed.NOTHING, f"it still cannot be read: {now.reason}"
        verdict = screen(now, None, self._shelf.horizon(), self._inbox)
        stored = self._rehearsal or self._shelf.screen_again(Screened(now, verdict))
        waits = ": waits to be classified" if verdict is Disposition.ORIGINAL else ""
        return self._done(stored, Deed.SCREEN, f"{verdict}{waits}")

    def _done(self, done: bool, deed: Deed, why: str) -> tuple[Deed, str]:
        return (deed, why) if done else (Deed.NOTHING, "somebody else was faster")


def _must_be_read(parked: Parked) -> bool:
    return bool(parked.ticket_id) and parked.plight in (Plight.FAILED_OPEN, Plight.UNREADABLE)


def _is_erased(ticket: Ticket | None) -> bool:
    """Whether nothing is left to classify; text that is None is still at the helpdesk."""
    return ticket is None or (ticket.text == "" and not ticket.subject)
