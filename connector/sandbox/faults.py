"""Scheduled misbehaviour: the ways in which a service lets its clients down, on request and repeatable."""

from __future__ import annotations

import math
import re
import threading
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace

from connector.sandbox.server import App, Cut, Request, Response, Wire, json_response

Behaviour = Callable[[Request, App], Response]

MAINTENANCE_PAGE = (
    b"<!DOCTYPE html><html><head><title>Maintenance</title></head><body>We'll be back soon.</body></html>"
)


@dataclass(frozen=True, slots=True)
class Fault:
    """Which requests suffer, and how.

    Of the requests that match ``method``, ``path`` (a regular expression, searched) and ``when``,
    the first ``after`` are served properly and the next ``times`` (None: all) misbehave.
    """

    behave: Behaviour
    method: str | None = None
    path: str = ""
    after: int = 0
    times: int | None = 1
    when: Callable[[Request], bool] | None = None

    def concerns(self, request: Request) -> bool:
        """Whether the request matches, however often that happened before."""
        return (
            self.method in {None, request.method}
            and re.search(self.path, request.path) is not None
            and (self.when is None or self.when(request))
        )


@dataclass(frozen=True, slots=True)
class Fired:
    """A fault that came to pass."""

    fault: Fault
    method: str
    path: str


@dataclass(slots=True)
class _Scheduled:
    fault: Fault
    seen: int = 0

    def is_due(self, request: Request) -> bool:
        if not self.fault.concerns(request):
            return False
        position = self.seen
        self.seen += 1
        last = math.inf if self.fault.times is None else self.fault.after + self.fault.times
        return self.fault.after <= position < last


@dataclass(slots=True)
class FaultPlan:
    """Faults in order.  Each counts the requests that concern it; the first that is due acts."""

    _scheduled: list[_Scheduled] = field(default_factory=list)
    _fired: list[Fired] = field(default_factory=list)
    _lock: threading.Lock = field(default_factory=threading.Lock)

    @classmethod
    def of(cls, *faults: Fault) -> FaultPlan:
        return cls([_Scheduled(fault) for fault in faults])

    def add(self, fault: Fault) -> None:
        """Schedule one more; it counts from now on."""
        with self._lock:
            self._scheduled.append(_Scheduled(fault))

    def clear(self) -> None:
        """No more faults from now on; what fired is remembered."""
        with self._lock:
            self._scheduled.clear()

    @property
    def fired(self) -> tuple[Fired, ...]:
        with self._lock:
            return tuple(self._fired)

    def wrap(self, app: App) -> App:
        """``app`` with these faults in front of it."""

        def faulty(request: Request) -> Response:
            fault = self._draw(request)
            return app(request) if fault is None else fault.behave(request, app)

        return faulty

    def _draw(self, request: Request) -> Fault | None:
        with self._lock:
            due = [scheduled.fault for scheduled in self._scheduled if scheduled.is_due(request)]
            if not due:
                return None
            self._fired.append(Fired(due[0], request.method, request.path))
            return due[0]


# --- Answers that the service makes instead of working ----------------------------------------------------


def answer(status: int, body: bytes = b"", headers: Mapping[str, str] | None = None) -> Behaviour:
    """This response; the service does nothing."""
    return lambda _request, _app: Response(status, dict(headers or {}), body)


def answer_json(status: int, value: object, headers: Mapping[str, str] | None = None) -> Behaviour:
    """This response as JSON; the service does nothing."""
    return lambda _request, _app: json_response(value, status, headers)


def html(status: int = 200, body: bytes = MAINTENANCE_PAGE) -> Behaviour:
    """A maintenance or login page, with status 200 if need be."""
    return answer(status, body, {"Content-Type": "text/html; charset=utf-8"})


def empty(status: int = 200) -> Behaviour:
    """A response without a body."""
    return answer(status)


def too_many_requests(retry_after: str | None = None, body: bytes = b"Too many requests") -> Behaviour:
    """429 with any ``Retry-After`` (seconds, a date, nonsense), or none."""
    wait = {} if retry_after is None else {"Retry-After": retry_after}
    return answer(429, body, {"Content-Type": "text/plain"} | wait)


# --- Connections that break before the service works ------------------------------------------------------


def reset() -> Behaviour:
    """The connection is reset; the service did nothing."""
    return lambda _request, _app: Response(wire=Wire(cut=Cut.RESET))


def close_early(cut: Cut = Cut.BEFORE_HEADERS) -> Behaviour:
    """The connection is closed before or inside the headers; the service did nothing."""
    return lambda _request, _app: Response(wire=Wire(cut=cut))


def hang() -> Behaviour:
    """No answer until the server stops; the service did nothing."""
    return lambda _request, _app: Response(wire=Wire(delay_seconds=math.inf))


# --- The service works, and its response suffers on the way -----------------------------------------------


def spoil(wire: Wire) -> Behaviour:
    """The work is done, and the connection treats its response so."""
    return lambda request, app: replace(app(request), wire=wire)


def lose_response() -> Behaviour:
    """The work is done, and the client gets a reset."""
    return spoil(Wire(cut=Cut.RESET))


def truncate() -> Behaviour:
    """Half the body, then the end, against the announced length."""
    return spoil(Wire(cut=Cut.INSIDE_BODY))


def drip(seconds: float) -> Behaviour:
    """The body byte by byte, ``seconds`` apart."""
    return spoil(Wire(drip_seconds=seconds))


def delay(seconds: float) -> Behaviour:
    """The work is done at once, its response comes late."""
    return spoil(Wire(delay_seconds=seconds))


def alter(change: Callable[[Response], Response]) -> Behaviour:
    """The work is done, and its response changed by ``change``."""
    return lambda request, app: change(app(request))


def misread(change: Callable[[Request], Request]) -> Behaviour:
    """The service works on another request than the one that was sent."""
    return lambda request, app: app(change(request))


def hold(gate: threading.Event, timeout_seconds: float = 30.0) -> Behaviour:
    """The service begins to work only when ``gate`` opens: a request that is in flight for long."""

    def wait_then_work(request: Request, app: App) -> Response:
        gate.wait(timeout_seconds)
        return app(request)

    return wait_then_work
