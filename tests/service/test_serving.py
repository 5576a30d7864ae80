"""The service for real: it outlives the wall clock, and ends when it must, with the right code."""

from __future__ import annotations

import threading
from collections.abc import Callable
from dataclasses import replace
from datetime import datetime, timedelta
from itertools import pairwise
from typing import Any

import pytest
from apscheduler.jobstores.memory import MemoryJobStore  # type: ignore[import-untyped]

from connector.clock import SystemClock
from connector.domain.ticket import Group, Ticket
from connector.errors import Unavailable
from tests.service.conftest import Served

CallsTrue = Callable[[], bool]


class JumpingClock(SystemClock):
    """The machine's clock, whose wall can be set."""

    def __init__(self) -> None:
        super().__init__()
        self.jumped = timedelta(0)

    def now(self) -> datetime:
        return super().now() + self.jumped


def test_a_wall_clock_set_back_does_not_stop_the_polls(
    served: Served, monkeypatch: pytest.MonkeyPatch
) -> None:
    wall = served.clock = JumpingClock()

    class Now(datetime):
        @classmethod
        def now(cls, tz: Any = None) -> Any:
            return wall.now().astimezone(tz)

    monkeypatch.setattr("apscheduler.schedulers.base.datetime", Now)
    polls = served.helpdesk.polls

    def polled_on() -> bool:
        if len(polls) == 3:
            wall.jumped = timedelta(hours=-1)
        return len(polls) >= 12

    code = served.run(polled_on)

    assert code == 0
    assert max(later - earlier for earlier, later in pairwise(polls)) < 5
    assert served.told.names.count("clock.set_back") == 1


def test_a_blocked_stage_ends_the_service_although_the_others_live_and_shows_its_stack(
    served: Served, capfd: pytest.CaptureFixture[str]
) -> None:
    served.with_silence(1.5)
    never = threading.Event()
    served.helpdesk.visit = never.wait

    code = served.run()

    never.set()
    stuck = next(event for event in served.told if event.name == "service.stuck")
    assert code == 70
    assert stuck.facts["stages"] == ["poll"]
    assert "in pages" in capfd.readouterr().err


@pytest.mark.filterwarnings("ignore::pytest.PytestUnhandledThreadExceptionWarning")
def test_a_dead_scheduler_thread_ends_the_service(served: Served, monkeypatch: pytest.MonkeyPatch) -> None:
    served.with_silence(1.5)
    healthy = MemoryJobStore.update_job

    def update_job(store: Any, job: Any) -> None:
        if len(served.helpdesk.polls) > 2:
            raise OSError("the scheduler's thread does not survive this")
        healthy(store, job)

    monkeypatch.setattr(MemoryJobStore, "update_job", update_job)

    assert served.run() == 70


@pytest.mark.parametrize(
    ("wish", "code"), [(SystemExit(77), 77), (KeyboardInterrupt(), 130), (SystemExit(), 0)]
)
def test_a_stage_that_asks_for_the_end_gets_it(served: Served, wish: BaseException, code: int) -> None:
    def visit() -> None:
        raise wish

    served.helpdesk.visit = visit

    assert served.run() == code
    assert served.told.names[-1] == "service.stopped"


def test_a_stage_that_waits_for_an_upstream_is_not_stuck(served: Served) -> None:
    served.with_silence(1.5)
    began = served.clock.monotonic()

    def visit() -> None:
        raise Unavailable("HTTP 503", retry_after_seconds=60)

    served.helpdesk.visit = visit

    code = served.run(lambda: served.clock.monotonic() - began > 4)

    assert code == 0
    assert served.told.names.count("stage.paused") == 1


def test_quiet_polls_leave_one_pass_that_is_alive_and_says_what_is_wrong(served: Served) -> None:
    passes = served.store.reports()

    def visit() -> None:
        if len(served.helpdesk.polls) > 5:
            raise Unavailable("HTTP 503")

    served.helpdesk.visit = visit

    def noted() -> bool:
        sign = passes.last_sign(served.clock.now(), timedelta(seconds=60))
        return sign is not None and bool(sign.trouble)

    code = served.run(noted)

    with served.store.database.read("count") as tx:
        rows = tx.exec_driver_sql("SELECT summary FROM passes").all()
    sign = passes.last_sign(served.clock.now(), timedelta(seconds=60))
    assert code == 0
    assert len(rows) == 1
    assert sign is not None
    assert sign.trouble == {"poll": "Unavailable HTTP 503"}


def test_a_young_ticket_is_written_when_its_version_has_settled_whatever_the_interval(
    served: Served, make_ticket: Callable[..., Ticket]
) -> None:
    served.rhythm = replace(served.rhythm, work_seconds=600)
    served.helpdesk.add_group(Group("11", "Billing"))
    served.helpdesk.put(make_ticket(id="t1", created_at=served.clock.now()))
    served.helpdesk.young_for = [0.3]

    code = served.run(lambda: bool(served.helpdesk.writes))

    first, second = served.helpdesk.reads
    assert code == 0
    assert second - first >= 0.3


def test_a_stage_that_wakes_another_while_the_service_stops_does_not_hold_up_the_stop(
    served: Served, make_ticket: Callable[..., Ticket]
) -> None:
    """Its page is stored when the scheduler waits for it already; that page would wake triage."""

    def visit() -> None:
        now = served.clock.now()
        served.helpdesk.put(make_ticket(created_at=now, updated_at=now))
        served.clock.stop()
        shut = threading.Event()
        while "service.stopping" not in served.told.names:
            shut.wait(0.01)
        shut.wait(0.2)  # until the scheduler is being shut down

    served.helpdesk.visit = visit

    code = served.run()

    assert code == 0
    assert served.told.names[-1] == "service.stopped"
