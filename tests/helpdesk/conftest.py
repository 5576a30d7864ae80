"""A Zendesk account played by `responses`, a raw TCP server for what that cannot play, and a quick clock."""

from __future__ import annotations

import contextlib
import json
import socket
import struct
import threading
import time
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from random import Random
from typing import Any, TypeVar

import pytest
import responses

from connector.clock import ManualClock
from connector.domain.decision import Change
from connector.domain.ticket import Ticket
from connector.errors import ConnectorError
from connector.helpdesk.zendesk import ZendeskHelpdesk, connect_zendesk

BASE = "https://acme.zendesk.com"
MakeTicket = Callable[..., Ticket]


@pytest.fixture
def web() -> Iterator[responses.RequestsMock]:
    """Answers for requests; a request that no test expects fails as a refused connection does."""
    with responses.RequestsMock(assert_all_requests_are_fired=False) as mock:
        yield mock


Connect = Callable[..., ZendeskHelpdesk]


@pytest.fixture
def connect(clock: ManualClock) -> Iterator[Connect]:
    """Connects to the account with the legacy login, unless a test says otherwise."""
    opened: list[ZendeskHelpdesk] = []

    def make(**options: Any) -> ZendeskHelpdesk:
        defaults: dict[str, Any] = {
            "name": "zendesk",
            "base_url": BASE,
            "clock": clock,
            "email": "triage@acme.com",
            "api_token": "tok-secret",
            "random": Random(7),  # noqa: S311 - jitter, not secrets
        }
        opened.append(connect_zendesk(**(defaults | options)))
        return opened[-1]

    yield make
    for each in opened:
        each.close()


@pytest.fixture
def zendesk(connect: Connect) -> ZendeskHelpdesk:
    return connect()


@pytest.fixture
def ticket_json() -> Callable[..., dict[str, Any]]:
    """A ticket as Zendesk sends it; keyword arguments replace its fields."""

    def make(**fields: Any) -> dict[str, Any]:
        return {
            "id": 35436000000001,
            "via": {"channel": "email", "source": {"from": {}, "to": {}, "rel": None}},
            "created_at": "2026-11-02T08:00:00Z",
            "updated_at": "2026-11-02T08:00:00Z",
            "generated_timestamp": 1793606400,
            "subject": "Charged twice",
            "description": "You charged my card twice this month.",
            "priority": None,
            "status": "new",
            "requester_id": 901,
            "submitter_id": 901,
            "assignee_id": None,
            "organization_id": None,
            "group_id": None,
            "is_public": True,
            "tags": [],
            "from_messaging_channel": False,
        } | fields

    return make


@pytest.fixture
def make_change(make_ticket: MakeTicket) -> Callable[..., Change]:
    """A change that moves an unrouted ticket to group 11; ``seen`` holds facts of the ticket."""

    def make(seen: dict[str, Any] | None = None, **facts: Any) -> Change:
        defaults: dict[str, Any] = {"decision_id": "d-1", "group": "11", "add_tags": ("ai_billing",)}
        return Change(seen=make_ticket(**(seen or {})), **(defaults | facts))

    return make


@dataclass
class QuickClock:
    """Real time, except that nobody waits: sleeping moves it on."""

    slept_seconds: float = 0.0
    stopping: bool = False

    def now(self) -> datetime:
        return datetime.now(UTC)

    def monotonic(self) -> float:
        return time.monotonic() + self.slept_seconds

    def sleep(self, seconds: float) -> bool:
        self.slept_seconds += seconds
        return self.stopping


@pytest.fixture
def quick_clock() -> QuickClock:
    return QuickClock()


Item = TypeVar("Item")


@pytest.fixture
def drain() -> Callable[[Iterable[Item]], tuple[list[Item], ConnectorError | None]]:
    """Everything an iterator yields, and the error it ends with."""

    def exhaust(iterable: Iterable[Item]) -> tuple[list[Item], ConnectorError | None]:
        items: list[Item] = []
        try:
            for item in iterable:
                items.append(item)  # noqa: PERF402 - what came before the error must stay
        except ConnectorError as error:
            return items, error
        return items, None

    return exhaust


Script = Callable[["Wire", socket.socket], None]


class Wire:
    """A TCP server that treats each connection with the next script (the last one for all later ones)."""

    def __init__(self, *scripts: Script) -> None:
        self._scripts = list(scripts)
        self._listener = socket.create_server(("127.0.0.1", 0))
        self._thread = threading.Thread(target=self._serve)
        self.requests: list[bytes] = []
        self.stopping = threading.Event()
        self.url = f"http://127.0.0.1:{self._listener.getsockname()[1]}"
        self._thread.start()

    def _serve(self) -> None:
        while not self.stopping.is_set():
            connection, _ = self._listener.accept()
            with connection, contextlib.suppress(OSError):
                connection.settimeout(10)
                head = self._read(connection)
                if head:
                    script = self._scripts.pop(0) if len(self._scripts) > 1 else self._scripts[0]
                    self.requests.append(head)
                    script(self, connection)

    @staticmethod
    def _read(connection: socket.socket) -> bytes:
        data = b""
        while b"\r\n\r\n" not in data:
            if not (chunk := connection.recv(65536)):
                return b""
            data += chunk
        head, _, body = data.partition(b"\r\n\r\n")
        length = next(
            (int(line[15:]) for line in head.split(b"\r\n") if line.lower().startswith(b"content-length:")), 0
        )
        while len(body) < length:
            body += connection.recv(65536)
        return head + b"\r\n\r\n" + body

    def close(self) -> None:
        self.stopping.set()
        with socket.create_connection(self._listener.getsockname()[:2]):
            pass
        self._thread.join(10)
        self._listener.close()


@pytest.fixture
def wire() -> Iterator[Callable[..., Wire]]:
    servers: list[Wire] = []

    def start(*scripts: Script) -> Wire:
        servers.append(Wire(*scripts))
        return servers[-1]

    yield start
    for server in servers:
        server.close()


class Scripts:
    """What a server can do with a connection."""

    @staticmethod
    def answer(body: bytes | dict[str, Any], status: str = "200 OK", **headers: str) -> Script:
        content = body if isinstance(body, bytes) else json.dumps(body).encode()
        shown = {"Content-Length": str(len(content)), "Connection": "close"}
        shown |= {name.replace("_", "-"): value for name, value in headers.items()}
        head = f"HTTP/1.1 {status}\r\n" + "".join(f"{name}: {value}\r\n" for name, value in shown.items())
        return lambda _, connection: connection.sendall(head.encode() + b"\r\n" + content)

    @staticmethod
    def raw(data: bytes) -> Script:
        return lambda _, connection: connection.sendall(data)

    @staticmethod
    def reset() -> Script:
        """Close with RST instead of FIN."""
        linger = struct.pack("ii", 1, 0)
        return lambda _, connection: connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, linger)

    @staticmethod
    def drip() -> Script:
        """A body that never ends, one byte at a time."""

        def script(server: Wire, connection: socket.socket) -> None:
            connection.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 100000\r\n\r\n")
            while not server.stopping.wait(0.02):
                connection.sendall(b" ")

        return script

    @staticmethod
    def silence() -> Script:
        def script(server: Wire, _: socket.socket) -> None:
            server.stopping.wait(2)

        return script


@pytest.fixture
def scripts() -> type[Scripts]:
    return Scripts
