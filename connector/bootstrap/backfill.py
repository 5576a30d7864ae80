"""A backfill, connected: first the look that costs nothing, then the work."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack, closing, contextmanager
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from decimal import Decimal

from connector.bootstrap.books import Books, given_back, open_store_of, spending_of, worker_name
from connector.bootstrap.examples import open_examples
from connector.bootstrap.local import current_local
from connector.bootstrap.reading import open_reader
from connector.bootstrap.upstreams import (
    helpdesk_on,
    open_batches,
    open_classifier,
    open_helpdesk,
)
from connector.bootstrap.wiring import Parts, build_stages
from connector.interpreter import tune
from connector.llm.pricing import BATCH_PRICE
from connector.pipeline.backfill import Backfill, Backlog, DirectWork, Past, Work
from connector.pipeline.batching import Collector
from connector.pipeline.mail import MOST_QUESTIONS, Mail
from connector.pipeline.purse import Purse
from connector.pipeline.role import Lane, Role
from connector.pipeline.rounds import BatchWork
from connector.pipeline.survey import Survey, Surveyor
from connector.policy import build_cascade, resolve_inbox, resolve_routing
from connector.ports import Clock, Event, Ledger, Observer
from connector.settings import Settings

_LEASE_SECONDS = 180.0
_BATCH_LEASE_SECONDS = 3600.0  # a thousand tickets are held until they are handed in together
_EXPERIENCE = timedelta(days=30)
_PORTION = 200  # tickets at a time: two bulk writes, and little is left behind by a kill
_PATIENCE_SECONDS = timedelta(days=30).total_seconds()  # a backlog waits: no outage sends it to people


def survey_past(
    settings: Settings, clock: Clock, since: datetime, limit: int | None, *, in_batches: bool = False
) -> Survey:
    """What a backfill would do; nothing is written anywhere, also beside a service.

    Raises SettingsError, AuthRefused, Unavailable or StoreUnusable.
    """
    settings = _considerate(settings)
    name = settings.helpdesk.ledger_name
    with ExitStack() as opened:
        store = opened.enter_context(open_store_of(settings, clock, read_only=True))
        helpdesk = open_helpdesk(settings, clock, dry_run=True)
        helpdesk.check()
        groups = helpdesk.groups()
        routing, inbox = resolve_routing(settings, groups), resolve_inbox(settings, groups)
        classifier = open_classifier(settings)
        opened.callback(classifier.close)
        backlog = store.backlog(name)
        surveyor = Surveyor(
            Past(helpdesk, store.ledger(name, worker_name()).history, inbox),
            build_cascade(settings, routing, current_local(settings, _unheard)),
            open_reader(settings),
            classifier,
            backlog.experience(clock.now() - _EXPERIENCE),
            settings.llm.workers,
            price=BATCH_PRICE if in_batches else Decimal(1),
            in_batches=in_batches,
        )
        return surveyor.look(since, limit, backlog.left())


@dataclass(frozen=True, slots=True)
class Backfilling:
    """Everything that a backfill needs, connected."""

    backfill: Backfill
    backlog: Backlog
    ledger: Ledger
    purse: Purse


@contextmanager
def connect_backfill(
    settings: Settings,
    clock: Clock,
    observer: Observer,
    max_cost: Decimal | None,
    *,
    in_batches: bool = False,
) -> Iterator[Backfilling]:
    """Open the database for one backfill, prove the credentials, and wire the stages to its lane.

    Batches that an earlier run left open are followed in any case.  Raises as `connect`; StoreInUse also
    while another backfill is at work.  Nothing is left open then.
    """
    settings = _considerate(settings)
    name, worker = settings.helpdesk.ledger_name, worker_name()
    with ExitStack() as opened:
        store = opened.enter_context(open_store_of(settings, clock, read_only=False))
        opened.enter_context(store.alone(f"a backfill of {name}"))
        helpdesk = helpdesk_on(store, settings, clock, observer, dry_run=False)
        groups = helpdesk.groups()
        routing, inbox = resolve_routing(settings, groups), resolve_inbox(settings, groups)
        held = _BATCH_LEASE_SECONDS if in_batches else _LEASE_SECONDS
        spending = spending_of(settings, observer)
        ours = store.ledger(name, worker, held, lane=Lane.BACKFILL, spending=spending)
        ledger = opened.enter_context(given_back(ours))
        examples = open_examples(settings, store)
        classifier = open_classifier(settings, examples)
        opened.callback(classifier.close)
        tune()
        purse, backlog = Purse(max_cost), store.backlog(name)
        line = opened.enter_context(closing(open_batches(settings, classifier)))
        book, collector = store.batch_book(name, spending), Collector(line, purse, collects=in_batches)
        parts = Parts(
            helpdesk,
            classifier,
            current_local(settings, observer),
            Books(ledger, None),
            routing,
            inbox,
            examples,
            put=collector.questions,
            max_wait_seconds=_PATIENCE_SECONDS,
        )
        stages = replace(build_stages(settings, clock, observer, parts), role=Role.WORKER)
        past = Past(helpdesk, ledger.history, inbox)
        mail = Mail(line, book, ledger, purse, clock, observer)
        work: Work = DirectWork(stages)
        if in_batches or book.open():
            work = BatchWork(stages, collector, mail, book, purse, observer)
        portion = MOST_QUESTIONS if in_batches else _PORTION
        backfill = Backfill(past, backlog, clock, observer, work, portion)
        yield Backfilling(backfill, backlog, ledger, purse)


def _unheard(event: Event) -> None:
    """A look has no log; the work that follows tells the same."""


def _considerate(settings: Settings) -> Settings:
    """The same settings with the smaller share of the helpdesk's limits."""
    chosen = settings.helpdesk
    share = min(chosen.rate_share, chosen.backfill_rate_share)
    return settings.model_copy(update={"helpdesk": chosen.model_copy(update={"rate_share": share})})
