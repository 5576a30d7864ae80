"""The spare budget: for requests that only save time, and leave the helpdesk's limits to the others."""

from __future__ import annotations

from collections.abc import Mapping

from connector.errors import RateLimited
from connector.helpdesk.budget import LimitPolicy, RateBudget
from connector.helpdesk.quota import Quota
from connector.ports import Clock

_LEFT_FOR_OTHERS = 0.5  # of what the helpdesk counts, by whomever: with less left, saving time can wait
_BLIND_PAUSE_SECONDS = 10.0


class SpareBudget:
    """Lets a request through while all of ours together use less than ``share`` of each limit.

    So its requests never use more than that share, and the busier the others are the fewer it sends.  It also
    keeps quiet when less than half of a limit is left, no matter who used it.  ``whole`` is the budget that
    the other requests go by, ``quota`` counts for both.  Thread-safe.
    """

    def __init__(
        self, clock: Clock, policy: LimitPolicy, whole: RateBudget, quota: Quota, *, share: float
    ) -> None:
        self._clock = clock
        self._policy = policy
        self._whole = whole
        self._quota = quota.aside()
        self._share = share
        self._quiet_until = 0.0  # monotonic

    def wait(self, method: str, path: str) -> None:
        """Count the request, or raise RateLimited at once: nothing ever waits here."""
        seconds = self._quiet_until - self._clock.monotonic()
        if seconds <= 0:
            seconds = self._quota.take(self._policy.buckets_of(method, path), self._share)
        if seconds > 0:
            raise RateLimited("left to other requests to the helpdesk", retry_after_seconds=seconds)

    def learn(self, method: str, path: str, headers: Mapping[str, str]) -> None:
        """Take over what the headers of an answer say, for the others too."""
        self._whole.learn(method, path, headers)
        for told in self._whole.read(method, path, headers):
            if told.remaining < told.total * _LEFT_FOR_OTHERS:
                pause = _BLIND_PAUSE_SECONDS if told.resets_in_seconds is None else told.resets_in_seconds
                self._quiet_until = max(self._quiet_until, self._clock.monotonic() + pause)

    def pause(self, method: str, path: str, seconds: float | None) -> None:
        """The helpdesk refused this request: the same kind of request waits, whoever sends it."""
        self._whole.pause(method, path, seconds)
