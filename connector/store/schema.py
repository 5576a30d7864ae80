"""Which schema a database has, and how it gets the one that this version needs."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import sqlalchemy
from sqlalchemy import Connection, inspect, text

from connector.errors import StoreUnusable

HEAD = "0009"  # the newest migration; known here so that an up-to-date database opens without Alembic
_PATIENCE_MS = 5_000  # a migration that waits for a table blocks everybody who asks for it later
_TURN = 7_115_402_360  # PostgreSQL's advisory lock: one process upgrades at a time


@dataclass(frozen=True, slots=True)
class SchemaState:
    """The schema a database has (None: empty) and the one this version needs."""

    current: str | None
    head: str = HEAD

    @property
    def is_current(self) -> bool:
        return self.current == self.head


def read_schema(tx: Connection, name: str) -> SchemaState:
    """The schema of this database.  Raises StoreUnusable when it belongs to something else."""
    tables = inspect(tx).get_table_names()
    if "alembic_version" in tables:
        return SchemaState(tx.scalar(text("SELECT version_num FROM alembic_version")))
    if tables:
        raise StoreUnusable(
            f"the database {name} cannot be used: it holds something else; correct [store] url"
        )
    return SchemaState(None)


def check_schema(state: SchemaState, name: str, *, may_upgrade: bool) -> None:
    """Raises StoreUnusable unless the schema is the needed one, or older and ``may_upgrade``."""
    if state.is_current:
        return
    if state.current is not None and state.current not in _known_versions():
        raise StoreUnusable(
            f"the database {name} cannot be used: a newer version of the connector wrote it "
            f"(schema {state.current}, this one knows {state.head}); install that version"
        )
    if not may_upgrade:
        raise StoreUnusable(
            f"the database {name} cannot be used: its schema is {state.current or 'empty'}, "
            f"{state.head} is needed; run `connector db upgrade`"
        )


def migrate(tx: Connection) -> None:
    """Bring the schema to `HEAD` inside this transaction: all of it, or nothing."""
    from alembic import command
    from alembic.config import Config

    if tx.dialect.name == "postgresql":
        # Another process may be upgrading, and a large table takes longer than any statement of a pass.
        tx.execute(text("SET LOCAL statement_timeout = 0"))
        tx.execute(text("SET LOCAL lock_timeout = 0"))
        tx.execute(sqlalchemy.select(sqlalchemy.func.pg_advisory_xact_lock(_TURN)))
        tx.execute(text(f"SET LOCAL lock_timeout = {_PATIENCE_MS}"))
    config = Config()
    config.set_main_option("script_location", str(_folder()).replace("%", "%%"))
    config.attributes["connection"] = tx
    command.upgrade(config, "head")


def _folder() -> Path:
    """The migrations: inside the package once installed, beside it in a checkout."""
    package = Path(__file__).parent.parent
    installed = package / "migrations"
    return installed if installed.is_dir() else package.parent / "migrations"


def _known_versions() -> set[str]:
    from alembic.script import ScriptDirectory

    return {script.revision for script in ScriptDirectory(str(_folder())).walk_revisions()}
