"""The breaker stops hammering an upstream that is down, and says so once."""

from __future__ import annotations

import pytest

from connector.breaker import Breaker
from connector.clock import ManualClock
from connector.errors import Unavailable
from connector.ports import Event


class Told(list[str]):
    """An observer that remembers the names of events."""

    def __call__(self, event: Event) -> None:
        self.append(event.name)


def failing(breaker: Breaker, times: int) -> None:
    for _ in range(times):
        breaker.failed(Unavailable("HTTP 529"))


def test_it_opens_after_failures_in_a_row_and_says_so_once(clock: ManualClock) -> None:
    told = Told()
    breaker = Breaker("claude", clock, told, threshold=3)

    failing(breaker, 2)
    breaker.succeeded()
    failing(breaker, 2)
    breaker.admit()
    failing(breaker, 5)

    with pytest.raises(Unavailable, match="claude is down"):
        breaker.admit()
    assert told == ["upstream.down"]


def test_one_probe_goes_through_after_the_cooldown(clock: ManualClock) -> None:
    breaker = Breaker("claude", clock, Told(), threshold=1, cooldown_seconds=30)
    failing(breaker, 1)
    clock.advance(30)

    breaker.admit()

    with pytest.raises(Unavailable):
        breaker.admit()


def test_calls_in_flight_when_it_opens_do_not_lengthen_the_cooldown(clock: ManualClock) -> None:
    breaker = Breaker("claude", clock, Told(), threshold=1, cooldown_seconds=30)

    failing(breaker, 16)

    with pytest.raises(Unavailable) as caught:
        breaker.admit()
    assert caught.value.retry_after_seconds == 30


def test_the_cooldown_doubles_up_to_its_bound_and_resets(clock: ManualClock) -> None:
    told = Told()
    breaker = Breaker("claude", clock, told, threshold=1, cooldown_seconds=30, longest_seconds=50)
    waits = []
    for _ in range(3):
        failing(breaker, 1)
        with pytest.raises(Unavailable) as caught:
            breaker.admit()
        waits.append(caught.value.retry_after_seconds)
        clock.advance(waits[-1] or 0)
        breaker.admit()

    breaker.succeeded()

    breaker.admit()
    assert waits == [30, 50, 50]
    assert told == ["upstream.down", "upstream.up"]
