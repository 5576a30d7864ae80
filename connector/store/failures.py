"""What a database error means for the operator: what is wrong and what to do, in one sentence."""

from __future__ import annotations

import re

from sqlalchemy.exc import DBAPIError, OperationalError

from connector.errors import ConnectorError, StoreUnusable, Unavailable

# By the beginning of SQLite's result code (sqlite.org/rescode.html).
_SQLITE = {
    "SQLITE_FULL": "the disk is full; free some space, then run again",
    "SQLITE_READONLY": "it is read-only; make the file and its directory writable for this user",
    "SQLITE_CANTOPEN": "it cannot be opened; does its directory exist, and may this user write there?",
    "SQLITE_PERM": "this user may not open it; correct the file's permissions",
    "SQLITE_CORRUPT": "it is damaged; move it away, then restore a backup or start afresh",
    "SQLITE_NOTADB": "it is not a SQLite database; correct [store] url, or move the file away",
    "SQLITE_IOERR": "the disk fails to read or write it; look at the system's log, then run again",
}
_SQLITE_BUSY = ("SQLITE_BUSY", "SQLITE_LOCKED")

# By the beginning of the SQLSTATE (postgresql.org/docs/current/errcodes-appendix.html).
_POSTGRESQL = {
    "28": "it refuses our user or password; correct [store] url",
    "3D": "there is no such database; create it, or correct [store] url",
    "42501": "our user lacks a right; grant it on this schema",
    "42P01": "a table is missing; run `connector db upgrade`",
    "25006": "it is read-only, perhaps a standby; point [store] url at the primary",
    "HV024": "the driver or the server does not know what [store] url asks for; correct its options",
    "53100": "its disk is full; free some space, then run again",
    "POOLER": "the pooler in front of it refuses our options; add `options` to its ignore_startup_parameters",
}
# A refused connection has no SQLSTATE, only libpq's and the server's words.  Of a server that speaks another
# language nothing is recognised, and it is merely not reachable.
_CONNECTING = (
    (re.compile(r"password authentication failed|no password supplied|pg_hba\.conf"), "28"),
    (re.compile(r'role "[^"]*" (does not exist|is not permitted to log in)'), "28"),
    (re.compile(r'database "[^"]*" does not exist'), "3D"),
    (
        re.compile(r"invalid \w+ value|unrecognized configuration parameter|invalid connection option"),
        "HV024",
    ),
    (re.compile(r"unsupported startup parameter"), "POOLER"),  # PgBouncer's words
)
_COLLISIONS = {"40001", "40P01"}
# Connection lost, deadlock, too few resources, lock timeout, restart or statement timeout, system error.
_POSTGRESQL_LATER = ("08", "40", "53", "55P03", "57", "58")


class Undone(Unavailable):
    """A transaction was undone, for another one or with its connection; the same may succeed at once."""


def explain(error: DBAPIError, name: str, doing: str) -> ConnectorError:
    """Our error for the database's; quotes none of its words, which may hold values of a row."""
    code = _code(error)
    for table in (_SQLITE, _POSTGRESQL):
        for begins, advice in table.items():
            if code.startswith(begins):
                return StoreUnusable(f"the database {name} cannot be used: {advice}")
    if code.startswith(_SQLITE_BUSY):
        return Unavailable(f"the database {name} is locked by another program")
    if code in _COLLISIONS:
        return Undone(f"the database {name} is not reachable at the moment ({code}: too many at once)")
    what = code or type(error.orig).__name__
    silent = not code and isinstance(error, OperationalError)  # no server has answered
    if error.connection_invalidated or silent or code.startswith(_POSTGRESQL_LATER):
        return Unavailable(f"the database {name} is not reachable at the moment ({what})")
    return StoreUnusable(f"the database {name} refused a statement ({what}, {doing})")


def _code(error: DBAPIError) -> str:
    code = getattr(error.orig, "sqlite_errorname", None) or getattr(error.orig, "sqlstate", None)
    if isinstance(code, str):
        return code
    said = str(error.orig)  # only looked at, never repeated
    return next((code for words, code in _CONNECTING if words.search(said)), "")
