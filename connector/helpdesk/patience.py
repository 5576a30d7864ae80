"""Patience: how often and how long one request is repeated before its work is put back."""

from __future__ import annotations

from collections.abc import Callable
from random import Random
from typing import TypeVar

from tenacity import RetryCallState, Retrying, retry_if_exception_type

from connector.errors import RateLimited, Unavailable
from connector.ports import Clock

Result = TypeVar("Result")
_BLIND_RATE_LIMIT_SECONDS = 10.0  # a 429 that does not say how long


class Patience:
    """Repeats what is safe to repeat: at most ``tries`` times, ``total_seconds`` in all, with full jitter.

    A wish to wait longer than ``longest_wait_seconds`` is not slept here: the error is raised with it, so
    that the work waits in the ledger; a rate limit may ask for ``longest_limit_seconds``, whatever the total.
    """

    def __init__(
        self,
        clock: Clock,
        random: Random,
        *,
        tries: int = 3,
        total_seconds: float = 30.0,
        longest_wait_seconds: float = 20.0,
        longest_limit_seconds: float = 0.0,
    ) -> None:
        self._clock = clock
        self._random = random
        self._tries = tries
        self._total_seconds = total_seconds
        self._longest_wait_seconds = longest_wait_seconds
        self._longest_limit_seconds = longest_limit_seconds

    def call(self, attempt: Callable[[], Result]) -> Result:
        """The result of ``attempt``, or its last error.  Ends at once when the connector is asked to stop."""
        until = self._clock.monotonic() + self._total_seconds

        def is_over(state: RetryCallState) -> bool:
            wait = state.upcoming_sleep
            error = state.outcome.exception() if state.outcome else None
            if isinstance(error, RateLimited) and wait <= self._longest_limit_seconds:
                return state.attempt_number >= self._tries
            too_long = wait > self._longest_wait_seconds or self._clock.monotonic() + wait > until
            return too_long or state.attempt_number >= self._tries

        retrying = Retrying(
            retry=retry_if_exception_type(Unavailable),
            wait=self._wait_seconds,
            stop=is_over,
            sleep=self._sleep,
            reraise=True,
        )
        return retrying(attempt)

    def _wait_seconds(self, state: RetryCallState) -> float:
        error = state.outcome.exception() if state.outcome else None
        wished = error.retry_after_seconds if isinstance(error, Unavailable) else None
        if wished is not None:
            return wished + self._random.uniform(0.0, 0.5)
        if isinstance(error, RateLimited):
            return self._random.uniform(0.5, 1.0) * _BLIND_RATE_LIMIT_SECONDS
        return self._random.uniform(0.0, 2.0**state.attempt_number)

    def _sleep(self, seconds: float) -> None:
        if self._clock.sleep(seconds):
            raise Unavailable("asked to stop while waiting for the helpdesk")
