"""Writes are claimed by one worker, on record before they are sent, and end once."""

from __future__ import annotations

from typing import Any

import pytest

from connector.clock import ManualClock
from connector.domain.decision import Applied, Outcome
from connector.errors import LeaseLost
from connector.ports import Due
from connector.store import SqlLedger, Store


@pytest.fixture(autouse=True)
def _decided(ledger: SqlLedger, desk: Any) -> None:
    desk.arrive(ledger, "t1")
    desk.decide(ledger)


def test_a_claim_carries_the_ticket_and_the_whole_decision(ledger: SqlLedger, desk: Any) -> None:
    claim = desk.claim_write(ledger)

    assert claim.ticket == desk.make_ticket(id="t1")
    assert claim.decision.route.tags == ("ai_routed",)
    assert claim.decision.classification == desk.labelled()
    assert (claim.attempts, claim.sent_to) == (1, None)


def test_what_may_have_been_sent_is_known_after_a_crash(
    ledger: SqlLedger, rival: SqlLedger, clock: ManualClock, desk: Any
) -> None:
    claim, seen = desk.claim_write(ledger), desk.make_ticket(id="t1", version="v7")
    ledger.intend_writes([(claim, seen)])
    clock.advance(181)

    again = desk.claim_write(rival)

    assert (again.attempts, again.sent_to) == (1, seen.standing)


def test_what_was_announced_and_certainly_not_sent_leaves_no_doubt(
    ledger: SqlLedger, rival: SqlLedger, clock: ManualClock, desk: Any
) -> None:
    claim = desk.claim_write(ledger)
    ledger.intend_writes([(claim, desk.make_ticket(id="t1", version="v7"))])

    ledger.defer_write(claim, 5, "conflict", counts=True)

    clock.advance(6)
    assert desk.claim_write(rival).sent_to is None


@pytest.mark.parametrize("later_attempt_sent", [True, False])
def test_a_doubt_about_an_earlier_attempt_outlives_later_ones(
    ledger: SqlLedger, clock: ManualClock, desk: Any, later_attempt_sent: bool
) -> None:
    first = desk.claim_write(ledger)
    ledger.intend_writes([(first, desk.make_ticket(id="t1", version="v7"))])
    ledger.defer_write(first, 5, "unclear", counts=True, sent=True)
    clock.advance(6)
    second, seen = desk.claim_write(ledger), desk.make_ticket(id="t1", version="v8")
    ledger.intend_writes([(second, seen)])

    ledger.defer_write(second, 5, "later", counts=True, sent=later_attempt_sent)

    clock.advance(6)
    assert desk.claim_write(ledger).sent_to == seen.standing


def test_what_was_there_before_a_write_is_kept_for_an_undo(
    store: Store, ledger: SqlLedger, clock: ManualClock, desk: Any
) -> None:
    claim = desk.claim_write(ledger)
    seen = desk.make_ticket(id="t1", version="v7", group="77", priority="low", tags=("vip",))
    ledger.intend_writes([(claim, seen)])
    applied = Applied("t1", Outcome.APPLIED, "v8", clock.now(), "11")

    ledger.end_write(claim, Outcome.APPLIED, applied, "found")

    (write,) = store.reports().story("t1").writes
    assert write.seen is not None
    assert (write.seen.version, write.seen.group, write.seen.priority, write.seen.tags) == (
        "v7",
        "77",
        "low",
        ("vip",),
    )
    assert (write.state, write.outcome, write.reason) == ("done", Outcome.APPLIED, "found")
    assert (write.after_version, write.after_at, write.after_group) == ("v8", clock.now(), "11")
    assert ledger.due() == Due(0, 0, None)


def test_a_write_ends_once(ledger: SqlLedger, desk: Any) -> None:
    claim = desk.claim_write(ledger)
    ledger.end_write(claim, Outcome.GONE, None, "deleted")

    with pytest.raises(LeaseLost):
        ledger.end_write(claim, Outcome.APPLIED, None, "")
    assert ledger.claim_writes(1) == ()


def test_a_worker_that_lost_its_lease_may_not_send(
    store: Store, ledger: SqlLedger, rival: SqlLedger, clock: ManualClock, desk: Any
) -> None:
    stale = desk.claim_write(ledger)
    clock.advance(181)
    desk.claim_write(rival)

    with pytest.raises(LeaseLost):
        ledger.intend_writes([(stale, stale.ticket)])
    with pytest.raises(LeaseLost):
        ledger.end_write(stale, Outcome.APPLIED, None, "")
    with pytest.raises(LeaseLost):
        ledger.defer_write(stale, 1, "later", counts=True)

    assert not store.reports().story("t1").writes[0].maybe_sent


def test_one_lost_lease_holds_back_the_whole_batch(
    store: Store, ledger: SqlLedger, rival: SqlLedger, clock: ManualClock, desk: Any
) -> None:
    stale = desk.claim_write(ledger)
    clock.advance(181)
    desk.claim_write(rival)
    desk.arrive(ledger, "t2")
    desk.decide(ledger)
    ours = desk.claim_write(ledger)

    with pytest.raises(LeaseLost):
        ledger.intend_writes([(ours, ours.ticket), (stale, stale.ticket)])

    assert not store.reports().story("t2").writes[0].maybe_sent


def test_an_intent_renews_the_lease(
    ledger: SqlLedger, rival: SqlLedger, clock: ManualClock, desk: Any
) -> None:
    claim = desk.claim_write(ledger)
    clock.advance(170)
    ledger.intend_writes([(claim, claim.ticket)])
    clock.advance(170)

    assert rival.claim_writes(1) == ()


def test_a_deferred_write_keeps_its_decision_and_its_place(
    ledger: SqlLedger, clock: ManualClock, desk: Any
) -> None:
    first = desk.claim_write(ledger)
    ledger.defer_write(first, 5, "the version is still open", counts=False)

    too_soon = ledger.claim_writes(1)
    clock.advance(5)
    again = desk.claim_write(ledger)

    assert too_soon == ()
    assert (again.decision, again.attempts) == (first.decision, 1)


def test_a_hundred_intents_are_one_commit(ledger: SqlLedger, desk: Any, crash: Any) -> None:
    desk.arrive(ledger, *(f"n{number}" for number in range(99)))
    for _ in range(99):
        desk.decide(ledger)
    claims = ledger.claim_writes(100)
    crash.seen.clear()

    ledger.intend_writes([(claim, claim.ticket) for claim in claims])

    assert len(claims) == 100
    assert crash.seen.count("intend_writes.committed") == 1
