"""What the cascade saves: 10,000 mixed tickets, against the cheap model for each with fallback to the strong.

``python -m tests.benchmarks.savings [DIRECTORY] [--tickets 10000] [--hours 8] [--seed 7]`` where DIRECTORY
holds banking77_train.jsonl, questions of a bank's customers in 77 classes, as JSON lines with ``body`` and
``label``.  Without it the sandbox composes the tickets: its sentences repeat, so that what rules and local
tier save there is more than they do in life.

A part of the texts is what the business has labelled; rules and local tier are made from these alone, and
every ticket has words that are not among them.  With them come as many merged, solved, agents' and other
non-originals as the sandbox mixes in.  The two models are emulated: right about the team at stated rates
(cheap 92 %, strong 96 %), and the cheap one is in doubt about 15 % of the tickets, half of its mistakes among
them.  So the comparison is about the cascade and says nothing about Claude.

Everything runs in this process: our own requests go to the emulator's metering (its tokenizer, its prompt
cache with its lifetime) without a socket or the vendor's client between, are priced by our own price table,
and decided by our own screening, rules, local tier and cascade.
"""

from __future__ import annotations

import argparse
import json
import random
import re
from collections import Counter, defaultdict
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from itertools import count, pairwise
from pathlib import Path
from typing import Any

from connector.classify.answer import read_answer
from connector.classify.cascade import Cascade
from connector.classify.guardrail import Guardrail
from connector.classify.phrases import Phrases, normalize
from connector.classify.prompt import build_prompt, ticket_object
from connector.classify.rules import Rule
from connector.domain.classification import Answer, Classification, Tier
from connector.domain.taxonomy import Axis, Category, Taxonomy
from connector.domain.ticket import Author, Disposition, Group, Nature, Status, Ticket
from connector.llm.pricing import Price, cost
from connector.llm.request import ModelSettings, build_request
from connector.llm.response import read_message
from connector.local.training import TrainingPolicy, train
from connector.pipeline.intake import screen
from connector.ports import LocalModel
from connector.quality.dataset import LabelledTicket
from connector.routing import QueueRule, RoutingPolicy
from connector.sandbox.claude_api import CATALOGUE, RateLimits, Scripted
from connector.sandbox.claude_api.calls import CallLog
from connector.sandbox.claude_api.message_request import MessageRequest
from connector.sandbox.claude_api.messages import LATEST_VERSION, Messages
from connector.sandbox.claude_api.rate_limits import RateLimiter
from connector.sandbox.claude_api.script import Script
from connector.sandbox.claude_api.writer import Answer as Written
from connector.sandbox.claude_api.writer import Writer
from connector.sandbox.ticket_texts import TEAMS, compose
from connector.settings import Settings

RIGHT = {Tier.CHEAP: 0.92, Tier.STRONG: 0.96}
DOUBTED_WRONG, DOUBTED_RIGHT = 0.5, 0.065  # doubt about the team: 10 % of all tickets
DOUBTED_ELSEWHERE = 0.0556  # doubt about anything else: with the former, 15 % of all tickets
SURE, UNSURE = 0.95, 0.4
LOCAL_TARGET = 0.97
SANDBOX_LABELS, BANK_LABELS = 600, 3_000
START = datetime(2026, 11, 2, 8, 0, tzinfo=UTC)

# Kinds of the sandbox's mix that are no original submission; with the originals, as many as it deals.
NOT_ORIGINAL: tuple[Mapping[str, Any], ...] = (
    {"author": Author.AGENT},
    {"nature": Nature.FOLLOW_UP},
    {"nature": Nature.MERGED, "status": Status.CLOSED},
    {"nature": Nature.SAMPLE},
    {"nature": Nature.SIDE_CONVERSATION, "author": Author.AGENT},
    {"is_public": False, "author": Author.AGENT},
    {"group": "1", "assignee": "5", "status": Status.OPEN},
    {"group": "1", "assignee": "5", "status": Status.SOLVED},
    {"group": "1", "assignee": "5", "status": Status.CLOSED},
    {"status": Status.DELETED},
)
NOT_ORIGINAL_SHARE = 0.161  # 10 kinds of weight 1.6 in a mix of 99.3


@dataclass(frozen=True, slots=True)
class Sent:
    """A ticket, when it arrived, and the team that is right for it."""

    ticket: Ticket
    team: str


@dataclass(frozen=True, slots=True)
class Business:
    """What one business has: its classes, its labels, and the tickets that come in."""

    name: str
    taxonomy: Taxonomy
    labelled: Sequence[LabelledTicket]
    tickets: Sequence[Sent]

    @property
    def routing(self) -> RoutingPolicy:
        """Routed by team alone: only the team's label matters."""
        teams = {team: Group(str(at), team) for at, team in enumerate(self.taxonomy.names(Axis.TEAM), 1)}
        return RoutingPolicy(teams, Group("99", "Support"), (), QueueRule({}, "{team}"), {})


class RememberingWriter(Writer):
    """The emulator's writer; what it wrote about a ticket in one variant it need not think up in the next."""

    def __init__(self, seed: str) -> None:
        super().__init__(seed)
        self._written: dict[tuple[str, str, str], Written] = {}

    def write(self, request: MessageRequest, scripted: Scripted) -> Written:
        key = request.model.id, request.text, repr(scripted.changes)
        if key not in self._written:
            self._written[key] = super().write(request, scripted)
        return self._written[key]


class MeteredModels:
    """The two models behind the emulator's meter; ``cached`` False leaves the cache breakpoint out."""

    def __init__(self, business: Business, writer: Writer, seed: int, *, cached: bool) -> None:
        settings, numbers = Settings(), count(1)
        self._prompt = build_prompt(business.taxonomy)
        self._taxonomy = business.taxonomy
        self._cached = cached
        self._seed = seed
        self._prices = {
            name: Price(name, each.input, each.output, each.cache_write, each.cache_read, each.as_of)
            for name, each in settings.prices().items()
        }
        chosen = {Tier.CHEAP: settings.llm.cheap, Tier.STRONG: settings.llm.strong}
        self._models = {
            tier: ModelSettings(each.model, each.max_tokens, each.effort, each.thinking)
            for tier, each in chosen.items()
        }
        self._asked_about: tuple[Sent, Tier] | None = None
        self._messages = Messages(
            models=CATALOGUE,
            writer=writer,
            limiter=RateLimiter(RateLimits(), enforced=False),
            log=CallLog(),
            script=Script(self._author),
            now=self._now,
            wait=lambda _: None,
            latency=lambda _: 0.0,
            new_id=lambda prefix: f"{prefix}{next(numbers)}",
        )
        self.spent = Decimal(0)
        self.calls: Counter[Tier] = Counter()

    def ask(self, sent: Sent, tier: Tier) -> Answer:
        self._asked_about = sent, tier
        request = build_request(self._models[tier], self._prompt, ticket_object(sent.ticket))
        if not self._cached:
            request["system"] = [{"type": "text", "text": self._prompt.system}]
        reply = self._messages.create(request, LATEST_VERSION, "req")
        message = read_message(json.dumps(reply.message).encode())
        paid = cost(self._prices[self._models[tier].name], message.usage)
        assert paid is not None
        self.spent += paid
        self.calls[tier] += 1
        found = read_answer(message.text, self._taxonomy, tier, self._models[tier].name)
        return Answer(found, replace(message.usage, cost_usd=paid), self._models[tier].name)

    def _now(self) -> float:
        assert self._asked_about is not None
        return self._asked_about[0].ticket.created_at.timestamp()

    def _author(self, _request: MessageRequest) -> Scripted:
        """The stated rates, drawn per ticket and model, so that every variant meets the same answers."""
        assert self._asked_about is not None
        sent, tier = self._asked_about
        draw = random.Random(f"{self._seed}/{tier}/{sent.ticket.id}")  # noqa: S311 - the same every time
        right = draw.random() < RIGHT[tier]
        others = [name for name in self._taxonomy.names(Axis.TEAM) if name != sent.team]
        wrong = draw.choice(others)
        doubts = draw.random() < (DOUBTED_RIGHT if right else DOUBTED_WRONG)
        doubts_elsewhere = draw.random() < DOUBTED_ELSEWHERE
        sure = dict.fromkeys((f"{axis}_confidence" for axis in Axis), SURE)
        said = {"team": sent.team if right else wrong, "secondary_team": "none", **sure}
        if tier is Tier.CHEAP:
            said["team_confidence"] = UNSURE if doubts else SURE
            said["type_confidence"] = UNSURE if doubts_elsewhere else SURE
        return Scripted(changes=said)


@dataclass(frozen=True, slots=True)
class Variant:
    """A row of the table: what is switched on."""

    name: str
    cached: bool = True
    screened: bool = True
    frugal: bool = True  # falls back only for doubt on axes that matter
    ruled: bool = True
    local: bool = True


VARIANTS = (
    Variant("cheap for each, fallback on doubt", False, False, False, False, False),
    Variant("+ prompt cache", True, False, False, False, False),
    Variant("+ originals only", True, True, False, False, False),
    Variant("+ doubt only where it matters", True, True, True, False, False),
    Variant("+ rules", True, True, True, True, False),
    Variant("+ local tier", True, True, True, True, True),
)


@dataclass(frozen=True, slots=True)
class Result:
    """What a variant cost, what it asked, who decided, and how many originals of all got the right team."""

    usd: Decimal
    calls: Mapping[Tier, int]
    decided: Mapping[Tier | None, int]
    right: Mapping[Tier | None, int]
    originals: int

    @property
    def accuracy(self) -> float:
        return sum(self.right.values()) / self.originals


def run(
    business: Business,
    variant: Variant,
    rules: Sequence[Rule],
    local: LocalModel,
    writer: Writer,
    seed: int,
) -> Result:
    models = MeteredModels(business, writer, seed, cached=variant.cached)
    cascade = Cascade(
        taxonomy=business.taxonomy,
        routing=business.routing,
        guardrail=Guardrail(Phrases(())),
        rules=rules if variant.ruled else (),
        thresholds=Settings().thresholds.by_axis(),
        local=local if variant.local else None,
    )
    decided: Counter[Tier | None] = Counter()
    right: Counter[Tier | None] = Counter()
    originals = 0
    for sent in business.tickets:
        is_original = (
            screen(sent.ticket, None, START - timedelta(days=1), frozenset()) is Disposition.ORIGINAL
        )
        originals += is_original
        if variant.screened and not is_original:
            continue

        def ask(tier: Tier, sent: Sent = sent) -> Answer:
            return models.ask(sent, tier)

        found = (
            cascade.judge(sent.ticket, ask).classification
            if variant.frugal
            else ask_both(cascade.thresholds, ask)
        )
        if is_original:
            tier = found.tier if found else None
            decided[tier] += 1
            right[tier] += found is not None and found.team is not None and found.team.value == sent.team
    return Result(models.spent, models.calls, decided, right, originals)


def ask_both(thresholds: Mapping[Axis, float], ask: Callable[[Tier], Answer]) -> Classification | None:
    """What the cascade is compared with: the cheap model, and the strong one for any doubt at all."""
    found = ask(Tier.CHEAP).classification
    labels = [] if found is None else [(axis, found.on(axis)) for axis in Axis]
    if any(label is None or label.confidence < thresholds[axis] for axis, label in labels):
        return ask(Tier.STRONG).classification
    return found


def rules_of(labelled: Sequence[LabelledTicket], most: int = 12) -> tuple[Rule, ...]:
    """What an operator would write down: pairs of words that always meant one team, the frequent first."""
    teams: defaultdict[str, Counter[str]] = defaultdict(Counter)
    for each in labelled:
        words = re.findall(r"[^\W\d_]+", normalize(each.submission))
        for pair in {f"{a} {b}" for a, b in pairwise(words)}:
            teams[pair][str(each.on(Axis.TEAM))] += 1
    least = max(8, len(labelled) // 200)
    sure = [(seen.total(), pair, next(iter(seen))) for pair, seen in teams.items() if len(seen) == 1]
    often = sorted(((total, pair, team) for total, pair, team in sure if total >= least), reverse=True)
    return tuple(
        Rule(f"says {pair}", Phrases((pair,)), {Axis.TEAM: team}, final=True)
        for _, pair, team in often[:most]
    )


def business_of(
    name: str, rows: Sequence[LabelledTicket], labels: int, chosen: argparse.Namespace
) -> Business:
    """So many of the rows are labelled already; the tickets are drawn from the others."""
    draw = random.Random(f"{chosen.seed}/{name}")  # noqa: S311 - the same draw every time
    by_words: dict[str, LabelledTicket] = {each.digest: each for each in rows if each.on(Axis.TEAM)}
    shuffled = draw.sample(list(by_words.values()), len(by_words))
    labelled, unseen = shuffled[:labels], shuffled[labels:]
    teams = sorted({str(each.on(Axis.TEAM)) for each in labelled})
    ours = Settings().taxonomy()
    known = {each.name: each for each in ours.categories[Axis.TEAM]}
    categories = tuple(known.get(team, Category(team)) for team in teams)
    taxonomy = Taxonomy({**ours.categories, Axis.TEAM: categories}, ours.defaults)
    apart = timedelta(hours=chosen.hours) / chosen.tickets
    return Business(
        name, taxonomy, labelled, list(_arrivals(unseen, set(teams), chosen.tickets, apart, draw))
    )


def _arrivals(
    unseen: Sequence[LabelledTicket], teams: set[str], number: int, apart: timedelta, draw: random.Random
) -> Iterator[Sent]:
    texts = [each for each in unseen if each.on(Axis.TEAM) in teams]
    for at in range(number):
        chosen, when = texts[at % len(texts)], START + at * apart
        facts = draw.choice(NOT_ORIGINAL) if draw.random() < NOT_ORIGINAL_SHARE else {}
        plain = Ticket(
            id=f"{at}",
            version="1",
            fingerprint="",
            created_at=when,
            updated_at=when,
            status=Status.NEW,
            nature=Nature.ORDINARY,
            author=Author.CUSTOMER,
            is_public=True,
            subject=chosen.subject,
            text=chosen.text,
            channel="email",
            group=None,
            assignee=None,
            priority=None,
            tags=(),
            requester=None,
        )
        yield Sent(replace(plain, **facts), str(chosen.on(Axis.TEAM)))


def report(business: Business, seed: int) -> None:
    rules = rules_of(business.labelled)
    policy = TrainingPolicy(target=LOCAL_TARGET, thresholds=Settings().thresholds.by_axis())
    team_only = [replace(each, labels={Axis.TEAM: str(each.on(Axis.TEAM))}) for each in business.labelled]
    local = train(team_only, policy).model
    tickets, teams = len(business.tickets), len(business.taxonomy.names(Axis.TEAM))
    labels = len(business.labelled)
    print(f"{business.name}: {tickets:,} tickets, {teams} teams, {labels:,} labels, {len(rules)} rules")
    columns = f"{'cheap':>6} {'strong':>6} {'rules':>6} {'local':>6} {'right':>7}"
    print(f"{'':<36} {'USD':>7} {'cheaper':>8} {columns}")
    first: Result | None = None
    writer = RememberingWriter(f"{seed}")
    for variant in VARIANTS:
        found = run(business, variant, rules, local, writer, seed)
        first = first or found
        print(
            f"{variant.name:<36} {found.usd:>7.2f} {first.usd / found.usd:>7.2f}x "
            f"{found.calls[Tier.CHEAP]:>6} {found.calls[Tier.STRONG]:>6} "
            f"{found.decided[Tier.RULES]:>6} {found.decided[Tier.LOCAL]:>6} {found.accuracy:>7.2%}",
            flush=True,
        )
    free = ", ".join(
        f"{tier} {found.right[tier] / found.decided[tier]:.1%} of {found.decided[tier]}"
        for tier in (Tier.RULES, Tier.LOCAL, Tier.CHEAP, Tier.STRONG)
        if found.decided[tier]
    )
    print(f"right, by who decided in the end: {free}\n", flush=True)


def of_the_sandbox(number: int, seed: int) -> list[LabelledTicket]:
    draw = random.Random(f"{seed}/words")  # noqa: S311 - the same draw every time
    teams = [draw.choice(TEAMS) for _ in range(number)]
    texts = [(team, *compose(team, draw)) for team in teams]
    return [LabelledTicket(body, {Axis.TEAM: team}, subject=subject) for team, subject, body in texts]


def of_the_bank(path: Path) -> list[LabelledTicket]:
    rows = (json.loads(line) for line in path.read_text(encoding="utf-8").splitlines())
    return [LabelledTicket(row["body"], {Axis.TEAM: row["label"].lower()}, row["id"]) for row in rows]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("directory", type=Path, nargs="?")
    parser.add_argument("--tickets", type=int, default=10_000)
    parser.add_argument("--hours", type=float, default=8.0, help="in which they arrive, evenly")
    parser.add_argument("--seed", type=int, default=7)
    chosen = parser.parse_args()
    if chosen.directory is None:
        rows = of_the_sandbox(chosen.tickets + SANDBOX_LABELS, chosen.seed)
        report(business_of("sandbox", rows, SANDBOX_LABELS, chosen), chosen.seed)
    else:
        rows = of_the_bank(chosen.directory / "banking77_train.jsonl")
        report(business_of("banking77", rows, BANK_LABELS, chosen), chosen.seed)


if __name__ == "__main__":
    main()
