"""One connector that is killed again and again, and the world that goes on around it."""

from __future__ import annotations

import random
from collections import Counter, deque
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import timedelta
from enum import StrEnum
from typing import Any

from connector.breaker import Breaker
from connector.clock import ManualClock
from connector.domain.classification import Tier
from connector.domain.decision import Applied, Change, Outcome
from connector.domain.ticket import Arrival, Nature, Status, Ticket
from connector.errors import RateLimited, Unavailable
from connector.helpdesk.memory import MemoryHelpdesk
from connector.pipeline.fast_lane import FastLane
from connector.pipeline.intake import Intake, IntakePolicy
from connector.pipeline.questions import Desk
from connector.pipeline.sync import Stages, run_pass
from connector.pipeline.triage import Triage, TriageLimits
from connector.pipeline.write_back import WriteBack, WritePolicy
from connector.ports import Event, Helpdesk, Ledger
from connector.store import Store, open_store
from tests.torture.business import GROUPS, INBOX, SECURITY, cascade, submission
from tests.torture.homes import Home
from tests.torture.mortality import Death, Killed, Life
from tests.torture.remains import Remains
from tests.torture.upstreams import MortalHelpdesk, MortalModel, OrderlyLedger

_MOST_PASSES = 40
_WORKERS = 1
_LONGER_THAN_A_LEASE_SECONDS = 200.0


class Deed(StrEnum):
    """What people do to a ticket."""

    ROUTE = "route"
    ASSIGN = "assign"
    SOLVE = "solve"
    CLOSE = "close"
    DELETE = "delete"
    MERGE = "merge"
    REVERT = "revert"  # take back our group; nothing before we wrote
    REPLY = "reply"  # of the customer: claims nothing
    TAG = "tag"  # claims nothing either, and must survive


CLAIMS: dict[Deed, dict[str, Any]] = {
    Deed.ROUTE: {"group": SECURITY.id},
    Deed.ASSIGN: {"assignee": "5"},
    Deed.SOLVE: {"status": Status.SOLVED},
    Deed.CLOSE: {"status": Status.CLOSED},
    Deed.DELETE: {"status": Status.DELETED},
    Deed.MERGE: {"status": Status.CLOSED, "nature": Nature.MERGED},
    Deed.REVERT: {"group": None},
}


@dataclass(frozen=True, slots=True)
class Move:
    """A deed done to a ticket the first time that a moment passes; ``down`` is while the process is dead."""

    moment: str
    ticket_id: str
    deed: Deed


@dataclass(frozen=True, slots=True)
class Trouble:
    """The ``nth`` time that a moment passes, the upstream gives no answer, or asks to slow down."""

    moment: str
    nth: int
    slow_down: bool = False


class Delivery(StrEnum):
    """What becomes of a change on its way to the helpdesk."""

    ANSWERED = "answered"
    LOST = "lost"  # never arrives; nobody knows
    UNANSWERED = "unanswered"  # takes effect; nobody knows
    LATE = "late"  # takes effect when ``late_at`` passes; nobody knows


@dataclass(frozen=True, slots=True)
class Weakness:
    """What is taken away from the connector, to see whether the audit notices."""

    helpdesk: Callable[[MemoryHelpdesk], Helpdesk] = lambda helpdesk: helpdesk
    ledger: Callable[[Ledger, Helpdesk], Ledger] = lambda ledger, _: ledger
    tells: bool = True  # whether the helpdesk knows which writes reached it


SOUND = Weakness()


@dataclass(frozen=True, slots=True)
class Plan:
    """All that goes wrong in a scenario: the end of each life, people's moves, the fate of each write."""

    deaths: tuple[Death, ...] = ()
    moves: tuple[Move, ...] = ()
    deliveries: tuple[Delivery, ...] = ()
    late_at: str = "intend_writes.committed"  # in a later life, or in a later batch of the same
    troubles: tuple[Trouble, ...] = ()
    stray: bool = False  # a change whose sender died right before sending was under way all the same


@dataclass
class Process:
    """A connector while it lives."""

    store: Store
    helpdesk: MortalHelpdesk
    stages: Stages


@dataclass
class Ordeal:
    """A scenario under way, and everything that the audit must know about it."""

    home: Home
    plan: Plan = field(default_factory=Plan)
    weakness: Weakness = SOUND
    clock: ManualClock = field(default_factory=ManualClock)
    kinds: dict[str, str] = field(default_factory=dict)
    chosen: dict[str, dict[str, Any]] = field(default_factory=dict)  # what people decided, per ticket
    tags: dict[str, set[str]] = field(default_factory=dict)  # that people put on
    effects: Counter[str] = field(default_factory=Counter)  # writes that took effect, per ticket
    paid: Counter[tuple[str, Tier]] = field(default_factory=Counter)
    excused: Counter[tuple[str, Tier]] = field(default_factory=Counter)  # calls in flight at a kill
    verdicts: dict[str, tuple[str, str, str]] = field(default_factory=dict)
    kills: list[str] = field(default_factory=list)
    violations: list[str] = field(default_factory=list)
    lives: list[Life] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.helpdesk = MemoryHelpdesk(self.clock, GROUPS, page_size=2)
        self._deaths = deque(self.plan.deaths)
        self._moves = list(self.plan.moves)
        self._deliveries = deque(self.plan.deliveries)
        self._passed: Counter[str] = Counter()
        self._in_flight: set[tuple[str, Tier]] = set()
        self._late: list[Change] = []
        self._process: Process | None = None

    # --- The world ----------------------------------------------------------------------------------------

    @property
    def remains(self) -> Remains:
        return self.home.remains

    def arrives(self, kind: str) -> str:
        """A new ticket at the helpdesk."""
        ticket_id = f"t{len(self.kinds) + 1}"
        self.kinds[ticket_id] = kind
        self.tags[ticket_id] = {"vip"}
        self.helpdesk.put(submission(ticket_id, kind, self.clock.now()))
        return ticket_id

    def does(self, deed: Deed, ticket_id: str) -> None:
        """Somebody does something to a ticket; what is closed or deleted stays as it is."""
        ticket = self.helpdesk.tickets.get(ticket_id)
        if ticket is None or ticket.status in (Status.CLOSED, Status.DELETED):
            return
        if deed is Deed.REVERT and not self.effects[ticket_id]:
            return
        if deed is Deed.TAG:
            self.tags[ticket_id].add("mine")
            self.helpdesk.person(ticket_id, tags=(*ticket.tags, "mine"))
            return
        facts = CLAIMS.get(deed, {})
        self.helpdesk.person(ticket_id, **facts)
        if facts:
            self.chosen.setdefault(ticket_id, {}).update(facts)

    def expect(self, move: Move) -> None:
        """Plan one more move."""
        self._moves.append(move)

    def send(self, fate: Delivery) -> None:
        """Plan the fate of one more write."""
        self._deliveries.append(fate)

    def doom(self, death: Death) -> None:
        """Let the process end in good order, and the next one die."""
        self.end()
        self._deaths.append(death)

    def deliver(self, change: Change) -> Applied:
        """Carry a change to the helpdesk, as well as the plan lets it go."""
        fate = self._deliveries.popleft() if self._deliveries else Delivery.ANSWERED
        unclear = Applied(change.seen.id, Outcome.UNCLEAR, detail="the answer was lost")
        if fate is Delivery.LOST:
            return unclear
        if fate is Delivery.LATE:
            self._late.append(change)
            return unclear
        applied = self._land(change)
        return unclear if fate is Delivery.UNANSWERED else applied

    def _land(self, change: Change) -> Applied:
        ticket_id, count = change.seen.id, len(self.helpdesk.writes)
        before = self.helpdesk.tickets.get(ticket_id)
        (applied,) = self.weakness.helpdesk(self.helpdesk).apply([change])
        if before is not None and len(self.helpdesk.writes) > count:
            self._examine(change, before, self.helpdesk.tickets[ticket_id])
        return applied

    def _examine(self, change: Change, before: Ticket, after: Ticket) -> None:
        """A write takes effect: is it the one that was decided, is it the first, and does it overrule?"""
        ticket_id = change.seen.id
        self.effects[ticket_id] += 1
        committed = self.remains.decision(change.decision_id)
        if committed is None:
            self._blame("written without a committed decision", ticket_id)
        elif not committed[1] or committed[0]["group"] != change.group:
            self._blame("written other than announced", ticket_id)
        if self.effects[ticket_id] > 1:
            self._blame("written twice", ticket_id)
        if ticket_id in self.chosen:
            self._blame("a person was overruled", ticket_id)
        if not set(before.tags) <= set(after.tags):
            self._blame("a tag was removed", ticket_id)

    def _blame(self, what: str, ticket_id: str | None = None) -> None:
        self.violations.append(f"{what}: {ticket_id}" if ticket_id else what)

    # --- Life and death -----------------------------------------------------------------------------------

    def run(self, doing: Callable[[Stages], object] = run_pass) -> bool:
        """Run a pass, or something else, in the process that lives or a new one; False when it was killed."""
        try:
            if self._process is None:
                self._start()
            assert self._process is not None
            doing(self._process.stages)
        except Killed:
            self._bury()
            return False
        except Unavailable:
            return True  # the pass is over, the process lives
        return True

    def look(self) -> bool:
        """The fast lane looks for new tickets."""
        return self.run(lambda stages: stages.fast.run() if stages.fast else None)

    def nudge(self, ticket_id: str) -> bool:
        """Somebody tells us of a ticket, and it is taken as it is now."""
        found = list(self.helpdesk.fetch([ticket_id]).values())
        return self.run(lambda stages: stages.intake.take(found, Arrival.NUDGE))

    def settle(self) -> None:
        """Run passes until nothing is left to do; too many are a violation, as is anything found then."""
        for _ in range(_MOST_PASSES):
            done = self.run() and self._is_quiet()
            self.clock.advance(_LONGER_THAN_A_LEASE_SECONDS)
            if done and not self._late:
                return
            if done:
                self._land_late()
        self._blame("never comes to rest")

    def end(self) -> None:
        """Close what is open."""
        if self._process is not None:
            self._process.store.close()
            self._process = None

    def _is_quiet(self) -> bool:
        assert self._process is not None
        due = self._process.stages.ledger.due()
        return due.left + due.elsewhere == 0 and self.remains.checkpoint() == self._position()

    def _position(self) -> int:
        return max((int(ticket.version) for ticket in self.helpdesk.tickets.values()), default=0)

    def _start(self) -> None:
        life = Life(self._deaths.popleft() if self._deaths else None, self._witness)
        self.lives.append(life)
        store = open_store(self.home.url, clock=self.clock, failpoint=life)
        self.home.keep_time(store, self.clock)
        lawful = OrderlyLedger(store.ledger("memory", worker=f"life-{len(self.lives)}"), most=2 * _WORKERS)
        weak = self.weakness.helpdesk(self.helpdesk)
        helpdesk = MortalHelpdesk(life, weak, self.deliver)
        ledger = self.weakness.ledger(lawful, helpdesk)
        self._process = Process(store, helpdesk, self._stages(life, helpdesk, ledger))

    def _stages(self, life: Life, helpdesk: Helpdesk, ledger: Ledger) -> Stages:
        clock, inbox = self.clock, frozenset({INBOX.id})
        breaker = Breaker("claude", clock, _nobody)
        model = MortalModel(life, self._pays)
        chance = random.Random(len(self.lives))
        desk = Desk(ledger, model, breaker, clock, _nobody, random=chance)
        intake = Intake(helpdesk, ledger, clock, _nobody, IntakePolicy(inbox, timedelta(hours=24)))
        return Stages(
            intake=intake,
            triage=Triage("memory", helpdesk, desk, cascade(), TriageLimits(workers=_WORKERS)),
            write_back=WriteBack(helpdesk, ledger, clock, _nobody, WritePolicy(inbox)),
            ledger=ledger,
            clock=clock,
            fast=FastLane(helpdesk, ledger, intake, clock, _nobody),
        )

    def _bury(self) -> None:
        """The process is gone; its files are what the next one finds."""
        self.kills.append(self.lives[-1].moments[-1])
        stray = self._process.helpdesk.sending if self._process and self.plan.stray else None
        if stray is not None:
            self._late.append(stray)
        self.home.outlive()
        self.end()
        self.excused.update(self._in_flight)
        self._in_flight.clear()
        self._witness("down", None)
        self.inspect()

    def inspect(self) -> None:
        """What must hold at every moment, also in the file of a dead process."""
        if self.remains.is_empty:
            return
        if missing := set(range(1, self.remains.checkpoint() + 1)) - self.remains.versions():
            self._blame(f"the checkpoint is ahead of revisions {sorted(missing)}")
        now = self.remains.decisions()
        for decision_id, verdict in self.verdicts.items():
            if now.get(decision_id) != verdict:
                self._blame("a verdict changed")
        self.verdicts = now

    def _witness(self, moment: str, ticket_id: str | None) -> None:
        if moment == "end_call.committed":
            self._in_flight.clear()
        if moment == self.plan.late_at:
            self._land_late()
        for move in [each for each in self._moves if each.moment == moment]:
            if ticket_id in (None, move.ticket_id) and move.ticket_id in self.kinds:
                self._moves.remove(move)
                self.does(move.deed, move.ticket_id)
        self._suffer(moment)

    def _suffer(self, moment: str) -> None:
        """Raise what the plan has for this moment; the answer to a question that was asked is lost."""
        self._passed[moment] += 1
        for trouble in self.plan.troubles:
            if (trouble.moment, trouble.nth) == (moment, self._passed[moment]):
                if moment == "ask.after":
                    self.excused.update(self._in_flight)
                if trouble.slow_down:
                    raise RateLimited("planned", retry_after_seconds=2.0)
                raise Unavailable("planned")

    def _land_late(self) -> None:
        late, self._late = self._late, []
        for change in late:
            self._land(change)

    def _pays(self, ticket_id: str, tier: Tier) -> None:
        self.paid[ticket_id, tier] += 1
        self._in_flight.add((ticket_id, tier))
        if not self.remains.call_is_announced(ticket_id, tier):
            self._blame("paid without a record", ticket_id)


def _nobody(event: Event) -> None:
    """Nobody listens."""
