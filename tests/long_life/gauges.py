"""What is measured of a process that lives long: memory, handles, threads, database, log, intervals."""

from __future__ import annotations

import gc
import os
import sqlite3
import sys
import threading
from contextlib import closing
from dataclasses import dataclass, field
from pathlib import Path

from connector.clock import ManualClock
from connector.ports import Event

_PAGE = os.sysconf("SC_PAGE_SIZE")
TABLES = ("revisions", "submissions", "model_calls", "decisions", "writes", "corrections", "passes")


class CountedLog:
    """A stream for the log that keeps nothing but its size."""

    def __init__(self) -> None:
        self.lines = 0
        self.size = 0

    def write(self, text: str) -> int:
        self.lines += text.count("\n")
        self.size += len(text.encode())
        return len(text)

    def flush(self) -> None:
        pass

    def isatty(self) -> bool:
        return False


@dataclass
class TicketLines:
    """An observer that counts the lines which grow with the tickets, and are meant to."""

    lines: int = 0

    def __call__(self, event: Event) -> None:
        if event.level != "debug" and event.name in ("ticket.decided", "ticket.written", "page.stored"):
            self.lines += 1


@dataclass
class Intervals:
    """An observer of the polls: how far apart they begin while the helpdesk is well, by a steady clock."""

    clock: ManualClock
    ignore: bool = False  # while polls are meant to be rare
    count: int = 0
    total: float = 0.0
    longest: float = 0.0
    shortest: float = 1e9
    _last: float | None = None

    def __call__(self, event: Event) -> None:
        if event.name == "stage.paused":
            self._last = None
        if event.name != "poll.started":
            return
        now, last = self.clock.monotonic(), self._last
        self._last = None if self.ignore else now
        if last is not None and not self.ignore:
            gap = now - last
            self.count += 1
            self.total += gap
            self.longest, self.shortest = max(self.longest, gap), min(self.shortest, gap)

    @property
    def mean(self) -> float:
        return self.total / max(1, self.count)


@dataclass(frozen=True)
class Reading:
    """One look at everything."""

    rss_mb: float
    descriptors: int
    threads: int
    database: int  # bytes
    journal: int
    rows: dict[str, int]
    parts: dict[str, int]  # bytes of each table and each index, where SQLite can tell
    text: int  # bytes of the tickets as they were classified
    log_lines: int
    log_bytes: int


def allocated_blocks() -> int:
    """How many blocks of memory Python's objects take, whatever the C library keeps for itself."""
    gc.collect()
    return sys.getallocatedblocks()


@dataclass
class Gauges:
    """Reads them all."""

    path: Path
    log: CountedLog
    readings: list[Reading] = field(default_factory=list)

    def read(self) -> Reading:
        gc.collect()
        descriptors = len(list(Path("/proc/self/fd").iterdir())) - 1  # less the one that looks
        rss = int(Path("/proc/self/statm").read_text().split()[1]) * _PAGE
        journal = self.path.with_name(self.path.name + "-wal")
        with closing(sqlite3.connect(f"file:{self.path}?mode=ro", uri=True)) as look:
            rows = {name: look.execute(f"SELECT count(*) FROM {name}").fetchone()[0] for name in TABLES}  # noqa: S608 - our own names
            text = look.execute("SELECT coalesce(sum(length(CAST(ticket AS BLOB))), 0) FROM submissions")
            text_bytes = text.fetchone()[0]
            pages, size = (
                look.execute(f"PRAGMA {name}").fetchone()[0] for name in ("page_count", "page_size")
            )
            parts = _parts(look)
        reading = Reading(
            rss_mb=rss / 2**20,
            descriptors=descriptors,
            threads=threading.active_count(),
            database=pages * size,
            journal=journal.stat().st_size if journal.exists() else 0,
            rows=rows,
            parts=parts,
            text=text_bytes,
            log_lines=self.log.lines,
            log_bytes=self.log.size,
        )
        self.readings.append(reading)
        return reading


def _parts(look: sqlite3.Connection) -> dict[str, int]:
    try:
        found = look.execute(
            "SELECT m.tbl_name, sum(s.pgsize) FROM dbstat AS s JOIN sqlite_schema AS m USING (name)"
            " GROUP BY m.tbl_name"
        )
        return {str(name): int(size) for name, size in found}
    except sqlite3.OperationalError:  # a SQLite that was built without dbstat
        return {}
