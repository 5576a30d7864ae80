"""In front of both emulators: where people are quicker, where requests suffer, and where processes die."""

from __future__ import annotations

import json
import re
import threading
from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from connector.sandbox import faults
from connector.sandbox.faults import Behaviour, Fault, FaultPlan
from connector.sandbox.server import App, Request, Response
from tests.torture.processes.plan import Death, Mishap, Moment, loses_the_answer
from tests.torture.processes.steps import sender_of
from tests.torture.processes.weaken import Weaken
from tests.torture.processes.windows import issue_of

CALL_SECONDS = 1.0  # the longest that the connectors wait for the model

_KINDS: Sequence[tuple[str, str, str]] = (
    ("GET", r"/incremental/", "poll"),
    ("GET", r"/tickets/\d+/audits", "audits"),
    ("GET", r"/tickets/(show_many|\d+)", "read"),
    ("PUT", r"/tickets/update_many", "bulk"),
    ("PUT", r"/tickets/\d+$", "write"),
    ("GET", r"/job_statuses/", "job"),
    ("POST", r"^/issues/search$", "poll"),
    ("GET", r"^/issues/[^/]+/messages$", "messages"),
    ("GET", r"^/issues/[^/]+$", "read"),
    ("PATCH", r"^/issues/[^/]+$", "write"),
    ("POST", r"^/issues/[^/]+/(threads|note)$", "note"),
    ("POST", r"/v1/messages$", "ask"),
)
_CASE = re.compile(rb"case-(\d+)")
_ERROR = {"type": "error", "error": {"type": "api_error", "message": "torture"}}


def kind_of(request: Request) -> str:
    """What a request is, in one word; empty for what no plan cares about."""
    for method, path, kind in _KINDS:
        if request.method == method and re.search(path, request.path):
            return kind
    return ""


def behaviour(trouble: str) -> Behaviour:
    """What a mishap does to a request."""
    if trouble == "429":
        return faults.too_many_requests("1")
    if trouble == "429x":  # the other spelling, by which some of Pylon's answers say how long
        return faults.answer(429, b"Too many requests", {"X-Retry-After": "1"})
    if trouble.isdigit():
        return faults.answer_json(int(trouble), _ERROR)
    return {
        "reset": faults.reset(),
        "lost": faults.lose_response(),
        "truncated": faults.truncate(),
        "html": faults.html(),
        "nulls": faults.alter(_without_empty),
        "slow": faults.delay(0.5),
        "timeout": faults.delay(1.5 * CALL_SECONDS),
    }[trouble]


@dataclass
class Gate:
    """Every request passes here.  What it decides about, it is told by ``people``, ``execute`` and ``look``.

    ``people(moment, ticket ids or numbers)`` lets people act; ``execute(pid)`` kills a process and returns
    when it is gone; ``look(request)`` audits a write before it takes effect; ``run_jobs`` does what a bulk
    update asked for, ``job_seconds`` later.  ``arrived`` hears of every request, ``serve`` works on it.
    """

    mishaps: Sequence[Mishap]
    people: Callable[[Moment, Iterable[int | str]], None]
    execute: Callable[[int], None]
    look: Callable[[Request], None]
    run_jobs: Callable[[], object]
    arrived: Callable[[str, Request], None]
    serve: Callable[[str, Request, App], Response]
    job_seconds: float = 0.0
    weaken: Weaken | None = None
    fired: Counter[str] = field(default_factory=Counter)
    asked: list[tuple[int, int, str]] = field(default_factory=list)  # by process, about number, which model
    lost: Counter[tuple[int, str]] = field(default_factory=Counter)  # answers, on the wire
    _doomed: dict[int, Death] = field(default_factory=dict)
    _seen: Counter[tuple[int, str]] = field(default_factory=Counter)
    _read: dict[str, list[int | str]] = field(default_factory=dict)  # what each sender read last
    _late: int = 0
    _lock: threading.Lock = field(default_factory=threading.Lock)
    _over: threading.Event = field(default_factory=threading.Event)

    def __post_init__(self) -> None:
        self._faults = FaultPlan.of(*(self._fault(mishap) for mishap in self.mishaps))

    def doom(self, pid: int, death: Death) -> None:
        """This process dies when its request is here."""
        with self._lock:
            self._doomed[pid] = death

    def calm(self) -> None:
        """No more mishaps and deaths from now on."""
        self._faults.clear()
        with self._lock:
            self._doomed.clear()

    def close(self) -> None:
        """Let go of what is held."""
        self._over.set()

    @property
    def is_quiet(self) -> bool:
        """Whether nothing is under way whose sender is dead, and no job waits."""
        with self._lock:
            return self._late == 0

    def __call__(self, request: Request, app: App) -> Response:
        kind = kind_of(request)
        self.arrived(kind, request)
        if not kind:
            return self.serve(kind, request, app)
        if len(request.body) < int(request.headers.get("content-length", "0")):
            return faults.close_early()(request, app)  # its sender died while sending: it never arrived
        _, pid = sender_of(request)
        death = self._due(pid, kind)
        if death is not None:
            return self._die_in_flight(pid, kind, death, request, app)
        served = self._faults.wrap(lambda asked: self._serve(kind, asked, app))
        return served(request)

    def _serve(self, kind: str, request: Request, app: App) -> Response:
        about = _about(kind, request)
        if kind == "ask":
            _, pid = sender_of(request)
            self.asked += [(pid, number, _model(request)) for number in _numbers(request)]
            self.people(Moment.THINKING, about)
        if kind in {"write", "bulk"}:
            self.people(Moment.SENT, about)
            self.look(request)

        def serve(asked: Request) -> Response:
            return self.serve(kind, asked, app)

        response = self.weaken(kind, request, serve) if self.weaken else serve(request)
        if kind == "read":
            self.people(Moment.READ, about)
            if self._is_last_look(request, about):
                self.people(Moment.LOOKED, about)
        elif kind == "bulk":
            self._work_on_jobs(about)
        elif kind == "write":
            self.people(Moment.WRITTEN, about)
        return response

    def _is_last_look(self, request: Request, about: list[int | str]) -> bool:
        """Whether the sender reads the same again that it read right before: it is about to write."""
        sender, _ = sender_of(request)
        with self._lock:
            before = self._read.get(sender)
            self._read[sender] = about
        return before == about

    def _work_on_jobs(self, about: Sequence[int | str]) -> None:
        self.people(Moment.JOB, about)

        def work() -> None:
            self.run_jobs()
            self.people(Moment.WRITTEN, about)
            self._under_way(-1)

        self._under_way(1)
        timer = threading.Timer(self.job_seconds, work)
        timer.daemon = True
        timer.start()

    def _due(self, pid: int, kind: str) -> Death | None:
        with self._lock:
            self._seen[pid, kind] += 1
            death = self._doomed.get(pid)
            if death is None or (death.kind, death.nth) != (kind, self._seen[pid, kind]):
                return None
            self._late += 1
            return self._doomed.pop(pid)

    def _die_in_flight(self, pid: int, kind: str, death: Death, request: Request, app: App) -> Response:
        try:
            self.execute(pid)
            self._over.wait(death.seconds)
            if death.takes_effect:
                self._serve(kind, request, app)
        finally:
            self._under_way(-1)
        return faults.close_early()(request, app)

    def _under_way(self, change: int) -> None:
        with self._lock:
            self._late += change

    def _fault(self, mishap: Mishap) -> Fault:
        suffer = behaviour(mishap.trouble)

        def behave(request: Request, app: App) -> Response:
            with self._lock:
                self.fired[f"{mishap.kind} {mishap.trouble}"] += 1
                if mishap.kind == "ask" and loses_the_answer(mishap.trouble):
                    self.lost.update((number, _model(request)) for number in _numbers(request))
            return suffer(request, app)

        return Fault(
            behave,
            after=mishap.after,
            times=mishap.times,
            when=lambda request: kind_of(request) == mishap.kind,
        )


def _model(request: Request) -> str:
    return str(request.json()["model"])


def _numbers(request: Request) -> list[int]:
    """The ticket's number in a question."""
    return [int(number) for number in _CASE.findall(request.body)[-1:]]


def _about(kind: str, request: Request) -> list[int | str]:
    """The ticket ids of a request to the helpdesk, or the ticket's number in a question."""
    if kind == "ask":
        return [*_numbers(request)]
    if issue := issue_of(request):
        return [issue]
    if kind == "bulk":
        return [int(ticket["id"]) for ticket in request.json()["tickets"]]
    if "ids" in request.query:
        return [int(each) for each in request.query["ids"].split(",")]
    found = re.search(r"/tickets/(\d+)", request.path)
    return [int(found[1])] if found else []


def _without_empty(response: Response) -> Response:
    """Null wherever there is nothing, as Pylon has it in some answers: lists, objects, the last cursor."""
    if response.status != 200:
        return response
    return replace(response, body=json.dumps(_nulled(json.loads(response.body))).encode())


def _nulled(value: Any) -> Any:
    if isinstance(value, list):
        return [_nulled(each) for each in value] or None
    if not isinstance(value, dict):
        return value
    shown = {key: _nulled(each) for key, each in value.items()}
    return shown if shown and shown.get("has_next_page") is not False else None
