"""The real service with its endpoint open: told of a ticket it routes it while the export still hides it."""

from __future__ import annotations

import json
import os
import signal
import socket
import sqlite3
from contextlib import closing, suppress
from pathlib import Path

import pytest

from connector.clock import SystemClock
from connector.sandbox.server import Request, Response, serve
from connector.sandbox.zendesk_api import NewTicketWebhook
from connector.web import zendesk_hook
from connector.web.hook import Accepted
from tests.cli.conftest import Eventually, Place
from tests.support.local import hide_the_extra

SIGNING_SECRET = "a-signing-secret-that-must-never-be-shown"


@pytest.fixture
def port() -> int:
    """One that nobody listens on."""
    with socket.create_server(("127.0.0.1", 0)) as found:
        free: int = found.getsockname()[1]
        return free


@pytest.fixture
def hooked(place: Place, port: int) -> Place:
    """A connector that polls once in an hour and no more; its account tells it of new tickets."""
    place.environment |= {
        "CONNECTOR_POLL__INTERVAL_SECONDS": "3600",
        "CONNECTOR_POLL__FAST_SECONDS": "0",
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


def test_check_says_where_webhooks_are_taken(hooked: Place, port: int) -> None:
    ended = hooked.run("check")

    assert ended.code == 0
    assert f"ok    webhooks       the service takes POST /hooks/zendesk at 127.0.0.1:{port}" in ended.out


def test_without_the_extra_the_command_to_type_is_said_before_anything_is_connected(
    hooked: Place, port: int, tmp_path: Path
) -> None:
    blind = os.pathsep.join([str(hide_the_extra(tmp_path, "uvicorn")), hooked.environment["PYTHONPATH"]])

    ended = hooked.run("run", PYTHONPATH=blind)

    assert ended.code == os.EX_CONFIG
    assert "needs uvicorn: pip install 'helpdesk-connector[web]'" in ended.err
    assert hooked.zendesk.requests == ()


def test_the_sandbox_of_the_command_line_tells_a_connector_of_its_tickets(
    place: Place, port: int, eventually: Eventually
) -> None:
    came: list[Request] = []

    def take(request: Request) -> Response:
        came.append(request)
        return Response(202)

    with serve(take, port) as receiver:
        url = f"{receiver.url}/hooks/zendesk"
        sandbox = place.start("sandbox", "--tickets", "0", "--every", "0.1", "--webhook", url)
        assert eventually(lambda: len(came) >= 2)
        sandbox.send_signal(signal.SIGTERM)
        out, _ = sandbox.communicate(timeout=40)

    environment = json.loads(out.splitlines()[0])
    assert sandbox.returncode == 0
    assert environment["CONNECTOR_NUDGE__LISTEN"] == f"127.0.0.1:{port}"
    verdict = zendesk_hook.verify(
        came[0].headers,
        came[0].body,
        SystemClock().now(),
        secret=environment["CONNECTOR_NUDGE__SECRET"],
        window_seconds=300,
    )
    assert isinstance(verdict, Accepted)
    assert zendesk_hook.ticket_in(came[0].body) != zendesk_hook.ticket_in(came[1].body)
