"""The service: polls, triages and writes back for months, and stops when asked."""

from __future__ import annotations

import faulthandler
import os
import re
import signal
import sys
import threading
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, timedelta
from types import FrameType
from typing import Any

from connector.clock import SystemClock
from connector.errors import ConnectorError, Unavailable
from connector.pipeline.sync import Stages
from connector.ports import Clock, Event, Observer
from connector.service.branch import Branch
from connector.service.supervisor import Supervisor
from connector.service.watchdog import Watchdog

_FIRST_BACKOFF_SECONDS = 5.0
_LONGEST_BACKOFF_SECONDS = 300.0
_CHANGING = re.compile(r"\([^)]*\)|\d+")  # request ids, statuses and seconds: no news of the same trouble
_MOST_JOBS = 8  # of one helpdesk
JOB_DEFAULTS = {"coalesce": True, "max_instances": 1, "misfire_grace_time": None}


@dataclass(frozen=True, slots=True)
class Rhythm:
    """How often the stages run, and how long an orderly stop may take; all in seconds."""

    poll_seconds: float = 60.0
    fast_seconds: float = 0.0  # between two looks of the fast lane; 0: there is none
    work_seconds: float = 0.5  # what another process made is picked up within a second
    retention_seconds: float = 3600.0
    nudge_seconds: float = 1.0  # what a webhook names is read at once; this is for what must be tried again
    shutdown_seconds: float = 30.0
    least_silence_seconds: float = 300.0

    @property
    def silence_seconds(self) -> float:
        """Three intervals without a sign of life, and at least five minutes, mean trouble.

        The service then ends itself for its supervisor to restart it, and `connector health` is bad.
        """
        return max(self.least_silence_seconds, 3 * self.poll_seconds)


class Ending:
    """Why a service ends that nobody asked to stop: a stage asked for the end of the process."""

    def __init__(self) -> None:
        self.code: int | None = None

    def __call__(self, error: BaseException) -> None:
        wanted = error.code if isinstance(error, SystemExit) else 130
        self.code = wanted if isinstance(wanted, int) else int(wanted is not None)


class StageJob:
    """A stage as a scheduler job: never raises, backs off while an upstream is down, and says so once."""

    def __init__(
        self,
        name: str,
        stage: Callable[[], None],
        clock: Clock,
        observer: Observer,
        watchdog: Watchdog,
        end: Callable[[BaseException], None],
    ) -> None:
        self._name = name
        self._stage = stage
        self._clock = clock
        self._observer = observer
        self._watchdog = watchdog
        self._end = end
        self._failures = 0
        self._told = ""
        self._not_before = 0.0

    def __call__(self) -> None:
        if self._clock.monotonic() >= self._not_before:
            try:
                self._stage()
            except Exception as error:  # noqa: BLE001 - one failing run never ends the service
                self._back_off(error)
            except BaseException as error:  # noqa: BLE001 - APScheduler would swallow the wish to end
                self._end(error)
            else:
                self._recovered()
        self._watchdog.alive(self._name)

    def _back_off(self, error: Exception) -> None:
        self._failures += 1
        longest = min(_FIRST_BACKOFF_SECONDS * 2.0 ** (self._failures - 1), _LONGEST_BACKOFF_SECONDS)
        wished = error.retry_after_seconds if isinstance(error, Unavailable) else None
        seconds = max(longest, wished or 0.0)
        self._not_before = self._clock.monotonic() + seconds
        # The message of an error of ours is made for a log; a foreign one may quote anything.
        text = str(error) if isinstance(error, ConnectorError) else ""
        cause = f"{type(error).__name__} {text}".strip()
        if (kind := _CHANGING.sub("", cause)) != self._told:
            level = "warning" if isinstance(error, Unavailable) else "error"
            facts = {"stage": self._name, "error": cause, "retry_s": seconds}
            self._observer(Event("stage.paused", level, facts))
            self._told = kind

    def _recovered(self) -> None:
        if self._failures:
            self._observer(Event("stage.resumed", "info", {"stage": self._name, "failures": self._failures}))
        self._failures, self._told, self._not_before = 0, "", 0.0


class Service:
    """The stages of every helpdesk on one scheduler, each at its own interval, and watched."""

    def __init__(
        self,
        helpdesks: Sequence[Stages],
        clock: Clock,
        observer: Observer,
        rhythm: Rhythm,
        scheduler: Any,  # noqa: ANN401 - apscheduler ships no types
    ) -> None:
        self.watchdog = Watchdog(clock, rhythm.silence_seconds)
        self.branches = tuple(Branch(stages, rhythm, self._wake) for stages in helpdesks)
        self.ending = Ending()
        self.scheduler = scheduler
        self._clock = clock
        self._observer = observer
        self._silent_until = 0.0
        self._waking = threading.Lock()
        self._ends = False

    @property
    def observers(self) -> tuple[Observer, ...]:
        """What has to hear the events of the process."""
        return (self.watchdog, *(each for branch in self.branches for each in branch.observers))

    @property
    def state(self) -> str:
        """How the service is, in one line."""
        return "; ".join(branch.state for branch in self.branches)

    def _wake(self, job: str, seconds: float = 0.0) -> None:
        """Run a job now, or in so many seconds.

        One that is at work finds the new work by itself, or at its next interval.
        """
        with self._waking:
            if self._ends or (found := self.scheduler.get_job(job)) is None:
                return
            at = self._clock.now() + timedelta(seconds=seconds)
            if seconds > 0:
                found.trigger.also_in(seconds)
            if seconds <= 0 or at < found.next_run_time:
                self.scheduler.modify_job(job, next_run_time=at)

    def start(self) -> None:
        """Begin the first passes, and run every job at once, then at its interval."""
        from connector.service.steady import SteadyTrigger

        for branch in self.branches:
            branch.passes.begin()
            self.watchdog.watch({name: seconds for name, (seconds, _) in branch.jobs.items()})
            observer = branch.told_by(self._observer)
            for name, (seconds, stage) in branch.jobs.items():
                job = StageJob(name, stage, self._clock, observer, self.watchdog, self.ending)
                trigger = SteadyTrigger(self._clock, seconds)
                # Without next_run_time the first run would be one interval away.
                self.scheduler.add_job(job, trigger, id=name, next_run_time=self._clock.now())
        self.scheduler.start()

    def end(self) -> None:
        """Wait until the jobs have finished what is in flight; no job starts any more.

        Nothing is woken from now on: APScheduler waits for the jobs holding a lock that waking needs.
        """
        with self._waking:
            self._ends = True
        self.scheduler.shutdown(wait=True)

    def look(self) -> tuple[str, ...]:
        """Once a second: undo what a jump of the wall clock did to the jobs; returns those that are stuck."""
        from connector.service.steady import bring_back

        now = self._clock.monotonic()
        if bring_back(self.scheduler, self._clock) and now >= self._silent_until:
            self._silent_until = now + 3600  # a clock that keeps jumping is one piece of news
            self._observer(Event("clock.set_back", "warning"))
        return self.watchdog.look()


def serve(
    helpdesks: Sequence[Stages],
    clock: SystemClock,
    observer: Observer,
    rhythm: Rhythm,
    hub: list[Observer],
    scheduler: Any = None,  # noqa: ANN401 - apscheduler ships no types
) -> int:
    """Run until SIGTERM or SIGINT; returns the exit code (0 drained, 70 stuck, 75 not drained in time).

    ``helpdesks`` are the stages of each.  ``hub`` is where the service hangs its own observers: the watchdog
    and the running passes.  After 70 threads may still be at work: the process has to end at once (`leave`).
    """
    scheduler = scheduler or background_scheduler(len(helpdesks))
    service = Service(helpdesks, clock, observer, rhythm, scheduler)
    supervisor = Supervisor(os.environ, clock)
    hub.extend(service.observers)
    stop_on_signals(clock)
    signal.signal(signal.SIGHUP, signal.SIG_IGN)  # a closed terminal, or a log rotated by somebody
    service.start()
    observer(Event("service.started", "info", {"role": helpdesks[0].role, "poll_s": rhythm.poll_seconds}))
    supervisor.ready()
    while not clock.sleep(1.0) and service.ending.code is None:
        if stuck := service.look():
            facts = {"stages": list(stuck), "silent_s": rhythm.silence_seconds}
            observer(Event("service.stuck", "error", facts))
            faulthandler.dump_traceback(all_threads=True)
            return os.EX_SOFTWARE
        supervisor.alive()
        supervisor.status(service.state)
    supervisor.stopping()
    clock.stop()  # the stages too, when it was one of them that ended the service
    drained = _drain(service, observer, rhythm.shutdown_seconds)
    return drained or service.ending.code or os.EX_OK


def background_scheduler(helpdesks: int = 1) -> Any:  # noqa: ANN401 - apscheduler ships no types
    """APScheduler with its traps closed: UTC, nothing dropped as misfired, no overlap, memory only.

    It has a thread for every job of so many helpdesks: none waits for another's.
    """
    from apscheduler.executors.pool import ThreadPoolExecutor  # type: ignore[import-untyped]
    from apscheduler.schedulers.background import BackgroundScheduler  # type: ignore[import-untyped]

    return BackgroundScheduler(
        timezone=UTC,
        executors={"default": ThreadPoolExecutor(helpdesks * _MOST_JOBS)},
        job_defaults=JOB_DEFAULTS,
    )


def _drain(service: Service, observer: Observer, seconds: float) -> int:
    """Let the jobs finish what is in flight, for at most ``seconds``; leases left over run out."""
    observer(Event("service.stopping", "info", {"grace_s": seconds}))
    ending = threading.Thread(target=service.end, daemon=True)
    ending.start()
    ending.join(seconds)
    if ending.is_alive():
        observer(Event("service.cut_off", "warning", {"grace_s": seconds}))
        return os.EX_TEMPFAIL
    for branch in service.branches:
        branch.end()
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
    for stream in (sys.stdout, sys.stderr):
        with suppress(OSError, ValueError):  # closed, or nobody reads it any more
            stream.flush()
    if code in (os.EX_TEMPFAIL, os.EX_SOFTWARE):
        os._exit(code)
    raise SystemExit(code)
