"""Many rows in one statement: what a page of a thousand tickets needs, and nothing per row but the values."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from itertools import chain
from typing import Any

from sqlalchemy import Column, Connection, Table
from sqlalchemy.dialects.postgresql import insert as postgresql_insert
from sqlalchemy.dialects.sqlite import insert as sqlite_insert

_MOST_ROWS = 500  # of one statement; databases bound its parameters (SQLite 32,766, PostgreSQL 65,535)

Values = tuple[object, ...]


def insert_new(tx: Connection, table: Any) -> Any:  # noqa: ANN401 - the two dialects share no type
    """An INSERT that leaves alone what is already there."""
    insert = sqlite_insert if tx.dialect.name == "sqlite" else postgresql_insert
    return insert(table).on_conflict_do_nothing()


def insert_rows(
    tx: Connection,
    table: Table,
    columns: Sequence[Column[object]],
    rows: Sequence[Values],
    *,
    same: Mapping[str, object],
    returning: Sequence[Column[object]] = (),
) -> Iterator[Values]:
    """Insert what is not there yet, and yield ``returning`` of each row that was new.

    ``same`` are the columns that have one value in all rows.  Values go to the driver as they are: types with
    a conversion of their own are converted by the caller.  SQLAlchemy's executemany costs 5 microseconds a
    row more, which is most of the price of a page.
    """
    mark = "?" if tx.dialect.paramstyle == "qmark" else "%s"
    names = ", ".join([*same, *(column.name for column in columns)])
    shared = f"{mark}, " * len(same)
    places = ", ".join(f"column{number}" for number in range(1, len(columns) + 1))
    one = f"({', '.join([mark] * len(columns))})"
    back = f" RETURNING {', '.join(column.name for column in returning)}" if returning else ""
    for at in range(0, len(rows), _MOST_ROWS):
        some = rows[at : at + _MOST_ROWS]
        # Names are those of our own tables; values are parameters.
        statement = (
            f"INSERT INTO {table.name} ({names}) SELECT {shared}{places} "  # noqa: S608
            f"FROM (VALUES {', '.join([one] * len(some))}) AS fresh WHERE true ON CONFLICT DO NOTHING{back}"
        )
        result = tx.exec_driver_sql(statement, (*same.values(), *chain.from_iterable(some)))
        if returning:
            yield from (tuple(row) for row in result.all())
