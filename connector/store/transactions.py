"""Every transaction of the store begins and ends here."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager, ExitStack, contextmanager, nullcontext
from functools import wraps
from typing import ParamSpec, TypeVar

from sqlalchemy import Connection, Engine, text
from sqlalchemy.exc import DBAPIError
from sqlalchemy.exc import TimeoutError as NoConnection

from connector.errors import Unavailable
from connector.store.failures import Undone, explain
from connector.store.turns import Turns

Arguments = ParamSpec("Arguments")
Result = TypeVar("Result")

_TRIES = 3  # of a transaction that collides with others
_SQLITE_READER = {"sqlite_begin": "BEGIN"}
# PostgreSQL's default shows each statement what others committed before it: totals would not add up.
# Not `postgresql_readonly`: taken back, it would end the read-only mode of a store that may never write.
_POSTGRESQL_READER = {"isolation_level": "REPEATABLE READ"}

_LOCK = "hashtextextended(current_schema() || ' ' || :name, 0)"

Failpoint = Callable[[str], None]
"""Called with ``<method>.begun``, ``.committing`` and ``.committed``; what it raises, happens there."""


def repeated(method: Callable[Arguments, Result]) -> Callable[Arguments, Result]:
    """Run a method again, at most twice, whose one transaction was certainly undone.

    Only PostgreSQL does that: where transactions wait for each other in a circle, and where a connection
    turns out to be lost before anything was committed on it.
    """

    @wraps(method)
    def run(*arguments: Arguments.args, **named: Arguments.kwargs) -> Result:
        for _ in range(_TRIES - 1):
            try:
                return method(*arguments, **named)
            except Undone:
                continue
        return method(*arguments, **named)

    return run


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
        self._reader = engine.execution_options(**(_SQLITE_READER if one_writer else _POSTGRESQL_READER))
        self._bare = engine.execution_options(sqlite_begin="")
        self._failpoint = failpoint

    @contextmanager
    def write(self, method: str) -> Iterator[Connection]:
        """One transaction that may write; committed when the block ends, undone when it raises.

        Raises StoreUnusable or Unavailable in place of the database's errors.
        """
        stays_undone = True
        with self._writing, self._translated(method, lambda: stays_undone):
            with self.engine.begin() as tx:
                self._at(method, "begun")
                yield tx
                self._at(method, "committing")
                stays_undone = False  # a connection lost from here on leaves it open what is stored
            self._at(method, "committed")

    @contextmanager
    def read(self, method: str) -> Iterator[Connection]:
        """One consistent look at the database; errors as for `write`."""
        with self._reading, self._translated(method, lambda: True), self._reader.begin() as tx:
            yield tx

    def configure(self, pragma: str) -> None:
        """Run a SQLite PRAGMA that works only outside of transactions; errors as for `write`."""
        with self._writing, self._translated("configure"), self._bare.connect() as connection:
            connection.exec_driver_sql(f"PRAGMA {pragma}")

    def empty_journal(self) -> bool:
        """Move what SQLite's journal holds into the file and cut it to nothing; False while readers use it.

        PostgreSQL's journal is the server's own affair.
        """
        if self.engine.dialect.name != "sqlite":
            return True
        with self._writing, self._translated("empty_journal"), self._bare.connect() as connection:
            busy = connection.exec_driver_sql("PRAGMA wal_checkpoint(TRUNCATE)").one()[0]
        return not busy

    def rewrite(self, tables: Sequence[str]) -> None:
        """Write the file anew (SQLite), or clear the dead rows of these tables (PostgreSQL).

        Erased cells of SQLite are zeroed, but balancing its pages leaves copies in their unused bytes.
        """
        if self.engine.dialect.name == "sqlite":
            with self._writing, self._translated("rewrite"), self._bare.connect() as connection:
                connection.exec_driver_sql("VACUUM")
            return
        alone = self.engine.execution_options(isolation_level="AUTOCOMMIT")
        with self._translated("rewrite"), alone.connect() as connection:
            connection.exec_driver_sql("SET statement_timeout = 0")
            try:
                connection.exec_driver_sql(f"VACUUM {', '.join(tables)}")
            finally:
                connection.exec_driver_sql("RESET statement_timeout")

    @contextmanager
    def hold(self, name: str) -> Iterator[bool]:
        """A lock that ends with this process, on a connection of its own; False when another one has it.

        SQLite's file is ours alone already.  PgBouncer keeps the lock of a killed process for as long as its
        own connection to the server lives, an hour unless configured.
        """
        if self.engine.dialect.name == "sqlite":
            yield True
            return
        with ExitStack() as opened:
            with self._translated("hold"):
                alone = self.engine.execution_options(isolation_level="AUTOCOMMIT")
                session = opened.enter_context(alone.connect())
                key = {"name": name}
                got = bool(session.scalar(text(f"SELECT pg_try_advisory_lock({_LOCK})"), key))
            yield got
            if got:
                with self._translated("hold"):
                    session.execute(text(f"SELECT pg_advisory_unlock({_LOCK})"), key)

    @contextmanager
    def _translated(self, method: str, stays_undone: Callable[[], bool] = lambda: False) -> Iterator[None]:
        try:
            yield
        except NoConnection:
            raise Unavailable(
                f"the database {self.name} is not reachable at the moment (all of our connections are in use)"
            ) from None
        except DBAPIError as error:
            # None: the database's own message may quote a row.
            explained = explain(error, self.name, method)
            if error.connection_invalidated and stays_undone() and isinstance(explained, Unavailable):
                raise Undone(str(explained)) from None
            raise explained from None

    def _at(self, method: str, moment: str) -> None:
        if self._failpoint is not None:
            self._failpoint(f"{method}.{moment}")
