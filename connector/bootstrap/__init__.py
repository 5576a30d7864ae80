"""Wiring: settings in, a connected connector out.  The only room that names concrete classes.

What only one rare command needs is imported from its own module: `bootstrap.backfill`, `bootstrap.replay`.
"""

from connector.bootstrap.books import (
    Books,
    open_books,
    open_eraser,
    open_labels,
    open_ledger,
    open_reports,
    schema_of,
    upgrade_store,
)
from connector.bootstrap.errands import Labelling, Undoing, connect_undo, open_labelling, open_retry
from connector.bootstrap.examples import key_prefix
from connector.bootstrap.local import current_local, examine_local, open_local, train_local
from connector.bootstrap.reading import open_reader
from connector.bootstrap.several import connect_all, naming
from connector.bootstrap.upstreams import (
    find_requesters,
    open_classifier,
    open_helpdesk,
    readiness_of_helpdesk,
)
from connector.bootstrap.wiring import Connector, connect

__all__ = [
    "Books",
    "Connector",
    "Labelling",
    "Undoing",
    "connect",
    "connect_all",
    "connect_undo",
    "current_local",
    "examine_local",
    "find_requesters",
    "key_prefix",
    "naming",
    "open_books",
    "open_classifier",
    "open_eraser",
    "open_helpdesk",
    "open_labelling",
    "open_labels",
    "open_ledger",
    "open_local",
    "open_reader",
    "open_reports",
    "open_retry",
    "readiness_of_helpdesk",
    "schema_of",
    "train_local",
    "upgrade_store",
]
