"""The emulators in a process of their own, so that what is measured is the connector."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass


@contextmanager
def served(tickets: int, *, originals: int, latency_ms: int = 0, seed: int = 7) -> Iterator[dict[str, str]]:
    """A sandbox with ``originals`` percent originals, rate limits off; yields the environment to reach it."""
    command = [
        sys.executable,
        "-m",
        "connector",
        "sandbox",
        "--no-rate-limits",
        "--originals",
        str(originals),
    ]
    command += ["--tickets", str(tickets), "--latency-ms", str(latency_ms), "--seed", str(seed)]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True)
    try:
        assert process.stdout is not None
        yield json.loads(process.stdout.readline())
    finally:
        process.terminate()
        process.wait(timeout=30)


@dataclass(frozen=True, slots=True)
class Cost:
    """What one child process took: seconds of wall clock and CPU, peak memory in MB, and its last line."""

    wall_s: float
    cpu_s: float
    rss_mb: float
    last_line: str


def measured(command: Sequence[str], environment: Mapping[str, str]) -> Cost:
    """Run a command to its end, with the kernel's own accounting of it."""
    import time

    started = time.monotonic()
    with subprocess.Popen(
        command, stdout=subprocess.PIPE, text=True, env=os.environ | environment
    ) as process:
        assert process.stdout is not None
        lines = process.stdout.read().splitlines()
        _, status, usage = os.wait4(process.pid, 0)
        process.returncode = os.waitstatus_to_exitcode(status)
    wall = time.monotonic() - started
    if process.returncode != 0:
        raise SystemExit(f"{' '.join(command)} ended with {process.returncode}")
    return Cost(wall, usage.ru_utime + usage.ru_stime, usage.ru_maxrss / 1024, lines[-1] if lines else "")
