"""The ledger as an auditor reads it: plain SQL on what is committed, none of the product's code."""

from __future__ import annotations

import json
import shutil
import sqlite3
from collections.abc import Sequence
from contextlib import closing
from pathlib import Path
from typing import Any, Protocol

import psycopg


def copy_remains(dead: Path, heir: Path) -> None:
    """Copy a database as a killed process leaves it: the file and what its journal holds, no lock."""
    for suffix in ("", "-wal"):
        source = dead.with_name(dead.name + suffix)
        if source.exists():
            shutil.copyfile(source, heir.with_name(heir.name + suffix))


class Reader(Protocol):
    """Runs a query with ``?`` for its values on what is committed at that moment."""

    def __call__(self, statement: str, *values: Any) -> Sequence[tuple[Any, ...]]: ...


def read_file(path: Path) -> Reader:
    """Queries on a SQLite file that may not exist yet."""

    def rows(statement: str, *values: Any) -> Sequence[tuple[Any, ...]]:
        with closing(sqlite3.connect(f"file:{path}?mode=rw", uri=True)) as connection:
            return connection.execute(statement, values).fetchall()

    return rows


def read_schema(session: psycopg.Connection) -> Reader:
    """Queries in a session whose search path leads to the schema and that commits by itself."""

    def rows(statement: str, *values: Any) -> Sequence[tuple[Any, ...]]:
        return session.execute(statement.replace("?", "%s").encode(), values).fetchall()

    return rows


class Remains:
    """What is committed in a ledger at the moment of asking."""

    def __init__(self, path: Path | None, rows: Reader) -> None:
        """``path`` is that of a SQLite file, if it is one."""
        self._path = path
        self.rows = rows

    @property
    def is_empty(self) -> bool:
        """Whether there is no ledger yet."""
        if self._path is None:
            return not self.rows("SELECT 1 WHERE to_regclass('writes') IS NOT NULL")
        return not self._path.exists() or not self.rows("SELECT 1 FROM sqlite_master WHERE name = 'writes'")

    def checkpoint(self) -> int:
        """The position in the memory helpdesk's log up to which everything should be stored."""
        rows = self.rows("SELECT checkpoint FROM checkpoints")
        return int(rows[0][0] or 0) if rows else 0

    def versions(self) -> set[int]:
        return {int(row[0]) for row in self.rows("SELECT DISTINCT version FROM revisions")}

    def decision(self, decision_id: str) -> tuple[dict[str, Any], bool] | None:
        """The route of a committed decision, and whether its write was announced; None: there is none."""
        rows = self.rows(
            "SELECT d.plan, w.maybe_sent FROM decisions d JOIN writes w ON w.decision_id = d.id"
            " WHERE d.id = ?",
            decision_id,
        )
        return (json.loads(rows[0][0]), bool(rows[0][1])) if rows else None

    def decisions(self) -> dict[str, tuple[str, str, str]]:
        """Per decision its kind, cause and route."""
        return {row[0]: row[1:] for row in self.rows("SELECT id, kind, cause, plan FROM decisions")}

    def call_is_announced(self, ticket_id: str, tier: str) -> bool:
        found = self.rows(
            "SELECT 1 FROM model_calls c JOIN submissions s ON s.id = c.submission_id"
            " WHERE s.ticket_id = ? AND c.tier = ? AND c.state = 'started'",
            ticket_id,
            tier,
        )
        return bool(found)

    def calls(self) -> int:
        return int(self.rows("SELECT count(*) FROM model_calls")[0][0])

    def submissions(self, ticket_id: str) -> Sequence[tuple[Any, ...]]:
        """State of each submission, with its decision's id and its write's state and outcome."""
        return self.rows(
            "SELECT s.state, d.id, w.state, w.outcome FROM submissions s"
            " LEFT JOIN decisions d ON d.submission_id = s.id LEFT JOIN writes w ON w.decision_id = d.id"
            " WHERE s.ticket_id = ?",
            ticket_id,
        )
