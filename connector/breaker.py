"""A circuit breaker: stops asking an upstream that is down, and says so once."""

from __future__ import annotations

import threading

from connector.errors import Unavailable
from connector.ports import Clock, Event, Observer


class Breaker:
    """Opens after ``threshold`` failures in a row; then lets one probe through per cool-down, which doubles.

    Rate limits are not failures: an upstream that counts our requests is alive.
    """

    def __init__(
        self,
        upstream: str,
        clock: Clock,
        observer: Observer,
        *,
        threshold: int = 5,
        cooldown_seconds: float = 30.0,
        longest_seconds: float = 600.0,
    ) -> None:
        self._upstream = upstream
        self._clock = clock
        self._observer = observer
        self._threshold = threshold
        self._first_cooldown = cooldown_seconds
        self._longest = longest_seconds
        self._lock = threading.Lock()
        self._failures = 0
        self._cooldown = cooldown_seconds
        self._probe_at: float | None = None  # monotonic; None while closed
        self._probing = False

    @property
    def is_open(self) -> bool:
        return self._probe_at is not None

    def admit(self) -> None:
        """Let the caller through, or raise Unavailable with the time until the next probe."""
        with self._lock:
            if self._probe_at is None:
                return
            wait = self._probe_at - self._clock.monotonic()
            if wait > 0:
                raise Unavailable(f"{self._upstream} is down", retry_after_seconds=wait)
            self._probe_at = self._clock.monotonic() + self._cooldown
            self._probing = True  # this caller is the probe

    def stay_away(self) -> None:
        """Raise Unavailable while it is open, with the time until the next probe, which is another's."""
        with self._lock:
            if self._probe_at is not None:
                wait = max(1.0, self._probe_at - self._clock.monotonic())
                raise Unavailable(f"{self._upstream} is down", retry_after_seconds=wait)

    def succeeded(self) -> None:
        with self._lock:
            was_open, self._probe_at, self._probing = self.is_open, None, False
            self._failures, self._cooldown = 0, self._first_cooldown
        if was_open:
            self._observer(Event("upstream.up", "info", {"upstream": self._upstream}))

    def failed(self, error: Exception) -> None:
        with self._lock:
            self._failures += 1
            opens = self._probe_at is None
            if self._failures < self._threshold or not (opens or self._probing):
                return  # calls that were in flight when it opened say nothing new
            if not opens:
                self._cooldown = min(self._cooldown * 2, self._longest)
            self._probing = False
            self._probe_at = self._clock.monotonic() + self._cooldown
        if opens:
            facts = {"upstream": self._upstream, "error": str(error), "next_probe_s": self._first_cooldown}
            self._observer(Event("upstream.down", "warning", facts))


class Bystander:
    """The breaker as seen by requests that nobody needs: while it is open they stay away.

    They are no probe, and what becomes of them neither opens nor closes it: one endpoint that fails says
    little about an upstream whose others work.
    """

    def __init__(self, breaker: Breaker) -> None:
        self._breaker = breaker

    def admit(self) -> None:
        """Raises Unavailable while the breaker is open."""
        self._breaker.stay_away()

    def succeeded(self) -> None:
        """Says nothing."""

    def failed(self, error: Exception) -> None:
        """Says nothing."""
