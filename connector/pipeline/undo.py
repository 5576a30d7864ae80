"""Undo: our own writes are taken back, ticket by ticket, wherever nobody has touched the ticket since."""

from __future__ import annotations

import uuid
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Protocol

from connector.domain.decision import EMPTY, Applied, Change, Emptied, Outcome, Route
from connector.domain.ticket import Standing, Ticket
from connector.pipeline.delivery import Delivery, Refusal
from connector.pipeline.write_back import gives_way
from connector.ports import Clock, Event, Helpdesk, Observer

_UNDOS = uuid.UUID("9b0a8c1e-5a07-4a0e-8a53-2f4c1f0d6b11")  # namespace of the marks of undos
_MAX_ATTEMPTS = 5
_SHORT_WAIT_SECONDS = 10.0  # what is due this soon belongs to this run


@dataclass(frozen=True, slots=True)
class Selection:
    """Which writes to undo: every condition that is given must hold."""

    since: datetime | None = None  # they took effect at or after it
    pass_id: str | None = None  # they were decided in this pass
    tickets: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class UndoClaim:
    """A write of ours leased to this worker for being taken back."""

    id: int
    lease_epoch: int
    ticket_id: str
    decision_id: str
    route: Route
    before: Standing  # the ticket right before our write
    left: Standing | None  # right after it; None: that was read later, when somebody may have been there
    left_group: str | None  # the group it was in when our write was confirmed
    is_corrected: bool  # a person moved the ticket after our write
    attempts: int  # this one included
    sent_to: Standing | None  # the ticket when an earlier attempt may have been sent; None: none ever was

    @property
    def change_id(self) -> str:
        return str(uuid.uuid5(_UNDOS, f"undo/{self.decision_id}"))

    @property
    def our_tags(self) -> tuple[str, ...]:
        """The tags that our write added."""
        return tuple(tag for tag in self.route.tags if tag not in self.before.tags)


class UndoQueue(Protocol):
    """The part of the ledger that undoing works on; promises and errors are those of `ports.Ledger`."""

    def enlist(self, pass_id: str, chosen: Selection) -> int:
        """Put on record that the pass undoes these writes, the newest of each ticket; how many are new to it.

        A write that was undone is never chosen again; one whose undo was given up or refused is.
        """
        ...

    def claim(self, pass_id: str, limit: int) -> Sequence[UndoClaim]: ...

    def intend(self, sends: Sequence[tuple[UndoClaim, Ticket]]) -> None: ...

    def end(self, claim: UndoClaim, outcome: Outcome, applied: Applied | None, reason: str) -> None: ...

    def end_all(self, ended: Sequence[tuple[UndoClaim, Applied]]) -> None: ...

    def defer(
        self, claim: UndoClaim, seconds: float, reason: str, *, counts: bool, sent: bool = False
    ) -> None: ...

    def due(self, pass_id: str) -> tuple[int, float | None]:
        """How many of the pass wait or are worked on, and the seconds until the next is due (None: none)."""
        ...


def stands_as_left(claim: UndoClaim, seen: Ticket) -> Refusal | None:
    """Why an undo leaves the ticket alone, or None: it still is as our write left it.

    What a customer writes, and tags that others add, change nothing that we put back.
    """
    if claim.left is None and claim.left_group not in (claim.route.group, claim.before.group):
        return Outcome.SUPERSEDED, "somebody changed the group right after our write"
    left = claim.left or replace(claim.before, group=claim.left_group)
    classified = replace(seen, status=left.status, group=left.group, assignee=claim.before.assignee)
    if refusal := gives_way(classified, seen, frozenset()):
        return refusal
    if claim.is_corrected:
        return Outcome.SUPERSEDED, "a person moved the ticket after our write"
    priorities = {claim.before.priority, claim.route.priority} if claim.left is None else {left.priority}
    if seen.priority not in priorities:
        return Outcome.SUPERSEDED, "a person changed the priority"
    tags = claim.our_tags if claim.left is None else set(claim.our_tags) & set(left.tags)
    if not set(tags) <= set(seen.tags):
        return Outcome.SUPERSEDED, "a person removed one of our tags"
    return None


class Undo:
    """Takes committed writes back, each at most once; killed at any moment, it can be run again."""

    def __init__(self, helpdesk: Helpdesk, queue: UndoQueue, clock: Clock, observer: Observer) -> None:
        self._helpdesk = helpdesk
        self._queue = queue
        self._clock = clock
        self._observer = observer

    def run(self, pass_id: str, chosen: Selection) -> int:
        """Undo what was chosen; returns how many had to be left for another run.

        Where several of our writes to a ticket were chosen they are taken back newest first.  Raises what
        the helpdesk raises; whatever was committed before stays.
        """
        errand = _Undos(self._queue, pass_id)
        delivery = Delivery(errand, self._helpdesk, self._clock, self._observer, _MAX_ATTEMPTS)
        while self._queue.enlist(pass_id, chosen):
            if left := self._until_quiet(delivery, pass_id):
                return left
        return 0

    def _until_quiet(self, delivery: Delivery[UndoClaim], pass_id: str) -> int:
        while True:
            delivery.run()
            left, pause = self._queue.due(pass_id)
            if pause is None or pause > _SHORT_WAIT_SECONDS or self._clock.sleep(max(pause, 0.05)):
                return left


@dataclass(frozen=True, slots=True)
class _Undos:
    """The errand of an undo: put back what the write found, take off the tags that it added."""

    queue: UndoQueue
    pass_id: str
    stage: str = "undo"

    def claim(self, limit: int) -> Sequence[UndoClaim]:
        return self.queue.claim(self.pass_id, limit)

    def intend(self, sends: Sequence[tuple[UndoClaim, Ticket]]) -> None:
        self.queue.intend(sends)

    def end(
        self, claim: UndoClaim, outcome: Outcome, applied: Applied | None, reason: str
    ) -> Sequence[Event]:
        self.queue.end(claim, outcome, applied, reason)
        return [_event(claim, outcome, reason)]

    def end_all(self, ended: Sequence[tuple[UndoClaim, Applied]]) -> Sequence[Event]:
        self.queue.end_all(ended)
        return [_event(claim, applied.outcome, applied.detail) for claim, applied in ended]

    def defer(
        self, claim: UndoClaim, seconds: float, reason: str, *, counts: bool, sent: bool = False
    ) -> None:
        self.queue.defer(claim, seconds, reason, counts=counts, sent=sent)

    def change_id(self, claim: UndoClaim) -> str:
        return claim.change_id

    def gives_way(self, claim: UndoClaim, seen: Ticket) -> Refusal | None:
        return stands_as_left(claim, seen)

    def change(self, claim: UndoClaim, seen: Ticket) -> Change:
        return Change(
            decision_id=claim.change_id,
            seen=seen,
            group=_wish(claim.before.group),
            add_tags=tuple(tag for tag in claim.route.removes if tag in claim.before.tags),
            priority=_wish(claim.before.priority),
            remove_tags=claim.our_tags,
        )


def _event(claim: UndoClaim, outcome: Outcome, reason: str) -> Event:
    level = "warning" if outcome in (Outcome.REJECTED, Outcome.FAILED) else "info"
    facts = {
        "ticket_id": claim.ticket_id,
        "decision_id": claim.decision_id,
        "outcome": outcome.value,
        "reason": reason,
        "from_group": claim.left_group,
        "group": claim.before.group,
        "priority": claim.before.priority,
        "tags": list(claim.our_tags),
    }
    return Event("ticket.undone", level, facts)


def _wish(before: str | None) -> str | Emptied:
    return EMPTY if before is None else before
