"""How soon an idle replica picks up what another process stored, and what its looking costs PostgreSQL.

``python -m tests.benchmarks.wakeup [--tickets 60] [--idle-s 20]``

A service with ``--role worker`` has nothing to do; this process then hands it tickets and decisions at
random moments.  Pickup is measured to what the worker records next, a little later than its claim: the begin
of the model call, and the announcement of the write.
"""

from __future__ import annotations

import argparse
import os
import random
import statistics
import subprocess
import sys
import time
from collections.abc import Callable, Sequence
from contextlib import closing

import psycopg

from connector.clock import SystemClock
from connector.domain.decision import Cause, Decision, Kind, Route
from connector.ports import SubmissionClaim
from connector.store import open_store
from tests.benchmarks.processes import process_cpu, server_cpu, service
from tests.benchmarks.witness import witness
from tests.support.postgres import Schema, Server, private

_LEASE_MS = 180_000  # an announced write holds its row for so long from then on
_LONGEST_SECONDS = 30.0
_HOLD = "UPDATE submissions SET run_after = 9000000000000000 WHERE state = 'pending' RETURNING ticket_id"
_HAND_OVER = "UPDATE submissions SET run_after = 0 WHERE ticket_id = %s"
_CALLED = """
    SELECT min(c.started_at) FROM model_calls c JOIN submissions s ON c.submission_id = s.id
    WHERE s.ticket_id = %s
"""
_DECIDED = "SELECT decided_at FROM decisions WHERE ticket_id = %s"
_ANNOUNCED = f"SELECT lease_until - {_LEASE_MS} FROM writes WHERE ticket_id = %s AND maybe_sent"  # noqa: S608 - a number
_COMMITS = "SELECT xact_commit FROM pg_stat_database WHERE datname = current_database()"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--tickets", type=int, default=60)
    parser.add_argument("--idle-s", type=float, default=20.0)
    chosen = parser.parse_args()
    with (
        private(os.environ, options="") as server,
        server.schema() as schema,
        witness(chosen.tickets, latency_ms=100) as world,
    ):
        environment = {**os.environ, **world.environment, "CONNECTOR_STORE__URL": schema.url}
        environment["CONNECTOR_LOG__LEVEL"] = "warning"
        measure(server, schema, environment, chosen.idle_s)


def measure(server: Server, schema: Schema, environment: dict[str, str], idle_s: float) -> None:
    """Fill the queue, hold everything back, start a worker, and hand the work over bit by bit."""
    connector = [sys.executable, "-m", "connector", "run", "--role"]
    subprocess.run([*connector, "poller", "--once"], env=environment, check=True, stdout=subprocess.DEVNULL)
    with server.connect() as admin, closing(open_store(schema.url, clock=SystemClock())) as store:
        admin.execute(f"SET search_path = {schema.name}, pg_catalog".encode())
        other = store.ledger("zendesk", "another-process", lease_seconds=3600)
        waiting = _numbers(admin, "SELECT count(*) FROM submissions")[0]
        claims = other.claim_submissions(waiting // 2)
        held = [str(row[0]) for row in admin.execute(_HOLD.encode())]
        with service([*connector, "worker"], environment) as worker:
            _settle(admin)
            _tell_idle(admin, worker.pid, idle_s)
            calls, writes = [], []
            for ticket in held:
                stored = _handed_over(lambda ticket=ticket: admin.execute(_HAND_OVER.encode(), (ticket,)))  # type: ignore[misc]
                calls.append(_moment(admin, _CALLED, ticket) - stored)
                writes.append(_moment(admin, _ANNOUNCED, ticket) - _moment(admin, _DECIDED, ticket))
            _tell("ticket stored by another process -> model call begun", calls)
            _tell("decided in the same process -> write announced", writes)
            route = store.reports().decisions(limit=1)[0].decision.route  # any that the helpdesk knows
            writes = []
            for claim in claims:
                decision = _decision(claim, route)
                stored = _handed_over(lambda claim=claim, decision=decision: other.decide(claim, decision))  # type: ignore[misc]
                writes.append(_moment(admin, _ANNOUNCED, claim.ticket.id) - stored)
            _tell("decided by another process -> write announced", writes)
            worker.terminate()
            worker.wait(timeout=60)


def _settle(admin: psycopg.Connection) -> None:
    """Wait until the worker has begun its pass."""
    until = time.monotonic() + _LONGEST_SECONDS
    while not _numbers(admin, "SELECT count(*) FROM passes WHERE mode = 'live'")[0]:
        if time.monotonic() > until:
            raise SystemExit("the worker did not start")
        time.sleep(0.1)


def _tell_idle(admin: psycopg.Connection, worker: int, seconds: float) -> None:
    def now() -> tuple[float, float, int]:
        return server_cpu(admin), process_cpu(worker), _numbers(admin, _COMMITS)[0]

    time.sleep(2)  # past what it does at its start
    before = now()
    time.sleep(seconds)
    after = now()
    database, own, commits = (b - a for a, b in zip(before, after, strict=True))
    print(
        f"idle worker: {commits / seconds:.1f} transactions/s, CPU of the database {database / seconds:.1%} "
        f"and of the worker {own / seconds:.1%} of a core"
    )


def _handed_over(hand_over: Callable[[], object]) -> float:
    """Hand work over at a random moment; returns when that was committed, in milliseconds since 1970."""
    time.sleep(random.uniform(0.6, 1.4))  # noqa: S311 - moments, not secrets
    hand_over()
    return time.time() * 1000


def _moment(admin: psycopg.Connection, question: str, ticket: str) -> float:
    """The time that a question answers as soon as it has an answer, in milliseconds since 1970."""
    until = time.monotonic() + _LONGEST_SECONDS
    while not (found := [row[0] for row in admin.execute(question.encode(), (ticket,)) if row[0]]):
        if time.monotonic() > until:
            raise SystemExit(f"ticket {ticket} was not picked up in {_LONGEST_SECONDS} seconds")
        time.sleep(0.01)
    return float(found[0])


def _decision(claim: SubmissionClaim, route: Route) -> Decision:
    return Decision(
        id=f"decision-{claim.ticket.id}",
        kind=Kind.FAILED_OPEN,
        cause=Cause.INTERNAL_ERROR,
        reason="made for a measurement",
        route=route,
        classification=None,
        steps=(),
        guardrail=(),
        thresholds={},
        prompt_version="none",
        decided_at=SystemClock().now(),
    )


def _numbers(admin: psycopg.Connection, question: str) -> list[int]:
    return [int(row[0]) for row in admin.execute(question.encode())]


def _tell(what: str, waits_ms: Sequence[float]) -> None:
    tail = statistics.quantiles(waits_ms, n=100, method="inclusive")[98]
    print(
        f"{what}: p50 {statistics.median(waits_ms):.0f} ms, p99 {tail:.0f} ms, worst {max(waits_ms):.0f} ms "
        f"({len(waits_ms)} times)"
    )


if __name__ == "__main__":
    main()
