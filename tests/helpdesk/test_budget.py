"""The rate budget: below the limit, never into it."""

from __future__ import annotations

import pytest

from connector.clock import ManualClock
from connector.errors import RateLimited, Unavailable
from connector.helpdesk.budget import RateBudget
from connector.helpdesk.zendesk.limits import limit_policy

EXPORT = ("GET", "/api/v2/incremental/tickets/cursor.json")
UPDATE = ("PUT", "/api/v2/tickets/1")
READ = ("GET", "/api/v2/tickets/1")


@pytest.fixture
def budget(clock: ManualClock) -> RateBudget:
    return RateBudget(clock, limit_policy(), share=0.8, assume_documented=True)


@pytest.fixture
def unlimited(clock: ManualClock) -> RateBudget:
    return RateBudget(clock, limit_policy(), share=0.8, assume_documented=False)


def use(budget: RateBudget, request: tuple[str, str], times: int) -> None:
    for _ in range(times):
        budget.wait(*request)


def test_the_share_of_the_documented_limit_is_used_at_once_and_then_waited_for(
    budget: RateBudget, clock: ManualClock
) -> None:
    use(budget, EXPORT, 8)
    at_once = clock.monotonic()
    use(budget, EXPORT, 1)

    assert at_once == 0
    assert clock.monotonic() == pytest.approx(60)


def test_no_minute_ever_holds_more_requests_than_the_share(budget: RateBudget, clock: ManualClock) -> None:
    times = []
    for _ in range(300):
        budget.wait(*UPDATE)
        times.append(clock.monotonic())
        clock.advance(0.3)

    assert max(sum(start <= each < start + 60 for each in times) for start in times) == 80


def test_updates_do_not_wait_for_exports(budget: RateBudget, clock: ManualClock) -> None:
    use(budget, EXPORT, 8)
    use(budget, UPDATE, 80)

    assert clock.monotonic() == 0


def test_a_server_that_tells_no_limit_is_never_waited_for(unlimited: RateBudget, clock: ManualClock) -> None:
    use(unlimited, EXPORT, 500)
    unlimited.learn(*EXPORT, {"content-type": "application/json"})
    use(unlimited, EXPORT, 500)

    assert clock.monotonic() == 0


def test_once_a_server_tells_a_limit_the_documented_ones_hold_too(
    unlimited: RateBudget, clock: ManualClock
) -> None:
    unlimited.learn(*READ, {"x-rate-limit": "700", "x-rate-limit-remaining": "699"})

    use(unlimited, EXPORT, 9)

    assert clock.monotonic() == pytest.approx(60)


@pytest.mark.parametrize(
    "headers",
    [
        {"ratelimit-limit": "700", "ratelimit-remaining": "140", "ratelimit-reset": "43"},
        {"rate-limit-limit": "700", "rate-limit-remaining": "0", "rate-limit-reset": "43"},
    ],
)
def test_when_others_use_the_account_up_we_wait_until_it_resets(
    budget: RateBudget, clock: ManualClock, headers: dict[str, str]
) -> None:
    budget.learn(*READ, headers)

    budget.wait(*READ)

    assert clock.monotonic() == pytest.approx(43)


@pytest.mark.parametrize("name", ["zendesk-ratelimit-tickets-update", "Zendesk-Rate-Limit-Tickets-Update"])
def test_a_named_limit_is_learnt_in_both_spellings(budget: RateBudget, clock: ManualClock, name: str) -> None:
    budget.learn(*UPDATE, {name: "total=20; remaining=4; resets=19"})

    budget.wait(*UPDATE)

    assert clock.monotonic() == pytest.approx(19)


def test_a_larger_limit_is_used(budget: RateBudget, clock: ManualClock) -> None:
    budget.learn(*UPDATE, {"zendesk-ratelimit-tickets-update": "total=300; remaining=299; resets=59"})

    use(budget, UPDATE, 240)

    assert clock.monotonic() == 0


def test_the_limit_per_ticket_stops_no_other_ticket(budget: RateBudget, clock: ManualClock) -> None:
    budget.learn(*UPDATE, {"zendesk-ratelimit-per-ticket-updates": "total=30; remaining=0; resets=468"})

    budget.wait(*UPDATE)

    assert clock.monotonic() == 0


@pytest.mark.parametrize(
    "value", ["", "total=x", "total=0; remaining=0", "total=5; remaining=1; resets=-1", "5"]
)
def test_a_header_that_makes_no_sense_is_ignored(budget: RateBudget, clock: ManualClock, value: str) -> None:
    budget.learn(*UPDATE, {"zendesk-ratelimit-tickets-update": value, "x-rate-limit": value})

    budget.wait(*UPDATE)

    assert clock.monotonic() == 0


def test_a_refusal_for_long_is_raised_at_once_instead_of_slept(
    budget: RateBudget, clock: ManualClock
) -> None:
    budget.pause(*UPDATE, 600)

    with pytest.raises(RateLimited) as raised:
        budget.wait(*UPDATE)

    assert raised.value.retry_after_seconds == pytest.approx(600)
    assert clock.monotonic() == 0


def test_asked_to_stop_while_waiting_it_raises(budget: RateBudget, clock: ManualClock) -> None:
    use(budget, EXPORT, 8)
    clock.stop()

    with pytest.raises(Unavailable, match="asked to stop"):
        budget.wait(*EXPORT)
