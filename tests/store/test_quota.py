"""The shared quota: whatever several processes lease together, a minute never holds more than the limit."""

from __future__ import annotations

from random import Random
from typing import Any

import pytest

from connector.clock import ManualClock
from connector.errors import StoreUnusable
from connector.store import Store
from connector.store.permits import Tally
from connector.store.quota import SqlQuota

EXPORTS, ACCOUNT = ("exports",), ("account",)


@pytest.fixture
def replicas(store: Store) -> list[SqlQuota]:
    """Four processes at one helpdesk, and one at another."""
    return [store.quota("desk") for _ in range(4)]


def burst(quota: SqlQuota, buckets: tuple[str, ...], times: int, share: float = 0.8) -> int:
    """How many of so many requests may be sent at once."""
    return sum(quota.take(buckets, share) == 0 for _ in range(times))


def most_in_a_minute(times: list[float]) -> int:
    return max(sum(start <= each < start + 60 for each in times) for start in times)


def test_replicas_that_start_together_have_the_share_of_one(replicas: list[SqlQuota]) -> None:
    for quota in replicas:
        quota.limit({"exports": 10}, assumed=True)

    assert sum(burst(quota, EXPORTS, 8) for quota in replicas) == 8


@pytest.mark.parametrize("limit", [10, 100, 700])
def test_no_minute_holds_more_than_the_share_whoever_asks_when(
    replicas: list[SqlQuota], clock: ManualClock, limit: int
) -> None:
    random, sent = Random(limit), list[float]()  # noqa: S311 - chance, not secrets
    replicas[0].limit({"account": limit})

    for _ in range(16 * limit):
        quota = random.choice(replicas)
        if quota.take(ACCOUNT, 0.8) == 0:
            sent.append(clock.monotonic())
        clock.advance(random.choice((0, 0, 0.05, 0.9)) * 60 / limit)

    assert most_in_a_minute(sent) <= int(0.8 * limit)
    assert len(sent) > 2 * 0.8 * limit  # of three minutes and a half


def test_a_wait_is_as_long_as_it_says_and_never_much_longer_than_a_minute(
    replicas: list[SqlQuota], clock: ManualClock
) -> None:
    first, second, *_ = replicas
    first.limit({"exports": 10})
    burst(first, EXPORTS, 8)

    wait = second.take(EXPORTS, 0.8)
    clock.advance(wait - 0.002)
    too_soon = second.take(EXPORTS, 0.8)
    clock.advance(0.002)

    assert 60 < wait <= 64
    assert too_soon > 0
    assert second.take(EXPORTS, 0.8) == 0


def test_what_a_killed_replica_had_leased_is_free_with_its_minute(
    store: Store, replicas: list[SqlQuota], clock: ManualClock
) -> None:
    killed, heir, *_ = replicas
    killed.limit({"account": 100})
    burst(killed, ACCOUNT, 20)

    before = burst(heir, ACCOUNT, 100)
    clock.advance(64)

    assert 80 - 24 <= before <= 80 - 20
    assert burst(store.quota("desk"), ACCOUNT, 100) == 80


def test_a_burst_costs_few_transactions_and_a_trickle_leases_no_more_than_it_uses(
    replicas: list[SqlQuota], clock: ManualClock, crash: Any
) -> None:
    hasty, slow, *_ = replicas
    seen: list[str] = crash.seen
    hasty.limit({"account": 1000})
    seen.clear()

    sent = burst(hasty, ACCOUNT, 500)
    leases = seen.count("lease_permits.committed")
    clock.advance(64)
    for _ in range(20):
        slow.take(ACCOUNT, 0.8)
        clock.advance(3)

    assert sent == 500
    assert leases <= 18  # blocks of 1, 2, 4, 8, 16, 32 and then 40
    assert burst(hasty, ACCOUNT, 1000) == 800 - 20


def test_a_request_counts_in_all_of_its_buckets_or_in_none(replicas: list[SqlQuota]) -> None:
    quota = replicas[0]
    quota.limit({"updates": 5, "account": 50})

    both = burst(quota, ("account", "updates"), 30, share=1)

    assert both == 5
    assert burst(quota, ACCOUNT, 100, share=1) >= 50 - 5 - 1


def test_another_helpdesk_has_limits_of_its_own(store: Store, replicas: list[SqlQuota]) -> None:
    other = store.quota("other")
    for quota in (other, replicas[0]):
        quota.limit({"exports": 10})

    assert [burst(quota, EXPORTS, 20) for quota in (other, replicas[0])] == [8, 8]


def test_a_limit_and_a_closure_that_one_learns_hold_for_the_others(
    replicas: list[SqlQuota], clock: ManualClock
) -> None:
    told, untold, *_ = replicas
    told.limit({"exports": 5, "updates": 100})
    told.close("updates", 30)

    exports = burst(untold, EXPORTS, 20)
    wait = untold.take(("updates",), 0.8)
    clock.advance(wait)

    assert exports == 4
    assert wait == pytest.approx(30)
    assert untold.take(("updates",), 0.8) == 0


def test_who_holds_permits_stops_two_seconds_after_another_one_was_refused(
    replicas: list[SqlQuota], clock: ManualClock
) -> None:
    busy, refused, *_ = replicas
    busy.limit({"account": 700})
    burst(busy, ACCOUNT, 50)
    refused.close("account", 30)

    clock.advance(2)

    assert busy.take(ACCOUNT, 0.8) == pytest.approx(28)


def test_a_limit_that_was_told_is_stronger_than_the_documented_one(replicas: list[SqlQuota]) -> None:
    told, assuming, *_ = replicas
    told.limit({"updates": 20})
    assuming.limit({"updates": 100}, assumed=True)

    assert burst(assuming, ("updates",), 50) == 16


def test_a_higher_limit_ends_the_wait_for_the_lower_one(replicas: list[SqlQuota]) -> None:
    quota = replicas[0]
    quota.limit({"exports": 10}, assumed=True)
    burst(quota, EXPORTS, 9)
    quota.limit({"exports": 30})

    assert burst(quota, EXPORTS, 30) == 24 - 8


def test_without_any_limit_nobody_waits_and_what_was_sent_counts_later(replicas: list[SqlQuota]) -> None:
    first, second, *_ = replicas
    free = burst(first, EXPORTS, 8)
    second.limit({"exports": 10})

    assert free == 8
    assert burst(second, EXPORTS, 1) == 0


def test_a_wall_clock_that_jumps_on_a_replica_gives_it_nothing(
    replicas: list[SqlQuota], clock: ManualClock
) -> None:
    replicas[0].limit({"exports": 10})
    burst(replicas[0], EXPORTS, 8)

    clock.jump(3600)

    assert all(quota.take(EXPORTS, 0.8) > 60 for quota in replicas)


def test_a_database_clock_that_was_set_back_makes_nobody_wait_longer() -> None:
    now = 1_793_606_400_000
    before = Tally(10, now + 7_200_000, ((now // 1000 + 3600, 8),))

    tally = before.at(now)

    assert tally.granted == ((now // 1000, 8),)
    assert tally.wait_ms(now, 0.8) == 3_600_000
    assert Tally(10, 0, before.granted).at(now).wait_ms(now, 0.8) == 64_000


def test_a_database_that_fails_gives_no_permit_and_swallows_no_answer(
    store: Store, replicas: list[SqlQuota]
) -> None:
    quota = replicas[0]
    with store.database.write("test") as tx:
        tx.exec_driver_sql("ALTER TABLE rate_budgets RENAME TO gone")

    quota.limit({"exports": 10})
    quota.close("account", 30)

    assert quota.take(ACCOUNT, 0.8) == pytest.approx(30)  # what this process learnt still holds here
    with pytest.raises(StoreUnusable):
        quota.take(EXPORTS, 0.8)
