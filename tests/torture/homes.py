"""Where the ledger of a scenario lives, and what its successor finds there when a process was killed."""

from __future__ import annotations

import itertools
import shutil
from pathlib import Path
from typing import Protocol

import psycopg
from sqlalchemy import make_url

from connector.clock import ManualClock
from connector.store import Store
from tests.support.postgres import Schema, keep_time
from tests.torture.remains import Remains, copy_remains, read_file, read_schema


class Home(Protocol):
    """A database for one connector after another."""

    @property
    def url(self) -> str: ...

    @property
    def remains(self) -> Remains: ...

    def keep_time(self, store: Store, clock: ManualClock) -> None:
        """From here on the database's clock is ``clock``."""
        ...

    def outlive(self) -> None:
        """The process is dead; nothing that it does from now on counts."""
        ...

    def tear_down(self) -> None: ...


class FileHome:
    """A SQLite file.  A successor gets a copy of what its dead predecessor left, journal and all."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._generations = itertools.count(1)

    @property
    def url(self) -> str:
        return f"sqlite:///{self._path}"

    @property
    def remains(self) -> Remains:
        return Remains(self._path, read_file(self._path))

    def keep_time(self, store: Store, clock: ManualClock) -> None:
        """A file has no clock of its own."""

    def outlive(self) -> None:
        heir = self._path.with_name(f"ledger-{next(self._generations)}.db")
        copy_remains(self._path, heir)
        self._path = heir

    def tear_down(self) -> None:
        shutil.rmtree(self._path.parent)


class SchemaHome:
    """A schema of PostgreSQL.  What a dead process had not committed is undone as its sessions end."""

    def __init__(self, schema: Schema) -> None:
        self.url = schema.url
        plain = make_url(schema.url).set(drivername="postgresql").render_as_string(hide_password=False)
        self._session = psycopg.connect(plain, autocommit=True)
        self._schema = schema.name
        self.remains = Remains(None, read_schema(self._session))

    def keep_time(self, store: Store, clock: ManualClock) -> None:
        keep_time(store, clock)

    def outlive(self) -> None:
        """Killed is raised inside of transactions, which undoes them."""

    def empty(self) -> None:
        """Forget what the scenario before left."""
        found = self._session.execute(
            "SELECT tablename FROM pg_tables WHERE schemaname = %s AND tablename <> 'alembic_version'",
            (self._schema,),
        )
        if tables := ", ".join(str(row[0]) for row in found):
            self._session.execute(f"TRUNCATE {tables} RESTART IDENTITY".encode())

    def tear_down(self) -> None:
        """The schema serves the next scenario too."""

    def close(self) -> None:
        self._session.close()
