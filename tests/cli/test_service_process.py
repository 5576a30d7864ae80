"""The service as its supervisor and its operator meet it: a real process, its signals, its sockets."""

from __future__ import annotations

import os
import shutil
import signal
import socket
import sqlite3
import subprocess
import sys
from collections.abc import Iterator
from contextlib import closing, suppress
from pathlib import Path

import pytest

from connector.clock import SystemClock
from connector.sandbox.faults import Fault, answer, hang
from tests.cli.conftest import Ended, Eventually, Place

UNIT = Path(__file__).parents[2] / "deploy" / "systemd" / "connector.service"

# The command's own wiring with a shorter patience than the settings can ask for.
IMPATIENT = """
import os
from connector.cli.session import session
from connector.service import Rhythm, leave, serve
with session(None) as at_work, at_work.connected() as connector:
    rhythm = Rhythm(poll_seconds=0.5, least_silence_seconds=3.0)
    leave(serve([connector.stages], at_work.clock, at_work.hub, rhythm, at_work.hub.sinks))
"""


@pytest.fixture
def fast(place: Place) -> Place:
    place.environment["CONNECTOR_POLL__INTERVAL_SECONDS"] = "1"
    return place


class Systemd:
    """The socket on which a service reports, and all that was heard."""

    def __init__(self, place: Place) -> None:
        path = str(place.folder / "notify")
        self._socket = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        self._socket.bind(path)
        self._socket.setblocking(False)
        self._heard: list[str] = []
        place.environment |= {"NOTIFY_SOCKET": path, "WATCHDOG_USEC": "2000000"}

    @property
    def heard(self) -> list[str]:
        with suppress(BlockingIOError):
            while True:
                self._heard.append(self._socket.recv(4096).decode())
        return self._heard

    def close(self) -> None:
        self._socket.close()


@pytest.fixture
def systemd(fast: Place) -> Iterator[Systemd]:
    with closing(Systemd(fast)) as listening:
        yield listening


def test_systemd_hears_of_start_life_and_stop(fast: Place, systemd: Systemd, eventually: Eventually) -> None:
    service = fast.start("run")
    assert eventually(lambda: systemd.heard.count("WATCHDOG=1") >= 3)

    service.send_signal(signal.SIGTERM)

    assert service.wait(timeout=40) == 0
    assert systemd.heard[0] == "READY=1"
    assert "STATUS=healthy" in systemd.heard
    assert systemd.heard[-1] == "STOPPING=1"


def test_a_service_that_waits_for_its_helpdesk_is_fed_and_says_so(
    fast: Place, systemd: Systemd, eventually: Eventually
) -> None:
    wait = answer(503, headers={"Retry-After": "600"})
    fast.zendesk.faults.add(Fault(wait, path="/api/v2/incremental/", times=1000))
    fast.start("run")

    assert eventually(lambda: any(each.startswith("STATUS=poll waits: ") for each in systemd.heard))
    fed = systemd.heard.count("WATCHDOG=1")
    assert eventually(lambda: systemd.heard.count("WATCHDOG=1") >= fed + 3)


def test_health_is_degraded_while_an_upstream_is_down_and_good_again_after_it(
    fast: Place, eventually: Eventually
) -> None:
    wait = answer(503, headers={"Retry-After": "25"})
    fast.zendesk.faults.add(Fault(wait, path="/api/v2/incremental/"))
    fast.start("run")
    seen: list[Ended] = []

    def is_degraded() -> bool:
        seen.append(fast.run("health", "--json"))
        return bool(seen[-1].last_json["trouble"])

    assert eventually(is_degraded)
    assert eventually(lambda: fast.run("health").code == 0)
    assert (seen[-1].code, seen[-1].last_json["state"]) == (69, "degraded")
    assert "503" in seen[-1].last_json["trouble"]["poll"]


def test_health_is_dead_when_no_process_has_shown_life(fast: Place, eventually: Eventually) -> None:
    service = fast.start("run")
    assert eventually(lambda: fast.run("health").code == 0)
    service.kill()
    service.wait(timeout=30)
    with closing(sqlite3.connect(fast.folder / "connector.db", isolation_level=None)) as ledger:
        ledger.execute("UPDATE checkpoints SET polled_at = polled_at - 301000")
        ledger.execute(
            "UPDATE passes SET started_at = started_at - 301000, finished_at = finished_at - 301000"
        )

    ended = fast.run("health")

    assert ended.code == 70
    assert "no sign of life for 30" in ended.out


def test_a_model_that_never_answers_ends_a_stuck_service_with_its_stacks(place: Place) -> None:
    place.environment["CONNECTOR_LLM__CALL_SECONDS"] = "60"
    place.claude.faults.add(Fault(hang(), path="/v1/messages", times=100))
    place.ticket()

    ended = place.python(IMPATIENT)

    assert ended.code == 70
    assert '"service.stuck"' in ended.err
    assert 'File "' in ended.err
    assert "triage.py" in ended.err


@pytest.mark.parametrize("name", ["stdout", "stderr"])
def test_a_reader_of_the_log_that_goes_away_does_not_end_the_service(
    fast: Place, eventually: Eventually, name: str
) -> None:
    service = fast.start("run")
    first = fast.ticket()
    assert eventually(lambda: bool(fast.zendesk.writes(first)))
    stream = getattr(service, name)
    stream.close()

    second = fast.ticket()

    assert eventually(lambda: bool(fast.zendesk.writes(second)))
    service.send_signal(signal.SIGTERM)
    assert service.wait(timeout=40) == 0


def test_a_service_without_stdout_and_stderr_works_and_stops(fast: Place, eventually: Eventually) -> None:
    command = f'exec "{sys.executable}" -m connector run >&- 2>&-'
    service = subprocess.Popen(["/bin/sh", "-c", command], cwd=fast.folder, env=fast.environment, text=True)
    fast.started.append(service)
    ticket = fast.ticket()

    assert eventually(lambda: bool(fast.zendesk.writes(ticket)))
    service.send_signal(signal.SIGTERM)
    assert service.wait(timeout=40) == 0


def test_a_hangup_does_not_end_the_service(fast: Place, eventually: Eventually) -> None:
    service = fast.start("run")
    first = fast.ticket()
    assert eventually(lambda: bool(fast.zendesk.writes(first)))

    service.send_signal(signal.SIGHUP)
    second = fast.ticket()

    assert eventually(lambda: bool(fast.zendesk.writes(second)))
    assert service.poll() is None


def test_a_process_that_was_stopped_for_six_intervals_goes_on_without_a_burst(
    fast: Place, eventually: Eventually
) -> None:
    clock = SystemClock()
    service = fast.start("run")

    def polls() -> int:
        return sum("/incremental/" in each.path for each in fast.zendesk.requests)

    assert eventually(lambda: polls() >= 3)
    service.send_signal(signal.SIGSTOP)
    clock.sleep(6.0)  # what is tested is that time passes
    before, continued_at = polls(), clock.monotonic()
    service.send_signal(signal.SIGCONT)

    assert eventually(lambda: polls() >= before + 4)
    assert clock.monotonic() - continued_at > 2
    assert service.poll() is None


@pytest.mark.skipif(shutil.which("systemd-analyze") is None, reason="needs systemd-analyze")
def test_the_unit_is_one_that_systemd_accepts(tmp_path: Path) -> None:
    unit = tmp_path / "connector.service"
    unit.write_text(UNIT.read_text().replace("/opt/connector/.venv/bin/connector", sys.executable))

    found = subprocess.run(
        ["systemd-analyze", "verify", str(unit)], capture_output=True, text=True, check=False, env=os.environ
    )

    assert (found.returncode, found.stderr) == (0, "")
    assert {"Type=notify", "NotifyAccess=main"} <= set(unit.read_text().splitlines())
