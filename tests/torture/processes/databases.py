"""The database of a round: a file, or a schema of PostgreSQL in which time runs faster.

A lease lasts 180 seconds of the database's own clock (connector/store/columns.py, NowMs).  In these schemas
that clock makes 90 seconds of each, so a lease lasts two; neither the program nor its settings know.
"""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass
from pathlib import Path

import psycopg
from sqlalchemy import make_url

from tests.support.postgres import Schema, Server
from tests.torture.remains import Remains, copy_remains, read_file, read_schema

_HASTE = 90
_LEASE_SECONDS = 180
_HASTY_TIME = """
CREATE OR REPLACE FUNCTION {schema}.clock_timestamp() RETURNS timestamptz LANGUAGE sql VOLATILE AS $$
  SELECT to_timestamp({start} + {haste} * (extract(epoch FROM pg_catalog.clock_timestamp()) - {start}))
$$
"""
_DUE = """
SELECT min(due) FROM (
  SELECT CASE WHEN state = 'pending' THEN run_after ELSE lease_until END AS due FROM submissions
  WHERE state IN ('pending', 'leased')
  UNION ALL
  SELECT CASE WHEN state = 'pending' THEN run_after ELSE lease_until END FROM writes
  WHERE state IN ('pending', 'leased')
) AS waiting
"""


@dataclass
class Database:
    """Where the connectors of a round keep their ledger; ``remains`` is what an auditor sees of it."""

    url: str
    remains: Remains
    lease_seconds: float
    haste: int = 1
    path: Path | None = None

    def left_behind(self) -> Remains:
        """What a killed process leaves.  Of a file this is a copy: to close the file would tidy it up."""
        if self.path is None:
            return self.remains
        copy = self.path.with_name("copy.db")
        for stale in (copy, copy.with_name("copy.db-wal"), copy.with_name("copy.db-shm")):
            stale.unlink(missing_ok=True)
        copy_remains(self.path, copy)
        return Remains(copy, read_file(copy))

    def seconds_until_due(self) -> float:
        """In real seconds; negative when something is due already or nothing waits."""
        if self.remains.is_empty:
            return 0.0
        due = self.remains.rows(_DUE)[0][0]
        return 0.0 if due is None else (float(due) / 1000 - self._now()) / self.haste

    def _now(self) -> float:
        if self.path is not None:
            return time.time()
        return float(self.remains.rows("SELECT extract(epoch FROM clock_timestamp())")[0][0])


def file_in(folder: Path) -> Database:
    """A SQLite file that does not exist yet."""
    path = folder / "ledger.db"
    return Database(f"sqlite:///{path}", Remains(path, read_file(path)), 0.5, path=path)


@contextmanager
def schema_of(server: Server) -> Iterator[Database]:
    """A new schema whose clock is in a hurry."""
    with server.schema() as schema, closing(_session(schema)) as session:
        hurried = _HASTY_TIME.format(schema=schema.name, start=time.time(), haste=_HASTE)
        session.execute(hurried.encode())
        lease_seconds = _LEASE_SECONDS / _HASTE
        yield Database(schema.url, Remains(None, read_schema(session)), lease_seconds, _HASTE)


def _session(schema: Schema) -> psycopg.Connection:
    plain = make_url(schema.url).set(drivername="postgresql").render_as_string(hide_password=False)
    return psycopg.connect(plain, autocommit=True)
