"""Connections to SQLite and PostgreSQL, set up so that what is committed stays committed."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import quote

from sqlalchemy import URL, Connection, Engine, QueuePool, StaticPool, create_engine, event, make_url
from sqlalchemy.exc import ArgumentError
from sqlalchemy.pool import ConnectionPoolEntry

from connector.errors import SettingsError
from connector.ports import Clock

if TYPE_CHECKING:
    import psycopg

_BUSY_SECONDS = 15.0
_PRAGMAS = (
    "synchronous=FULL",  # a decision must survive a power cut once its write may have been sent
    "foreign_keys=ON",
    "secure_delete=ON",  # what is erased is gone from the file
    "cache_size=-16000",
    "wal_autocheckpoint=4000",  # pages; index pages of a long poll are then copied once, not per page of it
    "journal_size_limit=67108864",
)
_PREPARED_AFTER = 5  # uses, as PostgreSQL itself waits before it keeps a plan
_POSTGRESQL_OPTIONS = (
    "-c statement_timeout=15000 -c lock_timeout=5000 -c idle_in_transaction_session_timeout=30000"
)


def parse_url(url: str) -> URL:
    """The URL with its driver chosen.  Raises SettingsError, which never repeats it (passwords)."""
    try:
        parsed = make_url(url)
    except (ArgumentError, ValueError):
        raise SettingsError(
            "[store] url: should be like sqlite:///connector.db or postgresql://user@host/database"
        ) from None
    backend = parsed.get_backend_name()
    if backend not in {"sqlite", "postgresql"}:
        raise SettingsError(f"[store] url: {backend} is not supported; use sqlite or postgresql")
    if backend == "postgresql" and parsed.drivername not in {"postgresql", "postgresql+psycopg"}:
        raise SettingsError(
            "[store] url: the only driver for PostgreSQL is psycopg; use postgresql+psycopg://"
        )
    return parsed.set(drivername="postgresql+psycopg") if backend == "postgresql" else parsed


def file_of(url: URL) -> Path | None:
    """The file of a SQLite URL, absolute; None for PostgreSQL and for a database in memory."""
    if url.get_backend_name() != "sqlite" or url.database in (None, "", ":memory:"):
        return None
    return Path(str(url.database)).absolute()


def name_of(url: URL) -> str:
    """How messages call a database: its file, or its address without password and options."""
    path = file_of(url)
    return str(path) if path else url.set(query={}).render_as_string(hide_password=True)


def open_engine(url: URL, clock: Clock | None, *, read_only: bool) -> Engine:
    """An engine for ``url``; nothing is connected yet.  A SQLite file must exist by then.

    Without a clock, SQLite can do nothing that needs the time: enough for its schema.
    """
    if url.get_backend_name() == "postgresql":
        return _postgresql(url, read_only=read_only)
    return _sqlite(file_of(url), clock, read_only=read_only)


def _postgresql(url: URL, *, read_only: bool) -> Engine:
    options = _POSTGRESQL_OPTIONS + (" -c default_transaction_read_only=on" if read_only else "")
    if isinstance(own := url.query.get("options"), str):
        options = f"{options} {own}"
    try:
        engine = create_engine(
            url,
            # A server has 100 for everybody; transactions are short, so threads take turns.  Nothing on top:
            # to connect for one transaction costs the server more than ten transactions.
            pool_size=8,
            max_overflow=0,
            pool_use_lifo=True,
            pool_reset_on_return=None,  # `Database` ends every transaction itself
            # Not `pool_pre_ping`, a fifth of all round trips: what a lost connection undid is repeated.
            hide_parameters=True,
            connect_args={
                "connect_timeout": 5,
                "keepalives_idle": 30,
                "options": options,
                "prepare_threshold": None,  # see `_prepare_where_direct`
            },
        )
    except ImportError:
        raise SettingsError(
            '[store] url: PostgreSQL needs its driver; install "helpdesk-connector[postgres]"'
        ) from None
    event.listen(engine, "connect", _prepare_where_direct)
    return engine


def _prepare_where_direct(connection: psycopg.Connection, _entry: ConnectionPoolEntry) -> None:
    """Let the server plan a statement once per connection, where nobody stands in between.

    A pooler hands each transaction to another session, which may know nothing of what was prepared.  It
    gives a key of its own to those who may want to cancel: not the process that the server names
    (PgBouncer, client.c, `cancel_key`).
    """
    with connection.cursor() as cursor:
        (served_by,) = cursor.execute("SELECT pg_backend_pid()").fetchone() or (None,)
    connection.rollback()
    if served_by == connection.info.backend_pid:
        connection.prepare_threshold = _PREPARED_AFTER


def _sqlite(path: Path | None, clock: Clock | None, *, read_only: bool) -> Engine:
    target = _target(path, read_only=read_only)

    def connect() -> sqlite3.Connection:
        return sqlite3.connect(
            target, uri=True, isolation_level=None, check_same_thread=False, timeout=_BUSY_SECONDS
        )

    if path is None:
        engine = create_engine("sqlite://", creator=connect, poolclass=StaticPool, hide_parameters=True)
    else:
        # Last in, first out: a warm connection has its statements prepared and its pages in memory.
        engine = create_engine(
            "sqlite://",
            creator=connect,
            poolclass=QueuePool,
            pool_size=8,
            max_overflow=-1,
            pool_use_lifo=True,
            pool_reset_on_return=None,  # `Database` ends every transaction itself
            hide_parameters=True,
        )
    _set_up(engine, steady_ms(clock) if clock else None, read_only=read_only)
    return engine


def _set_up(engine: Engine, now_ms: Callable[[], int] | None, *, read_only: bool) -> None:
    @event.listens_for(engine, "connect")
    def prepare(connection: sqlite3.Connection, _entry: ConnectionPoolEntry) -> None:
        if now_ms:
            connection.create_function("connector_now_ms", 0, now_ms)
        for pragma in _PRAGMAS:
            connection.execute(f"PRAGMA {pragma}")
        if read_only:
            connection.execute("PRAGMA query_only=ON")

    @event.listens_for(engine, "begin")
    def begin(connection: Connection) -> None:
        # The write lock is taken first: a transaction that reads, then writes, could otherwise fail half-way.
        how = connection.get_execution_options().get("sqlite_begin", "BEGIN IMMEDIATE")
        if how:
            connection.exec_driver_sql(how)


def _target(path: Path | None, *, read_only: bool) -> str:
    if path is None:
        return "file::memory:"
    mode = "ro" if read_only and _has_journal(path) else "rw"
    return f"file:{quote(str(path))}?mode={mode}"


def _has_journal(path: Path) -> bool:
    """Whether somebody writes, or crashed while writing.

    A read-only connection leaves the journal of others alone, but litters an idle database with an empty
    one (sqlite.org/wal.html, "Read-Only Databases"); a writable one that never writes cleans up behind it.
    """
    journal = path.with_name(path.name + "-wal")
    return journal.exists() and journal.stat().st_size > 0


def steady_ms(clock: Clock) -> Callable[[], int]:
    """Milliseconds since 1970 that never jump: the wall clock of now plus the time that really passes."""
    start = clock.now().timestamp() - clock.monotonic()
    return lambda: int((start + clock.monotonic()) * 1000)
