"""Who is stuck, and who only seems to be."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from connector.clock import ManualClock
from connector.domain.ticket import Arrival
from connector.ports import Event
from connector.service.watchdog import Watchdog

Live = Callable[..., tuple[str, ...]]


@pytest.fixture
def watchdog(clock: ManualClock) -> Watchdog:
    made = Watchdog(clock, silence_seconds=300)
    made.watch({"poll": 60.0, "triage": 1.0})
    return made


@pytest.fixture
def live(clock: ManualClock, watchdog: Watchdog) -> Live:
    """So many seconds with a look in each; ``alive`` are the jobs that end every second."""

    def until(seconds: int, *alive: str) -> tuple[str, ...]:
        stuck: tuple[str, ...] = ()
        for _ in range(seconds):
            clock.advance(1)
            for job in alive:
                watchdog.alive(job)
            stuck = watchdog.look()
        return stuck

    return until


def test_a_silent_job_is_named_although_another_one_lives(live: Live) -> None:
    early = live(300, "poll")

    late = live(2, "poll")

    assert (early, late) == ((), ("triage",))


def test_a_job_that_lives_again_is_not_stuck_any_more(live: Live) -> None:
    live(302, "poll")

    assert live(1, "poll", "triage") == ()


@pytest.mark.parametrize(
    "event",
    [
        Event("model.called"),
        Event("ticket.decided"),
        Event("ticket.deferred", facts={"stage": "triage"}),
        Event("stage.paused", facts={"stage": "triage"}),
    ],
)
def test_a_long_job_that_shows_its_work_is_not_stuck(live: Live, watchdog: Watchdog, event: Event) -> None:
    live(299, "poll")
    watchdog(event)

    assert live(299, "poll") == ()


def test_work_of_one_stage_says_nothing_about_another(live: Live, watchdog: Watchdog) -> None:
    live(299, "poll")
    watchdog(Event("ticket.written"))
    watchdog(Event("page.stored", facts={"arrival": Arrival.POLL}))

    assert live(3, "poll") == ("triage",)


@pytest.mark.parametrize("arrival", [Arrival.FAST, Arrival.NUDGE])
def test_tickets_that_came_another_way_do_not_keep_a_stuck_poll_alive(
    live: Live, watchdog: Watchdog, arrival: Arrival
) -> None:
    live(299, "triage")
    watchdog(Event("page.stored", facts={"arrival": arrival}))

    assert live(3, "triage") == ("poll",)


def test_the_wall_clock_means_nothing(clock: ManualClock, live: Live) -> None:
    live(10)
    clock.jump(86_400)
    clock.jump(-3_600)

    assert live(10) == ()


def test_time_in_which_the_watchdog_itself_slept_does_not_count(
    clock: ManualClock, live: Live, watchdog: Watchdog
) -> None:
    live(100)
    clock.advance(3600)

    after_the_sleep = watchdog.look()

    assert after_the_sleep == ()
    assert live(190) == ()
    assert live(20) == ("poll", "triage")
