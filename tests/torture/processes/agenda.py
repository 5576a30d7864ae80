"""What happens next in a round: news of processes, and what was planned for a moment."""

from __future__ import annotations

import heapq
import itertools
import queue
import time
from collections.abc import Callable


class Agenda:
    """Runs everything on the thread that waits; ``tell`` may be called from any."""

    def __init__(self) -> None:
        self._news: queue.Queue[Callable[[], None]] = queue.Queue()
        self._timers: list[tuple[float, int, Callable[[], None]]] = []
        self._numbers = itertools.count()

    def tell(self, happened: Callable[[], None]) -> None:
        """Have this handled as soon as possible."""
        self._news.put(happened)

    def later(self, seconds: float, happens: Callable[[], None]) -> None:
        """Have this happen so many seconds from now."""
        heapq.heappush(self._timers, (time.monotonic() + seconds, next(self._numbers), happens))

    def clear(self) -> None:
        """Forget what was planned."""
        self._timers.clear()

    def wait(self, seconds: float) -> None:
        """Until something has happened, so long at most."""
        now = time.monotonic()
        wait = min(seconds, self._timers[0][0] - now) if self._timers else seconds
        try:
            self._news.get(timeout=max(wait, 0.001))()
        except queue.Empty:
            while self._timers and self._timers[0][0] <= time.monotonic():
                heapq.heappop(self._timers)[2]()
