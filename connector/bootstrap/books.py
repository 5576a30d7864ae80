"""The database that the settings name, and what reads and writes it."""

from __future__ import annotations

import os
import secrets
import socket
from collections.abc import Iterator
from contextlib import closing, contextmanager, suppress
from dataclasses import dataclass
from typing import TYPE_CHECKING

from connector.errors import ConnectorError
from connector.ports import Clock, Eraser, Event, Ledger, Observer
from connector.settings import Settings

if TYPE_CHECKING:
    from connector.store import Reports, SchemaState, Spending, SqlEraser, SqlLabels, Store

_POLLS_PER_LEASE = 3  # so many polls in a row may be missed before another process polls
_LEAST_POLL_LEASE_SECONDS = 60.0  # a single page may take that long


def _nobody(_event: Event) -> None:
    """Hears nothing."""


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
        open_store_of(settings, clock, read_only=dry_run) as store,
        books_on(store, settings, clock, dry_run=dry_run) as books,
    ):
        yield books


def open_store_of(settings: Settings, clock: Clock, *, read_only: bool) -> closing[Store]:
    from connector.store import open_store

    return closing(open_store(settings.store.url.get_secret_value(), clock=clock, read_only=read_only))


@contextmanager
def books_on(
    store: Store, settings: Settings, clock: Clock, *, dry_run: bool, observer: Observer = _nobody
) -> Iterator[Books]:
    """``observer`` hears when the day's budget is nearly spent, and when it is."""
    from connector.store import open_store, overlay

    helpdesk, worker = settings.helpdesk.ledger_name, worker_name()
    budget, own = settings.budget.daily(), settings.own_budget()
    if dry_run:
        with closing(open_store("sqlite://", clock=clock)) as scratch:
            yield Books(
                overlay(store, scratch, helpdesk, worker, budget=budget, own=own, tell=observer), None
            )
    else:
        with live_books_on(store, settings, spending_of(settings, observer)) as books:
            yield books


@contextmanager
def live_books_on(store: Store, settings: Settings, spending: Spending | None) -> Iterator[Books]:
    """The same, never for a dry run; ``spending`` may watch over several ledgers of this database."""
    helpdesk = settings.helpdesk.ledger_name
    polling = max(_POLLS_PER_LEASE * settings.poll.interval_seconds, _LEAST_POLL_LEASE_SECONDS)
    ours = store.ledger(helpdesk, worker_name(), poll_lease_seconds=polling, spending=spending)
    with given_back(ours) as ledger:
        yield Books(ledger, store.eraser(helpdesk))


def spending_of(settings: Settings, observer: Observer) -> Spending | None:
    """Who watches over the day's budget, and over the helpdesk's own within it; None without either."""
    from connector.store import Spending

    budget = settings.budget.daily()
    return own_spending(settings, observer, None if budget is None else Spending(budget, observer))


def own_spending(settings: Settings, observer: Observer, within: Spending | None) -> Spending | None:
    """Who watches over the helpdesk's own budget and ``within``, which may be that of several helpdesks."""
    from connector.store import Spending

    own = settings.own_budget()
    return within if own is None else Spending(own, observer, settings.helpdesk.ledger_name, within)


def worker_name() -> str:
    """A name that no other process uses."""
    return f"{socket.gethostname()}:{os.getpid()}:{secrets.token_hex(3)}"


@contextmanager
def given_back(ledger: Ledger) -> Iterator[Ledger]:
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
    with open_store_of(settings, clock, read_only=read_only) as store:
        yield store.eraser(settings.helpdesk.ledger_name)


@contextmanager
def open_labels(settings: Settings, clock: Clock, *, read_only: bool = False) -> Iterator[SqlLabels]:
    """The labels of the configured helpdesk; read-only also while a service owns the database."""
    with open_store_of(settings, clock, read_only=read_only) as store:
        yield store.labels(settings.helpdesk.ledger_name)


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
    with open_store_of(settings, clock, read_only=True) as store:
        yield store.reports()
