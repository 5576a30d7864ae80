"""Wiring: settings in, a connected connector out.  The only place that names concrete classes."""

from __future__ import annotations

import os
import secrets
import socket
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, closing, contextmanager, suppress
from dataclasses import dataclass, replace
from datetime import timedelta
from typing import TYPE_CHECKING

from connector.breaker import Breaker
from connector.classify.prompt import build_prompt
from connector.domain.classification import Tier
from connector.errors import ConnectorError, SettingsError
from connector.interpreter import tune
from connector.pipeline.intake import Intake, IntakePolicy
from connector.pipeline.questions import Desk
from connector.pipeline.retention import Retention
from connector.pipeline.retry import Retry
from connector.pipeline.role import Role
from connector.pipeline.sync import WRITE_FROM, Stages
from connector.pipeline.triage import Triage, TriageLimits
from connector.pipeline.undo import Selection, Undo
from connector.pipeline.write_back import WriteBack, WritePolicy
from connector.policy import build_cascade, resolve_inbox, resolve_routing
from connector.ports import Clock, Eraser, Helpdesk, Ledger, Observer
from connector.routing import RoutingPolicy
from connector.settings import Settings

if TYPE_CHECKING:
    from pydantic import SecretStr

    from connector.helpdesk.quota import Quota
    from connector.helpdesk.zendesk import ZendeskHelpdesk
    from connector.llm.claude import ClaudeClassifier
    from connector.store import Reports, SchemaState, SqlEraser, Store


_POLLS_PER_LEASE = 3  # so many polls in a row may be missed before another process polls
_LEAST_POLL_LEASE_SECONDS = 60.0  # a single page may take that long


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
        store = opened.enter_context(_open_store(settings, clock, read_only=dry_run))
        _check_role(store, role)
        helpdesk = _helpdesk_on(store, settings, clock, observer, dry_run=dry_run)
        groups = helpdesk.groups()
        routing = resolve_routing(settings, groups)
        inbox = resolve_inbox(settings, groups)
        books = opened.enter_context(_books_on(store, settings, clock, dry_run=dry_run))
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
    return Stages(
        intake=Intake(helpdesk, ledger, clock, observer, IntakePolicy(parts.inbox, lookback)),
        triage=Triage(
            settings.helpdesk.ledger_name,
            helpdesk,
            desk,
            build_cascade(settings, parts.routing),
            TriageLimits(
                workers=settings.llm.workers,
                max_attempts=settings.triage.max_attempts,
                max_wait_seconds=60 * settings.llm.max_wait_minutes,
                max_text_chars=settings.llm.max_text_chars,
            ),
        ),
        write_back=WriteBack(helpdesk, ledger, clock, observer, may_write),
        ledger=ledger,
        clock=clock,
        write_from=min(WRITE_FROM, helpdesk.capabilities.bulk_size),
        retention=Retention(eraser, clock, observer, settings.privacy.keep()) if eraser else None,
    )


@dataclass(frozen=True, slots=True)
class Undoing:
    """Everything that an undo needs, connected; ``count`` writes were chosen.

    ``ledger`` is None in a dry run, which keeps nothing.  ``groups`` maps ids to names.
    """

    undo: Undo
    ledger: Ledger | None
    count: int
    groups: Mapping[str, str]

    @property
    def mode(self) -> str:
        return "dry_run" if self.ledger is None else "undo"


@contextmanager
def connect_undo(
    settings: Settings, clock: Clock, observer: Observer, chosen: Selection, *, dry_run: bool = False
) -> Iterator[Undoing]:
    """Open the database, prove the helpdesk's credentials, and wire an undo; no model is needed.

    Raises as `connect`; nothing is left open then.
    """
    from connector.store import RehearsedUndos

    name, worker = settings.helpdesk.ledger_name, _worker()
    with _open_store(settings, clock, read_only=dry_run) as store:
        helpdesk = _helpdesk_on(store, settings, clock, observer, dry_run=dry_run)
        groups = {group.id: group.name for group in helpdesk.groups()}
        queue = store.undos(name, worker)
        found = queue.look(chosen)
        if dry_run:
            undo = Undo(helpdesk, RehearsedUndos(found), clock, observer)
            yield Undoing(undo, None, len(found), groups)
            return
        ledger = store.ledger(name, worker)
        with _given_back(ledger):
            yield Undoing(Undo(helpdesk, queue, clock, observer), ledger, len(found), groups)


# --- The upstreams ----------------------------------------------------------------------------------------


def _helpdesk_on(
    store: Store, settings: Settings, clock: Clock, observer: Observer, *, dry_run: bool
) -> Helpdesk:
    """The helpdesk, its credentials proven; what it limits is shared with whoever shares the database."""
    helpdesk = open_helpdesk(
        settings,
        clock,
        dry_run=dry_run,
        breaker=Breaker(settings.helpdesk.kind, clock, observer),
        # Alone on a file there is nobody to share with; a dry run must not even leave a count.
        quota=store.quota(settings.helpdesk.ledger_name) if store.is_shared and not dry_run else None,
    )
    helpdesk.check()
    return helpdesk


def open_helpdesk(
    settings: Settings,
    clock: Clock,
    *,
    dry_run: bool = False,
    breaker: Breaker | None = None,
    quota: Quota | None = None,
) -> Helpdesk:
    """The configured helpdesk; in a dry run twice guarded against writing."""
    from connector.helpdesk.dry_run import DryRunHelpdesk

    helpdesk = _connect_helpdesk(settings, clock, read_only=dry_run, breaker=breaker, quota=quota)
    return DryRunHelpdesk(helpdesk) if dry_run else helpdesk


def find_requesters(settings: Settings, clock: Clock, email: str) -> tuple[str, ...]:
    """The helpdesk's ids of whoever has this e-mail address; nothing is written.

    Raises SettingsError, AuthRefused or Unavailable.
    """
    return _connect_helpdesk(settings, clock, read_only=True).requesters(email)


def _connect_helpdesk(
    settings: Settings,
    clock: Clock,
    *,
    read_only: bool,
    breaker: Breaker | None = None,
    quota: Quota | None = None,
) -> ZendeskHelpdesk:
    if settings.helpdesk.kind != "zendesk":
        raise SettingsError(f'helpdesk.kind = "{settings.helpdesk.kind}" is not available in this version')
    from connector.helpdesk.zendesk import connect_zendesk

    chosen = settings.helpdesk
    return connect_zendesk(
        name=chosen.ledger_name,
        base_url=str(chosen.base_url),
        clock=clock,
        client_id=chosen.client_id,
        client_secret=_reveal(chosen.client_secret),
        email=chosen.email,
        api_token=_reveal(chosen.api_token),
        read_only=read_only,
        support_type_scope=chosen.support_type_scope,
        tier_field=chosen.tier_field,
        arr_field=chosen.arr_field,
        tier_tags=chosen.tier_tags,
        ca_bundle=str(chosen.ca_bundle) if chosen.ca_bundle else None,
        proxy=_reveal(chosen.proxy),
        rate_share=chosen.rate_share,
        breaker=breaker,
        quota=quota,
    )


def open_classifier(settings: Settings) -> ClaudeClassifier:
    """Claude behind the configured taxonomy.  Raises SettingsError without a key."""
    from connector.llm.claude import ClaudeClassifier
    from connector.llm.pricing import Price
    from connector.llm.request import ModelSettings

    chosen = settings.llm
    key = _reveal(chosen.api_key)
    if key is None:
        raise SettingsError("no key for Claude: set ANTHROPIC_API_KEY or write it to secrets/llm__api_key")
    taxonomy = settings.taxonomy()
    tiers = {Tier.CHEAP: chosen.cheap, Tier.STRONG: chosen.strong}
    return ClaudeClassifier(
        api_key=key,
        base_url=chosen.base_url,
        models={
            tier: ModelSettings(each.model, each.max_tokens, each.effort, each.thinking)
            for tier, each in tiers.items()
        },
        prompt=build_prompt(taxonomy, business=chosen.business, instructions=chosen.instructions),
        taxonomy=taxonomy,
        prices=[
            Price(each.model, each.input, each.output, each.cache_write, each.cache_read, each.as_of)
            for each in chosen.prices
        ],
        call_seconds=chosen.call_seconds,
        connections=chosen.workers,
    )


# --- The ledger -------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Books:
    """A ledger, and what takes customers' words out of it; a dry run has nothing to erase."""

    ledger: Ledger
    eraser: Eraser | None


@contextmanager
def open_ledger(settings: Settings, clock: Clock, *, dry_run: bool = False) -> Iterator[Ledger]:
    """The ledger of the configured helpdesk; for a dry run one that forgets everything at the end."""
    with open_books(settings, clock, dry_run=dry_run) as books:
        yield books.ledger


@contextmanager
def open_books(settings: Settings, clock: Clock, *, dry_run: bool = False) -> Iterator[Books]:
    """The same with its eraser, on one connection to the database."""
    with (
        _open_store(settings, clock, read_only=dry_run) as store,
        _books_on(store, settings, clock, dry_run=dry_run) as books,
    ):
        yield books


def _open_store(settings: Settings, clock: Clock, *, read_only: bool) -> closing[Store]:
    from connector.store import open_store

    return closing(open_store(settings.store.url.get_secret_value(), clock=clock, read_only=read_only))


@contextmanager
def _books_on(store: Store, settings: Settings, clock: Clock, *, dry_run: bool) -> Iterator[Books]:
    from connector.store import open_store, overlay

    helpdesk, worker = settings.helpdesk.ledger_name, _worker()
    if dry_run:
        with closing(open_store("sqlite://", clock=clock)) as scratch:
            yield Books(overlay(store, scratch, helpdesk, worker), None)
    else:
        polling = max(_POLLS_PER_LEASE * settings.poll.interval_seconds, _LEAST_POLL_LEASE_SECONDS)
        with _given_back(store.ledger(helpdesk, worker, poll_lease_seconds=polling)) as ledger:
            yield Books(ledger, store.eraser(helpdesk))


def _worker() -> str:
    """A name that no other process uses."""
    return f"{socket.gethostname()}:{os.getpid()}:{secrets.token_hex(3)}"


@contextmanager
def _given_back(ledger: Ledger) -> Iterator[Ledger]:
    """At an orderly end, or after an error, other processes need not wait until our leases run out."""
    try:
        yield ledger
    except Exception:
        with suppress(ConnectorError):
            ledger.release()
        raise
    ledger.release()


@contextmanager
def open_eraser(settings: Settings, clock: Clock, *, read_only: bool = False) -> Iterator[SqlEraser]:
    """What forgets people; read-only it can look while a service owns the database."""
    with _open_store(settings, clock, read_only=read_only) as store:
        yield store.eraser(settings.helpdesk.ledger_name)


def schema_of(settings: Settings) -> SchemaState:
    """The schema that the database has (None: not created yet) and the one this version needs."""
    from connector.store import schema_state

    return schema_state(settings.store.url.get_secret_value())


def upgrade_store(settings: Settings) -> tuple[str | None, str]:
    """Bring the database to this version's schema; returns the revision before and after."""
    from connector.store import upgrade

    return upgrade(settings.store.url.get_secret_value())


@contextmanager
def open_reports(settings: Settings, clock: Clock) -> Iterator[Reports]:
    """The read side of the ledger, also while a service owns it."""
    with _open_store(settings, clock, read_only=True) as store:
        yield store.reports()


@contextmanager
def open_retry(settings: Settings, clock: Clock, *, rehearsal: bool = False) -> Iterator[Retry]:
    """What puts parked tickets back; a rehearsal can look while a service owns the database.

    Raises SettingsError, AuthRefused, Unavailable, StoreInUse or StoreUnusable.
    """
    from connector.store import open_store

    url = settings.store.url.get_secret_value()
    with closing(open_store(url, clock=clock, read_only=rehearsal)) as store:
        helpdesk = open_helpdesk(settings, clock, dry_run=True)  # it reads; the stages will write
        inbox = resolve_inbox(settings, helpdesk.groups())
        yield Retry(helpdesk, store.shelf(settings.helpdesk.ledger_name), inbox, rehearsal=rehearsal)


def _reveal(secret: SecretStr | None) -> str | None:
    return secret.get_secret_value() if secret else None
