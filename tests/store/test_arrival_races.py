"""Two processes store the same ticket at the same moment, on a real PostgreSQL: one of them was first."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import ExitStack, closing
from typing import Any

import pytest

from connector.clock import SystemClock
from connector.domain.ticket import Arrival, Disposition
from connector.ports import Screened
from connector.store import SqlLedger, Store, open_store
from tests.support.postgres import Schema, Server

Storing = Callable[[SqlLedger, Screened], Any]
LONGEST_SECONDS = 30.0


def by_the_feed(ledger: SqlLedger, screened: Screened) -> Any:
    lease = ledger.lease_poll(screened.ticket.created_at)
    assert lease is not None
    return ledger.store_page(lease, "c1", [screened], ())


def by_the_fast_lane(ledger: SqlLedger, screened: Screened) -> Any:
    return ledger.store_arrivals([screened], (), Arrival.FAST)


def by_a_nudge(ledger: SqlLedger, screened: Screened) -> Any:
    return ledger.store_arrivals([screened], (), Arrival.NUDGE)


class Halt:
    """A failpoint that holds the first transaction with this name open right before its end."""

    def __init__(self) -> None:
        self.moments: set[str] = set()
        self.reached, self.go_on = threading.Event(), threading.Event()

    def __call__(self, moment: str) -> None:
        if moment in self.moments:
            self.moments.clear()
            self.reached.set()
            assert self.go_on.wait(LONGEST_SECONDS)


@pytest.fixture
def stores(postgres: Schema) -> Iterator[Callable[..., Store]]:
    """Opens one more store on the same database, as another process would: with connections of its own."""
    with ExitStack() as opened:
        yield lambda **more: opened.enter_context(
            closing(open_store(postgres.url, clock=SystemClock(), **more))
        )


def waits_or_ended(server: Server, schema: Schema, other: Future[Any]) -> bool:
    """Until the other one waits for a lock; False when it came through without waiting."""
    waiting = "SELECT count(*) FROM pg_stat_activity WHERE application_name = %s AND wait_event_type = 'Lock'"
    with server.connect() as admin:
        while not other.done():
            row = admin.execute(waiting, (schema.name,)).fetchone()
            if row and row[0]:
                return True
            threading.Event().wait(0.01)
    return False


@pytest.mark.parametrize(
    ("first", "second"),
    [
        (by_the_fast_lane, by_the_feed),
        (by_the_feed, by_the_fast_lane),
        (by_the_fast_lane, by_a_nudge),
    ],
)
@pytest.mark.parametrize(("version", "expected"), [("v1", Disposition.DUPLICATE), ("v2", Disposition.UPDATE)])
def test_the_second_waits_for_the_first_and_finds_its_ticket_there(
    postgres: Schema,
    postgres_server: Server,
    stores: Callable[..., Store],
    desk: Any,
    first: Storing,
    second: Storing,
    version: str,
    expected: Disposition,
) -> None:
    halt = Halt()
    one = stores(failpoint=halt)
    other = stores().ledger("desk", "w2")
    halt.moments = {"store_page.committing", "store_arrivals.committing"}
    earlier, later = (
        Screened(desk.make_ticket(id="t1", version=each), Disposition.ORIGINAL) for each in ("v1", version)
    )

    with ThreadPoolExecutor(2) as threads:
        won = threads.submit(first, one.ledger("desk", "w1"), earlier)
        assert halt.reached.wait(LONGEST_SECONDS)
        lost = threads.submit(second, other, later)
        waited = waits_or_ended(postgres_server, postgres, lost)
        halt.go_on.set()

    story = one.reports().story("t1")
    assert waited
    assert (won.result(), lost.result()) == ({Disposition.ORIGINAL: 1}, {expected: 1})
    assert len(story.submissions) == 1
    assert [each.disposition for each in story.revisions].count(Disposition.ORIGINAL) == 1


def test_of_many_that_store_at_once_each_ticket_is_one_submission(
    stores: Callable[..., Store], desk: Any
) -> None:
    ids = [f"t{number}" for number in range(40)]
    ledgers = [stores().ledger("desk", f"w{number}") for number in range(3)]
    start = threading.Barrier(6)

    def store(at: int) -> list[Any]:
        """A feed and five others, each with a version of its own of half of the tickets."""
        storing = by_the_feed if at == 0 else by_a_nudge
        tickets = [desk.make_ticket(id=each, version=f"v{at % 4}") for each in ids]
        start.wait()
        return [storing(ledgers[at % 3], Screened(each, Disposition.ORIGINAL)) for each in tickets]

    with ThreadPoolExecutor(6) as threads:
        counted = [dict(each) for mine in threads.map(store, range(6)) for each in mine]

    claimed = ledgers[0].claim_submissions(100)
    assert sorted(claim.ticket.id for claim in claimed) == sorted(ids)
    assert counted.count({Disposition.ORIGINAL: 1}) == 40
    assert len(counted) == 240
