"""The spare budget leaves the limits to other requests, of this process and of all."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import ExitStack, closing

import pytest

from connector.clock import ManualClock
from connector.errors import RateLimited
from connector.helpdesk.budget import RateBudget
from connector.helpdesk.quota import MemoryQuota, Quota
from connector.helpdesk.spare import SpareBudget
from connector.helpdesk.zendesk.limits import limit_policy
from connector.store import open_store
from tests.support.postgres import keep_time

LIST = ("GET", "/api/v2/tickets")
READ = ("GET", "/api/v2/tickets/1")
NewQuota = Callable[[], Quota]


@pytest.fixture(params=["memory", "postgresql"])
def new_quota(request: pytest.FixtureRequest, clock: ManualClock) -> Iterator[NewQuota]:
    """The quota of one more process; in memory there is only one."""
    alone = MemoryQuota(clock)
    with ExitStack() as opened:

        def another() -> Quota:
            if request.param == "memory":
                return alone
            store = opened.enter_context(
                closing(open_store(request.getfixturevalue("postgres").url, clock=clock))
            )
            keep_time(store, clock)
            return store.quota("zendesk")

        yield another


def budgets(quota: Quota, clock: ManualClock) -> tuple[RateBudget, SpareBudget]:
    """Of one process: 80 and 20 of 100 requests a minute."""
    policy = limit_policy()
    whole = RateBudget(clock, policy, share=0.8, assume_documented=False, quota=quota)
    quota.limit({"account": 100})
    return whole, SpareBudget(clock, policy, whole, quota, share=0.2)


def sent_by(spare: SpareBudget, clock: ManualClock, seconds: int) -> int:
    """How many looks go through, with one try a second."""
    count = 0
    for _ in range(seconds):
        try:
            spare.wait(*LIST)
            count += 1
        except RateLimited:
            pass
        clock.advance(1)
    return count


def test_alone_it_uses_its_share(new_quota: NewQuota, clock: ManualClock) -> None:
    _, spare = budgets(new_quota(), clock)

    assert sent_by(spare, clock, 50) == 20


def test_others_use_what_is_theirs_while_it_is_refused(new_quota: NewQuota, clock: ManualClock) -> None:
    whole, spare = budgets(new_quota(), clock)
    sent_by(spare, clock, 20)
    began = clock.monotonic()

    refused = sent_by(spare, clock, 1)
    for _ in range(55):
        whole.wait(*READ)

    assert refused == 0
    assert clock.monotonic() - began == 1


def test_it_sends_nothing_while_others_are_busy_also_in_another_process(
    new_quota: NewQuota, clock: ManualClock
) -> None:
    whole, _ = budgets(new_quota(), clock)
    _, spare = budgets(new_quota(), clock)
    for _ in range(40):
        whole.wait(*READ)

    busy = sent_by(spare, clock, 10)
    clock.advance(70)

    assert busy == 0
    assert sent_by(spare, clock, 5) == 5
