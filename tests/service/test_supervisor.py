"""What systemd hears on its socket."""

from __future__ import annotations

import os
import socket
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path

import pytest

from connector.clock import ManualClock
from connector.service.supervisor import Supervisor

Heard = Callable[[], list[str]]


@pytest.fixture(params=["path", "abstract"])
def address(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    return str(tmp_path / "notify") if request.param == "path" else f"@connector-test-{os.getpid()}"


@pytest.fixture
def heard(address: str) -> Iterator[Heard]:
    """All that arrived since it was asked last."""
    with closing(socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)) as listener:
        listener.bind("\0" + address[1:] if address.startswith("@") else address)
        listener.setblocking(False)

        def read() -> list[str]:
            messages = []
            try:
                while True:
                    messages.append(listener.recv(4096).decode())
            except BlockingIOError:
                return messages

        yield read


def test_ready_status_and_stopping_arrive_once(address: str, heard: Heard, clock: ManualClock) -> None:
    supervisor = Supervisor({"NOTIFY_SOCKET": address}, clock)

    supervisor.ready()
    supervisor.status("healthy")
    supervisor.status("healthy")
    supervisor.status("poll waits:\nHTTP 503")
    supervisor.alive()
    supervisor.stopping()

    assert heard() == ["READY=1", "STATUS=healthy", "STATUS=poll waits: HTTP 503", "STOPPING=1"]


def test_the_watchdog_is_fed_within_half_of_its_time(address: str, heard: Heard, clock: ManualClock) -> None:
    supervisor = Supervisor({"NOTIFY_SOCKET": address, "WATCHDOG_USEC": "20000000"}, clock)
    fed = []

    for second in range(60):
        supervisor.alive()
        fed += [second for message in heard() if message == "WATCHDOG=1"]
        clock.advance(1)

    assert fed == [0, 9, 18, 27, 36, 45, 54]


@pytest.mark.parametrize(
    "watch", [{}, {"WATCHDOG_USEC": "soon"}, {"WATCHDOG_USEC": "9", "WATCHDOG_PID": "1"}]
)
def test_nobody_is_fed_who_did_not_ask(
    address: str, heard: Heard, clock: ManualClock, watch: dict[str, str]
) -> None:
    supervisor = Supervisor({"NOTIFY_SOCKET": address} | watch, clock)

    supervisor.alive()

    assert heard() == []


@pytest.mark.parametrize("address", ["", "/nowhere/notify", "vsock:2:1", "@nobody-listens-here"])
def test_a_supervisor_that_does_not_listen_is_no_reason_to_stop(address: str, clock: ManualClock) -> None:
    supervisor = Supervisor({"NOTIFY_SOCKET": address, "WATCHDOG_USEC": "20000000"}, clock)

    supervisor.ready()
    supervisor.alive()
    supervisor.stopping()
