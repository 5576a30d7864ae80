"""The store: one database, opened, upgraded and owned, with its ledgers and reports."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack, contextmanager

from sqlalchemy import URL, StaticPool

from connector.errors import StoreInUse
from connector.pipeline.role import Lane
from connector.ports import Clock
from connector.store import queues
from connector.store.backlog import SqlBacklog
from connector.store.batches import SqlBatchBook
from connector.store.engine import file_of, name_of, open_engine, parse_url
from connector.store.eraser import SqlEraser
from connector.store.labels import SqlLabels
from connector.store.ledger import Memory, SqlLedger
from connector.store.ownership import Ownership, create_private
from connector.store.quota import SqlQuota
from connector.store.reports import Reports
from connector.store.schema import SchemaState, check_schema, migrate, read_schema
from connector.store.shelf import SqlShelf
from connector.store.spending import Spending
from connector.store.transactions import Database, Failpoint
from connector.store.undos import SqlUndoQueue


class Store:
    """An open database.  Close it: on SQLite nobody else may write until then."""

    def __init__(self, database: Database, clock: Clock, opened: ExitStack) -> None:
        self.database = database
        self.clock = clock
        self._opened = opened

    def ledger(
        self,
        helpdesk: str,
        worker: str,
        lease_seconds: float = 180.0,
        *,
        poll_lease_seconds: float | None = None,
        memory: Memory | None = None,
        spending: Spending | None = None,
        lane: Lane = Lane.LIVE,
    ) -> SqlLedger:
        """The ledger of one helpdesk for ``worker``, a name that no other process uses."""
        return SqlLedger(
            self.database,
            self.clock,
            helpdesk,
            worker,
            lease_seconds=lease_seconds,
            poll_lease_seconds=poll_lease_seconds,
            memory=memory,
            spending=spending,
            lane=lane,
        )

    def eraser(self, helpdesk: str) -> SqlEraser:
        """What erases the words of one helpdesk's customers."""
        return SqlEraser(self.database, self.clock, helpdesk)

    def labels(self, helpdesk: str) -> SqlLabels:
        """The labels of one helpdesk's tickets."""
        return SqlLabels(self.database, self.clock, helpdesk)

    def quota(self, helpdesk: str) -> SqlQuota:
        """The count of requests to one helpdesk that all processes on this database share."""
        return SqlQuota(self.database, self.clock, helpdesk)

    @property
    def is_shared(self) -> bool:
        """Whether other processes may work on this database at the same time."""
        return not _is_sqlite(self.database)

    def undos(self, helpdesk: str, worker: str, lease_seconds: float = 180.0) -> SqlUndoQueue:
        """The undo queue of one helpdesk for ``worker``, the one of its ledger."""
        return SqlUndoQueue(self.database, self.clock, helpdesk, worker, lease_seconds=lease_seconds)

    @contextmanager
    def alone(self, what: str) -> Iterator[None]:
        """Nobody else does ``what`` on this database meanwhile.  Raises StoreInUse."""
        with self.database.hold(what) as is_ours:
            if not is_ours:
                raise StoreInUse(f"{what} is at work on this database already; wait for it, or stop it")
            yield

    def backlog(self, helpdesk: str) -> SqlBacklog:
        """The tickets of the past that a backfill of one helpdesk takes in."""
        return SqlBacklog(self.database, self.clock, helpdesk)

    def batch_book(self, helpdesk: str, spending: Spending | None = None) -> SqlBatchBook:
        """The batches of one helpdesk's questions; ``spending`` refuses what the day's budget cannot bear."""
        return SqlBatchBook(self.database, self.clock, helpdesk, spending)

    def shelf(self, helpdesk: str) -> SqlShelf:
        """The parked tickets of one helpdesk."""
        return SqlShelf(self.database, self.clock, helpdesk)

    def reports(self) -> Reports:
        return Reports(self.database)

    def close(self) -> None:
        self._opened.close()


def open_store(
    url: str,
    *,
    clock: Clock,
    read_only: bool = False,
    upgrade: bool = True,
    failpoint: Failpoint | None = None,
) -> Store:
    """Open the database at a SQLAlchemy URL, creating and upgrading it when allowed to.

    Read-only, nothing is created, upgraded or locked, and a database that does not exist yet is an empty one.
    Raises SettingsError, StoreInUse, StoreUnusable or Unavailable; nothing is left open then.
    """
    parsed = parse_url(url)
    with ExitStack() as opening:
        if read_only:
            database = _open_read_only(parsed, clock, opening)
        else:
            database = _open_to_write(parsed, clock, opening, may_upgrade=upgrade, failpoint=failpoint)
        return Store(database, clock, opening.pop_all())


def upgrade(url: str) -> tuple[str | None, str]:
    """Bring a database to the schema of this version; returns the schema before and after.

    Raises as `open_store`.
    """
    parsed = parse_url(url)
    with ExitStack() as opening:
        database = _connect(parsed, None, opening)
        state = _upgrade(database, may_upgrade=True)
        return state.current, state.head


def schema_state(url: str) -> SchemaState:
    """The schema that a database has and the one it needs; changes nothing.  Raises as `open_store`."""
    parsed = parse_url(url)
    with ExitStack() as opening:
        database = _look(parsed, None, opening)
        return SchemaState(None) if database is None else _state(database)


# --- Opening ----------------------------------------------------------------------------------------------


def _open_to_write(
    url: URL, clock: Clock, opening: ExitStack, *, may_upgrade: bool, failpoint: Failpoint | None
) -> Database:
    database = _connect(url, clock, opening, failpoint)
    _upgrade(database, may_upgrade=may_upgrade)
    if _is_sqlite(database):
        with database.write("take_over") as tx:
            queues.take_over(tx)
    return database


def _connect(
    url: URL, clock: Clock | None, opening: ExitStack, failpoint: Failpoint | None = None
) -> Database:
    """A database to write to; a SQLite file is locked and created first."""
    path = file_of(url)
    if path is not None:
        opening.callback(Ownership(path).release)
        create_private(path)
    engine = open_engine(url, clock, read_only=False)
    opening.callback(engine.dispose)
    shared = isinstance(engine.pool, StaticPool)
    return Database(engine, name_of(url), shares_connection=shared, failpoint=failpoint)


def _upgrade(database: Database, *, may_upgrade: bool) -> SchemaState:
    """Upgrade if needed; returns the state before."""
    state = _state(database)
    check_schema(state, database.name, may_upgrade=may_upgrade)
    if _is_sqlite(database):
        # Only now that the file is known to be ours.  Readers and the writer then never wait for each other.
        database.configure("journal_mode=WAL")
    if not state.is_current:
        with database.write("upgrade") as tx:
            migrate(tx)
    return state


def _open_read_only(url: URL, clock: Clock, opening: ExitStack) -> Database:
    """A database to look at; one that does not exist yet is replaced by an empty one in memory."""
    database = _look(url, clock, opening)
    state = SchemaState(None) if database is None else _state(database)
    if database is None or state.current is None:
        return _open_to_write(parse_url("sqlite://"), clock, opening, may_upgrade=True, failpoint=None)
    check_schema(state, database.name, may_upgrade=False)
    return database


def _look(url: URL, clock: Clock | None, opening: ExitStack) -> Database | None:
    """The database without any right to write; None when there is no file."""
    path = file_of(url)
    if path is not None and not path.exists():
        return None
    engine = open_engine(url, clock, read_only=True)
    opening.callback(engine.dispose)
    return Database(engine, name_of(url), shares_connection=isinstance(engine.pool, StaticPool))


def _state(database: Database) -> SchemaState:
    with database.read("read_schema") as tx:
        return read_schema(tx, database.name)


def _is_sqlite(database: Database) -> bool:
    return database.engine.dialect.name == "sqlite"
