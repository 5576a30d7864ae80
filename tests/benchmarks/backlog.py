"""A backlog of waiting tickets through one pass: does the model, and nothing else, set the pace?

``python -m tests.benchmarks.backlog [--tickets 10000] [--workers 64] [--latency-ms 400]``
"""

from __future__ import annotations

import argparse
import json
import sys
import tempfile
from pathlib import Path

from tests.benchmarks.sandboxed import measured, served


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--tickets", type=int, default=10_000)
    parser.add_argument("--workers", type=int, default=64)
    parser.add_argument("--latency-ms", type=int, default=400)
    chosen = parser.parse_args()
    ideal = chosen.workers / (chosen.latency_ms / 1000)
    with (
        served(chosen.tickets, originals=100, latency_ms=chosen.latency_ms) as environment,
        tempfile.TemporaryDirectory() as folder,
    ):
        environment |= {
            "CONNECTOR_STORE__URL": f"sqlite:///{Path(folder) / 'bench.db'}",
            "CONNECTOR_LLM__WORKERS": str(chosen.workers),
        }
        run = [sys.executable, "-m", "connector", "run", "--once", "--json"]
        cost = measured(run, environment)
    did = json.loads(cost.last_line)
    calls, wall = did["model_calls"], did["duration_s"]
    print(
        f"tickets {chosen.tickets}, model calls {calls}, written {did['written']}, deferred {did['deferred']}"
    )
    print(f"whole pass (connect, poll, decide, write)  {wall:8.1f} s  {calls / wall:6.1f} calls/s")
    print(
        f"share of the ideal {ideal:.0f} calls/s             {calls / wall / ideal:8.1%}  (wanted: >= 85 %)"
    )
    print(f"CPU per ticket                             {1000 * cost.cpu_s / chosen.tickets:8.2f} ms")
    print(f"peak memory                                {cost.rss_mb:8.0f} MB (wanted: < 250 MB)")


if __name__ == "__main__":
    main()
