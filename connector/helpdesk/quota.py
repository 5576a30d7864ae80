"""The quota: how many requests of each kind were sent in the last minute, and whether one more fits."""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Protocol

from connector.ports import Clock

_WINDOW_SECONDS = 60.0


class Quota(Protocol):
    """Counts requests per bucket, for one process or for all that share a helpdesk.  Thread-safe."""

    def take(self, buckets: Sequence[str], share: float) -> float:
        """Count one request in each of ``buckets`` and return 0, or count nothing and return how many
        seconds later it may fit into ``share`` of each limit.

        Raises what a database raises where the counts are kept in one.
        """
        ...

    def limit(self, per_minute: Mapping[str, int], *, assumed: bool = False) -> None:
        """These limits hold from now on; ``assumed`` ones only as long as nobody was told others.

        Like `close` it never raises: the answer that told of the limit must not get lost.
        """
        ...

    def close(self, bucket: str, seconds: float) -> None:
        """Nothing more fits into ``bucket`` for ``seconds``."""
        ...

    def aside(self) -> Quota:
        """The same counts, for requests with a smaller share: that they must wait holds up nobody else."""
        ...


@dataclass(slots=True)
class _Bucket:
    per_minute: int | None = None
    closed_until: float = 0.0
    sent_at: deque[float] = field(default_factory=deque)

    def wait_seconds(self, now: float, share: float) -> float:
        while self.sent_at and self.sent_at[0] <= now - _WINDOW_SECONDS:
            self.sent_at.popleft()
        wait = max(0.0, self.closed_until - now)
        allowed = max(1, int(self.per_minute * share)) if self.per_minute is not None else None
        if allowed is not None and len(self.sent_at) >= allowed:
            wait = max(wait, self.sent_at[-allowed] + _WINDOW_SECONDS - now)
        return wait


class MemoryQuota:
    """The quota of a process that has the helpdesk's limits to itself."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._buckets: dict[str, _Bucket] = {}
        self._lock = threading.Lock()

    def take(self, buckets: Sequence[str], share: float) -> float:
        now = self._clock.monotonic()
        with self._lock:
            wanted = [self._bucket(name) for name in buckets]
            wait = max((bucket.wait_seconds(now, share) for bucket in wanted), default=0.0)
            if wait <= 0:
                for bucket in wanted:
                    bucket.sent_at.append(now)
            return wait

    def limit(self, per_minute: Mapping[str, int], *, assumed: bool = False) -> None:
        with self._lock:
            for name, limit in per_minute.items():
                bucket = self._bucket(name)
                if not assumed or bucket.per_minute is None:
                    bucket.per_minute = limit

    def close(self, bucket: str, seconds: float) -> None:
        until = self._clock.monotonic() + seconds
        with self._lock:
            closing = self._bucket(bucket)
            closing.closed_until = max(closing.closed_until, until)

    def aside(self) -> MemoryQuota:
        return self  # it judges each request by the share that comes with it

    def _bucket(self, name: str) -> _Bucket:
        return self._buckets.setdefault(name, _Bucket())
