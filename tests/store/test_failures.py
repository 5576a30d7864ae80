"""Database errors become advice, without a password or a word of a ticket."""

from __future__ import annotations

import subprocess
import sys

import psycopg
import pytest
from sqlalchemy.exc import DBAPIError, OperationalError

from connector.errors import ConnectorError, StoreUnusable, Unavailable
from connector.store.engine import name_of, parse_url
from connector.store.failures import explain


class DriverError(Exception):
    """An error as a PostgreSQL driver raises it."""

    def __init__(self, sqlstate: str | None) -> None:
        super().__init__("Key (text)=(my card is 4111) already exists")
        self.sqlstate = sqlstate


@pytest.mark.parametrize(
    ("sqlstate", "kind", "words"),
    [
        ("28P01", StoreUnusable, "refuses our user or password"),
        ("3D000", StoreUnusable, "there is no such database"),
        ("42P01", StoreUnusable, "connector db upgrade"),
        ("25006", StoreUnusable, "read-only"),
        ("53100", StoreUnusable, "disk is full"),
        ("23505", StoreUnusable, "refused a statement \\(23505, decide\\)"),
        ("08006", Unavailable, "not reachable"),
        ("57P01", Unavailable, "not reachable"),
        ("40P01", Unavailable, "not reachable"),
        ("55P03", Unavailable, "not reachable"),
        ("53300", Unavailable, "not reachable"),
        (None, Unavailable, "not reachable at the moment \\(DriverError\\)"),
    ],
)
def test_each_error_of_postgresql_says_what_to_do(
    sqlstate: str | None, kind: type[ConnectorError], words: str
) -> None:
    error = OperationalError("INSERT", {"text": "my card is 4111"}, DriverError(sqlstate))

    explained = explain(error, "postgresql://app@db/ledger", "decide")

    with pytest.raises(kind, match=words):
        raise explained
    assert "4111" not in str(explained)


@pytest.mark.parametrize(
    ("said", "kind", "words"),
    [
        (
            'FATAL:  password authentication failed for user "x"',
            StoreUnusable,
            "refuses our user or password",
        ),
        ("fe_sendauth: no password supplied", StoreUnusable, "refuses our user or password"),
        ('FATAL:  role "x" is not permitted to log in', StoreUnusable, "refuses our user or password"),
        ('FATAL:  no pg_hba.conf entry for host "::1"', StoreUnusable, "refuses our user or password"),
        ('invalid sslmode value: "what"', StoreUnusable, "correct its options"),
        ('FATAL:  too many connections for role "x"', Unavailable, "not reachable"),
        ("FATAL:  the database system is starting up", Unavailable, "not reachable"),
        ("failed to resolve host 'x': Name or service not known", Unavailable, "not reachable"),
        ("Connection refused\n\tIs the server running on that host?", Unavailable, "not reachable"),
    ],
)
def test_a_refused_connection_is_told_from_one_that_may_succeed_later(
    said: str, kind: type[ConnectorError], words: str
) -> None:
    refused = psycopg.OperationalError(f"connection failed: connection to server failed: {said}")
    error = OperationalError("", {}, refused)

    with pytest.raises(kind, match=words):
        raise explain(error, "db", "read_schema")


def test_a_connection_that_broke_is_only_unavailable() -> None:
    error = DBAPIError("SELECT", {}, DriverError("XX000"), connection_invalidated=True)

    assert isinstance(explain(error, "db", "due"), Unavailable)


@pytest.mark.parametrize(
    "url", ["postgresql://app:hunter2@db:5432/ledger", "postgresql://app@db:5432/ledger?password=hunter2"]
)
def test_no_message_names_a_password(url: str) -> None:
    name = name_of(parse_url(url))

    assert "hunter2" not in name
    assert name.endswith("@db:5432/ledger")


_WITHOUT_DRIVER = """
import sys
sys.modules["psycopg"] = None
from connector.clock import ManualClock
from connector.errors import SettingsError
from connector.store import open_store
try:
    open_store("postgresql://app@db/ledger", clock=ManualClock())
except SettingsError as error:
    print(error)
"""


def test_a_missing_driver_names_the_extra() -> None:
    done = subprocess.run([sys.executable, "-c", _WITHOUT_DRIVER], capture_output=True, text=True, check=True)

    assert done.stdout.strip().endswith('needs its driver; install "helpdesk-connector[postgres]"')
