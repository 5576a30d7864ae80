"""The real command as a process of its own, against emulators in this one."""

from __future__ import annotations

import json
import os
import queue
import subprocess
import sys
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, Self

import pytest

from connector.cli.playground import WorldTime
from connector.sandbox.claude_api import ClaudeSandbox
from connector.sandbox.zendesk_api import ZendeskSandbox
from connector.settings import Settings
from tests.torture.processes.nursery import Command, News, Nursery

_LONGEST_SECONDS = 60
KEY = "a-key-that-must-never-be-shown"
SECRET = "a-secret-that-must-never-be-shown"


@dataclass(frozen=True)
class Ended:
    """A finished command."""

    code: int
    out: str
    err: str

    @property
    def last_json(self) -> Any:
        return json.loads(self.out.splitlines()[-1])


@cache
def nursery() -> Nursery:
    """Where commands are forked from; it ends with this process."""
    return Nursery().__enter__()


def forked(arguments: Sequence[str], folder: Path, environment: dict[str, str]) -> Ended:
    """A command to its end, in a process of its own with an environment of its own."""
    news: queue.Queue[News] = queue.Queue()
    with TemporaryDirectory() as place:
        out, err = Path(place) / "out", Path(place) / "err"
        command = Command(arguments, folder, environment, log=err, out=out, watched=False)
        pid = nursery().start(command, news.put)
        try:
            ended = news.get(timeout=_LONGEST_SECONDS)
        except queue.Empty:
            nursery().kill(pid)
            raise subprocess.TimeoutExpired(arguments, _LONGEST_SECONDS) from None
        return Ended(ended.code, out.read_text(), err.read_text())


@dataclass(kw_only=True)
class Shell:
    """A directory and an environment in which the command runs."""

    folder: Path
    environment: dict[str, str]
    started: list[subprocess.Popen[str]] = field(default_factory=list)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_exc: object) -> None:
        for process in self.started:
            if process.poll() is None:
                process.kill()
            process.communicate()

    def start(self, *arguments: str) -> subprocess.Popen[str]:
        """A command that goes on; it is ended with the test if it has not ended before."""
        process = subprocess.Popen(
            [sys.executable, "-m", "connector", *arguments],
            cwd=self.folder,
            env=self.environment,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        self.started.append(process)
        return process

    def run(self, *arguments: str, **changes: str) -> Ended:
        """A command to its end; ``changes`` are variables of its environment.

        It is forked from a process that has imported everything, which saves most of its time, unless it is
        to find other packages.
        """
        if "PYTHONPATH" in changes:
            return self._finish(["-m", "connector", *arguments], changes)
        return forked(arguments, self.folder, self.environment | changes)

    def python(self, program: str) -> Ended:
        """A Python program in the same place."""
        return self._finish(["-c", program], {})

    def _finish(self, arguments: list[str], changes: dict[str, str]) -> Ended:
        process = subprocess.run(
            [sys.executable, *arguments],
            cwd=self.folder,
            env=self.environment | changes,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=_LONGEST_SECONDS,
            check=False,
        )
        return Ended(process.returncode, process.stdout, process.stderr)


@dataclass(kw_only=True)
class Place(Shell):
    """An account with groups, a model, and an environment that leads the command there."""

    zendesk: ZendeskSandbox
    claude: ClaudeSandbox
    time: WorldTime

    def ticket(self, subject: str = "Charged twice", text: str = "Please refund my invoice.") -> int:
        """A ticket that the export shows already."""
        return self.zendesk.create_ticket(subject, text, created_at=self.zendesk.world.now() - 300)


def bare_environment(home: Path) -> dict[str, str]:
    """What every command needs, and no setting."""
    return {
        "PATH": os.environ["PATH"],
        "HOME": str(home),
        "PYTHONWARNINGS": "error",
        "PYTHONPATH": str(Path(__file__).parents[2]),
    }


@pytest.fixture
def place(tmp_path: Path) -> Iterator[Place]:
    time = WorldTime()
    with (
        ZendeskSandbox(time, rate_limits=False, client_secret=SECRET) as zendesk,
        ClaudeSandbox(api_key=KEY) as claude,
    ):
        settings = Settings()
        for name in [*settings.groups().values(), settings.helpdesk.human_group]:
            zendesk.add_group(name)
        environment = bare_environment(tmp_path) | {
            "CONNECTOR_HELPDESK__KIND": "zendesk",
            "CONNECTOR_HELPDESK__BASE_URL": zendesk.url,
            "CONNECTOR_HELPDESK__CLIENT_ID": str(zendesk.credentials.client_id),
            "CONNECTOR_HELPDESK__CLIENT_SECRET": SECRET,
            "ANTHROPIC_BASE_URL": claude.url,
            "ANTHROPIC_API_KEY": KEY,
        }
        with Place(
            folder=tmp_path, environment=environment, zendesk=zendesk, claude=claude, time=time
        ) as here:
            yield here


Eventually = Callable[[Callable[[], bool]], bool]


@pytest.fixture
def eventually() -> Eventually:
    """Waits for a condition, at most half a minute, and says whether it came true."""
    from connector.clock import SystemClock

    clock = SystemClock()

    def wait_for(condition: Callable[[], bool]) -> bool:
        until = clock.monotonic() + 30
        while not condition():
            if clock.monotonic() > until:
                return False
            clock.sleep(0.05)
        return True

    return wait_for
