"""How long a ticket waits from its creation until it is routed, with the fast lane and without it.

``python -m tests.benchmarks.arrival [--tickets 20] [--over-s 60] [--fast-s 5] [--latency-ms 1000]``

A service of its own process polls the emulated Zendesk, with its rate limits; tickets are created at random
moments.  ``--fast-s 0`` is a service without the lane.
"""

from __future__ import annotations

import argparse
import os
import random
import statistics
import sys
import tempfile
import time
from collections import Counter
from pathlib import Path

from connector.sandbox.claude_api import ClaudeSandbox
from connector.sandbox.zendesk_api import ZendeskSandbox
from connector.settings import Settings
from tests.benchmarks.processes import process_cpu, service

_KEY = "sandbox-key"
_LONGEST_SECONDS = 200.0


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--tickets", type=int, default=20)
    parser.add_argument("--over-s", type=float, default=60.0)
    parser.add_argument("--fast-s", type=float, default=5.0)
    parser.add_argument("--latency-ms", type=int, default=1000)
    chosen = parser.parse_args()
    settings = Settings()
    with (
        tempfile.TemporaryDirectory() as place,
        ZendeskSandbox() as zendesk,
        ClaudeSandbox(latency_seconds=chosen.latency_ms / 1000, api_key=_KEY) as claude,
    ):
        for name in dict.fromkeys([*settings.groups().values(), settings.helpdesk.human_group]):
            zendesk.add_group(name)
        environment = {
            **os.environ,
            "CONNECTOR_HELPDESK__KIND": "zendesk",
            "CONNECTOR_HELPDESK__BASE_URL": zendesk.url,
            "CONNECTOR_HELPDESK__CLIENT_ID": str(zendesk.credentials.client_id),
            "CONNECTOR_HELPDESK__CLIENT_SECRET": str(zendesk.credentials.client_secret),
            "CONNECTOR_POLL__FAST_SECONDS": str(chosen.fast_s),
            "CONNECTOR_STORE__URL": f"sqlite:///{Path(place) / 'ledger.db'}",
            "CONNECTOR_LOG__LEVEL": "warning",
            "ANTHROPIC_BASE_URL": claude.url,
            "ANTHROPIC_API_KEY": _KEY,
        }
        with service([sys.executable, "-m", "connector", "run"], environment) as running:
            measure(zendesk, running.pid, chosen.tickets, chosen.over_s)
            running.terminate()
            running.wait(timeout=60)


def measure(zendesk: ZendeskSandbox, pid: int, tickets: int, over_s: float) -> None:
    """Create the tickets, wait until all are written, and tell."""
    until = time.monotonic() + _LONGEST_SECONDS
    while not any("/incremental/" in served.path for served in tuple(zendesk.requests)):
        _nap(until)
    cpu, asked, began = process_cpu(pid), len(zendesk.requests), time.monotonic()
    moments = sorted(random.uniform(0, over_s) for _ in range(tickets))  # noqa: S311 - moments, not secrets
    created: dict[int, float] = {}
    for moment in moments:
        time.sleep(max(0.0, began + moment - time.monotonic()))
        created[zendesk.create_ticket("Charged twice", "Please refund my invoice.")] = time.time()
    while len({write.ticket_id for write in zendesk.writes()}) < tickets:
        _nap(until)
    took = time.monotonic() - began
    waits = [write.at - created[write.ticket_id] for write in zendesk.writes()]
    print(
        f"created -> routed: p50 {statistics.median(waits):.1f} s, worst {max(waits):.1f} s "
        f"({len(waits)} writes for {tickets} tickets)"
    )
    paths = Counter(served.path for served in tuple(zendesk.requests)[asked:])
    told = ", ".join(f"{paths[path]} {path}" for path in ("/api/v2/tickets", _EXPORT))
    print(f"in {took:.0f} s: {told}; CPU of the service {(process_cpu(pid) - cpu) / took:.1%} of a core")


_EXPORT = "/api/v2/incremental/tickets/cursor.json"


def _nap(until: float) -> None:
    if time.monotonic() > until:
        raise SystemExit("the service did not get that far")
    time.sleep(0.1)


if __name__ == "__main__":
    main()
