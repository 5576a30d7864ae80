"""Replays: which deliveries were accepted a short while ago, so that a repeated one does nothing."""

from __future__ import annotations

from collections import OrderedDict

from connector.ports import Clock

_MOST = 10_000


class Replays:
    """Remembers marks for some seconds, and at most 10,000 of them: the oldest are forgotten first.

    To be used by one thread.
    """

    def __init__(self, clock: Clock, seconds: float, most: int = _MOST) -> None:
        self._clock = clock
        self._seconds = seconds
        self._most = most
        self._until: OrderedDict[tuple[str, bytes], float] = OrderedDict()  # oldest first

    def __len__(self) -> int:
        return len(self._until)

    def has(self, hook: str, mark: bytes) -> bool:
        """Whether this was added less than ``seconds`` ago."""
        now = self._clock.monotonic()
        while self._until and next(iter(self._until.values())) <= now:
            self._until.popitem(last=False)
        return (hook, mark) in self._until

    def add(self, hook: str, mark: bytes) -> None:
        self._until[hook, mark] = self._clock.monotonic() + self._seconds
        self._until.move_to_end((hook, mark))
        if len(self._until) > self._most:
            self._until.popitem(last=False)
