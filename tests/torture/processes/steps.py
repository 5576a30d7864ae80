"""The steps of a real connector: each commit and each request, before and after, and what happens at one.

The program is not changed.  The hooks are SQLAlchemy's events and the two HTTP libraries' own senders.
"""

from __future__ import annotations

import os
import re
import signal
import threading
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from connector.sandbox.server import Request

SENDER = "X-Sent-By"
"""The header that tells the emulators which thread of which process sends a request."""

_CHANGES = re.compile(r"\b(?:INSERT INTO|UPDATE|DELETE FROM) (?!SKIP\b)(\w+)")
_IDS = re.compile(r"(?<=/)(?:\d+(?![\w-])|V3-\w+|[0-9a-f]{8}(?:-[0-9a-f]+){4})")


@dataclass(frozen=True, slots=True)
class Fate:
    """At the ``nth`` step called ``name`` the process gets ``signal``; none, if ``name`` is empty."""

    name: str = ""
    nth: int = 1
    signal: int = signal.SIGKILL


NO_FATE = Fate()


def sender_of(request: Request) -> tuple[str, int]:
    """Who sent a request: the thread, and the id of its process; 0 when it does not say."""
    thread = request.headers.get(SENDER.lower(), "")
    return thread, int(thread.partition(".")[0] or 0)


class Steps:
    """Counts the steps of this process on all of its threads; ``record``, if given, lists them."""

    def __init__(self, fate: Fate, record: Path | None) -> None:
        self._fate = fate
        self._record = record
        self._passed: Counter[str] = Counter()
        self._lock = threading.Lock()
        self._own = threading.local()

    def __call__(self, name: str) -> None:
        """Pass a step.  Does not return from the last one."""
        with self._lock:
            self._passed[name] += 1
            nth = self._passed[name]
            if self._record is not None:
                with self._record.open("a") as lines:
                    lines.write(f"{nth} {name}\n")
            if (name, nth) == (self._fate.name, self._fate.nth):
                os.kill(os.getpid(), self._fate.signal)

    def watch(self) -> None:
        """Install the hooks in this process."""
        self._watch_commits()
        self._watch_requests()

    def _watch_commits(self) -> None:
        from sqlalchemy import Engine, event
        from sqlalchemy.pool import Pool

        own = self._own

        def begin(_connection: Any) -> None:
            own.tables, own.committed = {}, ""

        def execute(_c: Any, _cursor: Any, statement: str, *_rest: Any) -> None:
            own.tables.update(dict.fromkeys(_CHANGES.findall(statement)))

        def commit(_connection: Any) -> None:
            if own.tables:
                own.committed = f"commit of {'+'.join(own.tables)}"
                self(f"before {own.committed}")

        def checkin(*_: Any) -> None:
            committed, own.committed = getattr(own, "committed", ""), ""
            if committed:
                self(f"after {committed}")

        event.listen(Engine, "begin", begin)
        event.listen(Engine, "before_cursor_execute", execute)
        event.listen(Engine, "commit", commit)
        event.listen(Pool, "checkin", checkin)

    def _watch_requests(self) -> None:
        import httpx2
        import requests.adapters

        adapter: Any = requests.adapters.HTTPAdapter
        adapter.send = self._around(adapter.send, lambda request: request.path_url)
        transport: Any = httpx2.HTTPTransport
        transport.handle_request = self._around(transport.handle_request, lambda request: request.url.path)

    def _around(self, send: Callable[..., Any], path: Callable[[Any], str]) -> Callable[..., Any]:
        def stepwise(library: Any, request: Any, **named: Any) -> Any:
            what = f"{request.method} {_IDS.sub('#', path(request).partition('?')[0])}"
            request.headers[SENDER] = f"{os.getpid()}.{threading.get_ident()}"
            self(f"before {what}")
            answer = send(library, request, **named)
            self(f"after {what}")
            return answer

        return stepwise
