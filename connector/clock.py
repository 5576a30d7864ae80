"""Time: the real clock, and one that tests and simulations move by hand."""

from __future__ import annotations

import threading
import time
from datetime import UTC, datetime, timedelta


class SystemClock:
    """The machine's clock.  `stop` ends every wait at once and for good."""

    def __init__(self) -> None:
        self._stop = threading.Event()

    def now(self) -> datetime:
        return datetime.now(UTC)

    def monotonic(self) -> float:
        return time.monotonic()

    def sleep(self, seconds: float) -> bool:
        return self._stop.wait(seconds) if seconds > 0 else self._stop.is_set()

    def stop(self) -> None:
        self._stop.set()


class ManualClock:
    """A clock that stands still until moved.  Sleeping moves it, so nothing ever waits in reality."""

    def __init__(self, start: datetime = datetime(2026, 11, 2, 9, 0, tzinfo=UTC)) -> None:
        self._lock = threading.Lock()
        self._now = start
        self._monotonic = 0.0
        self._stopped = False

    def now(self) -> datetime:
        with self._lock:
            return self._now

    def monotonic(self) -> float:
        with self._lock:
            return self._monotonic

    def timestamp(self) -> float:
        """The wall clock as seconds since the epoch."""
        return self.now().timestamp()

    def sleep(self, seconds: float) -> bool:
        self.advance(max(0.0, seconds))
        return self._stopped

    def advance(self, seconds: float) -> None:
        with self._lock:
            self._now += timedelta(seconds=seconds)
            self._monotonic += seconds

    def jump(self, seconds: float) -> None:
        """Move the wall clock only, as an administrator or NTP would."""
        with self._lock:
            self._now += timedelta(seconds=seconds)

    def stop(self) -> None:
        self._stopped = True
