"""The stages, connected to everything that a pass needs."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, replace
from datetime import timedelta
from typing import TYPE_CHECKING

from connector.bootstrap.books import Books, books_on, open_store_of
from connector.bootstrap.upstreams import helpdesk_on, open_classifier
from connector.breaker import Breaker
from connector.errors import SettingsError
from connector.interpreter import tune
from connector.pipeline.intake import Intake, IntakePolicy
from connector.pipeline.questions import Desk
from connector.pipeline.retention import Retention
from connector.pipeline.role import Role
from connector.pipeline.second_look import LookPolicy, SecondLook
from connector.pipeline.sync import WRITE_FROM, Stages
from connector.pipeline.triage import Triage, TriageLimits
from connector.pipeline.write_back import WriteBack, WritePolicy
from connector.policy import build_cascade, resolve_inbox, resolve_routing
from connector.ports import Clock, Helpdesk, Ledger, Observer
from connector.routing import RoutingPolicy
from connector.settings import Settings

if TYPE_CHECKING:
    from connector.llm.claude import ClaudeClassifier
    from connector.store import Store


@dataclass(frozen=True, slots=True)
class Connector:
    """Everything that a pass needs, connected."""

    helpdesk: Helpdesk
    classifier: ClaudeClassifier
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
    with ExitStack() as opened:
        store = opened.enter_context(open_store_of(settings, clock, read_only=dry_run))
        _check_role(store, role)
        helpdesk = helpdesk_on(store, settings, clock, observer, dry_run=dry_run)
        groups = helpdesk.groups()
        routing = resolve_routing(settings, groups)
        inbox = resolve_inbox(settings, groups)
        books = opened.enter_context(books_on(store, settings, clock, dry_run=dry_run))
        ledger = books.ledger
        classifier = open_classifier(settings)
        opened.callback(classifier.close)
        tune()
        stages = _stages(settings, clock, observer, _Parts(helpdesk, classifier, books, routing, inbox))
        yield Connector(helpdesk, classifier, ledger, replace(stages, role=role))


def _check_role(store: Store, role: Role) -> None:
    """A SQLite file belongs to one process, and that one has to do everything."""
    if role is not Role.ALL and not store.is_shared:
        raise SettingsError(
            f"--role {role} needs other processes on the same database, and a SQLite file has only one; "
            "leave --role out, or point [store] url at PostgreSQL"
        )


@dataclass(frozen=True, slots=True)
class _Parts:
    helpdesk: Helpdesk
    classifier: ClaudeClassifier
    books: Books
    routing: RoutingPolicy
    inbox: frozenset[str]


def _stages(settings: Settings, clock: Clock, observer: Observer, parts: _Parts) -> Stages:
    helpdesk, ledger, eraser = parts.helpdesk, parts.books.ledger, parts.books.eraser
    lookback = timedelta(hours=settings.helpdesk.lookback_hours)
    breaker = Breaker("claude", clock, observer)
    desk = Desk(ledger, parts.classifier, breaker, clock, observer, max_tries=settings.llm.max_tries)
    write = settings.write
    may_write = WritePolicy(parts.inbox, write.group, write.priority, write.note, routing=parts.routing)
    hears_replies = settings.material_change.enabled
    cascade = build_cascade(settings, parts.routing)
    look = LookPolicy(settings.material_change.ask_model, settings.llm.max_text_chars, hears_replies)
    name = settings.helpdesk.ledger_name
    return Stages(
        intake=Intake(helpdesk, ledger, clock, observer, IntakePolicy(parts.inbox, lookback, hears_replies)),
        triage=Triage(
            name,
            helpdesk,
            desk,
            cascade,
            TriageLimits(
                workers=settings.llm.workers,
                max_attempts=settings.triage.max_attempts,
                max_wait_seconds=60 * settings.llm.max_wait_minutes,
                max_text_chars=settings.llm.max_text_chars,
                repeat_within=timedelta(hours=settings.signals.repeat_hours),
            ),
            SecondLook(name, helpdesk, desk, cascade, look),
        ),
        write_back=WriteBack(helpdesk, ledger, clock, observer, may_write),
        ledger=ledger,
        clock=clock,
        write_from=min(WRITE_FROM, helpdesk.capabilities.bulk_size),
        retention=Retention(eraser, clock, observer, settings.privacy.keep()) if eraser else None,
    )
