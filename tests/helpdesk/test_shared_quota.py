"""Replicas on one PostgreSQL share the account's limits: together they never run into them."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, closing
from datetime import timedelta
from random import Random
from typing import Any

import pytest
from sqlalchemy import make_url, text

from connector.breaker import Breaker
from connector.clock import ManualClock, SystemClock
from connector.domain.decision import Change, Outcome
from connector.domain.ticket import Ticket
from connector.errors import RateLimited, Unavailable
from connector.helpdesk.zendesk import ZendeskHelpdesk, connect_zendesk
from connector.ports import Clock, Event
from connector.sandbox.faults import Fault, too_many_requests
from connector.sandbox.server import App, Request, Response
from connector.sandbox.zendesk_api import ZendeskSandbox
from connector.store import Store, open_store
from tests.support.postgres import Schema, keep_time
from tests.support.team_clock import TeamClock

LIMITS = {"account": 100, "incremental": 10, "tickets-update": 25}
SHARED_BY = 4
Replica = Callable[..., ZendeskHelpdesk]


@pytest.fixture
def opened() -> Iterator[ExitStack]:
    with ExitStack() as stack:
        yield stack


def replica(
    opened: ExitStack, url: str, account: ZendeskSandbox, clock: Clock, *, shares: bool = True, **more: Any
) -> ZendeskHelpdesk:
    """One more process: an engine, a transport and a token of its own."""
    store = opened.enter_context(closing(open_store(url, clock=clock)))
    if isinstance(clock, ManualClock):
        keep_time(store, clock)
    zendesk = connect_zendesk(
        name="zendesk",
        base_url=account.url,
        clock=clock,
        client_id=account.credentials.client_id,
        client_secret=account.credentials.client_secret,
        random=Random(1),  # noqa: S311 - jitter, not secrets
        quota=store.quota("zendesk") if shares else None,
        **more,
    )
    opened.callback(zendesk.close)
    return zendesk


def work(zendesk: ZendeskHelpdesk, ticket: str, group: str, clock: TeamClock, seed: int) -> None:
    """Five busy minutes: polls, reads and writes in any order, with pauses in between."""
    random = Random(seed)  # noqa: S311 - chance, not secrets
    seen = zendesk.fetch([ticket])[ticket]
    assert isinstance(seen, Ticket)
    changes = [Change(f"d-{seed}", seen, group=group, add_tags=("ai_billing",))]
    requests: list[Callable[[], Any]] = [
        lambda: list(zendesk.pages(None, clock.now() - timedelta(hours=1))),
        lambda: zendesk.fetch([ticket]),
        lambda: list(zendesk.apply(changes)),
    ]
    try:
        while clock.monotonic() < 300:
            random.choices(requests, (1, 6, 2))[0]()
            clock.sleep(random.choice((0, 0, 0, 0.4, 1.5)))
    finally:
        clock.leave()


def busy_minutes(url: str, *, shares: bool) -> ZendeskSandbox:
    """The account after several replicas have worked hard, all beginning at once."""
    clock = TeamClock(SHARED_BY)
    with (
        ZendeskSandbox(clock.timestamp, rate_limits=LIMITS | {"per-ticket-updates": 10_000}) as account,
        ExitStack() as opened,
    ):
        ticket = str(account.create_ticket("Charged twice", "…", created_at=clock.timestamp() - 300))
        group = str(account.add_group("Billing"))
        replicas = [replica(opened, url, account, clock, shares=shares) for _ in range(SHARED_BY)]
        with ThreadPoolExecutor(SHARED_BY) as threads:
            done = [
                threads.submit(work, each, ticket, group, clock, seed) for seed, each in enumerate(replicas)
            ]
        for each in done:
            if shares or not isinstance(each.exception(), Unavailable):
                each.result()
        return account


def most_in_a_minute(account: ZendeskSandbox, concerns: Callable[[str, str], bool]) -> int:
    """By the account's own record, over every span of 60 seconds."""
    times = [served.at for served in account.requests if concerns(served.method, served.path)]
    return max(sum(start <= each < start + 60 for each in times) for start in times)


def test_four_replicas_use_the_share_of_one_in_any_minute_and_are_never_refused(postgres: Schema) -> None:
    account = busy_minutes(postgres.url, shares=True)

    exports = most_in_a_minute(account, lambda _, path: "/incremental/" in path)
    updates = most_in_a_minute(account, lambda method, _: method == "PUT")
    others = most_in_a_minute(
        account, lambda _, path: "/incremental/" not in path and path.startswith("/api/")
    )
    assert account.limits.refusals == 0
    assert (exports, updates) == (8, 20)
    assert 70 <= others <= 80


def test_replicas_that_count_alone_are_refused(postgres: Schema) -> None:
    account = busy_minutes(postgres.url, shares=False)

    assert account.limits.refusals > 0


_REPLICA = """
import sys
from connector.clock import SystemClock
from connector.errors import Unavailable
from connector.helpdesk.zendesk import connect_zendesk
from connector.store import open_store
clock = SystemClock()
store = open_store(sys.argv[1], clock=clock)
zendesk = connect_zendesk(name="zendesk", base_url=sys.argv[2], clock=clock, client_id="connector",
    client_secret="sandbox-secret", quota=store.quota("zendesk"))
zendesk.check()
print("ready", flush=True)
sys.stdin.readline()
clock.stop()  # from here on it gives up instead of waiting
try:
    while True:
        zendesk.fetch(["1"])
except Unavailable as error:
    print(error)
"""


def test_four_processes_that_begin_together_send_no_more_than_one_may(postgres: Schema) -> None:
    with ExitStack() as running, ZendeskSandbox(rate_limits={"account": 100}) as account:
        command = [sys.executable, "-c", _REPLICA, postgres.url, account.url]
        processes = [
            running.enter_context(
                subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
            )
            for _ in range(SHARED_BY)
        ]
        ready = [each.stdout.readline().strip() for each in processes if each.stdout]
        for each in processes:
            if each.stdin:
                each.stdin.write("go\n")
                each.stdin.flush()
        said = [each.communicate(timeout=60)[0] for each in processes]
        asked = sum(served.path.startswith("/api/") for served in account.requests)

    assert ready == ["ready"] * SHARED_BY
    assert all("asked to stop while waiting" in words for words in said)
    assert account.limits.refusals == 0
    assert 50 <= asked <= 80  # a process may be left with a block of permits, and a slow one loses some


def test_a_refusal_that_one_replica_gets_pauses_the_others(
    postgres: Schema, clock: ManualClock, opened: ExitStack
) -> None:
    account = opened.enter_context(ZendeskSandbox(clock.timestamp, rate_limits=False))
    refused, other = (replica(opened, postgres.url, account, clock) for _ in range(2))
    account.faults.add(Fault(too_many_requests("45"), path="^/api/"))

    with pytest.raises(RateLimited):
        refused.fetch(["1"])
    at = clock.monotonic()
    other.fetch(["1"])

    assert clock.monotonic() - at == pytest.approx(45)
    assert account.requests[-1].status == 404


# --- The database fails -----------------------------------------------------------------------------------


@pytest.fixture
def impatient(postgres: Schema) -> str:
    """The same place for sessions that soon give up waiting for a lock."""
    url = make_url(postgres.url)
    options = f"{url.query['options']} -clock_timeout=100"
    return url.update_query_dict({"options": options}).render_as_string(hide_password=False)


@pytest.fixture
def admin(postgres: Schema, opened: ExitStack) -> Store:
    return opened.enter_context(closing(open_store(postgres.url, clock=SystemClock())))


HOLD = text("LOCK TABLE rate_budgets IN ACCESS EXCLUSIVE MODE")


def test_without_the_database_nothing_is_sent_and_the_helpdesk_is_not_to_blame(
    impatient: str, admin: Store, clock: ManualClock, opened: ExitStack
) -> None:
    told: list[Event] = []
    account = opened.enter_context(ZendeskSandbox(clock.timestamp))
    zendesk = replica(
        opened, impatient, account, clock, breaker=Breaker("zendesk", clock, told.append, threshold=1)
    )
    zendesk.check()
    before = len(account.requests)

    with admin.database.write("test") as tx:
        tx.execute(HOLD)
        clock.advance(3)  # permits that were leased before are void
        with pytest.raises(Unavailable, match=r"the database .* is not reachable"):
            zendesk.groups()

    assert len(account.requests) == before
    assert told == []
    assert zendesk.check().role == "admin"


def test_an_answer_is_not_lost_when_its_limits_cannot_be_stored(
    impatient: str, admin: Store, clock: ManualClock, opened: ExitStack
) -> None:
    account = opened.enter_context(ZendeskSandbox(clock.timestamp))
    group = account.add_group("Billing")
    ticket = str(account.create_ticket("Charged twice", "…", created_at=clock.timestamp() - 300))
    zendesk = replica(opened, impatient, account, clock)
    seen = zendesk.fetch([ticket])[ticket]
    assert isinstance(seen, Ticket)
    holding = opened.enter_context(ExitStack())

    def lock_out(request: Request, app: App) -> Response:
        """Between the permit and the answer, which tells the limit of updates for the first time."""
        holding.enter_context(admin.database.write("test")).execute(HOLD)
        return app(request)

    account.faults.add(Fault(lock_out, method="PUT"))
    (applied,) = zendesk.apply([Change("d-1", seen, group=str(group), add_tags=("ai_billing",))])

    assert len(account.faults.fired) == 1
    assert applied.outcome is Outcome.APPLIED
