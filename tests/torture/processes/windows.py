"""Pylon's own record of requests: what each sender had last seen of an issue when its write took effect.

Pylon cannot refuse a write to an issue that has changed, so between the last look and the write there is a
window.  Here it is measured, and what people did in it is told apart from all that they did before.
"""

from __future__ import annotations

import re
import threading
import time
from dataclasses import dataclass, field

from connector.sandbox.pylon_api.world import World
from connector.sandbox.server import App, Request, Response
from tests.torture.plans import Deed
from tests.torture.processes.steps import sender_of

_ISSUE = re.compile(r"/issues/([0-9a-f-]{36})(?:/.*)?")


def issue_of(request: Request) -> str:
    """The id of the issue that a request is about; empty if it is about none."""
    found = _ISSUE.fullmatch(request.path)
    return found[1] if found else ""


@dataclass(frozen=True, slots=True)
class Act:
    """Somebody did something to an issue that had ``version`` versions until then."""

    deed: Deed
    version: int


@dataclass(slots=True)
class Look:
    """An issue was read: how many of its versions there were, and when the answer left."""

    versions: int
    answered_at: float
    requests: int = 0  # of the same sender since then


@dataclass(frozen=True, slots=True)
class Sent:
    """A write, accepted as the issue's version ``version``; its sender had seen those before ``looked``.

    ``window_seconds`` from the answer of the last look to the arrival of the write, and ``requests`` of the
    same sender in between; None where it never looked.
    """

    pid: int
    issue: str
    write: int  # its place among all writes
    version: int
    looked: int
    window_seconds: float | None
    requests: int | None


@dataclass(frozen=True, slots=True)
class Glimpses:
    """Of some writes the time between the last look and the write, and the requests of the sender in it.

    ``overtaken`` counts people who came in between and were overruled, ``tags`` theirs that were lost;
    ``same_second`` deeds of people in the second of another change, which have the same version.
    """

    seconds: tuple[float, ...] = ()
    requests: int = 0
    overtaken: int = 0
    tags: int = 0
    same_second: int = 0

    def __add__(self, other: Glimpses) -> Glimpses:
        return Glimpses(
            self.seconds + other.seconds,
            self.requests + other.requests,
            self.overtaken + other.overtaken,
            self.tags + other.tags,
            self.same_second + other.same_second,
        )

    def __str__(self) -> str:
        ranked = sorted(self.seconds) or [0.0]
        at = {share: 1000 * ranked[min(int(share * len(ranked)), len(ranked) - 1)] for share in (0.5, 0.95)}
        return (
            f"between the last look at an issue and its write: {len(self.seconds)} writes, "
            f"p50 {at[0.5]:.1f} ms, p95 {at[0.95]:.1f} ms, max {1000 * ranked[-1]:.1f} ms, "
            f"{self.requests} requests; {self.overtaken} people overruled in it, "
            f"{self.tags} of their tags lost; {self.same_second} deeds in the second of another change"
        )


@dataclass
class Windows:
    """Told of every request; safe to share between threads."""

    world: World
    sent: list[Sent] = field(default_factory=list)
    looks: list[tuple[int, str, int]] = field(default_factory=list)  # process, issue, versions that it saw
    _last: dict[tuple[str, str], Look] = field(default_factory=dict)  # by sender and issue
    _own: threading.local = field(default_factory=threading.local)
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def arrived(self, request: Request) -> None:
        """A request is at the door."""
        self._own.arrived_at = time.monotonic()
        sender, _ = sender_of(request)
        with self._lock:
            self._own.look = self._last.get((sender, issue_of(request)))
            self._own.requests = self._own.look.requests if self._own.look else None
            for (who, _issue), look in self._last.items():
                if who == sender:
                    look.requests += 1

    def serve(self, kind: str, request: Request, app: App) -> Response:
        """The request is worked on, while nobody else is at the issue."""
        issue = issue_of(request)
        if kind not in {"read", "write"}:
            return app(request)
        with self.world.lock:
            versions, writes = len(self.world.versions[issue]), len(self.world.writes)
            response = app(request)
            if kind == "write" and len(self.world.writes) > writes:
                self._note(request, issue, writes, versions)
        if kind == "read" and response.status == 200:
            sender, pid = sender_of(request)
            with self._lock:
                self._last[sender, issue] = Look(versions, time.monotonic())
                self.looks.append((pid, issue, versions))
        return response

    def _note(self, request: Request, issue: str, write: int, version: int) -> None:
        look: Look | None = self._own.look
        window = None if look is None else self._own.arrived_at - look.answered_at
        _, pid = sender_of(request)
        looked = look.versions if look else 0
        self.sent.append(Sent(pid, issue, write, version, looked, window, self._own.requests))
