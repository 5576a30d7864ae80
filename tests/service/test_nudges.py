"""The service reads what a webhook names at once, and a failing helpdesk holds up nothing else."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from functools import partial
from itertools import count

import pytest

from connector.clock import SystemClock
from connector.domain.ticket import Arrival, Ticket, Unreadable
from connector.errors import Unavailable
from connector.pipeline.nudges import NudgeLimits, Nudges
from connector.pipeline.role import Role
from connector.service.serving import Rhythm, background_scheduler
from tests.service.conftest import Served, Visited
from tests.service.test_fast_lane import jobs

MakeTicket = Callable[..., Ticket]


class Broken(Visited):
    """A helpdesk whose single tickets cannot be read."""

    def fetch(self, ticket_ids: Sequence[str]) -> Mapping[str, Ticket | Unreadable]:
        raise Unavailable("HTTP 503")


def hearing(served: Served, helpdesk: Visited) -> Nudges:
    """Polls are so rare that only a nudge can bring anything after the start."""
    take = partial(served.stages.intake.take, arrival=Arrival.NUDGE)
    limits = NudgeLimits(per_minute=1000)
    nudges = Nudges(helpdesk, served.stages.ledger, take, served.clock, served.hub, limits)
    served.stages = replace(served.stages, nudges=nudges)
    served.rhythm = Rhythm(poll_seconds=3600, nudge_seconds=3600, shutdown_seconds=5)
    return nudges


def ended(served: Served) -> list[str]:
    """The tickets whose write was tried; this helpdesk has no groups, so it refuses each."""
    return [event.facts["ticket_id"] for event in served.told if event.name == "ticket.written"]


@pytest.fixture
def arrive(served: Served, make_ticket: MakeTicket) -> Callable[[], str]:
    numbers = count(1)

    def make() -> str:
        now = served.clock.now()
        facts = {"id": f"t{next(numbers)}", "created_at": now, "updated_at": now}
        return served.helpdesk.put(make_ticket(**facts)).id

    return make


def test_a_named_ticket_is_written_without_waiting_for_a_poll(
    served: Served, arrive: Callable[[], str]
) -> None:
    nudges = hearing(served, served.helpdesk)
    named: list[str] = []

    def written() -> bool:
        if served.helpdesk.polls and not ended(served) and len(named) < 500:
            named.append(arrive())
            nudges.offer(named[-1])
        return bool(ended(served))

    code = served.run(written)

    assert code == 0
    assert len(served.helpdesk.polls) == 1
    assert set(ended(served)) <= set(named)
    assert served.told.names[-1] == "service.stopped"


def test_tickets_that_cannot_be_read_are_told_once_and_the_polls_go_on(
    served: Served, arrive: Callable[[], str]
) -> None:
    nudges = hearing(served, Broken(SystemClock()))
    served.rhythm = Rhythm(poll_seconds=0.2, work_seconds=0.2, nudge_seconds=0.05, shutdown_seconds=5)
    named: list[str] = []

    def written() -> bool:
        if served.helpdesk.polls and not named:
            named.append(arrive())
            nudges.offer(named[0])
        return bool(ended(served)) and "stage.paused" in served.told.names

    code = served.run(written)

    paused = [event.facts["stage"] for event in served.told if event.name == "stage.paused"]
    assert code == 0
    assert paused == ["nudge"]
    assert set(ended(served)) == set(named)


@pytest.mark.parametrize("role", Role)
def test_a_process_of_any_role_hears_if_the_settings_say_so(served: Served, role: Role) -> None:
    deaf = served.stages
    hearing(served, served.helpdesk)

    assert "nudge" in jobs(served, Rhythm(), role)
    served.stages, served.scheduler = deaf, background_scheduler()
    assert "nudge" not in jobs(served, Rhythm(), role)
