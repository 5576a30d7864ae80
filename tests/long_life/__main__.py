"""A service's life in simulated time: python -m tests.long_life [--day] [--tickets N] [--json].

A week of 50,000 tickets, or with --day a day of 3,000, at a helpdesk in memory with a scripted model; the
ledger is a SQLite file, in memory-backed storage where the machine has it.  Ends with 1 when a promise broke.
"""

from __future__ import annotations

import argparse
import json
import sys
import tempfile
from pathlib import Path

from tests.long_life.gauges import Reading
from tests.long_life.verdict import facts, problems
from tests.long_life.week import Life, connected, day, week

_FAST = Path("/dev/shm")  # noqa: S108 - a place for files, used through tempfile


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--day", action="store_true")
    parser.add_argument("--tickets", type=int)
    parser.add_argument("--json", action="store_true")
    chosen = parser.parse_args()
    plan = (day if chosen.day else week)(*([chosen.tickets] if chosen.tickets else []))
    with (
        tempfile.TemporaryDirectory(dir=_FAST if _FAST.is_dir() else None) as folder,
        connected(plan, Path(folder)) as life,
    ):
        if not chosen.json:
            print(_HEAD)
        life.live(lambda reading: None if chosen.json else print(_line(life, reading), flush=True))
        broken, found = problems(life), facts(life)
    if chosen.json:
        print(json.dumps({**found, "problems": broken}))
    else:
        print(*(f"{name:34} {value}" for name, value in found.items()), sep="\n")
        for each in broken:
            print(f"BROKEN: {each}")
    return 1 if broken else 0


_HEAD = (
    f"{'hours':>5}{'tickets':>9}{'RSS MB':>8}{'files':>7}{'threads':>9}{'DB MB':>8}{'KB/ticket':>11}"
    f"{'WAL MB':>8}{'passes':>8}{'log lines':>11}{'log MB':>8}"
)


def _line(life: Life, now: Reading) -> str:
    tickets = now.rows["submissions"]
    return (
        f"{life.clock.monotonic() / 3600:5.0f}{tickets:9}{now.rss_mb:8.1f}{now.descriptors:7}{now.threads:9}"
        f"{now.database / 1e6:8.1f}{now.database / 1e3 / max(1, tickets):11.2f}{now.journal / 1e6:8.1f}"
        f"{now.rows['passes']:8}{now.log_lines:11}{now.log_bytes / 1e6:8.1f}"
    )


if __name__ == "__main__":
    sys.exit(main())
