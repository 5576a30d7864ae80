"""The stages, connected to everything that a pass needs."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import AbstractContextManager, ExitStack, closing, contextmanager, nullcontext
from dataclasses import dataclass, field, replace
from datetime import timedelta
from functools import partial
from typing import TYPE_CHECKING

from connector.bootstrap.books import Books, books_on, open_store_of
from connector.bootstrap.examples import NO_EXAMPLES, Examples, open_examples
from connector.bootstrap.local import current_local, with_shortlist
from connector.bootstrap.reading import open_reader
from connector.bootstrap.upstreams import helpdesk_on, open_classifier
from connector.breaker import Breaker
from connector.classify.reading import Reader
from connector.domain.classification import Tier
from connector.domain.ticket import Arrival
from connector.errors import SettingsError
from connector.interpreter import tune
from connector.pipeline import whose
from connector.pipeline.fast_lane import FastLane
from connector.pipeline.intake import Intake, IntakePolicy
from connector.pipeline.leader import Leaders
from connector.pipeline.nudges import NudgeLimits, Nudges
from connector.pipeline.questions import Desk, Questions
from connector.pipeline.retention import Retention
from connector.pipeline.role import Role
from connector.pipeline.second_look import LookPolicy, SecondLook
from connector.pipeline.sync import WRITE_FROM, Stages
from connector.pipeline.triage import Put, Triage, TriageLimits
from connector.pipeline.write_back import WriteBack, WritePolicy
from connector.policy import build_cascade, resolve_inbox, resolve_routing
from connector.ports import Classifier, Clock, Event, Helpdesk, Ledger, LocalModel, Observer
from connector.routing import RoutingPolicy
from connector.settings import Settings

if TYPE_CHECKING:
    from connector.llm.claude import ClaudeClassifier
    from connector.store import Store


@dataclass(frozen=True, slots=True)
class Connector:
    """Everything that a pass needs, connected."""

    helpdesk: Helpdesk
    classifier: Classifier
    ledger: Ledger
    stages: Stages


@contextmanager
def connect(
    settings: Settings, clock: Clock, observer: Observer, *, dry_run: bool = False, role: Role = Role.ALL
) -> Iterator[Connector]:
    """Open the database, prove the credentials, resolve the groups, and wire the stages.

    A dry run reads the real ledger and writes only to memory.  Raises SettingsError, AuthRefused,
    Unavailable, StoreInUse or StoreUnusable; nothing is left open then.
    """
    observer = whose.of(settings.one_of_several, observer) if settings.one_of_several else observer
    with ExitStack() as opened:
        store = opened.enter_context(open_store_of(settings, clock, read_only=dry_run))
        check_role(store, role)
        helpdesk = helpdesk_on(store, settings, clock, observer, dry_run=dry_run)
        groups = helpdesk.groups()
        routing = resolve_routing(settings, groups)
        inbox = resolve_inbox(settings, groups)
        books = opened.enter_context(books_on(store, settings, clock, dry_run=dry_run, observer=observer))
        ledger = books.ledger
        examples = open_examples(settings, store)
        classifier = opened.enter_context(classifier_for(settings, clock, observer, examples))
        local = current_local(settings, observer)
        tell_without_models(settings, observer, has_local=local.look() is not None)
        tune()
        parts = Parts(helpdesk, classifier, local, books, routing, inbox, examples)
        stages = build_stages(settings, clock, observer, parts)
        yield Connector(helpdesk, classifier, ledger, replace(stages, role=role))


def _caution(classifier: ClaudeClassifier, clock: Clock, observer: Observer) -> None:
    """Say at every start what `connector check` says about models, prompt and prices."""
    for tier in (Tier.CHEAP, Tier.STRONG):
        for reason in classifier.cautions(tier, clock.now().date()):
            observer(Event("model.caution", "warning", {"tier": tier.value, "reason": reason}))


def check_role(store: Store, role: Role) -> None:
    """A SQLite file belongs to one process, and that one has to do everything."""
    if role is not Role.ALL and not store.is_shared:
        raise SettingsError(
            f"--role {role} needs other processes on the same database, and a SQLite file has only one; "
            "leave --role out, or point [store] url at PostgreSQL"
        )


@contextmanager
def classifier_for(
    settings: Settings, clock: Clock, observer: Observer, examples: Examples
) -> Iterator[Classifier]:
    if not settings.llm.enabled:
        from connector.llm.absent import NoClassifier

        yield NoClassifier()
        return
    with closing(open_classifier(settings, examples)) as classifier:
        _caution(classifier, clock, observer)
        yield classifier


def tell_without_models(settings: Settings, observer: Observer, *, has_local: bool) -> None:
    """Whoever switched the models off hears once what that means."""
    if settings.llm.enabled:
        return
    deciding = [
        *(["rules"] if any(rule.final for rule in settings.rules) else []),
        *(["the local tier"] if has_local and settings.local.decides != "never" else []),
    ]
    able = f"only {' and '.join(deciding)} can route" if deciding else "nothing can route"
    reason = f"[llm] enabled = false: {able}, everything else goes to the human group"
    observer(Event("models.off", "warning", {"reason": reason}))


@dataclass(frozen=True, slots=True)
class Mind:
    """What stages of several helpdesks have in common: Claude's breaker, who asks when, and the reader."""

    breaker: Breaker
    seats: AbstractContextManager[object] = field(default_factory=nullcontext)
    leaders: Leaders | None = None
    reader: Reader | None = None


@dataclass(frozen=True, slots=True)
class Parts:
    """What the stages are built from: ``put`` asks the models of ``tiers``.

    ``max_wait_seconds`` is how long in vain.  None: as the settings say.
    """

    helpdesk: Helpdesk
    classifier: Classifier
    local: LocalModel
    books: Books
    routing: RoutingPolicy
    inbox: frozenset[str]
    examples: Examples = NO_EXAMPLES
    put: Put = Questions
    tiers: tuple[Tier, ...] | None = None
    max_wait_seconds: float | None = None
    mind: Mind | None = None


def build_stages(settings: Settings, clock: Clock, observer: Observer, parts: Parts) -> Stages:
    """The stages of one ledger under the settings."""
    helpdesk, ledger, eraser = parts.helpdesk, parts.books.ledger, parts.books.eraser
    lookback = timedelta(hours=settings.helpdesk.lookback_hours)
    mind = parts.mind or Mind(Breaker("claude", clock, observer))
    classifier = with_shortlist(parts.classifier, settings, parts.local)
    desk = Desk(
        ledger,
        classifier,
        mind.breaker,
        clock,
        observer,
        max_tries=settings.llm.max_tries,
        seats=mind.seats,
        led_by=mind.leaders,
    )
    cascade = build_cascade(settings, parts.routing, parts.local)
    if parts.tiers is not None:
        cascade = replace(cascade, tiers=parts.tiers)
    write = settings.write
    may_write = WritePolicy(parts.inbox, write.group, write.priority, write.note, routing=parts.routing)
    hears_replies = settings.material_change.enabled
    look = LookPolicy(settings.material_change.ask_model, hears_replies)
    reader = mind.reader or open_reader(settings, observer)
    name = settings.helpdesk.ledger_name
    intake = Intake(helpdesk, ledger, clock, observer, IntakePolicy(parts.inbox, lookback, hears_replies))
    take, limits = partial(intake.take, arrival=Arrival.NUDGE), NudgeLimits(settings.nudge.tickets_per_minute)
    return Stages(
        intake=intake,
        triage=Triage(
            name,
            helpdesk,
            desk,
            cascade,
            TriageLimits(
                workers=settings.llm.workers,
                max_attempts=settings.triage.max_attempts,
                max_wait_seconds=parts.max_wait_seconds or 60 * settings.llm.max_wait_minutes,
                repeat_within=timedelta(hours=settings.signals.repeat_hours),
            ),
            reader,
            parts.examples.bank,
            parts.put,
            SecondLook(name, helpdesk, desk, cascade, look, reader),
        ),
        write_back=WriteBack(helpdesk, ledger, clock, observer, may_write),
        ledger=ledger,
        clock=clock,
        write_from=min(WRITE_FROM, helpdesk.capabilities.bulk_size),
        retention=Retention(eraser, clock, observer, settings.privacy.keep()) if eraser else None,
        nudges=Nudges(helpdesk, ledger, take, clock, observer, limits) if settings.hears_webhooks else None,
        fast=FastLane(helpdesk, ledger, intake, clock, observer) if helpdesk.capabilities.newest else None,
        helpdesk=settings.one_of_several,
    )
