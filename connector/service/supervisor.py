"""What systemd wants to be told: ready, alive, stopping, and one line for ``systemctl status``."""

from __future__ import annotations

import os
import socket
from collections.abc import Mapping
from contextlib import suppress

from connector.ports import Clock


class Supervisor:
    """Speaks the protocol of sd_notify(3) to ``$NOTIFY_SOCKET``; without one it says nothing.

    Nothing raises and nothing waits: a supervisor that does not listen is no reason to stop.
    """

    def __init__(self, environment: Mapping[str, str], clock: Clock) -> None:
        address = environment.get("NOTIFY_SOCKET", "")
        # An @ stands for the zero byte of an abstract socket; there are other kinds (vsock) than ours.
        self._address = "\0" + address[1:] if address.startswith("@") else address
        self._listens = address[:1] in ("/", "@")
        self._clock = clock
        self._every = _half_of_watchdog(environment)
        self._fed_at: float | None = None
        self._status = ""

    def ready(self) -> None:
        self._tell("READY=1")

    def alive(self) -> None:
        """To be called once a second while all is well; feeds the watchdog as often as it asked for."""
        now = self._clock.monotonic()
        if self._every is None or (self._fed_at is not None and now - self._fed_at < self._every):
            return
        self._fed_at = now
        self._tell("WATCHDOG=1")

    def status(self, line: str) -> None:
        """The line that ``systemctl status`` shows; said again only when it changed."""
        if line != self._status:
            self._status = line
            self._tell(f"STATUS={line}".replace("\n", " "))

    def stopping(self) -> None:
        self._tell("STOPPING=1")

    def _tell(self, message: str) -> None:
        if not self._listens:
            return
        with suppress(OSError), socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as line:
            line.setblocking(False)
            line.sendto(message.encode(), self._address)


def _half_of_watchdog(environment: Mapping[str, str]) -> float | None:
    """Half of ``$WATCHDOG_USEC`` in seconds, less a second for our own beat; None: nobody waits for us."""
    meant = environment.get("WATCHDOG_PID", "")
    try:
        seconds = int(environment.get("WATCHDOG_USEC", "")) / 1e6
    except ValueError:
        return None
    if meant and meant != str(os.getpid()):
        return None
    return max(0.0, seconds / 2 - 1.0) if seconds > 0 else None
