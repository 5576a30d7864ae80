"""Backfills in batches that are killed again and again: emulated batches over HTTP, a helpdesk in memory."""

from __future__ import annotations

import random
from collections import Counter, deque
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import date, timedelta
from decimal import Decimal
from itertools import count
from typing import Any

import httpx2

from connector.breaker import Breaker
from connector.classify.prompt import build_prompt
from connector.clock import ManualClock
from connector.domain.classification import Tier
from connector.domain.decision import Applied, Change
from connector.domain.taxonomy import Axis
from connector.errors import ConnectorError
from connector.helpdesk.memory import MemoryHelpdesk
from connector.llm.anthropic_api import AnthropicApi
from connector.llm.batches import ClaudeBatches
from connector.llm.claude import ClaudeClassifier
from connector.llm.pricing import Price
from connector.llm.request import ModelSettings
from connector.pipeline.backfill import Backfill, Past
from connector.pipeline.batching import BatchLine, Collector
from connector.pipeline.intake import Intake, IntakePolicy
from connector.pipeline.mail import Mail
from connector.pipeline.purse import Purse
from connector.pipeline.questions import Desk
from connector.pipeline.role import Lane, Role
from connector.pipeline.rounds import BatchWork
from connector.pipeline.sync import Stages
from connector.pipeline.triage import Triage, TriageLimits
from connector.pipeline.write_back import WriteBack, WritePolicy
from connector.ports import Event
from connector.sandbox.claude_api import ClaudeSandbox
from connector.sandbox.claude_api.message_request import MessageRequest
from connector.sandbox.claude_api.script import Scripted
from connector.store import Store, open_store
from tests.torture.business import GROUPS, INBOX, KINDS, cascade, opinion, submission
from tests.torture.homes import Home
from tests.torture.mortality import ANSWERS_STORED, Death, Killed, Life
from tests.torture.upstreams import MortalHelpdesk, OrderlyLedger

CHEAP, STRONG = "claude-haiku-5-5", "claude-sonnet-5-5"
_TIERS = {CHEAP: Tier.CHEAP, STRONG: Tier.STRONG}
_SINCE = timedelta(days=30)
_WORKERS = 1
_MOST_RUNS = 12


class Days(ManualClock):
    """A clock that goes on after a stop, as the next process has it."""

    def resume(self) -> None:
        self._stopped = False


class Author:
    """Answers by the kind that a ticket's subject names, and remembers every answer: each is paid."""

    def __init__(self) -> None:
        self.answered: list[tuple[str, str]] = []

    def __call__(self, request: MessageRequest) -> Scripted:
        ticket_id, kind = str(request.ticket["subject"]).split()
        self.answered.append((ticket_id, request.model.id))
        found = opinion(kind, _TIERS[request.model.id])
        if found is None:
            return Scripted(text="I cannot tell.")
        said: dict[str, Any] = {"reason": found.reason}
        for axis in Axis:
            label = found.on(axis)
            assert label is not None
            said |= {axis.value: label.value, f"{axis}_confidence": label.confidence}
        return Scripted(changes=said)


class MortalWire(httpx2.BaseTransport):
    """The network to Claude: each request is a moment before it and one after it."""

    def __init__(self) -> None:
        self._network = httpx2.HTTPTransport()
        self.life: Callable[[str], None] = lambda _: None

    def handle_request(self, request: httpx2.Request) -> httpx2.Response:
        kind = request.url.path.removeprefix("/v1/")
        if "msgbatch" in kind:
            kind = "results" if kind.endswith("/results") else "batch"
        self.life(f"{request.method} {kind}.before")
        response = self._network.handle_request(request)
        response.read()
        self.life(f"{request.method} {kind}.after")
        return response

    def close(self) -> None:
        """It serves the next life too."""

    def shut(self) -> None:
        self._network.close()


def _price(model: str, read: str, written: str, cached: str, hit: str) -> Price:
    rates = (Decimal(rate) for rate in (read, written, cached, hit))
    plain, output, cache_write, cache_read = rates
    return Price(model, plain, output, cache_write, cache_read, as_of=date(2026, 10, 7))


@dataclass
class Vendor:
    """Emulated Claude, with one line to it for all lives; its time is that of whoever uses it."""

    claude: ClaudeSandbox
    wire: MortalWire
    classifier: ClaudeClassifier
    batches: ClaudeBatches
    author: Author
    time: Days
    names: Iterator[int] = field(default_factory=lambda: count(1))


@contextmanager
def open_vendor(**options: Any) -> Iterator[Vendor]:
    time, author = Days(), Author()
    chosen: dict[str, Any] = {"api_key": "key", "author": author, "batch_seconds": 1.0, **options}
    with ClaudeSandbox(now=time.timestamp, **chosen) as claude:
        wire, taxonomy, home = MortalWire(), cascade().taxonomy, AnthropicApi("key")
        classifier = ClaudeClassifier(
            provider=home,
            base_url=claude.url,
            models={
                Tier.CHEAP: ModelSettings(CHEAP),
                Tier.STRONG: ModelSettings(STRONG, max_tokens=4096, effort="medium", thinking="adaptive"),
            },
            prompt=build_prompt(taxonomy, business="", instructions=""),
            taxonomy=taxonomy,
            prices=[
                _price(CHEAP, "0.10", "0.50", "0.125", "0.01"),
                _price(STRONG, "2", "10", "2.50", "0.10"),
            ],
            transport=wire,
        )
        batches = ClaudeBatches(classifier, home, base_url=claude.url, transport=wire)
        try:
            yield Vendor(claude, wire, classifier, batches, author, time)
        finally:
            classifier.close()
            batches.close()
            wire.shut()


@dataclass
class PastOrdeal:
    """One backlog, and the backfills that are started until it is done; ``deaths`` end the first of them."""

    home: Home
    vendor: Vendor
    deaths: Sequence[Death] = ()
    witness: Callable[[PastOrdeal, str], None] = lambda _ordeal, _moment: None
    kinds: dict[str, str] = field(default_factory=dict)
    kills: list[str] = field(default_factory=list)
    lives: list[Life] = field(default_factory=list)
    events: list[Event] = field(default_factory=list)
    excused: Counter[tuple[str, str]] = field(default_factory=Counter)  # direct calls in flight at a kill
    purse: Purse = field(default_factory=Purse)
    weaken: Callable[[BatchLine], BatchLine] = lambda line: line  # to see whether the audit notices

    def __post_init__(self) -> None:
        self.clock = self.vendor.time
        self.clock.resume()
        self.clock.advance(40 * 86_400)  # whatever others left at the vendor is archived by then
        self.name = f"s{next(self.vendor.names)}"
        self.helpdesk = MemoryHelpdesk(self.clock, GROUPS, page_size=3)
        self._deaths = deque(self.deaths)
        self._flying: tuple[str, str] | None = None  # a direct call that was answered and is not on record

    # --- The world ----------------------------------------------------------------------------------------

    def grew_old(self, *kinds: str) -> list[str]:
        """Tickets that nobody has routed for days."""
        made = []
        for kind in kinds:
            ticket_id = f"{self.name}-{len(self.kinds) + 1}"
            self.kinds[ticket_id] = kind
            self.helpdesk.put(submission(ticket_id, kind, self.clock.now() - timedelta(days=9)))
            made.append(ticket_id)
        return made

    # --- Life and death -----------------------------------------------------------------------------------

    def run(self, *, in_batches: bool = True, portion: int = 1_000, limit: int | None = None) -> str | None:
        """One backfill in a process of its own; why it ended early, which may be that it was killed."""
        life = Life(self._deaths.popleft() if self._deaths else None, self._see)
        self.lives.append(life)
        self.vendor.wire.life = life
        store: Store | None = None
        try:
            store = open_store(self.home.url, clock=self.clock, failpoint=life)
            self.home.keep_time(store, self.clock)
            return self._work(store, life, in_batches=in_batches, portion=portion, limit=limit)
        except Killed:
            self.kills.append(life.moments[-1])
            self.home.outlive()
            if self._flying is not None:
                self.excused[self._flying] += 1
                self._flying = None
            return "killed"
        finally:
            self.vendor.wire.life = lambda _: None
            if store is not None:
                store.close()

    def run_to_the_end(self) -> None:
        """The same command again and again, a minute apart, until it has nothing left to say."""
        for _ in range(_MOST_RUNS):
            if self.run() is None:
                return
            self.clock.advance(60)
        raise AssertionError(f"no end after {_MOST_RUNS} runs, killed at {self.kills}")

    def _work(
        self, store: Store, life: Life, *, in_batches: bool, portion: int, limit: int | None
    ) -> str | None:
        name, inbox, tell = "memory", frozenset({INBOX.id}), self.events.append
        held = store.ledger(name, f"life-{len(self.lives)}", 3600.0, lane=Lane.BACKFILL)
        ledger: Any = OrderlyLedger(held, most=2 * _WORKERS)
        helpdesk = MortalHelpdesk(life, self.helpdesk, self._deliver)
        breaker = Breaker("claude", self.clock, tell)
        chance = random.Random(len(self.lives))
        desk = Desk(ledger, self.vendor.classifier, breaker, self.clock, tell, random=chance)
        book, line = store.batch_book(name), self.weaken(self.vendor.batches)
        collector = Collector(line, self.purse, collects=in_batches)
        limits = TriageLimits(workers=_WORKERS, max_wait_seconds=10**7)
        stages = Stages(
            intake=Intake(helpdesk, ledger, self.clock, tell, IntakePolicy(inbox)),
            triage=Triage(name, helpdesk, desk, cascade(), limits, put=collector.questions),
            write_back=WriteBack(helpdesk, ledger, self.clock, tell, WritePolicy(inbox)),
            ledger=ledger,
            clock=self.clock,
            role=Role.WORKER,
        )
        mail = Mail(line, book, ledger, self.purse, self.clock, tell)
        work = BatchWork(stages, collector, mail, book, self.purse, tell)
        past = Past(helpdesk, ledger.history, inbox)
        backfill = Backfill(past, store.backlog(name), self.clock, tell, work, portion)
        pass_id = ledger.start_pass("backfill")
        try:
            return backfill.run(pass_id, self.clock.now() - _SINCE, limit)
        except ConnectorError:
            ledger.release()
            raise

    def _deliver(self, change: Change) -> Applied:
        (applied,) = self.helpdesk.apply([change])
        return applied

    def _see(self, moment: str, _ticket_id: str | None) -> None:
        if moment == "POST messages.after":
            self._flying = self.vendor.author.answered[-1]
        elif moment in ANSWERS_STORED:
            self._flying = None
        self.witness(self, moment)

    # --- What was done ------------------------------------------------------------------------------------

    def handed_in(self) -> Counter[tuple[str, str]]:
        """How often each ticket was handed in to each model, as the emulator received it."""
        found: Counter[tuple[str, str]] = Counter()
        for each in self.vendor.claude.batched:
            said = each.params["messages"][0]["content"]
            for ticket_id in self.kinds:
                if f'"{ticket_id} ' in said:
                    found[ticket_id, each.params["model"]] += 1
        return found

    def paid(self) -> Counter[tuple[str, str]]:
        """How often each ticket was answered by each model, in a batch or not."""
        return Counter(each for each in self.vendor.author.answered if each[0] in self.kinds)

    def writes(self) -> Counter[str]:
        return Counter(change.seen.id for change in self.helpdesk.writes)

    def rows(self, statement: str, *values: Any) -> Sequence[tuple[Any, ...]]:
        return self.home.remains.rows(statement, *values)


def audit(ordeal: PastOrdeal) -> list[str]:
    """Every broken promise about a backlog that is done; empty when all were kept."""
    found = []
    paid, handed_in, writes = ordeal.paid(), ordeal.handed_in(), ordeal.writes()
    for ticket_id, kind in ordeal.kinds.items():
        ticket, expected = ordeal.helpdesk.tickets[ticket_id], KINDS[kind]
        if writes[ticket_id] != 1 or ticket.group != expected.group.id:
            found.append(f"{ticket_id} ({kind}): {writes[ticket_id]} writes, in group {ticket.group}")
        for model, tier in _TIERS.items():
            key = (ticket_id, model)
            if handed_in[key] > 1:
                found.append(f"{ticket_id} was handed in {handed_in[key]} times to {tier}")
            allowed = (tier in expected.calls) + ordeal.excused[key]
            if not (tier in expected.calls) <= paid[key] <= allowed:
                found.append(f"{ticket_id} was paid {paid[key]} times to {tier}, allowed {allowed}")
    states = Counter(ordeal.rows("SELECT state FROM submissions"))
    if states != {("decided",): len(ordeal.kinds)}:
        found.append(f"submissions {dict(states)}")
    for what, query in (
        ("open batches", "SELECT count(*) FROM batches WHERE state <> 'ended'"),
        ("calls without an end", "SELECT count(*) FROM model_calls WHERE state = 'started'"),
        ("tickets in a batch", "SELECT count(*) FROM submissions WHERE batch IS NOT NULL"),
        (
            "lost answers of batches",
            "SELECT count(*) FROM model_calls WHERE state='lost' AND batch IS NOT NULL",
        ),
    ):
        if number := ordeal.rows(query)[0][0]:
            found.append(f"{number} {what}")
    return found
