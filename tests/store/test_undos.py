"""Undos are chosen from what took effect, on record before they are sent, fenced, and ended once."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy import insert, select

from connector.clock import ManualClock
from connector.domain.decision import Applied, Outcome
from connector.domain.ticket import Disposition
from connector.errors import LeaseLost
from connector.pipeline.undo import Selection, UndoClaim
from connector.store import SqlLedger, SqlUndoQueue, Store
from connector.store.tables import submissions, undos

ALL = Selection()


@pytest.fixture
def queue(store: Store) -> SqlUndoQueue:
    return store.undos("desk", "u1")


@pytest.fixture
def other(store: Store) -> SqlUndoQueue:
    """The undo of another process."""
    return store.undos("desk", "u2")


def write(ledger: SqlLedger, desk: Any, ticket: str, group: str = "11", version: str = "v2") -> None:
    """A waiting decision about the ticket is written back; it was in group 77 before."""
    claim = desk.claim_write(ledger)
    seen = desk.make_ticket(id=ticket, group="77", tags=("vip",))
    ledger.intend_writes([(claim, seen)])
    left = desk.make_ticket(id=ticket, group=group, tags=("vip", "ai_routed"), version=version).standing
    applied = Applied(ticket, Outcome.APPLIED, version, desk.clock.now(), group, left=left)
    ledger.end_write(claim, Outcome.APPLIED, applied, "")


@pytest.fixture(autouse=True)
def _written(ledger: SqlLedger, desk: Any) -> None:
    desk.arrive(ledger, "t1")
    desk.decide(ledger)
    write(ledger, desk, "t1")


def claimed(queue: SqlUndoQueue, run: str = "p1") -> UndoClaim:
    assert queue.enlist(run, ALL) == 1
    (claim,) = queue.claim(run, 10)
    return claim


def test_a_claim_carries_what_an_undo_needs(queue: SqlUndoQueue, desk: Any) -> None:
    claim = claimed(queue)

    assert (claim.ticket_id, claim.decision_id, claim.attempts) == ("t1", "decision-t1", 1)
    assert (claim.before.group, claim.before.tags) == ("77", ("vip",))
    assert (claim.left_group, claim.left and claim.left.version) == ("11", "v2")
    assert (claim.our_tags, claim.is_corrected, claim.sent_to) == (("ai_routed",), False, None)


def test_only_what_took_effect_is_chosen(ledger: SqlLedger, queue: SqlUndoQueue, desk: Any) -> None:
    for number, outcome in enumerate((Outcome.SUPERSEDED, Outcome.NO_OP, Outcome.REJECTED)):
        desk.arrive(ledger, f"n{number}")
        desk.decide(ledger)
        ledger.end_write(desk.claim_write(ledger), outcome, None, "")
    desk.arrive(ledger, "waits")
    desk.decide(ledger)

    assert [claim.ticket_id for claim in queue.look(ALL)] == ["t1"]


def test_the_time_that_counts_is_when_the_write_took_effect(queue: SqlUndoQueue, clock: ManualClock) -> None:
    at = clock.now()

    assert queue.look(Selection(since=at)) != []
    assert queue.look(Selection(since=at + timedelta(seconds=1))) == []


def test_another_helpdesk_is_another_queue(store: Store) -> None:
    assert store.undos("elsewhere", "u1").look(ALL) == []


def test_looking_leaves_no_trace(store: Store, queue: SqlUndoQueue) -> None:
    queue.look(ALL)

    assert store.reports().story("t1").undos == ()


def test_what_was_undone_is_not_chosen_again(queue: SqlUndoQueue, clock: ManualClock, store: Store) -> None:
    claim = claimed(queue)
    queue.end(claim, Outcome.APPLIED, Applied("t1", Outcome.APPLIED, "v3", clock.now(), "77"), "")

    assert (queue.enlist("p2", ALL), queue.look(ALL), queue.due("p1")) == (0, [], (0, None))
    (row,) = store.reports().decisions()
    assert (row.undone_at, store.reports().totals().undone) == (clock.now(), 1)


def test_what_was_refused_can_be_asked_for_again_and_keeps_what_may_have_been_sent(
    queue: SqlUndoQueue, desk: Any
) -> None:
    claim = claimed(queue)
    seen = desk.make_ticket(id="t1", version="v7")
    queue.intend([(claim, seen)])
    queue.end(claim, Outcome.SUPERSEDED, None, "unclear after 5 attempts")
    again = claimed(queue, "p2")

    assert queue.enlist("p2", ALL) == 0
    assert (again.attempts, again.sent_to) == (1, seen.standing)


def test_a_killed_undo_is_taken_up_when_its_lease_runs_out(
    queue: SqlUndoQueue, other: SqlUndoQueue, clock: ManualClock, desk: Any
) -> None:
    stale = claimed(queue)
    other.enlist("p2", ALL)
    too_soon = other.claim("p2", 10)
    waits = other.due("p2")
    clock.advance(181)
    (taken,) = other.claim("p2", 10)

    with pytest.raises(LeaseLost):
        queue.intend([(stale, desk.make_ticket(id="t1"))])
    with pytest.raises(LeaseLost):
        queue.end(stale, Outcome.APPLIED, None, "")

    assert (too_soon, waits) == ((), (1, None))  # it is another's: nothing to wait for in this run
    assert taken.lease_epoch == stale.lease_epoch + 1


def test_a_run_claims_only_what_it_was_asked_for(queue: SqlUndoQueue, other: SqlUndoQueue) -> None:
    queue.enlist("given-up", ALL)

    assert other.claim("p2", 10) == ()


def test_a_deferred_undo_waits(queue: SqlUndoQueue, clock: ManualClock) -> None:
    queue.defer(claimed(queue), 5, "the version is still open", counts=False)

    too_soon = queue.claim("p1", 10)
    clock.advance(5)
    (again,) = queue.claim("p1", 10)

    assert (too_soon, again.attempts) == ((), 1)


def test_an_orderly_end_gives_the_leases_back(store: Store, queue: SqlUndoQueue, other: SqlUndoQueue) -> None:
    claimed(queue)
    store.ledger("desk", "u1").release()

    assert claimed(other, "p2").attempts == 1


def test_of_two_writes_to_a_ticket_the_newer_is_undone_first(
    store: Store, ledger: SqlLedger, queue: SqlUndoQueue, clock: ManualClock, desk: Any
) -> None:
    _classified_anew(store, "t1")
    desk.decide(ledger, id="decision-again")
    write(ledger, desk, "t1", group="12", version="v3")

    newer = claimed(queue)
    queue.end(newer, Outcome.APPLIED, Applied("t1", Outcome.APPLIED, "v4", clock.now(), "11"), "")
    between = ledger.history(["t1"])["t1"]
    assert queue.enlist("p1", ALL) == 1
    (older,) = queue.claim("p1", 10)
    queue.end(older, Outcome.APPLIED, Applied("t1", Outcome.APPLIED, "v5", clock.now(), "77"), "")

    last = ledger.history(["t1"])["t1"]
    assert (newer.decision_id, older.decision_id) == ("decision-again", "decision-t1")
    assert (between.written_version, last.written_version, last.written_group) == ("v4", "v5", "77")


def _classified_anew(store: Store, ticket: str) -> None:
    """A person asks for a second classification."""
    with store.database.write("test") as tx:
        first = tx.execute(select(submissions).where(submissions.c.ticket_id == ticket)).mappings().one()
        again = {"generation": 2, "state": "pending", "lease_owner": None, "lease_epoch": 0}
        tx.execute(insert(submissions), [{key: first[key] for key in first if key != "id"} | again])


def test_while_an_undo_may_have_been_sent_its_group_is_no_correction(
    store: Store, ledger: SqlLedger, queue: SqlUndoQueue, desk: Any
) -> None:
    claim = claimed(queue)
    before = ledger.history(["t1"])["t1"]
    queue.intend([(claim, desk.make_ticket(id="t1"))])

    during = ledger.history(["t1"])["t1"]

    assert (before.awaited_groups, during.awaited_groups) == (frozenset(), frozenset({"77"}))
    assert during.written_group == "11"


def test_a_correction_is_known_to_the_claim(
    ledger: SqlLedger, queue: SqlUndoQueue, clock: ManualClock, desk: Any
) -> None:
    clock.advance(60)
    desk.arrive(
        ledger, "t1", disposition=Disposition.CORRECTION, group="12", version="v3", updated_at=clock.now()
    )

    assert claimed(queue).is_corrected


def test_a_file_that_is_opened_anew_has_no_leases_left(store: Store, queue: SqlUndoQueue) -> None:
    from connector.store import queues

    claimed(queue)
    with store.database.write("test") as tx:
        queues.take_over(tx)
        until = tx.scalar(select(undos.c.lease_until))

    assert until == 0
