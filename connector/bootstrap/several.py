"""Several helpdesks in one process: one database and one Claude, and stages of its own for each of them."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, replace
from threading import BoundedSemaphore
from typing import TYPE_CHECKING

from connector.bootstrap.books import live_books_on, open_store_of, own_spending, spending_of
from connector.bootstrap.examples import NO_EXAMPLES, open_examples
from connector.bootstrap.local import current_local
from connector.bootstrap.reading import open_reader
from connector.bootstrap.upstreams import helpdesk_on
from connector.bootstrap.wiring import (
    Mind,
    Parts,
    build_stages,
    check_role,
    classifier_for,
    connect,
    tell_without_models,
)
from connector.breaker import Breaker
from connector.errors import ConnectorError
from connector.interpreter import tune
from connector.pipeline import whose
from connector.pipeline.leader import Leaders
from connector.pipeline.role import Role
from connector.pipeline.sync import Stages
from connector.policy import resolve_inbox, resolve_routing
from connector.ports import Classifier, Clock, Helpdesk, LocalModel, Observer
from connector.routing import RoutingPolicy
from connector.settings import Settings

if TYPE_CHECKING:
    from connector.store import Spending, Store


@dataclass(frozen=True, slots=True)
class _Account:
    """One of the helpdesks, its credentials proven and its groups found."""

    settings: Settings
    observer: Observer
    helpdesk: Helpdesk
    routing: RoutingPolicy
    inbox: frozenset[str]


@contextmanager
def connect_all(
    settings: Settings, clock: Clock, observer: Observer, *, role: Role = Role.ALL
) -> Iterator[tuple[Stages, ...]]:
    """The stages of every configured helpdesk, for a service; of a single one those of `connect`.

    They share the database, Claude with its breaker and ``[llm] workers``, and the local tier.  Raises as
    `connect`, and the message names the helpdesk; nothing is left open then.
    """
    each = settings.per_helpdesk()
    if len(each) == 1:
        with connect(each[0], clock, observer, role=role) as connector:
            yield (connector.stages,)
        return
    with ExitStack() as opened:
        store = opened.enter_context(open_store_of(settings, clock, read_only=False))
        check_role(store, role)
        accounts = [_account(store, one, clock, observer) for one in each]
        spending = spending_of(settings, observer)
        local = current_local(settings, observer)
        tell_without_models(settings, observer, has_local=local.look() is not None)
        minds = _Minds(settings, clock, observer, store, opened)
        tune()
        yield tuple(replace(minds.stages(account, local, spending), role=role) for account in accounts)


def _account(store: Store, settings: Settings, clock: Clock, observer: Observer) -> _Account:
    observer = whose.of(settings.one_of_several, observer)
    with naming(settings):
        helpdesk = helpdesk_on(store, settings, clock, observer, dry_run=False)
        groups = helpdesk.groups()
        routing, inbox = resolve_routing(settings, groups), resolve_inbox(settings, groups)
    return _Account(settings, observer, helpdesk, routing, inbox)


@contextmanager
def naming(settings: Settings) -> Iterator[None]:
    """Where there are several helpdesks, errors say which one they are about."""
    try:
        yield
    except ConnectorError as error:
        if settings.one_of_several:
            error.args = (f'helpdesk "{settings.one_of_several}": {error}',)
        raise


class _Minds:
    """One Claude for all; with [examples] each helpdesk has a prompt of its own labels, never another's."""

    def __init__(
        self, settings: Settings, clock: Clock, observer: Observer, store: Store, opened: ExitStack
    ) -> None:
        self._clock = clock
        self._store = store
        self._opened = opened
        self._breaker = Breaker("claude", clock, observer)
        self._seats = BoundedSemaphore(settings.llm.workers)
        self._reader = open_reader(settings, observer)
        self._leaders = Leaders(clock)
        self._shared: Classifier | None = None
        if not settings.examples.enabled:
            self._shared = opened.enter_context(classifier_for(settings, clock, observer, NO_EXAMPLES))

    def stages(self, account: _Account, local: LocalModel, spending: Spending | None) -> Stages:
        own = own_spending(account.settings, account.observer, spending)
        books = self._opened.enter_context(live_books_on(self._store, account.settings, own))
        examples, classifier, leaders = NO_EXAMPLES, self._shared, self._leaders
        if classifier is None:
            examples = open_examples(account.settings, self._store)
            of_its_own = classifier_for(account.settings, self._clock, account.observer, examples)
            classifier, leaders = self._opened.enter_context(of_its_own), Leaders(self._clock)
        mind = Mind(self._breaker, self._seats, leaders, self._reader)
        parts = Parts(
            account.helpdesk, classifier, local, books, account.routing, account.inbox, examples, mind=mind
        )
        return build_stages(account.settings, self._clock, account.observer, parts)
