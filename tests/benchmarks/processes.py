"""Services under measurement, and what the database server beside them uses."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path

import psycopg


@contextmanager
def service(command: Sequence[str], environment: Mapping[str, str]) -> Iterator[subprocess.Popen[bytes]]:
    """A process that is killed at the end of the block unless it has been waited for."""
    process = subprocess.Popen(command, env=environment)
    try:
        yield process
    finally:
        if process.returncode is None:
            process.kill()
            process.wait()


def server_cpu(admin: psycopg.Connection) -> float:
    """CPU seconds of the server and its processes, those that have ended included; 0.0 without /proc."""
    if not Path("/proc/self/stat").exists():
        return 0.0
    own = admin.info.backend_pid
    postmaster = int(_fields(own)[1])
    processes = [path for path in Path("/proc").glob("[0-9]*") if _is_child(int(path.name), postmaster)]
    ticks = sum(sum(map(int, _fields(int(path.name))[11:13])) for path in processes)
    ticks += sum(map(int, _fields(postmaster)[11:15]))
    return ticks / os.sysconf("SC_CLK_TCK")


def _is_child(process: int, parent: int) -> bool:
    try:
        return int(_fields(process)[1]) == parent
    except FileNotFoundError:  # it has just ended
        return False


def _fields(process: int) -> list[str]:
    """/proc/PID/stat behind the name: state, parent, … (proc(5))."""
    return Path(f"/proc/{process}/stat").read_text().rpartition(")")[2].split()


def process_cpu(process: int) -> float:
    """CPU seconds of a running process; 0.0 without /proc."""
    if not Path("/proc/self/stat").exists():
        return 0.0
    return sum(map(int, _fields(process)[11:13])) / os.sysconf("SC_CLK_TCK")
