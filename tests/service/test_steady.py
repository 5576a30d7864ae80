"""Intervals: steady over a day, one late run instead of a burst, whatever the wall clock does."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from itertools import pairwise

import pytest

from connector.clock import ManualClock
from connector.service.steady import SteadyTrigger, bring_back
from tests.support.simulated_scheduler import SimulatedScheduler

DAY = 86_400.0


@pytest.fixture
def scheduler(clock: ManualClock) -> Iterator[SimulatedScheduler]:
    with SimulatedScheduler.simulated(clock) as scheduler:
        scheduler.start()
        yield scheduler


Runs = list[float]
Live = Callable[[float], None]


@pytest.fixture
def runs(scheduler: SimulatedScheduler, clock: ManualClock) -> Runs:
    """When the job of every minute ran, by the clock that never jumps."""
    at: Runs = []
    trigger = SteadyTrigger(clock, 60)
    scheduler.add_job(lambda: at.append(clock.monotonic()), trigger, id="poll", next_run_time=clock.now())
    return at


@pytest.fixture
def live(scheduler: SimulatedScheduler, clock: ManualClock) -> Live:
    """Lets the service's look of every second and the scheduler live for so many seconds."""

    def until(seconds: float) -> None:
        end = clock.monotonic() + seconds
        while clock.monotonic() < end:
            bring_back(scheduler, clock)
            scheduler.step(min(1.0, end - clock.monotonic()))

    return until


def gaps(runs: Runs) -> list[float]:
    return [later - earlier for earlier, later in pairwise(runs)]


def test_a_wished_run_comes_besides_the_grid_and_similar_wishes_are_one(
    scheduler: SimulatedScheduler, runs: Runs, live: Live
) -> None:
    live(1)
    trigger = scheduler.get_job("poll").trigger
    for seconds in (70.01, 70.02, 70.04, 80.0):
        trigger.also_in(seconds)

    live(150)

    assert [round(each) for each in runs] == [0, 60, 71, 81, 120]


def test_the_first_run_is_at_once(runs: Runs, live: Live) -> None:
    live(1)

    assert runs == [0.0]


def test_intervals_do_not_drift_in_a_day(runs: Runs, live: Live) -> None:
    live(DAY)

    assert len(runs) == 1440
    assert runs[-1] == pytest.approx(1439 * 60, abs=1)
    assert max(abs(gap - 60) for gap in gaps(runs)) <= 1


@pytest.mark.parametrize("jump", [-3600.0, -DAY, -45.0, 45.0, 3600.0, DAY, 50 * 365 * DAY])
@pytest.mark.parametrize("after", [0.5, 30.0, 59.5])
def test_a_jump_of_the_wall_clock_costs_at_most_one_early_run(
    clock: ManualClock, runs: Runs, live: Live, jump: float, after: float
) -> None:
    live(600 + after)

    clock.jump(jump)
    live(600)

    later = [at for at in runs if at > 600 + after]
    assert 10 <= len(later) <= 11
    assert max(gaps(runs)) <= 91
    assert min(gaps(later)[1:]) >= 59


def test_a_suspended_machine_makes_one_late_run_and_no_burst(
    clock: ManualClock, runs: Runs, live: Live
) -> None:
    live(90)

    clock.advance(3600)
    live(1)
    burst = len(runs)
    live(120)

    assert burst == 3
    assert all(gap >= 30 for gap in gaps(runs)[1:])


def test_a_wall_clock_that_keeps_jumping_cannot_starve_a_job(
    clock: ManualClock, runs: Runs, live: Live
) -> None:
    for _ in range(60):
        live(10)
        clock.jump(-7200)

    assert 10 <= len(runs) <= 12
    assert max(gaps(runs)) <= 61
