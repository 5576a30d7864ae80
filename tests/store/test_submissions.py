"""Submissions are claimed by one worker, paid for once, and end in one decision."""

from __future__ import annotations

import threading
from decimal import Decimal
from typing import Any

import pytest

from connector.clock import ManualClock
from connector.domain.classification import Tier
from connector.errors import LeaseLost
from connector.ports import Due, PastCall
from connector.store import SqlLedger, Store

RESERVE = Decimal("0.01")


def test_a_claim_carries_the_ticket_as_it_arrived(ledger: SqlLedger, desk: Any) -> None:
    facts = {"text": 'Größe "5"\n\0 \u202e😀', "tags": ("vip", "eu"), "arr_usd": Decimal("1200.50")}
    desk.arrive(ledger, "t1", **facts)

    claim = desk.claim(ledger)

    assert claim.ticket == desk.make_ticket(id="t1", **facts)
    assert (claim.generation, claim.attempts, claim.waiting_since, claim.calls) == (1, 1, None, ())


def test_half_a_surrogate_pair_does_not_stop_a_page(ledger: SqlLedger, desk: Any) -> None:
    desk.arrive(ledger, "t1", text="half \ud83d of an emoji")

    assert desk.claim(ledger).ticket.text == "half ? of an emoji"


def test_claims_come_urgent_first_and_then_in_the_order_of_arrival(ledger: SqlLedger, desk: Any) -> None:
    desk.arrive(ledger, "t1", "t2")
    desk.arrive(ledger, "t3", priority="urgent")
    desk.arrive(ledger, "t4", priority="low")

    claims = ledger.claim_submissions(10)

    assert [claim.ticket.id for claim in claims] == ["t3", "t1", "t2", "t4"]


def test_a_claim_takes_no_more_than_its_limit(ledger: SqlLedger, desk: Any) -> None:
    desk.arrive(ledger, *(f"t{number}" for number in range(5)))

    assert [len(ledger.claim_submissions(limit)) for limit in (0, 2, 9)] == [0, 2, 3]


def test_nobody_else_gets_what_is_claimed_until_the_lease_runs_out(
    ledger: SqlLedger, rival: SqlLedger, clock: ManualClock, desk: Any
) -> None:
    desk.arrive(ledger, "t1")
    first = desk.claim(ledger)

    meanwhile = rival.claim_submissions(1)
    clock.advance(181)
    second = desk.claim(rival)

    assert meanwhile == []
    assert (second.id, second.attempts) == (first.id, 1)
    assert second.lease_epoch > first.lease_epoch


def test_every_call_renews_the_lease(
    ledger: SqlLedger, rival: SqlLedger, clock: ManualClock, desk: Any
) -> None:
    desk.arrive(ledger, "t1")
    claim = desk.claim(ledger)
    clock.advance(170)
    ledger.begin_call(claim, Tier.CHEAP, "cheap-1", RESERVE)
    clock.advance(170)

    assert rival.claim_submissions(1) == []


def test_a_jump_of_the_wall_clock_ends_no_lease(
    ledger: SqlLedger, rival: SqlLedger, clock: ManualClock, desk: Any
) -> None:
    desk.arrive(ledger, "t1")
    desk.claim(ledger)

    clock.jump(24 * 3600)
    ahead = rival.claim_submissions(1)
    clock.jump(-48 * 3600)
    clock.advance(181)

    assert ahead == []
    assert desk.claim(rival).lease_epoch == 2


def test_a_worker_that_lost_its_lease_can_store_nothing(
    store: Store, ledger: SqlLedger, rival: SqlLedger, clock: ManualClock, desk: Any
) -> None:
    desk.arrive(ledger, "t1")
    stale = desk.claim(ledger)
    clock.advance(181)
    desk.claim(rival)

    with pytest.raises(LeaseLost):
        ledger.begin_call(stale, Tier.CHEAP, "cheap-1", RESERVE)
    with pytest.raises(LeaseLost):
        ledger.decide(stale, desk.decision(stale))
    with pytest.raises(LeaseLost):
        ledger.defer_submission(stale, 1, "later", counts=True)

    story = store.reports().story("t1")
    assert (story.calls, story.decisions, story.writes) == ((), (), ())
    assert story.submissions[0].state == "leased"


def test_a_decision_ends_the_submission_and_waits_to_be_written(
    store: Store, ledger: SqlLedger, desk: Any
) -> None:
    desk.arrive(ledger, "t1")
    decision = desk.decide(ledger)

    story = store.reports().story("t1")

    assert story.submissions[0].state == "decided"
    assert story.decisions[0].decision == decision
    assert (story.writes[0].decision_id, story.writes[0].state) == (decision.id, "pending")
    assert ledger.due() == Due(0, 1, 0.0)


def test_a_decision_is_final(ledger: SqlLedger, desk: Any) -> None:
    desk.arrive(ledger, "t1")
    claim = desk.claim(ledger)
    ledger.decide(claim, desk.decision(claim))

    with pytest.raises(LeaseLost):
        ledger.decide(claim, desk.decision(claim, id="another"))


# --- Deferrals --------------------------------------------------------------------------------------------


def test_a_deferred_submission_is_due_again_after_its_delay(
    ledger: SqlLedger, clock: ManualClock, desk: Any
) -> None:
    desk.arrive(ledger, "t1")
    ledger.defer_submission(desk.claim(ledger), 30, "HTTP 529", counts=True)

    too_soon = ledger.claim_submissions(1)
    due = ledger.due()
    clock.advance(30)

    assert too_soon == []
    assert due == Due(1, 0, 30.0)
    assert desk.claim(ledger).attempts == 2


def test_an_outage_costs_no_attempt_and_its_beginning_is_remembered(
    ledger: SqlLedger, clock: ManualClock, desk: Any
) -> None:
    desk.arrive(ledger, "t1")
    began = clock.now()
    for _ in range(3):
        ledger.defer_submission(desk.claim(ledger), 10, "HTTP 529", counts=False)
        clock.advance(10)

    claim = desk.claim(ledger)

    assert (claim.attempts, claim.waiting_since) == (1, began)


def test_a_reason_with_characters_that_no_database_stores_is_kept_without_them(
    store: Store, ledger: SqlLedger, desk: Any
) -> None:
    desk.arrive(ledger, "t1")

    ledger.defer_submission(desk.claim(ledger), 1, "bad\0 \ud800byte", counts=True)

    assert store.reports().story("t1").submissions[0].reason == "bad ?byte"


# --- Paid calls -------------------------------------------------------------------------------------------


def test_an_answer_that_was_paid_is_there_after_a_crash(
    ledger: SqlLedger, rival: SqlLedger, clock: ManualClock, desk: Any
) -> None:
    desk.arrive(ledger, "t1")
    call = ledger.begin_call(desk.claim(ledger), Tier.CHEAP, "cheap-1", RESERVE)
    answer = desk.answer()
    ledger.end_call(call, answer)
    clock.advance(181)

    assert desk.claim(rival).calls == (PastCall(Tier.CHEAP, answer),)


def test_an_unusable_answer_was_paid_too_and_is_not_bought_again(
    store: Store, ledger: SqlLedger, clock: ManualClock, desk: Any
) -> None:
    desk.arrive(ledger, "t1")
    claim = desk.claim(ledger)
    answer = desk.answer()
    unusable = type(answer)(None, answer.usage, "cheap-1", unusable="refusal")
    ledger.end_call(ledger.begin_call(claim, Tier.CHEAP, "cheap-1", RESERVE), unusable)
    ledger.defer_submission(claim, 0, "later", counts=False)

    (past,) = desk.claim(ledger).calls

    (call,) = store.reports().story("t1").calls
    assert past.answer == unusable
    assert (call.state, call.error, call.cost_usd) == ("unusable", "refusal", Decimal("0.00125"))


def test_a_call_under_way_when_its_worker_died_is_lost_and_costs_its_reserve(
    store: Store, ledger: SqlLedger, rival: SqlLedger, clock: ManualClock, desk: Any
) -> None:
    desk.arrive(ledger, "t1")
    ledger.begin_call(desk.claim(ledger), Tier.CHEAP, "cheap-1", RESERVE)
    clock.advance(181)

    claim = desk.claim(rival)
    rival.begin_call(claim, Tier.CHEAP, "cheap-1", RESERVE)

    first, second = store.reports().story("t1").calls
    assert claim.calls == (PastCall(Tier.CHEAP, None),)
    assert (first.state, first.cost_usd, first.try_no) == ("lost", RESERVE, 1)
    assert (second.state, second.cost_usd, second.try_no) == ("started", None, 2)


def test_an_answer_that_arrives_after_all_replaces_the_reserve(
    store: Store, ledger: SqlLedger, rival: SqlLedger, clock: ManualClock, desk: Any
) -> None:
    desk.arrive(ledger, "t1")
    call = ledger.begin_call(desk.claim(ledger), Tier.CHEAP, "cheap-1", RESERVE)
    clock.advance(181)
    desk.claim(rival)

    ledger.end_call(call, desk.answer())

    (told,) = store.reports().story("t1").calls
    assert (told.state, told.cost_usd) == ("ok", Decimal("0.00125"))


def test_a_failed_call_is_kept_with_its_error(store: Store, ledger: SqlLedger, desk: Any) -> None:
    desk.arrive(ledger, "t1")
    call = ledger.begin_call(desk.claim(ledger), Tier.STRONG, "strong-1", RESERVE)

    ledger.end_call(call, None, error="RateLimited")

    (told,) = store.reports().story("t1").calls
    assert (told.tier, told.state, told.error) == (Tier.STRONG, "error", "RateLimited")
    assert told.cost_usd == Decimal(0)


def test_an_answer_without_a_known_price_costs_its_reserve(
    store: Store, ledger: SqlLedger, desk: Any
) -> None:
    desk.arrive(ledger, "t1")
    call = ledger.begin_call(desk.claim(ledger), Tier.CHEAP, "cheap-1", RESERVE)

    ledger.end_call(call, desk.answer(cost=None))

    assert store.reports().story("t1").calls[0].cost_usd == RESERVE


# --- Many at once -----------------------------------------------------------------------------------------


def test_sixteen_threads_of_two_workers_decide_every_submission_exactly_once(
    store: Store, ledger: SqlLedger, rival: SqlLedger, desk: Any
) -> None:
    desk.arrive(ledger, *(f"t{number}" for number in range(120)))
    decided: list[str] = []
    errors: list[Exception] = []

    def work(mine: SqlLedger) -> None:
        try:
            while claims := mine.claim_submissions(3):
                for claim in claims:
                    mine.end_call(mine.begin_call(claim, Tier.CHEAP, "m", RESERVE), desk.answer())
                    mine.decide(claim, desk.decision(claim))
                    decided.append(claim.ticket.id)
        except Exception as error:  # noqa: BLE001 - handed to the assertion below
            errors.append(error)

    threads = [threading.Thread(target=work, args=(each,)) for each in (ledger, rival) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    totals = store.reports().totals()
    assert errors == []
    assert sorted(decided) == sorted({f"t{number}" for number in range(120)})
    assert (totals.decisions, totals.models[0].calls) == (120, 120)
