"""Polling a large feed, screened, deduplicated and stored, beside a bare loop over the same pages.

``python -m tests.benchmarks.polling [--tickets 100000] [--rounds 3]``
"""

from __future__ import annotations

import argparse
import statistics
import sys
import tempfile
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path

from tests.benchmarks.sandboxed import Cost, measured, served

BARE_LOOP = """
import json, os, time, requests
base = os.environ["CONNECTOR_HELPDESK__BASE_URL"]
token = requests.post(base + "/oauth/tokens", json={
    "grant_type": "client_credentials", "client_id": os.environ["CONNECTOR_HELPDESK__CLIENT_ID"],
    "client_secret": os.environ["CONNECTOR_HELPDESK__CLIENT_SECRET"], "scope": "read write",
}).json()["access_token"]
session = requests.Session()
session.headers["Authorization"] = "Bearer " + token
ask = {"per_page": 1000, "include": "users,organizations", "support_type_scope": "agent"}
query = {"start_time": int(time.time()) - 86400, **ask}
wall, cpu, seen = time.monotonic(), time.process_time(), 0
while True:
    reply = session.get(base + "/api/v2/incremental/tickets/cursor.json", params=query)
    page = json.loads(reply.content)
    seen += len(page["tickets"])
    if page["end_of_stream"]:
        break
    query = {"cursor": page["after_cursor"], **ask}
print(seen, time.monotonic() - wall, time.process_time() - cpu)
"""

OUR_INTAKE = """
import time
from connector.bootstrap import open_helpdesk, open_ledger
from connector.clock import SystemClock
from connector.interpreter import tune
from connector.pipeline.intake import Intake, IntakePolicy
from connector.settings import load_settings
seen = []
settings, clock = load_settings(use_file=False).settings, SystemClock()
helpdesk = open_helpdesk(settings, clock)
helpdesk.check()
tune()
with open_ledger(settings, clock) as ledger:
    count = lambda event: seen.append(event.facts.get("tickets", 0))
    intake = Intake(helpdesk, ledger, clock, count, IntakePolicy())
    wall, cpu = time.monotonic(), time.process_time()
    intake.run()
    print(sum(seen), time.monotonic() - wall, time.process_time() - cpu)
"""


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--tickets", type=int, default=100_000)
    parser.add_argument("--rounds", type=int, default=3)
    chosen = parser.parse_args()
    print("A tenth are originals, the rest is what fills a feed: routed, solved, closed, agents' own, …")
    compare(chosen.tickets, chosen.rounds, originals=10)
    print("The worst case, as on a very first poll of an untouched queue: every ticket is an original")
    compare(chosen.tickets, chosen.rounds, originals=100)


def compare(tickets: int, rounds: int, *, originals: int) -> None:
    """Both in turn, against the same sandbox; the first round of each kind warms it and is not counted."""
    speeds, cpus, ours = [], [], []
    with served(tickets, originals=originals) as environment:
        bare_loop(tickets, environment)
        for _ in range(rounds):
            bare = bare_loop(tickets, environment)
            mine = our_intake(tickets, environment)
            speeds.append(bare.wall_s / mine.wall_s)
            cpus.append(bare.cpu_s / mine.cpu_s)
            ours.append(mine)
    microseconds = [1e6 * each.cpu_s / tickets for each in ours]
    print(f"  speed {_spread(speeds)} x requests + json, its CPU {_spread(cpus)} x ours")
    print(
        f"  {_spread(microseconds)} us CPU a ticket, peak memory {max(each.rss_mb for each in ours):.0f} MB"
    )


def bare_loop(tickets: int, environment: Mapping[str, str]) -> Cost:
    return _timed(measured([sys.executable, "-c", BARE_LOOP], environment), tickets)


def our_intake(tickets: int, environment: Mapping[str, str]) -> Cost:
    with tempfile.TemporaryDirectory() as folder:
        store = {"CONNECTOR_STORE__URL": f"sqlite:///{Path(folder) / 'bench.db'}"}
        return _timed(measured([sys.executable, "-c", OUR_INTAKE], {**environment, **store}), tickets)


def _timed(cost: Cost, tickets: int) -> Cost:
    """The same with the program's own times, from its first page to its last."""
    seen, wall, cpu = cost.last_line.split()
    assert int(seen) == tickets, f"{seen} of {tickets} tickets"
    return replace(cost, wall_s=float(wall), cpu_s=float(cpu))


def _spread(values: list[float]) -> str:
    return f"{statistics.median(values):.2f} ({min(values):.2f}–{max(values):.2f})"


if __name__ == "__main__":
    main()
