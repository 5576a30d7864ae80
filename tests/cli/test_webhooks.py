"""The real service with its endpoint open: told of a ticket it routes it while the export still hides it."""

from __future__ import annotations

import os
import signal
import socket
import sqlite3
from contextlib import closing, suppress
from pathlib import Path

import pytest

from connector.sandbox.zendesk_api import NewTicketWebhook
from tests.cli.conftest import Eventually, Place

SIGNING_SECRET = "a-signing-secret-that-must-never-be-shown"


@pytest.fixture
def port() -> int:
    """One that nobody listens on."""
    with socket.create_server(("127.0.0.1", 0)) as found:
        free: int = found.getsockname()[1]
        return free


@pytest.fixture
def hooked(place: Place, port: int) -> Place:
    """A connector that polls once in an hour, and an account that tells it of new tickets."""
    place.environment |= {
        "CONNECTOR_POLL__INTERVAL_SECONDS": "3600",
        "CONNECTOR_NUDGE__ENABLED": "true",
        "CONNECTOR_NUDGE__LISTEN": f"127.0.0.1:{port}",
        "CONNECTOR_NUDGE__SECRET": SIGNING_SECRET,
    }
    url = f"http://127.0.0.1:{port}/hooks/zendesk"
    place.zendesk.webhooks.add(NewTicketWebhook(url, SIGNING_SECRET, place.zendesk.world.now))
    return place


def listens(port: int) -> bool:
    with suppress(OSError), socket.create_connection(("127.0.0.1", port), timeout=5):
        return True
    return False


def arrivals(folder: Path) -> list[tuple[str, str]]:
    with closing(sqlite3.connect(f"file:{folder / 'connector.db'}?mode=ro", uri=True)) as database:
        return database.execute("SELECT ticket_id, arrived_by FROM submissions ORDER BY id").fetchall()


def test_a_ticket_that_the_helpdesk_tells_of_is_routed_once_while_the_export_hides_it(
    hooked: Place, port: int, eventually: Eventually
) -> None:
    service = hooked.start("run")
    assert eventually(lambda: listens(port))

    told = hooked.zendesk.create_ticket("Charged twice", "Please refund my invoice.")
    written = eventually(lambda: bool(hooked.zendesk.writes(told)))
    service.send_signal(signal.SIGTERM)
    _, log = service.communicate(timeout=40)
    gone = not listens(port)
    hooked.time.skip(120)
    with socket.create_server(("127.0.0.1", port)):
        later = hooked.run("run", "--once", "--json")  # a pass listens nowhere

    assert written
    assert gone
    assert hooked.zendesk.writes(told)[0].at - hooked.zendesk.tickets()[told].created_at < 60
    assert service.returncode == 0
    assert arrivals(hooked.folder) == [(str(told), "nudge")]
    assert (later.last_json["decided"], len(hooked.zendesk.writes(told))) == ({}, 1)
    assert len(hooked.claude.calls) == 1
    assert SIGNING_SECRET not in log
    assert "Charged twice" not in log
    assert "nudge.listening" in log


def test_a_taken_port_is_78_and_names_it(hooked: Place, port: int) -> None:
    with socket.create_server(("127.0.0.1", port)):
        ended = hooked.run("run")

    assert ended.code == os.EX_CONFIG
    assert f"[nudge] listen = 127.0.0.1:{port}: Address already in use" in ended.err
