"""Every transaction of the store begins and ends here."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext

from sqlalchemy import Connection, Engine
from sqlalchemy.exc import DBAPIError

from connector.store.failures import explain
from connector.store.turns import Turns

Failpoint = Callable[[str], None]
"""Called with ``<method>.begun``, ``.committing`` and ``.committed``; what it raises, happens there."""


class Database:
    """An engine behind whole transactions: all of one is stored, or nothing.

    ``name`` is how messages call it, without a password.
    """

    def __init__(
        self,
        engine: Engine,
        name: str,
        *,
        shares_connection: bool = False,
        failpoint: Failpoint | None = None,
    ) -> None:
        self.engine = engine
        self.name = name
        one_writer = engine.dialect.name == "sqlite"
        self._writing: AbstractContextManager[None] = Turns() if one_writer else nullcontext()
        self._reading = self._writing if shares_connection else nullcontext()
        self._reader = engine.execution_options(sqlite_begin="BEGIN")
        self._bare = engine.execution_options(sqlite_begin="")
        self._failpoint = failpoint

    @contextmanager
    def write(self, method: str) -> Iterator[Connection]:
        """One transaction that may write; committed when the block ends, undone when it raises.

        Raises StoreUnusable or Unavailable in place of the database's errors.
        """
        with self._writing, self._translated(method):
            with self.engine.begin() as tx:
                self._at(method, "begun")
                yield tx
                self._at(method, "committing")
            self._at(method, "committed")

    @contextmanager
    def read(self, method: str) -> Iterator[Connection]:
        """One consistent look at the database; errors as for `write`."""
        with self._reading, self._translated(method), self._reader.begin() as tx:
            yield tx

    def configure(self, pragma: str) -> None:
        """Run a SQLite PRAGMA that works only outside of transactions; errors as for `write`."""
        with self._writing, self._translated("configure"), self._bare.connect() as connection:
            connection.exec_driver_sql(f"PRAGMA {pragma}")

    @contextmanager
    def _translated(self, method: str) -> Iterator[None]:
        try:
            yield
        except DBAPIError as error:
            # None: the database's own message may quote a row.
            raise explain(error, self.name, method) from None

    def _at(self, method: str, moment: str) -> None:
        if self._failpoint is not None:
            self._failpoint(f"{method}.{moment}")
