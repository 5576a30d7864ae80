"""APScheduler in simulated time: its own jobs, triggers and rules, on a clock that is moved by hand."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, tzinfo
from math import inf
from typing import Any, Self
from unittest.mock import patch

from apscheduler.executors.debug import DebugExecutor  # type: ignore[import-untyped]
from apscheduler.schedulers.base import BaseScheduler  # type: ignore[import-untyped]

from connector.clock import ManualClock
from connector.service.serving import JOB_DEFAULTS


class SimulatedScheduler(BaseScheduler):  # type: ignore[misc]  # APScheduler's schedulers are classes to inherit from
    """A scheduler without a thread: `step` does what its thread does between two waits.

    Jobs run in the caller's thread.  APScheduler asks ``datetime.now`` for the time; in `simulated`, that
    name in APScheduler's module means the clock.
    """

    def __init__(self, clock: ManualClock) -> None:
        super().__init__(timezone=UTC, executors={"default": DebugExecutor()}, job_defaults=JOB_DEFAULTS)
        self._clock = clock
        self._wakes_at = 0.0  # monotonic

    @classmethod
    @contextmanager
    def simulated(cls, clock: ManualClock) -> Iterator[Self]:
        class Now(datetime):
            @classmethod
            def now(cls, tz: tzinfo | None = None) -> Any:
                return clock.now().astimezone(tz)

        with patch("apscheduler.schedulers.base.datetime", Now):
            scheduler = cls(clock)
            yield scheduler
            if scheduler.running:
                scheduler.shutdown()

    def shutdown(self, wait: bool = True) -> None:
        super().shutdown(wait)

    def wakeup(self) -> None:
        self._wakes_at = 0.0

    def step(self, longest_seconds: float) -> None:
        """Run what is due, unless the thread would still wait; then let time pass to the end of its wait.

        The wait is of real seconds, as the thread's is, and at most ``longest_seconds`` of it pass.
        """
        if self._clock.monotonic() >= self._wakes_at:
            self._wakes_at = inf
            wait = self._process_jobs()
            if wait is not None:
                self._wakes_at = min(self._wakes_at, self._clock.monotonic() + wait)
        self._clock.advance(max(0.0, min(self._wakes_at - self._clock.monotonic(), longest_seconds)))
