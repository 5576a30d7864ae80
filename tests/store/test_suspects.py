"""What kills its worker goes alone and is charged with it; whoever was claimed beside it pays nothing."""

from __future__ import annotations

from typing import Any

import pytest

from connector.clock import ManualClock
from connector.ports import Ledger
from connector.store import SqlLedger, Store

LEASE_SECONDS = 180
MAX_ATTEMPTS = 5


@pytest.fixture
def lives(store: Store, clock: ManualClock) -> Any:
    """Workers one after another; each leaves behind whatever it had claimed."""

    class Lives:
        count = 0

        def next(self) -> SqlLedger:
            self.count += 1
            clock.advance(LEASE_SECONDS + 1)
            return store.ledger("desk", f"life-{self.count}")

    return Lives()


def work(ledger: Ledger, desk: Any, *deadly: str) -> str | None:
    """Decide whatever is due; the name of the ticket that kills the worker, or of one given up."""
    while claims := ledger.claim_submissions(32):
        for claim in claims:
            if claim.attempts > MAX_ATTEMPTS:
                return f"gave up {claim.ticket.id}"
            if claim.ticket.id in deadly:
                return claim.ticket.id
            ledger.decide(claim, desk.decision(claim))
    return None


def test_a_deadly_ticket_is_found_out_and_the_others_flow(
    store: Store, ledger: SqlLedger, lives: Any, desk: Any
) -> None:
    tickets = [f"t{number}" for number in range(20)]
    desk.arrive(ledger, *tickets)

    ends = [work(lives.next(), desk, "t0") for _ in range(6)]

    decided = {row.ticket_id for row in store.reports().decisions()}
    assert ends == ["t0"] * 5 + ["gave up t0"]
    assert decided == set(tickets) - {"t0"}


def test_the_innocent_do_not_wait_until_every_deadly_ticket_is_given_up(
    store: Store, ledger: SqlLedger, lives: Any, desk: Any
) -> None:
    desk.arrive(ledger, *(f"t{number}" for number in range(6)))

    ends = [work(lives.next(), desk, "t0", "t3") for _ in range(5)]

    decided = {row.ticket_id for row in store.reports().decisions()}
    assert ends == ["t0", "t0", "t0", "t3", "t0"]
    assert decided == {"t1", "t2", "t4", "t5"}


def test_nobody_is_charged_for_the_kills_of_another(ledger: SqlLedger, lives: Any, desk: Any) -> None:
    desk.arrive(ledger, "t1", "t2", "t3")
    for _ in range(2):
        assert len(lives.next().claim_submissions(32)) == 3
    deadly, *rest = [lives.next() for _ in range(4)]
    doomed = desk.claim(deadly)

    attempts = {claim.ticket.id: claim.attempts for each in rest for claim in each.claim_submissions(32)}

    assert doomed.attempts == 1
    assert set(attempts.values()) == {1}
    assert doomed.ticket.id not in attempts


def test_a_batch_that_was_cut_off_once_is_claimed_whole_again(
    ledger: SqlLedger, lives: Any, desk: Any
) -> None:
    desk.arrive(ledger, *(f"t{number}" for number in range(30)))
    first = lives.next().claim_submissions(32)

    again = lives.next().claim_submissions(32)

    assert (len(first), len(again)) == (30, 30)


def test_nothing_is_claimed_beside_a_suspect_and_no_suspect_beside_anything(
    store: Store, ledger: SqlLedger, lives: Any, desk: Any
) -> None:
    desk.arrive(ledger, "w1", "t1")
    desk.decide(ledger)
    for _ in range(2):
        assert len(lives.next().claim_submissions(32)) == 1
    worker = lives.next()

    (write,) = worker.claim_writes(10)
    beside_the_write = worker.claim_submissions(32)
    worker.defer_write(write, 0, "later", counts=True)
    (suspect,) = worker.claim_submissions(32)
    beside_the_suspect = worker.claim_writes(10)
    by_another_process = store.ledger("desk", "neighbour").claim_writes(10)

    assert (beside_the_write, suspect.ticket.id) == ([], "t1")
    assert beside_the_suspect == ()
    assert [claim.ticket.id for claim in by_another_process] == ["w1"]


def test_several_workers_share_the_suspects_and_each_holds_one(
    store: Store, ledger: SqlLedger, lives: Any, desk: Any
) -> None:
    desk.arrive(ledger, "t1", "t2", "t3")
    for _ in range(2):
        lives.next().claim_submissions(32)
    first, second, third = lives.next(), store.ledger("desk", "other"), store.ledger("desk", "third")
    desk.arrive(store.ledger("desk", "poller"), "new")

    held = [
        claim.ticket.id
        for each in (first, second, third, first, second)
        for claim in each.claim_submissions(32)
    ]
    ordinary = store.ledger("desk", "fourth").claim_submissions(32)

    assert sorted(held) == ["t1", "t2", "t3"]
    assert [claim.ticket.id for claim in ordinary] == ["new"]


def test_ordinary_work_pauses_until_the_suspects_have_had_their_turn(
    ledger: SqlLedger, lives: Any, desk: Any
) -> None:
    desk.arrive(ledger, "t1", "t2")
    for _ in range(2):
        lives.next().claim_submissions(32)
    desk.arrive(ledger, "new", priority="urgent")
    worker = lives.next()
    order = []

    while claims := worker.claim_submissions(32):
        order.append([claim.ticket.id for claim in claims])
        for claim in claims:
            worker.decide(claim, desk.decision(claim))

    assert order == [["t1"], ["t2"], ["new"]]


@pytest.mark.parametrize("ending", ["defer", "return", "release"])
def test_a_suspect_whose_worker_lived_is_none_any_more(
    ledger: SqlLedger, lives: Any, desk: Any, ending: str
) -> None:
    desk.arrive(ledger, "t1", "t2")
    for _ in range(3):
        lives.next().claim_submissions(32)
    worker = lives.next()
    for _ in range(2):
        (suspect,) = worker.claim_submissions(32)
        match ending:
            case "defer":
                worker.defer_submission(suspect, 0, "HTTP 529", counts=False)
            case "return":
                worker.return_submission(suspect)
            case _:
                worker.release()

    claims = lives.next().claim_submissions(32)

    assert [claim.attempts for claim in claims] == [1, 1]


def test_a_deadly_write_is_charged_with_its_kills_and_no_other_write(
    ledger: SqlLedger, lives: Any, desk: Any
) -> None:
    desk.arrive(ledger, "t1", "t2", "t3")
    for _ in range(3):
        desk.decide(ledger)
    for _ in range(2):
        assert len(lives.next().claim_writes(800)) == 3
    attempts = []
    for _ in range(6):
        worker = lives.next()
        for claim in iter(lambda: worker.claim_writes(800), ()):  # noqa: B023 - used up in this turn
            attempts.append((claim[0].ticket.id, claim[0].attempts))
            if claim[0].ticket.id == "t1":
                break
            worker.defer_write(claim[0], 3600, "out of the way", counts=False)

    assert [count for ticket, count in attempts if ticket == "t1"] == [1, 4, 5, 6, 7, 8]
    assert {count for ticket, count in attempts if ticket != "t1"} == {1}
