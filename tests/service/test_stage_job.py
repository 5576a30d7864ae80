"""The service goes on whatever a stage does, says each trouble once, and knows when it is stuck."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from connector.clock import ManualClock
from connector.errors import AuthRefused, Unavailable
from connector.service.serving import Ending, StageJob
from connector.service.watchdog import Watchdog
from tests.service.conftest import Told


class Stage:
    """A stage that does next what the test says."""

    def __init__(self) -> None:
        self.error: Exception | None = None
        self.runs = 0

    def __call__(self) -> None:
        self.runs += 1
        if self.error is not None:
            raise self.error


@pytest.fixture
def stage() -> Stage:
    return Stage()


Tick = Callable[[float], None]


@pytest.fixture
def tick(clock: ManualClock, told: Told, stage: Stage) -> Tick:
    """Runs the job once a second for so many seconds."""
    job = StageJob("poll", stage, clock, told, Watchdog(clock, 300), Ending())

    def run(seconds: float) -> None:
        for _ in range(int(seconds)):
            job()
            clock.advance(1)

    return run


def test_an_outage_is_said_once_and_asked_less_and_less(tick: Tick, stage: Stage, told: Told) -> None:
    stage.error = Unavailable("HTTP 503")

    tick(3600)

    assert told.names == ["stage.paused"]
    assert 12 <= stage.runs <= 20  # 5, 10, 20, … 300 seconds apart


def test_the_end_of_an_outage_is_said_and_the_rhythm_comes_back(tick: Tick, stage: Stage, told: Told) -> None:
    stage.error = Unavailable("HTTP 503")
    tick(60)
    stage.error = None
    tick(300)
    runs = stage.runs

    tick(10)

    assert told.names == ["stage.paused", "stage.resumed"]
    assert stage.runs == runs + 10


def test_the_upstreams_own_wish_is_kept(tick: Tick, stage: Stage) -> None:
    stage.error = Unavailable("HTTP 429", retry_after_seconds=120)

    tick(119)

    assert stage.runs == 1


def test_another_cause_is_said_again(tick: Tick, stage: Stage, told: Told) -> None:
    stage.error = Unavailable("HTTP 503")
    tick(30)
    stage.error = AuthRefused("HTTP 401")

    tick(600)

    assert [event.facts["error"] for event in told] == ["Unavailable HTTP 503", "AuthRefused HTTP 401"]


def test_a_bug_does_not_end_the_service_and_its_message_stays_inside(
    tick: Tick, stage: Stage, told: Told
) -> None:
    stage.error = KeyError("the customer's words")

    tick(3)

    assert [event.facts["error"] for event in told] == ["KeyError"]


def test_the_same_trouble_with_another_request_id_is_not_said_again(
    tick: Tick, stage: Stage, told: Told
) -> None:
    for number in range(20):
        stage.error = Unavailable(f"GET /tickets answered 50{number % 5} (x-request-id r-{number})")
        tick(300)

    assert told.names == ["stage.paused"]
