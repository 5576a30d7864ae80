"""No call begins that the day's budget cannot bear, whatever restarts, races or is lost."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from datetime import UTC, datetime
from decimal import Decimal
from threading import Barrier
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from connector.clock import ManualClock
from connector.domain.budget import DailyBudget
from connector.domain.classification import Tier
from connector.domain.decision import Cause, Kind
from connector.errors import BudgetSpent
from connector.ports import Event, SubmissionClaim
from connector.store import Spending, SqlLedger, Store, open_store, overlay

RESERVE = Decimal("0.01")
Limited = Callable[..., SqlLedger]


@pytest.fixture
def told() -> list[Event]:
    return []


@pytest.fixture
def limited(store: Store, told: list[Event]) -> Limited:
    """A worker that starts now, with a budget in USD."""

    def start(usd: str, worker: str = "w1", zone: Any = UTC) -> SqlLedger:
        spending = Spending(DailyBudget(Decimal(usd), zone), told.append)
        return store.ledger("desk", worker, spending=spending)

    return start


def ask(ledger: SqlLedger, claim: SubmissionClaim, reserve: Decimal = RESERVE) -> int:
    return ledger.begin_call(claim, Tier.CHEAP, "cheap-1", reserve)


def pay(ledger: SqlLedger, desk: Any, cost: str, ticket: str) -> None:
    """One ticket is asked about, and the answer costs so much."""
    desk.arrive(ledger, ticket)
    claim = desk.claim(ledger)
    ledger.end_call(ask(ledger, claim), desk.answer(cost=cost))
    ledger.decide(claim, desk.decision(claim))


def names(told: list[Event]) -> list[str]:
    return [event.name for event in told]


def test_calls_in_flight_count_at_what_they_may_cost(
    limited: Limited, store: Store, clock: ManualClock, desk: Any
) -> None:
    ledger = limited("0.025")
    desk.arrive(ledger, "t1", "t2", "t3")
    first, second, third = ledger.claim_submissions(3)
    ask(ledger, first)
    ask(ledger, second)

    with pytest.raises(BudgetSpent, match=r"\$0.0200 spent, this one may cost \$0.0100"):
        ask(ledger, third)

    assert store.reports().spent_usd(clock.now()) == Decimal("0.02")


def test_a_call_that_ended_counts_at_what_it_cost(limited: Limited, desk: Any) -> None:
    ledger = limited("0.013")
    pay(ledger, desk, "0.001", "t1")
    pay(ledger, desk, "0.002", "t2")
    desk.arrive(ledger, "t3", "t4")
    third, fourth = ledger.claim_submissions(2)

    ask(ledger, third)

    with pytest.raises(BudgetSpent):
        ask(ledger, fourth, Decimal("0.000001"))


def test_a_call_in_flight_does_not_hide_what_later_ones_cost(limited: Limited, desk: Any) -> None:
    ledger = limited("0.0221")
    desk.arrive(ledger, "slow")
    slow = desk.claim(ledger)
    call = ask(ledger, slow)
    pay(ledger, desk, "0.001", "t1")
    pay(ledger, desk, "0.001", "t2")
    ledger.end_call(call, desk.answer(cost="0.01"))
    pay(ledger, desk, "0.0001", "t3")  # 0.012 were spent, and 0.01 could be
    desk.arrive(ledger, "t4")

    with pytest.raises(BudgetSpent):
        ask(ledger, desk.claim(ledger), Decimal("0.010001"))


def test_a_refused_call_leaves_nothing_and_an_error_costs_nothing(
    limited: Limited, store: Store, desk: Any
) -> None:
    ledger = limited("0.01")
    desk.arrive(ledger, "t1", "t2")
    first, second = ledger.claim_submissions(2)
    call = ask(ledger, first)
    with pytest.raises(BudgetSpent):
        ask(ledger, second)
    ledger.end_call(call, None, error="RateLimited")

    ask(ledger, second)

    (total,) = store.reports().totals().models
    assert (total.calls, total.cost_usd) == (2, RESERVE)


def test_a_lost_call_goes_on_counting_at_its_reserve(limited: Limited, clock: ManualClock, desk: Any) -> None:
    ledger = limited("0.02")
    desk.arrive(ledger, "t1")
    ask(ledger, desk.claim(ledger))
    clock.advance(181)
    again = desk.claim(ledger)
    ask(ledger, again)

    with pytest.raises(BudgetSpent):
        ask(ledger, again, Decimal("0.000001"))


def test_the_budget_outlives_a_restart(limited: Limited, desk: Any) -> None:
    stopped = limited("0.015")
    pay(stopped, desk, "0.01", "t1")
    desk.arrive(stopped, "t2")
    restarted = limited("0.015", "w2")

    with pytest.raises(BudgetSpent):
        ask(restarted, desk.claim(restarted))


@pytest.mark.parametrize(
    ("zone", "midnight"),
    [
        ("UTC", "2026-11-22T00:00"),
        ("Asia/Kolkata", "2026-11-21T18:30"),
        ("America/New_York", "2026-11-22T05:00"),
    ],
)
def test_a_new_day_begins_at_midnight_of_the_zone(
    limited: Limited, clock: ManualClock, desk: Any, zone: str, midnight: str
) -> None:
    begins = datetime.fromisoformat(midnight).replace(tzinfo=UTC)
    clock.jump((begins - clock.now()).total_seconds() - 1)
    ledger = limited("0.015", zone=ZoneInfo(zone))
    pay(ledger, desk, "0.01", "t1")
    desk.arrive(ledger, "t2")
    claim = desk.claim(ledger)

    with pytest.raises(BudgetSpent):
        ask(ledger, claim)
    clock.advance(1)

    ask(ledger, claim)


def test_a_call_that_began_yesterday_is_yesterdays(limited: Limited, clock: ManualClock, desk: Any) -> None:
    clock.jump((datetime(2026, 11, 21, 23, 59, 59, tzinfo=UTC) - clock.now()).total_seconds())
    ledger = limited("0.015")
    desk.arrive(ledger, "t1", "t2", "t3")
    first, second, third = ledger.claim_submissions(3)
    call = ask(ledger, first)
    clock.advance(1)
    ask(ledger, second)
    ledger.end_call(call, desk.answer(cost="0.01"))

    with pytest.raises(BudgetSpent):
        ask(ledger, third)
    ask(ledger, third, Decimal("0.005"))


def test_with_a_budget_of_zero_nothing_is_ever_paid(limited: Limited, desk: Any) -> None:
    ledger = limited("0")
    desk.arrive(ledger, "t1")

    with pytest.raises(BudgetSpent):
        ask(ledger, desk.claim(ledger), Decimal(0))


def test_workers_that_race_never_exceed_the_budget_and_use_all_of_it(limited: Limited, desk: Any) -> None:
    workers = [limited("0.07", f"w{number}") for number in range(2)]
    desk.arrive(workers[0], *(f"t{number}" for number in range(16)))
    claims = [(ledger, claim) for ledger in workers for claim in ledger.claim_submissions(8)]
    start = Barrier(len(claims), timeout=30)

    def race(mine: tuple[SqlLedger, SubmissionClaim]) -> bool:
        start.wait()
        try:
            ask(*mine)
        except BudgetSpent:
            return False
        return True

    with ThreadPoolExecutor(len(claims)) as pool:
        admitted = list(pool.map(race, claims))

    assert len(claims) == 16
    assert sum(admitted) == 7


def test_the_day_is_told_once_that_money_runs_out_and_once_that_it_has(
    limited: Limited, clock: ManualClock, desk: Any, told: list[Event]
) -> None:
    ledger = limited("0.05")
    for number in range(5):
        pay(ledger, desk, "0.009", f"t{number}")
    desk.arrive(ledger, "more")
    claim = desk.claim(ledger)
    for _ in range(2):
        with pytest.raises(BudgetSpent):
            ask(ledger, claim)

    assert names(told) == ["budget.nearly_spent", "budget.spent"]
    assert told[0].level == told[1].level == "warning"
    assert told[1].facts == {"spent_usd": Decimal("0.045"), "budget_usd": Decimal("0.05")}


def test_a_restart_tells_nothing_again_and_a_new_day_does(
    limited: Limited, clock: ManualClock, desk: Any, told: list[Event]
) -> None:
    ledger = limited("0.01")
    pay(ledger, desk, "0.0095", "t1")

    def refused(worker: SqlLedger, ticket: str) -> None:
        desk.arrive(ledger, ticket)
        claim = desk.claim(worker)
        with pytest.raises(BudgetSpent):
            ask(worker, claim)
        worker.decide(claim, desk.decision(claim, kind=Kind.FAILED_OPEN, cause=Cause.BUDGET_SPENT))

    refused(ledger, "t2")
    refused(limited("0.01", "w2"), "t3")
    same_day = names(told)
    clock.advance(24 * 3600)
    pay(ledger, desk, "0.0095", "t4")
    refused(ledger, "t5")

    assert same_day == ["budget.nearly_spent", "budget.spent"]
    assert names(told) == 2 * same_day


# --- A budget of one helpdesk's own, within that of all ---------------------------------------------------


def of(store: Store, helpdesk: str, own: str, within: Spending | None, told: list[Event]) -> SqlLedger:
    """The ledger of one of several helpdesks, with a budget of its own."""
    spending = Spending(DailyBudget(Decimal(own)), told.append, helpdesk, within)
    return store.ledger(helpdesk, f"worker-{helpdesk}", spending=spending)


def test_a_helpdesk_that_has_spent_its_own_leaves_the_others_theirs(
    store: Store, desk: Any, told: list[Event]
) -> None:
    acme, bolt = (of(store, name, "0.012", None, told) for name in ("acme", "bolt"))
    pay(acme, desk, "0.005", "t1")
    desk.arrive(acme, "t2")
    desk.arrive(bolt, "t1", "t2")

    with pytest.raises(BudgetSpent, match=r"the budget of acme of \$0.012 a day"):
        ask(acme, desk.claim(acme))
    ask(bolt, desk.claim(bolt))

    with pytest.raises(BudgetSpent, match="of bolt"):
        ask(bolt, desk.claim(bolt))
    assert names(told).count("budget.spent") == 2


def test_what_all_have_spent_ends_a_helpdesk_that_has_some_left(
    store: Store, desk: Any, told: list[Event]
) -> None:
    shared = Spending(DailyBudget(Decimal("0.013")), told.append)
    acme, bolt = (of(store, name, "1", shared, told) for name in ("acme", "bolt"))
    pay(acme, desk, "0.004", "t1")
    desk.arrive(bolt, "t1")

    with pytest.raises(BudgetSpent, match=r"the budget of \$0.013 a day"):
        ask(bolt, desk.claim(bolt))

    assert names(told).count("budget.spent") == 1


def test_a_restart_knows_what_a_helpdesk_has_spent_of_its_own(
    store: Store, desk: Any, told: list[Event]
) -> None:
    pay(of(store, "acme", "0.012", None, told), desk, "0.005", "a1")
    pay(of(store, "bolt", "0.012", None, told), desk, "0.002", "b1")
    again = {name: of(store, name, "0.012", None, told) for name in ("acme", "bolt")}
    for ledger in again.values():
        desk.arrive(ledger, "t2")

    ask(again["bolt"], desk.claim(again["bolt"]))

    with pytest.raises(BudgetSpent):
        ask(again["acme"], desk.claim(again["acme"]))


def test_a_rehearsal_counts_what_is_on_record_against_a_helpdesks_own(
    store: Store, clock: ManualClock, desk: Any, told: list[Event]
) -> None:
    for name in ("acme", "bolt"):
        ledger = store.ledger(name, "w1")
        pay(ledger, desk, "0.005", f"{name}1")
        desk.arrive(ledger, "t2")
    own = DailyBudget(Decimal("0.016"))

    with closing(open_store("sqlite://", clock=clock)) as scratch:
        dry = overlay(store, scratch, "acme", "dry", own=own, tell=told.append)
        first = desk.claim(dry)
        dry.end_call(ask(dry, first), desk.answer(cost="0.004"))

        with pytest.raises(BudgetSpent, match="of acme"):
            ask(dry, first)
