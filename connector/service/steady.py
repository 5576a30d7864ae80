"""When a job runs next: on a grid of seconds that really pass, whatever becomes of the wall clock."""

from __future__ import annotations

import threading
from datetime import datetime, timedelta
from math import ceil, floor
from typing import Any

from apscheduler.triggers.base import BaseTrigger  # type: ignore[import-untyped]

from connector.ports import Clock

_LATE_SECONDS = 1.0
_TOGETHER_SECONDS = 0.05
_NOW_SECONDS = 0.001  # a next run that is not later, to the microsecond, would be the same one for ever


class SteadyTrigger(BaseTrigger):  # type: ignore[misc]  # APScheduler's triggers are classes to inherit from
    """Fires every ``seconds`` of the clock that never jumps, counted from now.

    APScheduler's own interval is counted on the wall clock: set back by an hour, it fires an hour late; set
    forward by a year, it counts every run that it missed.  Here a run that comes late is one run, and the
    next one is on the grid again, at least half an interval later.  `also_in` asks for one run more.
    """

    def __init__(self, clock: Clock, seconds: float) -> None:
        self._clock = clock
        self._seconds = seconds
        self._start = clock.monotonic()
        self._next = 0.0  # seconds after the start
        self._also: frozenset[float] = frozenset()  # the same
        self._lock = threading.Lock()

    def also_in(self, seconds: float) -> None:
        """Have the job run in so many seconds too; for any thread.

        Wishes within a twentieth of a second are one run.  A run that is due only after that has to be moved
        there by the caller: the scheduler asks for the next time only when a job runs.
        """
        with self._lock:
            self._also |= {ceil((self._passed + seconds) / _TOGETHER_SECONDS) * _TOGETHER_SECONDS}

    def get_next_fire_time(self, previous_fire_time: datetime | None, now: datetime) -> datetime:  # noqa: ARG002 - APScheduler's signature
        passed = self._passed
        with self._lock:
            self._also = frozenset(each for each in self._also if each > passed + _NOW_SECONDS)
            on_grid = self._seconds * (floor(passed / self._seconds + 0.5) + 1)
            self._next = min((on_grid, *self._also))
        return now + timedelta(seconds=self._next - passed)

    @property
    def _passed(self) -> float:
        return self._clock.monotonic() - self._start

    def seconds_left(self) -> float:
        """How long until the next run; 0.0 when it is due."""
        return max(0.0, self._start + self._next - self._clock.monotonic())


def bring_back(scheduler: Any, clock: Clock) -> int:  # noqa: ANN401 - apscheduler ships no types
    """Move jobs that a wall clock set back has put off to where they belong; returns how many there were.

    A clock that was set forward needs nothing: the job is early once, then on the grid again.
    """
    moved = 0
    for job in scheduler.get_jobs():
        now, left = clock.now(), job.trigger.seconds_left()
        if (job.next_run_time - now).total_seconds() > left + _LATE_SECONDS:
            job.modify(next_run_time=now + timedelta(seconds=left))
            moved += 1
    return moved
