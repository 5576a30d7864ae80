"""The time from a ticket's creation to our write: what counts, by whose clock, and how it is ranked."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

import pytest

from connector.clock import ManualClock
from connector.domain.decision import Applied, Outcome
from connector.domain.ticket import Arrival, Disposition, Ticket
from connector.pipeline.role import Lane
from connector.ports import Screened
from connector.store import SqlLedger, Store
from connector.store.assignment import Assignment, AssignmentTime

DAY = timedelta(days=1)
BY_POLL = Arrival.POLL


@dataclass
class Town:
    """Tickets that are opened, taken in and written, each in one call."""

    store: Store
    clock: ManualClock
    make_ticket: Callable[..., Ticket]
    desk: Any

    def routed(
        self,
        ledger: SqlLedger,
        ticket_id: str,
        seconds: float,
        *,
        arrived_by: Arrival = Arrival.POLL,
        outcome: Outcome = Outcome.APPLIED,
        is_read: bool = True,
    ) -> None:
        """A ticket that was opened so long before now, and is written now by the helpdesk's clock."""
        opened_at = self.clock.now() - timedelta(seconds=seconds)
        self.arrives(ledger, self.make_ticket(id=ticket_id, created_at=opened_at), arrived_by)
        self.desk.decide(ledger)
        applied = Applied(ticket_id, outcome, "after", self.clock.now() if is_read else None, "11")
        ledger.end_write(self.desk.claim_write(ledger), outcome, applied, "")

    def arrives(self, ledger: SqlLedger, ticket: Ticket, arrived_by: Arrival) -> None:
        screened = [Screened(ticket, Disposition.ORIGINAL)]
        if arrived_by is Arrival.POLL:
            ledger.store_page(self.desk.lease(ledger), ticket.id, screened, ())
        else:
            ledger.store_arrivals(screened, (), arrived_by)

    def told(self) -> Assignment:
        return self.store.reports().overview(self.clock.now() - DAY, self.clock.now(), DAY).assignment


@pytest.fixture
def town(store: Store, clock: ManualClock, make_ticket: Callable[..., Ticket], desk: Any) -> Town:
    return Town(store, clock, make_ticket, desk)


@pytest.fixture
def service(ledger: SqlLedger, clock: ManualClock) -> SqlLedger:
    """The ledger of a service that has been at work for an hour."""
    ledger.start_pass("live")
    clock.advance(3600)
    return ledger


def test_each_way_of_arriving_has_its_own_percentiles(town: Town, service: SqlLedger) -> None:
    for number in range(1, 21):
        town.routed(service, f"p{number}", 60 + number)
    town.routed(service, "f1", 4, arrived_by=Arrival.FAST)
    town.routed(service, "f2", 6, arrived_by=Arrival.FAST)
    town.routed(service, "n1", 2, arrived_by=Arrival.NUDGE)

    assert town.told().times == (
        AssignmentTime(Arrival.POLL, 20, 70.0, 79.0, 80.0),
        AssignmentTime(Arrival.FAST, 2, 4.0, 6.0, 6.0),
        AssignmentTime(Arrival.NUDGE, 1, 2.0, 2.0, 2.0),
    )


def test_our_own_clock_does_not_count(town: Town, service: SqlLedger, clock: ManualClock) -> None:
    town.arrives(service, town.make_ticket(id="t1", created_at=clock.now()), Arrival.POLL)
    town.desk.decide(service)
    written_at = clock.now() + timedelta(seconds=66)
    clock.jump(7200)
    applied = Applied("t1", Outcome.APPLIED, "after", written_at, "11")
    service.end_write(town.desk.claim_write(service), Outcome.APPLIED, applied, "")

    assert town.told().times == (AssignmentTime(BY_POLL, 1, 66.0, 66.0, 66.0),)


@pytest.mark.parametrize("outcome", [Outcome.NO_OP, Outcome.SUPERSEDED, Outcome.FAILED, Outcome.GONE])
def test_what_was_not_written_has_no_time(town: Town, service: SqlLedger, outcome: Outcome) -> None:
    town.routed(service, "t1", 66, outcome=outcome)

    assert town.told() == Assignment((), 0, 0)


def test_what_waits_for_its_write_has_no_time_yet(town: Town, service: SqlLedger) -> None:
    town.desk.arrive(service, "t1")
    town.desk.decide(service)

    assert town.told() == Assignment((), 0, 0)


def test_a_write_that_was_not_read_afterwards_is_told_apart(town: Town, service: SqlLedger) -> None:
    town.routed(service, "t1", 66)
    town.routed(service, "t2", 66, is_read=False)

    found = town.told()

    assert ([each.tickets for each in found.times], found.untimed) == ([1], 1)


def test_the_backlog_of_a_start_does_not_distort_the_times(
    town: Town, ledger: SqlLedger, clock: ManualClock
) -> None:
    ledger.start_pass("live")
    clock.advance(10)
    town.routed(ledger, "waited-for-us", 20 * 3600)
    clock.advance(3600)
    town.routed(ledger, "came-later", 66)

    found = town.told()

    assert found == Assignment((AssignmentTime(BY_POLL, 1, 66.0, 66.0, 66.0),), backlog=1, untimed=0)


def test_what_was_opened_while_no_service_ran_is_backlog_too(
    town: Town, service: SqlLedger, clock: ManualClock
) -> None:
    service.end_pass(service.start_pass("live"), {})
    service.release()
    clock.advance(7200)
    restarted = town.store.ledger("desk", "restarted")
    restarted.start_pass("live")
    town.routed(restarted, "opened-meanwhile", 3600)

    assert town.told() == Assignment((), backlog=1, untimed=0)


def test_a_worker_that_joined_later_counts_what_an_older_poller_took_in(
    town: Town, service: SqlLedger, clock: ManualClock
) -> None:
    opened_at = clock.now()
    clock.advance(60)
    town.arrives(service, town.make_ticket(id="t1", created_at=opened_at), Arrival.POLL)
    worker = town.store.ledger("desk", "worker")
    worker.start_pass("live")
    clock.advance(6)
    town.desk.decide(worker)
    applied = Applied("t1", Outcome.APPLIED, "after", clock.now(), "11")
    worker.end_write(town.desk.claim_write(worker), Outcome.APPLIED, applied, "")

    assert town.told().times == (AssignmentTime(BY_POLL, 1, 66.0, 66.0, 66.0),)


def test_passes_one_by_one_stand_for_the_time_since_the_pass_before(
    town: Town, store: Store, clock: ManualClock
) -> None:
    for number, seconds in enumerate((30_000, 250, 400)):
        ledger = store.ledger("desk", f"pass-{number}")
        pass_id = ledger.start_pass("once")
        town.routed(ledger, f"t{number}", seconds)
        ledger.end_pass(pass_id, {})
        ledger.release()
        clock.advance(300)

    found = town.told()

    assert found == Assignment((AssignmentTime(BY_POLL, 1, 250.0, 250.0, 250.0),), backlog=2, untimed=0)


def test_a_backfill_is_none_of_it(town: Town, service: SqlLedger, store: Store, clock: ManualClock) -> None:
    past = town.make_ticket(id="old", created_at=clock.now() - timedelta(seconds=60))
    backfill = store.ledger("desk", "backfill", lane=Lane.BACKFILL)
    store.backlog("desk").admit(backfill.start_pass("backfill"), [past], ())
    town.desk.arrive(service)
    town.desk.decide(backfill)
    applied = Applied("old", Outcome.APPLIED, "after", clock.now(), "11")
    backfill.end_write(town.desk.claim_write(backfill), Outcome.APPLIED, applied, "")

    assert town.told() == Assignment((), 0, 0)


def test_what_was_decided_before_the_period_is_not_counted(
    town: Town, service: SqlLedger, clock: ManualClock
) -> None:
    town.routed(service, "t1", 66)
    clock.advance(DAY.total_seconds() + 1)

    assert town.told() == Assignment((), 0, 0)
