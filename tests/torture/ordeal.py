"""One connector that is killed again and again, and the world that goes on around it."""

from __future__ import annotations

import random
from collections import Counter, deque
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any

from connector.breaker import Breaker
from connector.clock import ManualClock
from connector.domain.classification import Tier
from connector.domain.decision import Applied, Change, Outcome
from connector.domain.ticket import Arrival, Status, Ticket
from connector.errors import RateLimited, Unavailable
from connector.pipeline.fast_lane import FastLane
from connector.pipeline.intake import Intake, IntakePolicy
from connector.pipeline.questions import Desk
from connector.pipeline.sync import Stages, run_pass
from connector.pipeline.triage import Triage, TriageLimits
from connector.pipeline.write_back import WriteBack, WritePolicy
from connector.ports import Event, Helpdesk, Ledger
from connector.store import Store, open_store
from tests.torture.business import INBOX, cascade, submission
from tests.torture.homes import Home
from tests.torture.mortality import ANSWERS_STORED, Death, Killed, Life
from tests.torture.plans import CLAIMS, SOUND, Deed, Delivery, Move, Plan, Weakness
from tests.torture.remains import Remains
from tests.torture.unguarded import Patch, UnguardedHelpdesk
from tests.torture.upstreams import MortalHelpdesk, MortalModel, OrderlyLedger

_MOST_PASSES = 40
_WORKERS = 1
_LONGER_THAN_A_LEASE_SECONDS = 200.0


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
    overtaken: set[str] = field(default_factory=set)  # people who came between the last look and the write
    tags_overtaken: dict[str, set[str]] = field(default_factory=dict)  # that were put on there
    overwritten: set[str] = field(default_factory=set)  # by a list of tags that nobody has to mend
    kills: list[str] = field(default_factory=list)
    violations: list[str] = field(default_factory=list)
    lives: list[Life] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.helpdesk = self.weakness.world(self.clock)
        self._deaths = deque(self.plan.deaths)
        self._moves = list(self.plan.moves)
        self._deliveries = deque(self.plan.deliveries)
        self._passed: Counter[str] = Counter()
        self._in_flight: set[tuple[str, Tier]] = set()
        self._late: list[Change | Patch] = []
        self._acts: dict[str, int] = {}  # the version that somebody's last deed made, per ticket
        self._claims: dict[str, int] = {}  # the same of the first deed that claimed it
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
        if deed is Deed.REVERT and (not self.effects[ticket_id] or ticket_id in self.overwritten):
            return  # whoever takes back all of a write while it is unclear is not seen (docs/reliability.md)
        facts = CLAIMS.get(deed, {})
        match deed:
            case Deed.TAG:
                self.tags[ticket_id].add("mine")
                changes: dict[str, Any] = {"tags": (*ticket.tags, "mine")}
            case Deed.OVERWRITE:
                if not self.effects[ticket_id] or ticket_id in self.chosen:
                    return
                self.overwritten.add(ticket_id)
                changes = {"tags": tuple(sorted(self.tags[ticket_id]))}
            case _:
                changes = facts
        version = int(self.helpdesk.person(ticket_id, **changes).version)
        self._acts[ticket_id] = version
        if facts:
            self.chosen.setdefault(ticket_id, {}).update(facts)
            self._claims.setdefault(ticket_id, version)

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
        if isinstance(self.helpdesk, UnguardedHelpdesk):
            return self._deliver_unguarded(self.helpdesk, change)
        return self._send(change)

    def _deliver_unguarded(self, helpdesk: UnguardedHelpdesk, change: Change) -> Applied:
        """A last look, the write, and what its sender does once it has the answer; it may die in between."""
        sent, life, ticket_id = helpdesk.look(change), self.lives[-1], change.seen.id
        if isinstance(sent, Applied):
            return sent
        assert self._process is not None
        self._process.helpdesk.sending = sent
        life("look.after", ticket_id)
        self._process.helpdesk.sending = None
        applied = self._send(sent)
        if applied.outcome is Outcome.APPLIED:
            life("land.after", ticket_id)
            helpdesk.finish(sent)
            self.overwritten.discard(ticket_id)
        return applied

    def _send(self, sent: Change | Patch) -> Applied:
        fate = self._deliveries.popleft() if self._deliveries else Delivery.ANSWERED
        unclear = Applied(_change(sent).seen.id, Outcome.UNCLEAR, detail="the answer was lost")
        if fate is Delivery.LOST:
            return unclear
        if fate is Delivery.LATE:
            self._late.append(sent)
            return unclear
        applied = self._land(sent)
        return unclear if fate is Delivery.UNANSWERED else applied

    def _land(self, sent: Change | Patch) -> Applied:
        change, count = _change(sent), len(self.helpdesk.writes)
        before = self.helpdesk.tickets.get(change.seen.id)
        if isinstance(self.helpdesk, UnguardedHelpdesk) and isinstance(sent, Patch):
            applied, looked_at = self.helpdesk.land(sent), sent.at_departure
        else:
            (applied,) = self.weakness.helpdesk(self.helpdesk).apply([change])
            looked_at = before or change.seen
        if before is not None and len(self.helpdesk.writes) > count:
            self._examine(change, looked_at, before, self.helpdesk.tickets[change.seen.id])
        return applied

    def _examine(self, change: Change, looked_at: Ticket, before: Ticket, after: Ticket) -> None:
        """A write takes effect: is it the one that was decided, is it the first, and does it overrule?

        What people did between the sender's last look and the write, nobody could have known.
        """
        ticket_id, looked = change.seen.id, int(looked_at.version)
        self.effects[ticket_id] += 1
        committed = self.remains.decision(change.decision_id)
        if committed is None:
            self._blame("written without a committed decision", ticket_id)
        elif not committed[1] or committed[0]["group"] != change.group:
            self._blame("written other than announced", ticket_id)
        is_overtaken = self._acts.get(ticket_id, 0) > looked
        if self.effects[ticket_id] > 1 and not is_overtaken:
            self._blame("written twice", ticket_id)
        if ticket_id in self.chosen:
            if self._claims[ticket_id] > looked:
                self.overtaken.add(ticket_id)
            else:
                self._blame("a person was overruled", ticket_id)
        lost = set(before.tags) - set(after.tags)
        if lost & set(looked_at.tags) or (lost and not is_overtaken):
            self._blame("a tag was removed", ticket_id)
        self.tags_overtaken.setdefault(ticket_id, set()).update(lost)

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
        is_guarded = not isinstance(self.helpdesk, UnguardedHelpdesk)
        if stray is not None and (is_guarded or isinstance(stray, Patch)):  # else it has only just looked
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
        if missing := self._versions_until(self.remains.checkpoint()) - self.remains.versions():
            self._blame(f"the checkpoint is ahead of revisions {sorted(missing)}")
        now = self.remains.decisions()
        for decision_id, verdict in self.verdicts.items():
            if now.get(decision_id) != verdict:
                self._blame("a verdict changed")
        self.verdicts = now

    def _versions_until(self, checkpoint: int) -> set[int]:
        """What the feed has shown up to there: every version; where it has no order, each ticket's newest."""
        if self.helpdesk.capabilities.sorted_feed:
            return set(range(1, checkpoint + 1))
        there = [each for each in self.helpdesk.tickets.values() if each.status is not Status.DELETED]
        return {int(each.version) for each in there if int(each.version) <= checkpoint}

    def _witness(self, moment: str, ticket_id: str | None) -> None:
        if moment in ANSWERS_STORED:
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
        for sent in late:
            self._land(sent)

    def _pays(self, ticket_id: str, tier: Tier) -> None:
        self.paid[ticket_id, tier] += 1
        self._in_flight.add((ticket_id, tier))
        if not self.remains.call_is_announced(ticket_id, tier):
            self._blame("paid without a record", ticket_id)


def _change(sent: Change | Patch) -> Change:
    return sent.change if isinstance(sent, Patch) else sent


def _nobody(event: Event) -> None:
    """Nobody listens."""
