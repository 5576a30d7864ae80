"""The service: polls, triages and writes back for months, and stops when asked."""

from __future__ import annotations

import faulthandler
import os
import signal
import sys
import threading
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from types import FrameType
from typing import Any

from connector.clock import SystemClock
from connector.errors import ConnectorError, Unavailable
from connector.pipeline.summary import Summary
from connector.pipeline.sync import Stages
from connector.ports import Clock, Event, Observer

_FIRST_BACKOFF_SECONDS = 5.0
_LONGEST_BACKOFF_SECONDS = 300.0


@dataclass(frozen=True, slots=True)
class Rhythm:
    """How often the stages run, and how long an orderly stop may take; all in seconds."""

    poll_seconds: float = 60.0
    work_seconds: float = 1.0
    shutdown_seconds: float = 30.0

    @property
    def silence_seconds(self) -> float:
        """After this long without a sign of life the service ends itself; its supervisor restarts it."""
        return max(300.0, 3 * self.poll_seconds)


class Watchdog:
    """Judges liveness by a monotonic clock: any event and any finished job is a sign of life."""

    def __init__(self, clock: Clock, silence_seconds: float) -> None:
        self._clock = clock
        self._silence = silence_seconds
        self._last = clock.monotonic()

    def __call__(self, event: Event) -> None:  # noqa: ARG002 - that it happened is all that counts
        self.alive()

    def alive(self) -> None:
        self._last = self._clock.monotonic()

    @property
    def is_silent(self) -> bool:
        return self._clock.monotonic() - self._last > self._silence


class StageJob:
    """A stage as a scheduler job: never raises, backs off while an upstream is down, and says so once."""

    def __init__(
        self, name: str, stage: Callable[[], None], clock: Clock, observer: Observer, watchdog: Watchdog
    ) -> None:
        self._name = name
        self._stage = stage
        self._clock = clock
        self._observer = observer
        self._watchdog = watchdog
        self._failures = 0
        self._told = ""
        self._not_before = 0.0

    def __call__(self) -> None:
        if self._clock.monotonic() >= self._not_before:
            try:
                self._stage()
            except Exception as error:  # noqa: BLE001 - one failing run never ends the service
                self._back_off(error)
            else:
                self._recovered()
        self._watchdog.alive()

    def _back_off(self, error: Exception) -> None:
        self._failures += 1
        longest = min(_FIRST_BACKOFF_SECONDS * 2.0 ** (self._failures - 1), _LONGEST_BACKOFF_SECONDS)
        wished = error.retry_after_seconds if isinstance(error, Unavailable) else None
        seconds = max(longest, wished or 0.0)
        self._not_before = self._clock.monotonic() + seconds
        # The message of an error of ours is made for a log; a foreign one may quote anything.
        text = str(error) if isinstance(error, ConnectorError) else ""
        cause = f"{type(error).__name__} {text}".strip()
        if cause != self._told:
            level = "warning" if isinstance(error, Unavailable) else "error"
            facts = {"stage": self._name, "error": cause, "retry_s": seconds}
            self._observer(Event("stage.paused", level, facts))
            self._told = cause

    def _recovered(self) -> None:
        if self._failures:
            self._observer(Event("stage.resumed", "info", {"stage": self._name, "failures": self._failures}))
        self._failures, self._told, self._not_before = 0, "", 0.0


class Passes:
    """In the service a pass lasts from one poll to the next; its summary is stored when it ends."""

    def __init__(self, stages: Stages, mode: str) -> None:
        self._stages = stages
        self._mode = mode
        self._lock = threading.Lock()
        self._summary = Summary()
        self._id: str | None = None

    def __call__(self, event: Event) -> None:
        self._summary(event)

    def poll(self) -> None:
        """The poll job: a new pass begins, then the feed is read."""
        self.turn_over()
        self._stages.intake.run()

    def turn_over(self, *, last: bool = False) -> None:
        """End the running pass, if any, and begin the next one unless this was the last."""
        with self._lock:
            if self._id is not None:
                self._stages.ledger.end_pass(self._id, self._summary.as_json())
            self._summary = Summary()
            self._id = None if last else self._stages.ledger.start_pass(self._mode)


def serve(stages: Stages, clock: SystemClock, observer: Observer, rhythm: Rhythm, hub: list[Observer]) -> int:
    """Run until SIGTERM or SIGINT; returns the exit code (0 drained, 70 stuck, 75 not drained in time).

    ``hub`` is where the service hangs its own observers: the watchdog and the running pass.
    """
    watchdog = Watchdog(clock, rhythm.silence_seconds)
    passes = Passes(stages, "live")
    hub.extend((watchdog, passes))
    stop_on_signals(clock)
    scheduler = _scheduler(
        {
            "poll": (rhythm.poll_seconds, passes.poll),
            "triage": (rhythm.work_seconds, stages.triage.run),
            "write_back": (rhythm.work_seconds, stages.write_back.run),
        },
        lambda name, stage: StageJob(name, stage, clock, observer, watchdog),
    )
    scheduler.start()
    observer(Event("service.started", "info", {"poll_s": rhythm.poll_seconds}))
    while not clock.sleep(1.0):
        if watchdog.is_silent:
            observer(Event("service.stuck", "error", {"silent_s": rhythm.silence_seconds}))
            faulthandler.dump_traceback(all_threads=True)
            return os.EX_SOFTWARE
    return _drain(scheduler, stages, passes, observer, rhythm.shutdown_seconds)


def _scheduler(
    jobs: dict[str, tuple[float, Callable[[], None]]], guard: Callable[[str, Callable[[], None]], StageJob]
) -> Any:  # noqa: ANN401 - apscheduler ships no types
    """APScheduler with its traps closed: UTC, nothing dropped as misfired, no overlap, memory only."""
    from apscheduler.executors.pool import ThreadPoolExecutor  # type: ignore[import-untyped]
    from apscheduler.schedulers.background import BackgroundScheduler  # type: ignore[import-untyped]

    scheduler = BackgroundScheduler(
        timezone=UTC,
        executors={"default": ThreadPoolExecutor(len(jobs))},
        job_defaults={"coalesce": True, "max_instances": 1, "misfire_grace_time": None},
    )
    for name, (seconds, stage) in jobs.items():
        now = datetime.now(UTC)  # without it the first run would be one interval away
        scheduler.add_job(guard(name, stage), "interval", seconds=seconds, id=name, next_run_time=now)
    return scheduler


def _drain(
    scheduler: Any,  # noqa: ANN401 - apscheduler ships no types
    stages: Stages,
    passes: Passes,
    observer: Observer,
    seconds: float,
) -> int:
    """Let the jobs finish what is in flight, for at most ``seconds``; leases left over run out."""
    observer(Event("service.stopping", "info", {"grace_s": seconds}))
    ending = threading.Thread(target=scheduler.shutdown, kwargs={"wait": True}, daemon=True)
    ending.start()
    ending.join(seconds)
    if ending.is_alive():
        observer(Event("service.cut_off", "warning", {"grace_s": seconds}))
        return os.EX_TEMPFAIL
    stages.ledger.release()
    passes.turn_over(last=True)
    observer(Event("service.stopped"))
    return os.EX_OK


def stop_on_signals(clock: SystemClock) -> None:
    """The first signal asks for an orderly stop, the second ends the process at once."""

    def stop(signum: int, _frame: FrameType | None) -> None:
        if clock.sleep(0):
            os._exit(128 + signum)
        clock.stop()

    signal.signal(signal.SIGTERM, stop)
    signal.signal(signal.SIGINT, stop)


def leave(code: int) -> None:
    """End the process although threads may still be busy (they are, when a drain was cut off)."""
    sys.stdout.flush()
    sys.stderr.flush()
    if code in (os.EX_TEMPFAIL, os.EX_SOFTWARE):
        os._exit(code)
    raise SystemExit(code)
