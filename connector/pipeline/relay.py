"""Handing on: a stage that has made work for the next one wakes it instead of leaving it to its interval."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, Protocol

from connector.domain.ticket import Disposition
from connector.ports import Event

_SOON_SECONDS = 2.5  # what waits for longer waits for an upstream, and an interval more does not matter


class Wake(Protocol):
    """Has a stage run now, or in so many seconds."""

    def __call__(self, stage: str, seconds: float = 0.0, /) -> None: ...


class Relay:
    """An observer of the stages in one process; ``wake`` is called with the name of the next one.

    A webhook wakes the reading of its ticket, originals and replies wake triage page by page.  Write-back is
    woken when triage comes to rest, not by each decision: while triage is busy its interval collects
    decisions to batches, which cost the helpdesk fewer requests; and again when a version that was too young
    has settled.  Work of other processes is found by the intervals alone.
    """

    def __init__(self, wake: Wake) -> None:
        self._wake = wake
        self._decided = False
        self._arrived = False

    def __call__(self, event: Event) -> None:
        match event.name:
            case "page.stored" if _is_work(event.facts):
                self._arrived = True
                self._wake("triage")
            case "ticket.decided":
                self._decided = True
            case "nudge.heard":
                self._wake("nudge")
            case "ticket.deferred" if _is_soon(event.facts):
                self._wake("write_back", event.facts["wait_s"])

    def around(self, triage: Callable[[], None]) -> Callable[[], None]:
        """Triage, and then write-back at once if anything was decided.

        Once more if anything arrived meanwhile: nobody can wake a job that is at work, and it may have looked
        for the last time already.
        """

        def run() -> None:
            self._arrived = True
            while self._arrived:
                self._arrived = False
                triage()
                if self._decided:
                    self._decided = False
                    self._wake("write_back")

        return run


def _is_soon(deferred: Mapping[str, Any]) -> bool:
    return bool(deferred["stage"] == "write_back" and 0 < deferred["wait_s"] <= _SOON_SECONDS)


def _is_work(page: Mapping[str, Any]) -> bool:
    return bool(page["dispositions"].get(Disposition.ORIGINAL) or page.get("replies"))
