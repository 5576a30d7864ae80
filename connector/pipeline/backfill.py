"""Backfill: tickets of the past that nobody has routed go through the same stages, within a budget."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from typing import Protocol

from connector.domain.ticket import Disposition, History, Ticket, Unreadable
from connector.errors import OutOfMoney
from connector.pipeline.intake import screen
from connector.pipeline.sync import Stages, run_pass
from connector.ports import Clock, Event, Helpdesk, Observer

PATIENCE_SECONDS = 600.0  # how long a run waits for what an upstream has made wait
OUT_OF_PATIENCE = "an upstream has made some tickets wait for too long"
STOPPED = "asked to stop"


@dataclass(frozen=True, slots=True)
class Experience:
    """What direct calls about ``tickets`` tickets were like lately, on average per ticket."""

    tickets: int
    usd_per_ticket: Decimal
    seconds_per_ticket: float


class Backlog(Protocol):
    """The part of the ledger that a backfill works on; errors are those of `ports.Ledger`."""

    def admit(self, pass_id: str, tickets: Sequence[Ticket], unreadable: Sequence[Unreadable]) -> int:
        """Queue what the ledger does not know, or was too old for it, in the lane of the backfill.

        Returns how many; the checkpoint stays where it is.
        """
        ...

    def take_over(self) -> None:
        """End every lease in the lane: whoever held one is dead, because only one backfill is at work."""
        ...

    def left(self) -> int:
        """How many tickets of the lane are not done with."""
        ...

    def experience(self, since: datetime) -> Experience | None:
        """What direct calls since a moment were like; None without any."""
        ...


@dataclass(frozen=True, slots=True)
class Found:
    """A page of the past: what a backfill takes in, and what became of the rest."""

    originals: tuple[Ticket, ...]
    dispositions: Mapping[Disposition, int]
    unreadable: tuple[Unreadable, ...]


class Past:
    """Reads the feed from a moment on, beside the service's checkpoint, under the rules of intake."""

    def __init__(
        self,
        helpdesk: Helpdesk,
        history: Callable[[Sequence[str]], Mapping[str, History]],
        inbox_groups: frozenset[str],
    ) -> None:
        self._helpdesk = helpdesk
        self._history = history
        self._inbox = inbox_groups

    def since(self, moment: datetime) -> Iterator[Found]:
        """Every ticket that has changed since once, as it is now; created before it is too old.

        Raises what the helpdesk and the ledger raise.
        """
        seen: set[str] = set()
        for page in self._helpdesk.pages(None, moment):
            tickets = {ticket.id: ticket for ticket in page.tickets if ticket.id not in seen}
            seen.update(tickets)
            known = self._history(list(tickets))
            originals, counts = [], Counter[Disposition]()
            for ticket in tickets.values():
                verdict = screen(ticket, _unless_too_old(known.get(ticket.id)), moment, self._inbox)
                counts[verdict] += 1
                if verdict is Disposition.ORIGINAL:
                    originals.append(ticket)
            yield Found(tuple(originals), counts, page.unreadable)


def _unless_too_old(known: History | None) -> History | None:
    """What was too old for the service is what a backfill is for: nothing was done with it."""
    return None if known is not None and known.verdict is Disposition.TOO_OLD else known


class Work(Protocol):
    """Brings what waits in the lane to its end, as far as that goes now."""

    def step(self, pass_id: str) -> str | None:
        """Work on what was admitted; returns why no more should be admitted, or None."""
        ...

    def finish(self, pass_id: str) -> str | None:
        """Nothing more will be admitted; returns why something is left, or None."""
        ...


class DirectWork:
    """One call after the other, as the service does it."""

    def __init__(self, stages: Stages) -> None:
        self._stages = stages

    def step(self, pass_id: str) -> str | None:  # noqa: ARG002 - for those that need it
        clock = self._stages.clock
        until = clock.monotonic() + PATIENCE_SECONDS
        while True:
            try:
                due = run_pass(self._stages)
            except OutOfMoney as error:
                return str(error)
            if clock.sleep(0):
                return STOPPED
            if not due.left:
                return None
            if clock.monotonic() >= until:
                return OUT_OF_PATIENCE
            clock.sleep(max(due.next_in_seconds or 0.0, 1.0))

    def finish(self, pass_id: str) -> str | None:  # noqa: ARG002 - likewise
        return None


class Backfill:
    """Admits originals of the past in small portions and has each worked on before the next.

    What a killed run left waits in the lane; the next run begins with it.
    """

    def __init__(
        self, past: Past, backlog: Backlog, clock: Clock, observer: Observer, work: Work, portion: int
    ) -> None:
        self._past = past
        self._backlog = backlog
        self._clock = clock
        self._observer = observer
        self._work = work
        self._portion = portion

    def run(self, pass_id: str, since: datetime, limit: int | None = None) -> str | None:
        """Admit at most ``limit`` tickets; returns why it ended before its end, or None.

        Raises what the stages raise; what was committed before stays.
        """
        self._backlog.take_over()
        stopped = self._work.step(pass_id)
        if stopped is None:
            stopped = self._admit_all(pass_id, since, limit)
        return self._work.finish(pass_id) or stopped

    def _admit_all(self, pass_id: str, since: datetime, limit: int | None) -> str | None:
        left = limit
        waiting: list[Ticket] = []
        for found in self._past.since(since):
            waiting += found.originals
            if found.unreadable:
                self._take_in(pass_id, (), found.unreadable)
            while len(waiting) >= self._portion or (left is not None and len(waiting) >= left):
                size = self._portion if left is None else min(self._portion, left)
                portion, waiting = waiting[:size], waiting[size:]
                admitted = self._take_in(pass_id, portion, ())
                if stopped := self._work.step(pass_id):
                    return stopped
                if left is not None and (left := left - admitted) <= 0:
                    return None
        self._take_in(pass_id, waiting, ())
        return self._work.step(pass_id)

    def _take_in(self, pass_id: str, tickets: Sequence[Ticket], unreadable: Sequence[Unreadable]) -> int:
        admitted = self._backlog.admit(pass_id, tickets, unreadable)
        for lost in unreadable:
            told = {"ticket_id": lost.ticket_id, "reason": lost.reason}
            self._observer(Event("ticket.unreadable", "warning", told))
        if admitted:
            self._observer(Event("backlog.admitted", "info", {"tickets": admitted}))
        return admitted
