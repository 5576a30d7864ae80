"""Statements are prepared where we talk to the server itself, and nowhere else."""

from __future__ import annotations

import select
import socket
import struct
import threading
from collections.abc import Iterator
from contextlib import contextmanager

import pytest
from sqlalchemy import make_url

from connector.clock import ManualClock
from connector.errors import StoreUnusable
from connector.store import open_store
from connector.store.engine import open_engine, parse_url
from tests.support.postgres import Schema, Server

_KEY = b"K" + struct.pack("!I", 12)  # BackendKeyData: type and length, then process id and secret
_PREPARED = "SELECT count(*) FROM pg_prepared_statements"


@contextmanager
def pooler(server: Server, *, refuses: bytes = b"") -> Iterator[str]:
    """Stands in front of a server as a pooler does, with a key of its own; its host and port as a query."""
    listening = socket.create_server(("127.0.0.1", 0))
    threading.Thread(target=_serve, args=(listening, server, refuses), daemon=True).start()
    try:
        yield f"host=127.0.0.1&port={listening.getsockname()[1]}"
    finally:
        listening.close()


def _serve(listening: socket.socket, server: Server, refuses: bytes) -> None:
    while True:
        try:
            client, _ = listening.accept()
        except OSError:
            return
        threading.Thread(target=_relay, args=(client, server, refuses), daemon=True).start()


def _relay(client: socket.socket, server: Server, refuses: bytes) -> None:
    with client, _reach(server) as inside:
        while True:
            for ready in select.select([client, inside], [], [])[0]:
                said = ready.recv(65_536)
                if not said:
                    return
                if ready is client and refuses and refuses in said:
                    words = b"SFATAL\0C08P01\0Munsupported startup parameter: options\0\0"
                    client.sendall(b"E" + struct.pack("!I", len(words) + 4) + words)
                    return
                if ready is inside and (at := said.find(_KEY)) >= 0:
                    said = said[: at + 5] + struct.pack("!I", 0x7FFFFFFF) + said[at + 9 :]
                (inside if ready is client else client).sendall(said)


def _reach(server: Server) -> socket.socket:
    url = make_url(server.address)
    place, port = url.query.get("host", url.host), int(str(url.query.get("port", url.port or 5432)))
    if not str(place).startswith("/"):
        return socket.create_connection((str(place), port))
    inside = socket.socket(socket.AF_UNIX)
    inside.connect(f"{place}/.s.PGSQL.{port}")
    return inside


def prepared(url: str) -> int:
    """How many statements a connection has prepared that has used one often."""
    engine = open_engine(parse_url(url), None, read_only=False)
    try:
        with engine.connect() as connection:
            for _ in range(10):
                connection.exec_driver_sql("SELECT 1")
            return int(connection.exec_driver_sql(_PREPARED).scalar_one())
    finally:
        engine.dispose()


def through(place: str, postgres: Schema) -> str:
    url = make_url(postgres.url).set(host=None, port=None)
    asked = "&".join(f"{key}={value}" for key, value in url.query.items() if key not in {"host", "port"})
    plain = url.set(query={}).render_as_string(hide_password=False)
    return f"{plain}?{place}&{asked}".replace("?&", "?").replace(" ", "%20")


def test_the_server_itself_plans_a_statement_that_is_used_often_once(postgres: Schema) -> None:
    assert prepared(postgres.url) >= 1


def test_behind_a_pooler_nothing_is_prepared(postgres: Schema, postgres_server: Server) -> None:
    with pooler(postgres_server) as place:
        assert prepared(through(place, postgres)) == 0


def test_a_pooler_that_refuses_our_options_is_told_with_what_to_do(
    postgres: Schema, postgres_server: Server, clock: ManualClock
) -> None:
    with (
        pooler(postgres_server, refuses=b"statement_timeout") as place,
        pytest.raises(StoreUnusable, match="add `options` to its ignore_startup_parameters"),
    ):
        open_store(through(place, postgres), clock=clock)
