"""Waiting tickets drained from PostgreSQL by one replica and by several: how much faster, and nothing twice?

``python -m tests.benchmarks.replicas [--tickets 5000] [--replicas 1 4] [--workers 16] [--latency-ms 400]``

A poller stores the tickets, which are held back until so many services with ``--role worker`` run.  Then the
clock runs until the last decision and until the last write.  The emulators count what arrives at them.
"""

from __future__ import annotations

import argparse
import os
import subprocess
import sys
import time
from collections.abc import Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass

import psycopg

from tests.benchmarks.processes import process_cpu, server_cpu, service
from tests.benchmarks.witness import Witness, witness
from tests.support.postgres import Server, private

_LONGEST_SECONDS = 240.0  # for one round; whatever has not been drained by then is told
_LONGEST_START_SECONDS = 60.0
_LOOK_SECONDS = 0.25
_WAITING = "SELECT count(*) FROM submissions WHERE state <> 'decided'"
_HOLD = "UPDATE submissions SET run_after = 9000000000000000"
_RELEASE = "UPDATE submissions SET run_after = 0"
_RUNNING = "SELECT count(*) FROM passes WHERE mode = 'live'"
_UNDECIDED = "SELECT count(*) FROM (SELECT FROM submissions WHERE state <> 'decided' LIMIT 1) AS one"
_UNWRITTEN = "SELECT count(*) FROM (SELECT FROM writes WHERE state <> 'done' LIMIT 1) AS one"
_CALLS = "SELECT count(*), count(DISTINCT (submission_id, tier)) FROM model_calls"
_OUTCOMES = "SELECT outcome, count(*) FROM writes GROUP BY outcome ORDER BY outcome"
_SHARES = """
    SELECT count(*) FROM decisions JOIN passes ON decisions.pass_id = passes.id GROUP BY worker ORDER BY 1
"""


@dataclass(frozen=True)
class Round:
    """What one number of replicas took: seconds of wall clock, and of CPU per part of the whole."""

    replicas: int
    decided_s: float
    written_s: float
    cpu_s: Mapping[str, float]
    problems: Sequence[str]
    shares: Sequence[int]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--tickets", type=int, default=5_000)
    parser.add_argument("--replicas", type=int, nargs="+", default=[1, 4])
    parser.add_argument("--workers", type=int, default=16)
    parser.add_argument("--latency-ms", type=int, default=400)
    chosen = parser.parse_args()
    with private(os.environ, options="") as server:  # with fsync, as in production
        rounds = [
            drained(server, number, chosen.tickets, chosen.workers, chosen.latency_ms)
            for number in chosen.replicas
        ]
    for each in rounds:
        rate = chosen.tickets / each.written_s
        cpu = ", ".join(f"{name} {1000 * used / chosen.tickets:.1f}" for name, used in each.cpu_s.items())
        print(
            f"{each.replicas} replicas: decided in {each.decided_s:.1f} s, written in {each.written_s:.1f} s "
            f"({rate:.1f} tickets/s, {rounds[0].written_s / each.written_s:.2f} x the first); "
            f"decided by each: {list(each.shares)}; CPU ms per ticket: {cpu}"
        )
        print(f"  {'; '.join(each.problems) or 'no ticket classified or written twice, none left'}")
    if any(each.problems for each in rounds):
        raise SystemExit(1)


def drained(server: Server, replicas: int, tickets: int, workers: int, latency_ms: int) -> Round:
    """One round, on a schema and with emulators of its own."""
    with server.schema() as schema, witness(tickets, latency_ms) as world, ExitStack() as running:
        environment = {
            **os.environ,
            **world.environment,
            "CONNECTOR_STORE__URL": schema.url,
            "CONNECTOR_LLM__WORKERS": str(workers),
            "CONNECTOR_LOG__LEVEL": "warning",
        }
        connector = [sys.executable, "-m", "connector", "run", "--role"]
        subprocess.run(
            [*connector, "poller", "--once"], env=environment, check=True, stdout=subprocess.DEVNULL
        )
        admin = running.enter_context(server.connect())
        admin.execute(f"SET search_path = {schema.name}, pg_catalog".encode())
        _expect(admin, _WAITING, tickets)
        admin.execute(_HOLD)
        services = [
            running.enter_context(service([*connector, "worker"], environment)) for _ in range(replicas)
        ]
        _expect(admin, _RUNNING, replicas, patience_s=_LONGEST_START_SECONDS)
        before = world.report()["cpu_s"], server_cpu(admin), sum(process_cpu(each.pid) for each in services)
        admin.execute(_RELEASE)
        started = time.monotonic()
        decided_s = _until_none(admin, _UNDECIDED, started)
        written_s = _until_none(admin, _UNWRITTEN, started)
        own_cpu = sum(_end(each) for each in services)
        cpu = {
            "replicas": own_cpu - before[2],
            "emulators": world.report()["cpu_s"] - before[0],
            "database": server_cpu(admin) - before[1],
        }
        shares = [int(row[0]) for row in admin.execute(_SHARES)]
        return Round(replicas, decided_s, written_s, cpu, _problems(admin, world, tickets), shares)


def _end(service: subprocess.Popen[bytes]) -> float:
    """Stop a service in order; returns its CPU seconds."""
    service.terminate()
    _, status, usage = os.wait4(service.pid, 0)
    service.returncode = os.waitstatus_to_exitcode(status)
    if service.returncode != 0:
        raise SystemExit(f"a replica ended with {service.returncode}")
    return usage.ru_utime + usage.ru_stime


def _until_none(admin: psycopg.Connection, waiting: str, started: float) -> float:
    """Seconds from ``started`` until nothing waits."""
    while _number(admin, waiting):
        if time.monotonic() - started > _LONGEST_SECONDS:
            break
        time.sleep(_LOOK_SECONDS)
    return time.monotonic() - started


def _problems(admin: psycopg.Connection, world: Witness, tickets: int) -> list[str]:
    """What is not as promised, by the database and by the emulators."""
    report = world.report()
    (recorded, distinct), *_ = admin.execute(_CALLS).fetchall()
    outcomes = {str(outcome): int(count) for outcome, count in admin.execute(_OUTCOMES)}
    claims = {
        f"{tickets} tickets, outcomes {outcomes}": outcomes == {"applied": tickets},
        f"{report['writes']} writes arrived for {report['written']} tickets": report["writes"]
        == report["written"]
        == tickets,
        f"{report['calls']} calls arrived, {recorded} on record, {distinct} needed": report["calls"]
        == recorded
        == distinct,
    }
    return [claim for claim, holds in claims.items() if not holds]


def _number(admin: psycopg.Connection, question: str) -> int:
    row = admin.execute(question.encode()).fetchone()
    assert row is not None
    return int(row[0])


def _expect(admin: psycopg.Connection, question: str, number: int, patience_s: float = 0.0) -> None:
    until = time.monotonic() + patience_s
    while (found := _number(admin, question)) != number:
        if time.monotonic() >= until:
            raise SystemExit(f"{question}: {found}, and {number} were expected")
        time.sleep(_LOOK_SECONDS)


if __name__ == "__main__":
    main()
