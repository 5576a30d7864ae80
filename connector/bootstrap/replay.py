"""A replay, connected: the real helpdesk and the real ledger are only read, the decisions are in memory."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, closing, contextmanager
from dataclasses import dataclass
from decimal import Decimal
from pathlib import Path

from connector.bootstrap.books import Books, open_store_of, worker_name
from connector.bootstrap.examples import NO_EXAMPLES, Examples, open_examples
from connector.bootstrap.local import current_local, learnt_by
from connector.bootstrap.upstreams import helpdesk_on, open_classifier
from connector.bootstrap.wiring import Parts, build_stages
from connector.domain.classification import Tier
from connector.domain.decision import Decision
from connector.interpreter import tune
from connector.llm.absent import NoClassifier
from connector.llm.remembered import AnswersFile, RememberedAnswers
from connector.pipeline.replay import Replay
from connector.policy import resolve_inbox, resolve_routing
from connector.ports import Classifier, Clock, Helpdesk, Observer
from connector.quality.dataset import LabelledTicket
from connector.quality.harvest import Map, Memory, map_teams
from connector.settings import Settings

_PATIENCE_SECONDS = 30 * 86_400.0  # an outage must not become a verdict


@dataclass(frozen=True, slots=True)
class ReplayPlan:
    """Which models are asked, where paid answers are kept, and how much may be spent.

    ``stop`` ends the run in order when the money is spent.
    """

    tiers: tuple[Tier, ...]
    answers: Path | None
    max_cost: Decimal | None
    stop: Callable[[], None]


@dataclass(frozen=True, slots=True)
class Replaying:
    """Everything that a replay needs, connected.

    ``groups`` maps ids to names; ``learnt`` says whether the local tier was trained on a ticket, or
    every prompt shows it as an example.
    """

    helpdesk: Helpdesk
    memory: Memory
    where: Map
    groups: dict[str, str]
    replay: Replay
    answers: RememberedAnswers
    learnt: Callable[[LabelledTicket], bool]
    decisions: Callable[[], Sequence[tuple[str, Decision]]]


@contextmanager
def open_replay(
    settings: Settings, clock: Clock, observer: Observer, plan: ReplayPlan
) -> Iterator[Replaying]:
    """The helpdesk guarded twice against writing, and triage on a ledger in memory; also beside a service.

    Raises SettingsError, AuthRefused, Unavailable or StoreUnusable; nothing is left open then.
    """
    from connector.store import open_store

    name = settings.helpdesk.ledger_name
    with ExitStack() as opened:
        store = opened.enter_context(open_store_of(settings, clock, read_only=True))
        examples = open_examples(settings, store) if plan.tiers else NO_EXAMPLES
        classifier = _classifier(settings, plan, examples, opened)
        helpdesk = helpdesk_on(store, settings, clock, observer, dry_run=True)
        groups = helpdesk.groups()
        routing, inbox = resolve_routing(settings, groups), resolve_inbox(settings, groups)
        local = current_local(settings, observer)
        scratch = opened.enter_context(closing(open_store("sqlite://", clock=clock)))
        ledger = scratch.ledger(name, worker_name())
        tune()
        parts = Parts(
            helpdesk,
            classifier,
            local,
            Books(ledger, None),
            routing,
            inbox,
            examples,
            tiers=plan.tiers,
            max_wait_seconds=_PATIENCE_SECONDS,
        )
        stages = build_stages(settings, clock, observer, parts)
        reports, learnt = scratch.reports(), learnt_by(local)
        yield Replaying(
            helpdesk,
            Memory(store.ledger(name, worker_name()).history, store.eraser(name).barred),
            map_teams(routing.groups, inbox, settings.tags.prefix),
            {group.id: group.name for group in groups},
            Replay(ledger, stages.triage, clock),
            classifier,
            lambda label: learnt(label) or label.digest in examples.fixed_digests,
            lambda: [(row.ticket_id, row.decision) for row in reports.decisions(limit=None)],
        )


def _classifier(
    settings: Settings, plan: ReplayPlan, examples: Examples, opened: ExitStack
) -> RememberedAnswers:
    file = None
    inner: Classifier = NoClassifier()
    if plan.tiers:
        inner = opened.enter_context(closing(open_classifier(settings, examples)))
        if plan.answers is not None:
            file = opened.enter_context(closing(AnswersFile(plan.answers)))
    llm = settings.llm
    manner = {
        tier: f"{llm.output} {each.model_dump_json()}"
        for tier, each in ((Tier.CHEAP, llm.cheap), (Tier.STRONG, llm.strong))
    }
    return RememberedAnswers(inner, file, manner, plan.max_cost, plan.stop)
