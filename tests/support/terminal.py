"""A person at a terminal of their own, who reads what a command asks and types what they were told to."""

from __future__ import annotations

import os
import pty
import select
import signal
import subprocess
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

from connector.clock import SystemClock

_PATIENCE_SECONDS = 60.0

# A session leader gets the first terminal that it opens as its own; getpass wants one.
_PROGRAM = """
import os, sys
os.close(os.open(sys.argv[1], os.O_RDWR))
from connector.cli import main
main(sys.argv[2:])
"""


class Terminal:
    """A running command; ``seen`` is all that was on the screen, ``out`` what went to stdout, a pipe."""

    def __init__(self, process: subprocess.Popen[bytes], screen: int) -> None:
        self.process = process
        self.seen = ""
        self.out = ""
        self._screen = screen
        self._read_up_to = 0
        self._clock = SystemClock()

    def expect(self, text: str) -> None:
        """Wait until the screen shows ``text`` after what was expected before."""
        until = self._clock.monotonic() + _PATIENCE_SECONDS
        while (at := self.seen.find(text, self._read_up_to)) < 0:
            left = until - self._clock.monotonic()
            assert left > 0, f"not seen: {text!r} in {self.seen[self._read_up_to :]!r}"
            assert self._look(left), f"ended without {text!r}: {self.seen[self._read_up_to :]!r}"
        self._read_up_to = at + len(text)

    def answer(self, question: str, text: str = "") -> None:
        """Wait for a question, type the answer, and Enter."""
        self.expect(question)
        self.type(f"{text}\n")

    def type(self, keys: str) -> None:
        os.write(self._screen, keys.encode())

    def send(self, number: signal.Signals) -> None:
        self.process.send_signal(number)

    def end(self) -> int:
        """The exit code, when everything has been read."""
        while self._look(_PATIENCE_SECONDS):
            pass
        stdout, _ = self.process.communicate(timeout=_PATIENCE_SECONDS)
        self.out = stdout.decode()
        return self.process.returncode

    def _look(self, seconds: float) -> bool:
        """Read what comes; False when the terminal has no writer any more."""
        ready, _, _ = select.select([self._screen], [], [], seconds)
        try:
            data = os.read(self._screen, 65_536) if ready else b""
        except OSError:  # how Linux says that the last writer has gone
            data = b""
        self.seen += data.decode(errors="replace").replace("\r\n", "\n")
        return bool(data)


@contextmanager
def at_terminal(*arguments: str, folder: Path, environment: Mapping[str, str]) -> Iterator[Terminal]:
    """``connector …`` with a terminal as stdin and stderr; it does not outlive the block."""
    screen, line = pty.openpty()
    try:
        process = subprocess.Popen(
            [sys.executable, "-c", _PROGRAM, os.ttyname(line), *arguments],
            cwd=folder,
            env=dict(environment),
            stdin=line,
            stdout=subprocess.PIPE,
            stderr=line,
            start_new_session=True,
        )
        os.close(line)
        try:
            yield Terminal(process, screen)
        finally:
            if process.poll() is None:
                process.kill()
            process.communicate()
    finally:
        os.close(screen)
