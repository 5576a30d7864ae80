"""Whose turn it is to write: threads are served in the order in which they asked."""

from __future__ import annotations

import threading
from collections import deque
from types import TracebackType


class Turns:
    """A lock that is handed on in the order of asking.

    SQLite lets waiting writers sleep and try again, which starves some of 64 threads; this does not.
    """

    def __init__(self) -> None:
        self._guard = threading.Lock()
        self._taken = False
        self._waiting: deque[threading.Lock] = deque()

    @property
    def waiting(self) -> int:
        """How many threads wait for their turn."""
        return len(self._waiting)

    def __enter__(self) -> None:
        mine = threading.Lock()
        mine.acquire()
        try:
            with self._guard:
                if not self._taken:
                    self._taken = True
                    return
                self._waiting.append(mine)
            mine.acquire()
        except BaseException:  # an interrupt while waiting must not leave a turn that nobody takes
            self._give_up(mine)
            raise

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        with self._guard:
            self._pass_on()

    def _give_up(self, mine: threading.Lock) -> None:
        with self._guard:
            if mine in self._waiting:
                self._waiting.remove(mine)
            elif mine.acquire(blocking=False):  # our turn had just come
                self._pass_on()

    def _pass_on(self) -> None:
        if self._waiting:
            self._waiting.popleft().release()
        else:
            self._taken = False
