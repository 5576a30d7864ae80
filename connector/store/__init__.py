"""The ledger on SQLite or PostgreSQL: everything seen, decided and written, durable across restarts."""

from __future__ import annotations

from connector.store.eraser import Found, SqlEraser, Whose
from connector.store.labels import SqlLabels
from connector.store.ledger import SqlLedger
from connector.store.overlay import overlay
from connector.store.reports import Reports
from connector.store.schema import SchemaState
from connector.store.spending import Spending
from connector.store.store import Store, open_store, schema_state, upgrade
from connector.store.undos import RehearsedUndos, SqlUndoQueue

__all__ = [
    "Found",
    "RehearsedUndos",
    "Reports",
    "SchemaState",
    "Spending",
    "SqlEraser",
    "SqlLabels",
    "SqlLedger",
    "SqlUndoQueue",
    "Store",
    "Whose",
    "open_store",
    "overlay",
    "schema_state",
    "upgrade",
]
