"""Customers who write by day and night, agents who answer, and upstreams that fail for hours."""

from __future__ import annotations

import heapq
import random
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

from connector.clock import ManualClock
from connector.domain.classification import Answer, Tier, Usage
from connector.domain.decision import Applied, Change, Outcome
from connector.domain.ticket import Author, Page, Status, Ticket, Unreadable
from connector.errors import Unavailable
from connector.helpdesk.memory import MemoryHelpdesk
from connector.sandbox.tickets import threads
from tests.torture.business import BILLING, GROUPS, INBOX, SECURITY, opinion, submission

HOUR, DAY = 3600.0, 86_400.0
MONDAY = datetime(2026, 11, 2, tzinfo=UTC)
_BY_HOUR = (1, 1, 0, 0, 0, 0, 1, 2, 6, 10, 11, 10, 8, 9, 10, 10, 9, 7, 5, 4, 3, 3, 2, 2)
_BY_WEEKDAY = (1.2, 1.1, 1.0, 1.0, 0.9, 0.3, 0.25)
_QUIET = (2, 6)  # hours of the night in which nobody does anything
_KINDS = {"confident": 75, "doubtful": 15, "guardrail": 3, "unusable": 1, "agent": 4, "routed": 2}
ORIGINALS = frozenset({"confident", "doubtful", "guardrail", "unusable"})


class WorldTime:
    """The time of everybody else: it does not jump when the connector's machine does."""

    def __init__(self, host: ManualClock) -> None:
        self._host = host

    def now(self) -> datetime:
        return MONDAY + timedelta(seconds=self._host.monotonic())

    def monotonic(self) -> float:
        return self._host.monotonic()

    def sleep(self, seconds: float) -> bool:
        return self._host.sleep(seconds)


@dataclass(frozen=True)
class Outage:
    """Seconds after the start, from … to."""

    begins: float
    ends: float

    def __contains__(self, at: float) -> bool:
        return self.begins <= at < self.ends


class TownHelpdesk(MemoryHelpdesk):
    """Counts per ticket what takes effect, and fails while its outage lasts."""

    def __init__(self, time: WorldTime, outage: Outage, tickets: int) -> None:
        super().__init__(time, GROUPS)
        self.effects = bytearray(tickets + 1)
        self._time = time
        self._outage = outage

    @property
    def is_down(self) -> bool:
        return self._time.monotonic() in self._outage

    def pages(self, checkpoint: str | None, start_at: Any) -> Iterator[Page]:
        self._answer()
        return super().pages(checkpoint, start_at)

    def fetch(self, ticket_ids: Sequence[str]) -> Mapping[str, Ticket | Unreadable]:
        self._answer()
        return super().fetch(ticket_ids)

    def apply(self, changes: Sequence[Change]) -> Iterator[Applied]:
        self._answer()
        for applied in super().apply(changes):
            self.effects[int(applied.ticket_id)] += applied.outcome is Outcome.APPLIED
            yield applied

    def _answer(self) -> None:
        if self.is_down:
            raise Unavailable(f"HTTP 503 (x-request-id {random.random()})")


@dataclass
class TownModel:
    """A model that knows the kind of each ticket, and fails while its outage lasts."""

    time: WorldTime
    outage: Outage
    prompt_version: str = "p1"
    calls: int = 0

    def model(self, tier: Tier) -> str:
        return f"claude-{tier}-model"

    def reserve_usd(self, tier: Tier, ticket: Mapping[str, Any]) -> Decimal:
        return Decimal("0.01")

    def ask(self, tier: Tier, ticket: Mapping[str, Any]) -> Answer:
        self.calls += 1
        if self.time.monotonic() in self.outage:
            raise Unavailable("HTTP 529")
        found = opinion(ticket["subject"].rpartition(" ")[2], tier)
        usage = Usage(1800, 120, cost_usd=Decimal("0.0009"))
        problem = None if found else "refusal"
        return Answer(found, usage, self.model(tier), request_id=f"req_{self.calls:024}", unusable=problem)


@dataclass
class Town:
    """The people; `until` lets them act up to a moment."""

    helpdesk: TownHelpdesk
    tickets: int
    days: int
    seed: int = 1
    originals: int = 0
    routed_first: int = 0  # by people, before we could
    _deeds: list[tuple[float, int, str, str]] = field(default_factory=list)

    def __post_init__(self) -> None:
        self._chance = random.Random(self.seed)
        self._threads = threads()
        self._arrivals = self._draw_arrivals()
        self._next = 0

    def _draw_arrivals(self) -> list[float]:
        hours = range(24 * self.days)
        weights = [_BY_HOUR[hour % 24] * _BY_WEEKDAY[hour // 24 % 7] for hour in hours]
        drawn = self._chance.choices(hours, weights, k=self.tickets)
        return sorted(HOUR * (hour + self._chance.random()) for hour in drawn)

    def until(self, at: float) -> None:
        """Everything that happens up to ``at`` seconds after the start."""
        while self._next < self.tickets and self._arrivals[self._next] <= at:
            self._next += 1
            self._arrive(str(self._next), at)
        while self._deeds and self._deeds[0][0] <= at:
            _, _, ticket_id, deed = heapq.heappop(self._deeds)
            self._do(ticket_id, deed)

    def _arrive(self, ticket_id: str, at: float) -> None:
        kind = self._chance.choices(list(_KINDS), list(_KINDS.values()))[0]
        thread = self._chance.choice(self._threads)
        text = thread.turns[0].text
        facts: dict[str, Any] = {"group": INBOX.id, "requester": f"cus_{ticket_id}"}
        if kind in ORIGINALS:
            self.originals += 1
        if kind == "guardrail":
            text += " My lawsuit is ready."
        elif kind == "agent":
            facts["author"] = Author.AGENT
        elif kind == "routed":
            facts["group"] = SECURITY.id
        known = kind if kind in ORIGINALS else "confident"
        now = self.helpdesk._time.now()
        facts |= {"text": text, "subject": f"{thread.subject or thread.company} {known}"}
        self.helpdesk.put(submission(ticket_id, known, now, **facts))
        self._plan(ticket_id, at)

    def _plan(self, ticket_id: str, at: float) -> None:
        """What people will do with a ticket: all of it within two days."""
        chance = self._chance
        plans = (
            ("person_first", 0.02, chance.uniform(0, 50)),
            ("reply", 0.35, chance.uniform(120, 6 * HOUR)),
            ("move", 0.05, chance.uniform(600, 4 * HOUR)),
            ("answer", 0.9, chance.uniform(600, 8 * HOUR)),
            ("reply", 0.3, chance.uniform(8 * HOUR, 16 * HOUR)),
            ("solve", 0.85, chance.uniform(17 * HOUR, 30 * HOUR)),
        )
        for deed, likely, after in plans:
            if chance.random() < likely:
                when = at + after
                hour = when % DAY / HOUR
                if _QUIET[0] <= hour < _QUIET[1]:
                    when += (_QUIET[1] - hour + chance.random()) * HOUR
                heapq.heappush(self._deeds, (when, chance.getrandbits(32), ticket_id, deed))

    def _do(self, ticket_id: str, deed: str) -> None:
        ticket = self.helpdesk.tickets[ticket_id]
        match deed:
            case "person_first" if ticket.group == INBOX.id:
                self.routed_first += 1
                self.helpdesk.person(ticket_id, group=SECURITY.id, assignee="agent")
            case "reply":
                self.helpdesk.person(ticket_id, status=Status.OPEN, tags=(*ticket.tags, "replied"))
            case "move":
                self.helpdesk.person(
                    ticket_id, group=BILLING.id if ticket.group == SECURITY.id else SECURITY.id
                )
            case "answer":
                self.helpdesk.person(ticket_id, status=Status.PENDING, assignee="agent")
            case "solve":
                self.helpdesk.person(ticket_id, status=Status.SOLVED)
