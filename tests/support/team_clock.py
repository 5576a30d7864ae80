"""One time for several threads: it stands still while any of them works, and moves on when all sleep."""

from __future__ import annotations

import threading

from connector.clock import ManualClock


class TeamClock(ManualClock):
    """A clock for ``workers`` threads that each end with `leave`.  Within one moment they truly compete."""

    def __init__(self, workers: int) -> None:
        super().__init__()
        self._workers = workers
        self._changed = threading.Condition()
        self._waking: list[float] = []

    def sleep(self, seconds: float) -> bool:
        if seconds <= 0:
            return self._stopped
        with self._changed:
            wakes = self.monotonic() + seconds
            self._waking.append(wakes)
            self._move_on()
            # The time limit only ends a test that is broken: somebody forgot to leave.
            assert self._changed.wait_for(lambda: self.monotonic() >= wakes, timeout=60)
        return self._stopped

    def leave(self) -> None:
        """This thread works no more; the others go on without it."""
        with self._changed:
            self._workers -= 1
            self._move_on()

    def _move_on(self) -> None:
        if self._waking and len(self._waking) == self._workers:
            self.advance(max(0.0, min(self._waking) - self.monotonic()))
            self._waking = [wakes for wakes in self._waking if wakes > self.monotonic()]
            self._changed.notify_all()
