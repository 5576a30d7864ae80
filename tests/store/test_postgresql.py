"""PostgreSQL, the real one: several workers and processes on one database, and errors with advice."""

from __future__ import annotations

import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, closing
from typing import Any

import pytest
from sqlalchemy import make_url, text

from connector.clock import ManualClock, SystemClock
from connector.domain.decision import Outcome
from connector.domain.ticket import Disposition
from connector.errors import ConnectorError, LeaseLost, StoreUnusable, Unavailable
from connector.ports import Screened
from connector.store import SqlLedger, Store, open_store, schema_state
from tests.support.postgres import Schema, Server

SHORT_SECONDS = 0.2  # a lease that a test waits out: the database's own clock decides, as in real life


@pytest.fixture
def url(postgres: Schema) -> str:
    return postgres.url


@pytest.fixture
def open_another(url: str) -> Iterator[Callable[[], Store]]:
    """Opens one more store on the same database, as another process would: with connections of its own."""
    with ExitStack() as opened:
        yield lambda: opened.enter_context(closing(open_store(url, clock=SystemClock())))


def until(found: Callable[[], Any]) -> Any:
    """What ``found`` returns as soon as that is something; the test's timeout bounds it."""
    while not (value := found()):
        threading.Event().wait(0.01)
    return value


# --- Several replicas -------------------------------------------------------------------------------------


def test_two_processes_that_claim_at_once_never_hold_the_same_row(
    open_another: Callable[[], Store], desk: Any
) -> None:
    ledgers = [open_another().ledger("desk", f"w{number}") for number in range(2)]
    desk.arrive(ledgers[0], *(f"t{number}" for number in range(300)))
    start = threading.Barrier(8)

    def work(ledger: SqlLedger) -> list[int]:
        start.wait()
        mine: list[int] = []
        while claims := ledger.claim_submissions(7):
            mine += [claim.id for claim in claims]
        return mine

    with ThreadPoolExecutor(8) as threads:
        claimed = list(threads.map(work, ledgers * 4))

    assert len({each for mine in claimed for each in mine}) == 300
    assert sum(map(len, claimed)) == 300
    assert sum(1 for mine in claimed if mine) > 1


def test_a_claim_passes_over_rows_that_another_transaction_holds(
    open_another: Callable[[], Store], desk: Any
) -> None:
    store = open_another()
    ledger = store.ledger("desk", "w1")
    desk.arrive(ledger, "t1", "t2")

    with store.database.write("test") as tx:
        tx.execute(text("SELECT id FROM submissions WHERE ticket_id = 't1' FOR UPDATE"))
        claims = open_another().ledger("desk", "w2").claim_submissions(5)

    assert [claim.ticket.id for claim in claims] == ["t2"]


def test_a_replica_that_wakes_up_after_its_lease_commits_nothing(
    open_another: Callable[[], Store], desk: Any
) -> None:
    store = open_another()
    paused = store.ledger("desk", "paused", lease_seconds=SHORT_SECONDS)
    other = open_another().ledger("desk", "other")
    desk.arrive(paused, "t1")
    stale = desk.claim(paused)
    (taken,) = until(lambda: other.claim_submissions(1))

    with pytest.raises(LeaseLost):
        paused.decide(stale, desk.decision(stale, reason="too late"))
    other.decide(taken, desk.decision(taken))

    (decision,) = store.reports().decisions()
    assert decision.decision.reason == "asks for a refund"
    assert (stale.lease_epoch, taken.lease_epoch) == (1, 2)


def test_a_write_is_not_sent_by_a_replica_that_lost_it(open_another: Callable[[], Store], desk: Any) -> None:
    paused = open_another().ledger("desk", "paused", lease_seconds=SHORT_SECONDS)
    other = open_another().ledger("desk", "other")
    desk.arrive(other, "t1")
    desk.decide(other)
    stale = desk.claim_write(paused)
    (taken,) = until(lambda: other.claim_writes(1))

    with pytest.raises(LeaseLost):
        paused.intend_writes([(stale, stale.ticket)])
    with pytest.raises(LeaseLost):
        paused.end_write(stale, Outcome.APPLIED, None, "")

    other.intend_writes([(taken, taken.ticket)])
    other.end_write(taken, Outcome.APPLIED, None, "")


def test_a_takeover_and_the_late_commit_of_the_first_owner_never_both_succeed(
    open_another: Callable[[], Store], desk: Any
) -> None:
    first = open_another().ledger("desk", "first", lease_seconds=0)
    second = open_another().ledger("desk", "second")
    desk.arrive(second, *(f"t{number}" for number in range(60)))

    def commit(claim: Any) -> list[str]:
        try:
            first.decide(claim, desk.decision(claim))
        except LeaseLost:
            return []
        return [claim.ticket.id]

    claims = first.claim_submissions(60)
    with ThreadPoolExecutor(2) as threads:
        taking = threads.submit(
            lambda: [each.ticket.id for _ in claims for each in second.claim_submissions(1)]
        )
        committed = [ticket for claim in claims for ticket in commit(claim)]
        taken = taking.result()
    taken += [claim.ticket.id for claim in second.claim_submissions(60)]

    assert sorted(committed + taken) == sorted(f"t{number}" for number in range(60))


def test_one_replica_polls_and_another_takes_over_when_its_lease_has_run_out(
    open_another: Callable[[], Store], clock: ManualClock, desk: Any
) -> None:
    dead = open_another().ledger("desk", "dead", lease_seconds=SHORT_SECONDS)
    heir = open_another().ledger("desk", "heir")
    held = desk.lease(dead)
    dead.store_page(held, "c1", (), ())
    refused = heir.lease_poll(clock.now())

    taken = until(lambda: heir.lease_poll(clock.now()))

    assert refused is None
    assert taken.checkpoint == "c1"
    with pytest.raises(LeaseLost):
        dead.store_page(held, "c9", [Screened(desk.make_ticket(id="t1"), Disposition.ORIGINAL)], ())
    assert heir.history(["t1"]) == {}
    assert heir.due().submissions == 0


_HOLDER = """
import sys
from datetime import UTC, datetime
from connector.clock import SystemClock
from connector.store import open_store
ledger = open_store(sys.argv[1], clock=SystemClock()).ledger("desk", "doomed", float(sys.argv[2]))
ledger.lease_poll(datetime(2026, 11, 2, tzinfo=UTC))
print(len(ledger.claim_submissions(1)), flush=True)
sys.stdin.read()
"""


def test_what_a_killed_process_held_is_free_after_its_lease_and_not_before(
    open_another: Callable[[], Store], url: str, clock: ManualClock, desk: Any
) -> None:
    ledger = open_another().ledger("desk", "alive")
    desk.arrive(ledger, "t1")
    ledger.release()
    with subprocess.Popen(
        [sys.executable, "-c", _HOLDER, url, "1.5"], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as holder:
        assert holder.stdout is not None
        claimed = holder.stdout.readline().strip()
        holder.kill()

    too_soon = ledger.claim_submissions(1), ledger.lease_poll(clock.now())
    (claim,) = until(lambda: ledger.claim_submissions(1))
    lease = until(lambda: ledger.lease_poll(clock.now()))

    assert claimed == "1"
    assert too_soon == ([], None)
    assert claim.lease_epoch == 2
    assert lease.epoch > 1


# --- One database, many transactions ----------------------------------------------------------------------


def test_replicas_that_start_together_upgrade_an_empty_database_once(url: str) -> None:
    start = threading.Barrier(6)

    def begin(_: int) -> None:
        start.wait()
        open_store(url, clock=SystemClock()).close()

    with ThreadPoolExecutor(6) as threads:
        list(threads.map(begin, range(6)))

    assert schema_state(url).is_current


def test_a_transaction_that_lost_to_a_deadlock_runs_again(
    open_another: Callable[[], Store], desk: Any
) -> None:
    store, rival = open_another(), open_another()
    ledger = store.ledger("desk", "w1")
    desk.arrive(ledger, "t1", "t2")
    for _ in range(2):
        desk.decide(ledger)
    first, second = ledger.claim_writes(2)
    lock = text("SELECT id FROM writes WHERE id = :id FOR UPDATE")

    # We hold the second row and want the first; intend_writes locks the first and wants the second.
    with ThreadPoolExecutor(1) as thread, rival.database.write("test") as tx:
        tx.execute(text("SET LOCAL deadlock_timeout = '10s'"))  # so that the other one is the victim
        tx.execute(lock, {"id": second.id})
        intending = thread.submit(ledger.intend_writes, [(first, first.ticket), (second, second.ticket)])
        until(lambda: _waits_for_a_lock(store))
        tx.execute(lock, {"id": first.id})
    intending.result()

    assert all(write.maybe_sent for ticket in ("t1", "t2") for write in store.reports().story(ticket).writes)


def _waits_for_a_lock(store: Store) -> bool:
    waiting = (
        "SELECT count(*) FROM pg_stat_activity WHERE wait_event_type = 'Lock' "
        "AND application_name = current_setting('application_name')"
    )
    with store.database.read("test") as tx:
        return bool(tx.scalar(text(waiting)))


def test_a_report_shows_one_moment(open_another: Callable[[], Store], desk: Any) -> None:
    store = open_another()
    counting = text("SELECT count(*) FROM submissions")

    with store.database.read("test") as tx:
        before = tx.scalar(counting)
        desk.arrive(open_another().ledger("desk", "w1"), "t1")
        after = tx.scalar(counting)

    assert (before, after) == (0, 0)


def test_reading_can_change_nothing(url: str, open_another: Callable[[], Store]) -> None:
    open_another()

    with (
        closing(open_store(url, clock=SystemClock(), read_only=True)) as reader,
        pytest.raises(StoreUnusable, match="it is read-only"),
    ):
        reader.ledger("desk", "w1").start_pass("live")


def test_a_connection_that_the_server_ended_is_replaced_unseen(
    open_another: Callable[[], Store], postgres: Schema, postgres_server: Server, desk: Any
) -> None:
    ledger = open_another().ledger("desk", "w1")
    desk.arrive(ledger, "t1")

    with postgres_server.connect() as admin:
        admin.execute(
            "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name = %s",
            (postgres.name,),
        )

    assert desk.claim(ledger).ticket.id == "t1"


def test_a_connection_lost_inside_a_transaction_is_only_unavailable_and_stores_nothing(
    open_another: Callable[[], Store], postgres_server: Server, desk: Any
) -> None:
    store = open_another()
    ledger = store.ledger("desk", "w1")

    def lose() -> None:
        with store.database.write("test") as tx:
            tx.execute(
                text("INSERT INTO passes (id, mode, worker, started_at) VALUES ('p', 'live', 'w1', 1)")
            )
            with postgres_server.connect() as admin:
                mine = tx.scalar(text("SELECT pg_backend_pid()"))
                admin.execute("SELECT pg_terminate_backend(%s)", (mine,))
            tx.execute(text("SELECT 1"))

    with pytest.raises(Unavailable, match="not reachable"):
        lose()

    assert store.reports().last_pass() is None
    ledger.start_pass("live")


def test_more_threads_than_connections_take_turns(open_another: Callable[[], Store], desk: Any) -> None:
    store = open_another()
    ledger = store.ledger("desk", "w1")
    desk.arrive(ledger, *(f"t{number}" for number in range(200)))

    with ThreadPoolExecutor(64) as threads:
        claims = [
            claim for some in threads.map(lambda _: ledger.claim_submissions(1), range(200)) for claim in some
        ]
        list(threads.map(lambda claim: ledger.decide(claim, desk.decision(claim)), claims))

    assert store.reports().totals().decisions == 200


# --- Errors with advice -----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("change", "kind", "words"),
    [
        ({"database": "missing"}, StoreUnusable, "there is no such database; create it"),
        ({"username": "stranger"}, StoreUnusable, "refuses our user or password; correct"),
        ({"query": {"host": "localhost", "port": "1"}}, Unavailable, "not reachable at the moment"),
        ({"query": {"host": "localhost", "sslmode": "sometimes"}}, StoreUnusable, "correct its options"),
        ({"query": {"host": "localhost", "colour": "red"}}, StoreUnusable, "correct its options"),
    ],
)
def test_a_connection_that_cannot_be_made_says_what_to_correct(
    postgres_server: Server,
    clock: ManualClock,
    change: dict[str, Any],
    kind: type[ConnectorError],
    words: str,
) -> None:
    wrong = make_url(postgres_server.address).set(**change)

    with pytest.raises(kind, match=words):
        open_store(wrong.render_as_string(hide_password=False), clock=clock)


def test_a_database_of_something_else_stays_as_it_is(
    url: str, postgres: Schema, postgres_server: Server, clock: ManualClock
) -> None:
    with postgres_server.connect() as admin:
        admin.execute(f"CREATE TABLE {postgres.name}.customers (id integer)".encode())

    with pytest.raises(StoreUnusable, match="it holds something else"):
        open_store(url, clock=clock)


def test_an_error_of_the_server_quotes_no_ticket(open_another: Callable[[], Store], desk: Any) -> None:
    store = open_another()
    with store.database.write("test") as tx:
        tx.execute(text("ALTER TABLE submissions ADD CHECK (ticket NOT LIKE '%4111%')"))

    with pytest.raises(StoreUnusable) as caught:
        desk.arrive(store.ledger("desk", "w1"), "t1", text="my card is 4111")

    assert str(caught.value).endswith("refused a statement (23514, store_page)")
    assert caught.value.__cause__ is None


def test_text_that_postgresql_cannot_store_is_kept_all_the_same(
    open_another: Callable[[], Store], desk: Any
) -> None:
    ledger = open_another().ledger("desk", "w1")
    desk.arrive(ledger, "t1", text="a \0 byte and 😀")

    assert desk.claim(ledger).ticket.text == "a \0 byte and 😀"
