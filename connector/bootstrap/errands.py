"""What people ask for by hand: taking writes back, and putting back what failed."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass

from connector.bootstrap.books import given_back, open_store_of, worker_name
from connector.bootstrap.upstreams import helpdesk_on, open_helpdesk
from connector.pipeline.retry import Retry
from connector.pipeline.undo import Selection, Undo
from connector.policy import groups_that_tell, resolve_inbox, resolve_routing
from connector.ports import Clock, Helpdesk, Ledger, Observer
from connector.quality.harvest import Map, Memory, map_teams
from connector.settings import Settings


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

    name, worker = settings.helpdesk.ledger_name, worker_name()
    with open_store_of(settings, clock, read_only=dry_run) as store:
        helpdesk = helpdesk_on(store, settings, clock, observer, dry_run=dry_run)
        groups = {group.id: group.name for group in helpdesk.groups()}
        queue = store.undos(name, worker)
        found = queue.look(chosen)
        if dry_run:
            undo = Undo(helpdesk, RehearsedUndos(found, clock), clock, observer)
            yield Undoing(undo, None, len(found), groups)
            return
        ledger = store.ledger(name, worker)
        with given_back(ledger):
            yield Undoing(Undo(helpdesk, queue, clock, observer), ledger, len(found), groups)


@contextmanager
def open_retry(settings: Settings, clock: Clock, *, rehearsal: bool = False) -> Iterator[Retry]:
    """What puts parked tickets back; a rehearsal can look while a service owns the database.

    Raises SettingsError, AuthRefused, Unavailable, StoreInUse or StoreUnusable.
    """
    with open_store_of(settings, clock, read_only=rehearsal) as store:
        helpdesk = open_helpdesk(settings, clock, dry_run=True)  # it reads; the stages will write
        inbox = resolve_inbox(settings, helpdesk.groups())
        yield Retry(helpdesk, store.shelf(settings.helpdesk.ledger_name), inbox, rehearsal=rehearsal)


@dataclass(frozen=True, slots=True)
class Labelling:
    """Everything that labels from solved tickets need, connected; it only reads."""

    helpdesk: Helpdesk
    memory: Memory
    where: Map


@contextmanager
def open_labelling(settings: Settings, clock: Clock) -> Iterator[Labelling]:
    """The helpdesk and what the ledger knows of it, also while a service owns the database.

    Raises SettingsError, AuthRefused, Unavailable or StoreUnusable.
    """
    name = settings.helpdesk.ledger_name
    with open_store_of(settings, clock, read_only=True) as store:
        helpdesk = open_helpdesk(settings, clock, dry_run=True)
        groups = helpdesk.groups()
        routing, inbox = resolve_routing(settings, groups), resolve_inbox(settings, groups)
        memory = Memory(store.ledger(name, worker_name()).history, store.eraser(name).barred)
        telling = groups_that_tell(settings, routing)
        yield Labelling(helpdesk, memory, map_teams(telling, inbox, settings.tags.prefix))
