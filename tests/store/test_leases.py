"""What waits, what is given back on a stop, and what a dead process held."""

from __future__ import annotations

import signal
import subprocess
import sys
from pathlib import Path
from typing import Any

from connector.clock import ManualClock, SystemClock
from connector.ports import Due
from connector.store import SqlLedger, Store, open_store


def test_nothing_is_due_in_an_empty_ledger(ledger: SqlLedger) -> None:
    assert ledger.due() == Due(0, 0, None)


def test_the_soonest_of_both_queues_is_due_next(ledger: SqlLedger, desk: Any) -> None:
    desk.arrive(ledger, "t1", "t2")
    desk.decide(ledger)
    ledger.defer_submission(desk.claim(ledger), 60, "later", counts=True)
    ledger.defer_write(desk.claim_write(ledger), 20, "later", counts=True)

    assert ledger.due() == Due(1, 1, 20.0)


def test_claimed_work_is_due_when_its_lease_runs_out(ledger: SqlLedger, desk: Any) -> None:
    desk.arrive(ledger, "t1")
    desk.claim(ledger)

    assert ledger.due() == Due(1, 0, 180.0)


def test_an_orderly_stop_gives_everything_back_and_counts_no_attempt(
    ledger: SqlLedger, rival: SqlLedger, clock: ManualClock, desk: Any
) -> None:
    desk.arrive(ledger, "t1", "t2")
    desk.decide(ledger)
    desk.claim_write(ledger)
    desk.claim(ledger)

    ledger.release()

    assert (desk.claim(rival).attempts, desk.claim_write(rival).attempts) == (1, 1)
    assert rival.lease_poll(clock.now()) is not None


def test_a_stop_leaves_the_leases_of_others_alone(ledger: SqlLedger, rival: SqlLedger, desk: Any) -> None:
    desk.arrive(ledger, "t1")
    claim = desk.claim(rival)

    ledger.release()

    assert ledger.claim_submissions(1) == []
    rival.decide(claim, desk.decision(claim))


_HOLDER = """
import sys, time
from datetime import UTC, datetime
from connector.clock import SystemClock
from connector.store import open_store
ledger = open_store(sys.argv[1], clock=SystemClock()).ledger("desk", "doomed")
ledger.lease_poll(datetime(2026, 11, 2, tzinfo=UTC))
print(len(ledger.claim_submissions(1)), flush=True)
sys.stdin.read()
"""


def test_what_a_killed_process_held_is_free_at_once(tmp_path: Path, clock: ManualClock, desk: Any) -> None:
    url = f"sqlite:///{tmp_path}/ledger.db"
    store = open_store(url, clock=SystemClock())
    desk.arrive(store.ledger("desk", "w1"), "t1")
    store.ledger("desk", "w1").release()
    store.close()
    with subprocess.Popen(
        [sys.executable, "-c", _HOLDER, url], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as holder:
        assert holder.stdout is not None
        claimed = holder.stdout.readline().strip()
        holder.send_signal(signal.SIGKILL)
        holder.wait()

    store = open_store(url, clock=SystemClock())
    ledger = store.ledger("desk", "w2")
    lease, claim = ledger.lease_poll(clock.now()), desk.claim(ledger)
    store.close()

    assert claimed == "1"
    assert lease is not None
    assert claim.lease_epoch == 2


def test_a_delay_set_by_a_clock_that_was_a_year_ahead_ends_with_a_restart(
    tmp_path: Path, clock: ManualClock, desk: Any
) -> None:
    url = f"sqlite:///{tmp_path}/ledger.db"
    clock.jump(365 * 24 * 3600)
    store = open_store(url, clock=clock)
    ledger = store.ledger("desk", "w1")
    desk.arrive(ledger, "t1")
    ledger.defer_submission(desk.claim(ledger), 60, "later", counts=True)
    store.close()
    clock.jump(-365 * 24 * 3600)

    store = open_store(url, clock=clock)
    claims = store.ledger("desk", "w1").claim_submissions(1)
    store.close()

    assert len(claims) == 1


def test_what_others_hold_is_not_ours_to_wait_for(ledger: SqlLedger, rival: SqlLedger, desk: Any) -> None:
    desk.arrive(ledger, "t1", "t2", "t3")
    desk.decide(ledger)
    desk.claim(rival)
    desk.claim_write(rival)

    assert ledger.due() == Due(1, 0, 0.0, elsewhere=2)
    assert rival.due() == Due(2, 1, 0.0)


def test_what_a_dead_worker_held_is_ours_again_after_its_lease(
    ledger: SqlLedger, rival: SqlLedger, clock: ManualClock, desk: Any
) -> None:
    desk.arrive(ledger, "t1")
    desk.claim(rival)

    clock.advance(180.001)

    assert ledger.due() == Due(1, 0, 0.0)


def test_the_right_to_poll_has_a_lease_of_its_own(store: Store, clock: ManualClock, desk: Any) -> None:
    leader = store.ledger("desk", "leader", poll_lease_seconds=60)
    heir = store.ledger("desk", "heir", poll_lease_seconds=60)
    desk.arrive(leader, "t1")
    desk.claim(leader)
    clock.advance(60)
    refused = heir.lease_poll(clock.now())
    clock.advance(0.001)

    taken = heir.lease_poll(clock.now())

    assert refused is None
    assert taken is not None
    assert taken.checkpoint == "c1"
    assert heir.claim_submissions(1) == []


def test_a_leader_that_goes_on_polling_keeps_the_right(store: Store, clock: ManualClock, desk: Any) -> None:
    leader = store.ledger("desk", "leader", poll_lease_seconds=60)
    heir = store.ledger("desk", "heir", poll_lease_seconds=60)
    refused = []

    for number in range(10):
        desk.arrive(leader, f"t{number}")
        clock.advance(40)
        refused.append(heir.lease_poll(clock.now()))

    assert refused == [None] * 10
