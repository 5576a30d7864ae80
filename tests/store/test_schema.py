"""The migrations make the tables that the code uses, on both databases, all or nothing."""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from sqlalchemy import make_url, text
from sqlalchemy.schema import CreateIndex, CreateTable

from connector.clock import ManualClock
from connector.errors import StoreUnusable
from connector.store import SchemaState, Store, open_store, queues, schema, schema_state, upgrade
from connector.store.tables import metadata

# URL.get_dialect has types, the dialects' own constructors have none.
POSTGRESQL = make_url("postgresql+pg8000://").get_dialect()()
SQLITE = make_url("sqlite://").get_dialect()()


@pytest.fixture
def file_url(tmp_path: Path) -> str:
    return f"sqlite:///{tmp_path}/ledger.db"


@pytest.fixture
def on_sqlite(file_url: str, clock: ManualClock) -> Iterator[Store]:
    store = open_store(file_url, clock=clock)
    yield store
    store.close()


def stamp(url: str, clock: ManualClock, version: str) -> None:
    """Pretend that another version of the connector wrote this database."""
    with closing(open_store(url, clock=clock)) as store, store.database.write("test") as tx:
        tx.execute(text("UPDATE alembic_version SET version_num = :version"), {"version": version})


def test_the_migrated_schema_is_the_one_in_the_code(store: Store) -> None:
    with store.database.read("test") as tx:
        differences = compare_metadata(MigrationContext.configure(tx), metadata)

    assert differences == []


def test_checks_and_partial_indexes_are_in_the_migrations_too(on_sqlite: Store) -> None:
    def plain(sql: str) -> str:
        return re.sub(r"\s+", "", sql)

    with on_sqlite.database.read("test") as tx:
        real = {
            row.name: plain(row.sql)
            for row in tx.execute(text("SELECT name, sql FROM sqlite_master WHERE sql IS NOT NULL"))
        }

    indexes = {index.name: index for table in metadata.tables.values() for index in table.indexes}
    for name, index in indexes.items():
        assert real[str(name)] == plain(str(CreateIndex(index).compile(dialect=SQLITE)))
    for table in metadata.sorted_tables:
        wanted = plain(str(CreateTable(table).compile(dialect=SQLITE)))
        assert ("WITHOUTROWID" in real[table.name]) == ("WITHOUTROWID" in wanted)
        assert sorted(re.findall(r"CHECK\([^)]*\)\)", real[table.name])) == sorted(
            re.findall(r"CHECK\([^)]*\)\)", wanted)
        )


def test_the_newest_migration_is_the_one_the_code_asks_for() -> None:
    from alembic.script import ScriptDirectory

    folder = Path(schema.__file__).parents[2] / "migrations"

    assert ScriptDirectory(str(folder)).get_heads() == [schema.HEAD]


def test_an_upgrade_is_safe_to_repeat(file_url: str) -> None:
    before = schema_state(file_url)

    first, second = upgrade(file_url), upgrade(file_url)

    assert before == SchemaState(None)
    assert (first, second) == ((None, schema.HEAD), (schema.HEAD, schema.HEAD))
    assert schema_state(file_url).is_current


def test_looking_at_the_schema_creates_nothing(file_url: str, tmp_path: Path) -> None:
    schema_state(file_url)

    assert list(tmp_path.iterdir()) == []


def test_a_database_of_a_newer_version_is_refused(file_url: str, clock: ManualClock) -> None:
    stamp(file_url, clock, "9999")

    with pytest.raises(StoreUnusable, match="a newer version of the connector wrote it"):
        open_store(file_url, clock=clock)


def test_an_empty_database_that_may_not_be_upgraded_is_refused(file_url: str, clock: ManualClock) -> None:
    with pytest.raises(StoreUnusable, match="run `connector db upgrade`"):
        open_store(file_url, clock=clock, upgrade=False)


@pytest.mark.parametrize("moment", ["begun", "committing"])
def test_an_interrupted_migration_leaves_nothing_and_is_repeated(
    file_url: str, clock: ManualClock, crash: Any, killed: Any, moment: str
) -> None:
    crash.armed = f"upgrade.{moment}"
    with pytest.raises(killed):
        open_store(file_url, clock=clock, failpoint=crash)

    state = schema_state(file_url)
    open_store(file_url, clock=clock).close()

    assert state == SchemaState(None)
    assert schema_state(file_url).is_current


# --- Statements -------------------------------------------------------------------------------------------


@pytest.mark.parametrize("statement", [queues.SUBMISSIONS.together, queues.WRITES.together])
def test_a_claim_is_fenced_on_postgresql_and_needs_no_row_locks_on_sqlite(statement: Any) -> None:
    on_postgresql = str(statement.compile(dialect=POSTGRESQL))
    on_sqlite = str(statement.compile(dialect=SQLITE))

    assert on_postgresql.startswith("WITH picked AS MATERIALIZED")
    assert "FOR UPDATE SKIP LOCKED" in on_postgresql
    assert "clock_timestamp()" in on_postgresql
    assert "FOR UPDATE" not in on_sqlite
    assert "MATERIALIZED" not in on_sqlite
    for sql in (on_postgresql, on_sqlite):
        assert "state IN ('pending', 'leased')" in sql
        assert "attempts=(" in sql
        assert "RETURNING" in sql


@pytest.mark.parametrize(
    ("statement", "index"),
    [
        (queues.SUBMISSIONS.together, "ix_submissions_waiting"),
        (queues.WRITES.together, "ix_writes_waiting"),
    ],
)
def test_a_claim_reads_only_what_waits(on_sqlite: Store, statement: Any, index: str) -> None:
    compiled = statement.compile(dialect=SQLITE)
    values = compiled.params | {"of_helpdesk": "desk", "worker": "w", "lease_ms": 1, "limit": 1}

    with on_sqlite.database.read("test") as tx:
        bound = tuple(values[name] for name in compiled.positiontup)
        plan = [row[3] for row in tx.exec_driver_sql(f"EXPLAIN QUERY PLAN {compiled}", bound)]

    assert any(f"USING INDEX {index} (helpdesk=?)" in step for step in plan), plan
    assert not any("TEMP B-TREE" in step for step in plan), plan


@pytest.mark.parametrize("table", metadata.sorted_tables, ids=lambda table: str(table.name))
def test_every_table_can_be_made_on_postgresql(table: Any) -> None:
    sql = str(CreateTable(table).compile(dialect=POSTGRESQL))

    assert "ROWID" not in sql
    assert ("BIGSERIAL" in sql) == ("id" in table.c and table.c.id.type.python_type is int)
