"""Polling a large feed, screened, deduplicated and stored, beside a bare loop that stores nothing.

``python -m tests.benchmarks.polling [--tickets 100000] [--rounds 3]``
"""

from __future__ import annotations

import argparse
import statistics
import sys
import tempfile
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
query = {"start_time": int(time.time()) - 86400, "per_page": 1000}
wall, cpu, seen = time.monotonic(), time.process_time(), 0
while True:
    reply = session.get(base + "/api/v2/incremental/tickets/cursor.json", params=query)
    page = json.loads(reply.content)
    seen += len(page["tickets"])
    if page["end_of_stream"]:
        break
    query = {"cursor": page["after_cursor"], "per_page": 1000}
print(seen, time.monotonic() - wall, time.process_time() - cpu)
"""

OUR_INTAKE = """
import time
from connector.bootstrap import open_helpdesk, open_ledger
from connector.clock import SystemClock
from connector.pipeline.intake import Intake, IntakePolicy
from connector.settings import load_settings
seen = []
settings, clock = load_settings(use_file=False).settings, SystemClock()
helpdesk = open_helpdesk(settings, clock)
helpdesk.check()
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
    walls, cpus, ours = [], [], []
    with served(chosen.tickets) as environment:
        for number in range(chosen.rounds):
            bare = _timed(measured([sys.executable, "-c", BARE_LOOP], environment))
            with tempfile.TemporaryDirectory() as folder:
                store = {"CONNECTOR_STORE__URL": f"sqlite:///{Path(folder) / 'bench.db'}"}
                cost = measured([sys.executable, "-c", OUR_INTAKE], environment | store)
            mine = _timed(cost)
            assert bare[0] == mine[0] == chosen.tickets, (bare, mine)
            walls.append(bare[1] / mine[1])
            cpus.append(bare[2] / mine[2])
            ours.append((1e6 * mine[2] / mine[0], mine[0] / mine[1], cost.rss_mb))
            us, rate, rss = ours[-1]
            print(
                f"round {number + 1}: speed x {walls[-1]:.2f}, CPU x {cpus[-1]:.2f} of requests + json;",
                end=" ",
            )
            print(f"{us:.1f} us CPU a ticket, {rate:,.0f} tickets/s, peak {rss:.0f} MB")
    speed, cpu = statistics.median(walls), statistics.median(cpus)
    print(f"median speed ratio {speed:.2f} (wanted: >= 2), median CPU ratio {cpu:.2f}")
    print(f"median CPU per ticket {statistics.median(row[0] for row in ours):.1f} us (aim: 20 us)")


def _timed(cost: Cost) -> tuple[int, float, float]:
    seen, wall, cpu = cost.last_line.split()
    return int(seen), float(wall), float(cpu)


if __name__ == "__main__":
    main()
