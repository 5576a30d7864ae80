"""Where processes of the connector come from, and what became of each."""

from __future__ import annotations

import json
import os
import queue
import signal
import subprocess
import sys
import threading
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from tests.torture.processes.steps import NO_FATE, Fate

_READY_SECONDS = 60
_STARTED_SECONDS = 30


@dataclass(frozen=True, slots=True)
class News:
    """Something happened to a process: it was stopped, or continued, or ended with ``code``.

    The code of one that was killed is minus the signal's number.
    """

    pid: int
    became: str
    code: int = 0
    cpu_s: float = 0.0


@dataclass(frozen=True, slots=True)
class Command:
    """A command line of the connector, where it runs, and what will happen to it.

    What it prints goes into ``log``, stdout perhaps into ``out``.  Without ``watched`` it has no hooks.
    """

    arguments: Sequence[str]
    folder: Path
    environment: Mapping[str, str]
    log: Path
    fate: Fate = NO_FATE
    record: Path | None = None
    out: Path | None = None
    watched: bool = True

    def order(self) -> str:
        facts = {
            "arguments": list(self.arguments),
            "folder": str(self.folder),
            "environment": dict(self.environment),
            "log": str(self.log),
            "out": str(self.out or self.log),
            "watched": self.watched,
            "fate": [self.fate.name, self.fate.nth, int(self.fate.signal)],
            "record": str(self.record) if self.record else None,
        }
        return json.dumps(facts) + "\n"


@dataclass
class Nursery:
    """A launcher, and the processes that it forked; safe to share between threads."""

    _launcher: subprocess.Popen[str] = field(init=False)
    _started: queue.Queue[int] = field(default_factory=queue.Queue)
    _gone: dict[int, threading.Event] = field(default_factory=dict)
    _listeners: dict[int, Callable[[News], None]] = field(default_factory=dict)
    _early: dict[int, list[News]] = field(default_factory=dict)
    _lock: threading.Lock = field(default_factory=threading.Lock)
    _turn: threading.Lock = field(default_factory=threading.Lock)

    def __enter__(self) -> Self:
        # The program under test is the one on this path, wherever else it may be installed.
        environment = {"PATH": os.environ["PATH"], "PYTHONPATH": str(Path(__file__).parents[3])}
        self._launcher = subprocess.Popen(
            [sys.executable, "-m", "tests.torture.processes.launcher"],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            env=environment,
        )
        self._ears = threading.Thread(target=self._listen, daemon=True)
        self._ears.start()
        self._started.get(timeout=_READY_SECONDS)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        assert self._launcher.stdin is not None
        self._launcher.stdin.close()  # it kills what is left, and ends
        self._launcher.wait(timeout=30)
        self._ears.join(timeout=10)
        assert self._launcher.stdout is not None
        self._launcher.stdout.close()

    def start(self, command: Command, listener: Callable[[News], None]) -> int:
        """Fork a process and return its id; ``listener`` hears all that becomes of it, on another thread."""
        assert self._launcher.stdin is not None
        with self._turn:
            self._launcher.stdin.write(command.order())
            self._launcher.stdin.flush()
            pid = self._started.get(timeout=_STARTED_SECONDS)
        with self._lock:
            self._gone.setdefault(pid, threading.Event())
            self._listeners[pid] = listener
            early = self._early.pop(pid, [])
        for news in early:
            listener(news)
        return pid

    def kill(self, pid: int, how: int = signal.SIGKILL) -> None:
        """Send a signal to a process that was started here; one that has ended stays ended."""
        with self._lock:
            gone = self._gone.get(pid)
            if gone is not None and not gone.is_set():
                with suppress(ProcessLookupError):
                    os.kill(pid, how)

    def wait_until_gone(self, pid: int, seconds: float = 10.0) -> bool:
        """Whether the process has ended by then."""
        with self._lock:
            gone = self._gone.setdefault(pid, threading.Event())
        return gone.wait(seconds)

    def _listen(self) -> None:
        assert self._launcher.stdout is not None
        for line in self._launcher.stdout:
            told: dict[str, Any] = json.loads(line)
            if "ready" in told:
                self._started.put(told["ready"])
            elif told["became"] == "started":
                with self._lock:  # a number may come back
                    self._gone[told["pid"]] = threading.Event()
                self._started.put(told["pid"])
            else:
                self._pass_on(News(**told))

    def _pass_on(self, news: News) -> None:
        with self._lock:
            if news.became == "ended":
                self._gone[news.pid].set()
            listener = self._listeners.get(news.pid)
            if listener is None:
                self._early.setdefault(news.pid, []).append(news)
            elif news.became == "ended":
                del self._listeners[news.pid]
        if listener is not None:
            listener(news)
