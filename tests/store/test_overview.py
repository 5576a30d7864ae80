"""The overview: what waits and where, who is at work, what failed, and what people moved."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest

from connector.clock import ManualClock
from connector.domain.decision import Applied, Cause, Kind, Outcome, Route
from connector.domain.ticket import Disposition
from connector.pipeline.retry import Plight
from connector.pipeline.role import Lane
from connector.pipeline.undo import Selection
from connector.store import SqlLedger, Store
from connector.store.overview import Overview, Queue
from connector.store.processes import Process

MINUTE, DAY = timedelta(minutes=1), timedelta(days=1)
HUMAN = Route(None, "human", "19", "Support", ("ai_needs_human",), None, None)


def overview(store: Store, clock: ManualClock) -> Overview:
    return store.reports().overview(clock.now() - DAY, clock.now(), MINUTE)


def write(desk: Any, ledger: SqlLedger, outcome: Outcome = Outcome.APPLIED, **facts: Any) -> None:
    """The next submission is decided and its write ended."""
    decision = desk.decide(ledger, **facts)
    claim = desk.claim_write(ledger)
    applied = Applied(claim.ticket.id, outcome, "after", desk.clock.now(), decision.route.group)
    ledger.end_write(claim, outcome, applied, "because")


def test_an_empty_ledger_has_nothing_to_tell(store: Store, clock: ManualClock) -> None:
    found = overview(store, clock)

    assert (found.queues, found.processes, found.newest_at, found.parked) == ((), (), None, {})
    assert (found.routed, found.rerouted) == (0, 0)


def test_what_waits_is_told_by_where_it_waits(
    store: Store, ledger: SqlLedger, rival: SqlLedger, desk: Any, clock: ManualClock
) -> None:
    began = clock.now()
    desk.arrive(ledger, "t1", "t2", "t3", "t4")
    clock.advance(5)
    ledger.defer_submission(desk.claim(ledger), 30, "Claude is down", counts=False)
    desk.claim(rival)
    decided_at = clock.now()
    desk.decide(ledger)

    assert overview(store, clock).queues == (
        Queue("triage", Lane.LIVE, ready=1, put_off=1, in_hand=1, in_batch=0, oldest_at=began),
        Queue("write_back", Lane.LIVE, ready=1, put_off=0, in_hand=0, in_batch=0, oldest_at=decided_at),
    )


def test_what_a_dead_worker_held_is_ready(
    store: Store, ledger: SqlLedger, desk: Any, clock: ManualClock
) -> None:
    desk.arrive(ledger, "t1")
    desk.claim(ledger)
    clock.advance(181)

    (queue,) = overview(store, clock).queues

    assert (queue.ready, queue.in_hand) == (1, 0)


def test_the_lane_of_a_backfill_is_told_apart(
    store: Store, ledger: SqlLedger, desk: Any, clock: ManualClock
) -> None:
    desk.arrive(ledger, "t1")
    store.backlog("desk").admit("p", [desk.make_ticket(id="old-1"), desk.make_ticket(id="old-2")], ())

    found = overview(store, clock).queues

    assert [(each.lane, each.total) for each in found] == [(Lane.LIVE, 1), (Lane.BACKFILL, 2)]


def test_the_living_are_told_with_their_trouble_and_the_silent_are_not(
    store: Store, clock: ManualClock
) -> None:
    silent, troubled, done = (store.ledger("desk", name) for name in ("silent", "troubled", "done"))
    silent.start_pass("live")
    clock.advance(61)
    done.end_pass(done.start_pass("once"), {})
    troubled.note_pass(troubled.start_pass("live"), {"trouble": {"claude": "HTTP 529"}})
    noted_at = clock.now()
    clock.advance(20)

    assert overview(store, clock).processes == (
        Process("troubled", "live", noted_at, is_ended=False, trouble={"claude": "HTTP 529"}),
    )


def test_what_failed_is_counted_by_what_happened_to_it(
    store: Store, ledger: SqlLedger, desk: Any, clock: ManualClock
) -> None:
    desk.arrive(ledger, "t1", "t2", "t3")
    write(desk, ledger, kind=Kind.FAILED_OPEN, cause=Cause.INTERNAL_ERROR, route=HUMAN)
    write(desk, ledger, Outcome.REJECTED)
    write(desk, ledger)

    found = overview(store, clock)

    assert found.parked == {Plight.FAILED_OPEN: 1, Plight.WRITE_REJECTED: 1}
    assert sum(found.parked.values()) == len(store.reports().parked())
    assert found.newest_at == clock.now()


def test_what_people_moved_after_our_write_is_rerouted_once(
    store: Store, ledger: SqlLedger, desk: Any, clock: ManualClock
) -> None:
    desk.arrive(ledger, "moved", "stays", "to-a-person")
    write(desk, ledger)
    write(desk, ledger)
    write(desk, ledger, kind=Kind.ESCALATED, cause=Cause.GUARDRAIL, route=HUMAN)
    clock.advance(60)
    for ticket_id in ("moved", "to-a-person"):
        for group in ("12", "13"):
            correction = {"disposition": Disposition.CORRECTION, "version": f"v{group}", "group": group}
            desk.arrive(ledger, ticket_id, **correction)

    found = overview(store, clock)

    assert (found.routed, found.rerouted) == (2, 1)


def test_what_was_taken_back_is_not_held_against_the_machine(
    store: Store, ledger: SqlLedger, desk: Any, clock: ManualClock
) -> None:
    desk.arrive(ledger, "t1")
    desk.decide(ledger)
    claim = desk.claim_write(ledger)
    ledger.intend_writes([(claim, desk.make_ticket(id="t1"))])
    ledger.end_write(claim, Outcome.APPLIED, Applied("t1", Outcome.APPLIED, "v2", clock.now(), "11"), "")
    queue = store.undos("desk", "u1")
    queue.enlist("p1", Selection())
    (undo,) = queue.claim("p1", 1)
    queue.end(undo, Outcome.APPLIED, Applied("t1", Outcome.APPLIED, "v3", clock.now(), None), "")

    found = overview(store, clock)

    assert (found.routed, found.rerouted) == (0, 0)


@pytest.mark.parametrize("age_days", [0, 2])
def test_only_the_period_is_counted(
    store: Store, ledger: SqlLedger, desk: Any, clock: ManualClock, age_days: int
) -> None:
    desk.arrive(ledger, "t1", "t2")
    write(desk, ledger)
    write(desk, ledger, Outcome.REJECTED)
    clock.advance(86_400 * age_days)

    found = overview(store, clock)

    assert (found.routed, len(found.parked)) == ((1, 1) if age_days == 0 else (0, 0))
