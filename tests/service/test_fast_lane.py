"""The fast lane beside the poll: it is a job of its own, its trouble is its own, and it can be off."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import replace
from datetime import timedelta

import pytest

from connector.domain.ticket import Arrival, Ticket, Unreadable
from connector.errors import Unavailable
from connector.pipeline.fast_lane import FastLane
from connector.pipeline.role import Role
from connector.service.serving import Rhythm, Service
from tests.conftest import MakeTicket
from tests.service.conftest import Served, Visited

NEVER = 3600.0


def with_lane(served: Served, *, poll_seconds: float) -> None:
    stages = served.stages
    lane = FastLane(served.helpdesk, stages.ledger, stages.intake, served.clock, served.hub)
    served.stages = replace(stages, fast=lane)
    served.rhythm = replace(served.rhythm, poll_seconds=poll_seconds, fast_seconds=0.05)


def jobs(served: Served, rhythm: Rhythm, role: Role = Role.ALL) -> set[str]:
    stages = replace(served.stages, role=role)
    service = Service([stages], served.clock, served.hub, rhythm, served.scheduler)
    service.start()
    names = {job.id for job in served.scheduler.get_jobs()}
    served.scheduler.shutdown()
    return names


def test_a_ticket_is_written_although_the_next_poll_is_an_hour_away(
    served: Served, make_ticket: MakeTicket
) -> None:
    with_lane(served, poll_seconds=NEVER)

    def comes_when_all_has_begun() -> bool:
        if "poll.finished" in served.told.names and not served.helpdesk.tickets:
            served.helpdesk.put(make_ticket(id="t1", created_at=served.clock.now()))
        return "ticket.written" in served.told.names

    code = served.run(comes_when_all_has_begun)

    assert code == 0
    assert len(served.helpdesk.polls) == 1
    pages = [event.facts for event in served.told if event.name == "page.stored"]
    assert [(each["arrival"], each["tickets"]) for each in pages] == [(Arrival.POLL, 0), (Arrival.FAST, 1)]


class Broken(Visited):
    """A helpdesk whose list of the newest tickets fails."""

    looks = 0

    def newest(self, seen: Collection[str]) -> Sequence[Ticket | Unreadable]:
        self.looks += 1
        raise Unavailable("GET /api/v2/tickets answered 500")


def test_a_lane_that_fails_is_told_once_and_stops_neither_the_polls_nor_their_good_health(
    served: Served,
) -> None:
    helpdesk = Broken(served.clock)
    stages = served.stages
    lane = FastLane(helpdesk, stages.ledger, stages.intake, served.clock, served.hub)
    served.stages = replace(stages, fast=lane)
    served.rhythm = replace(served.rhythm, fast_seconds=0.05)

    code = served.run(lambda: helpdesk.looks > 0 and len(served.helpdesk.polls) >= 8)

    paused = [event.facts for event in served.told if event.name == "stage.paused"]
    sign = served.store.reports().last_sign(served.clock.now(), timedelta(seconds=60))
    assert code == 0
    assert [each["stage"] for each in paused] == ["fast"]
    assert helpdesk.looks == 1  # the next one is five seconds away
    assert sign is not None
    assert sign.trouble == {}


@pytest.mark.parametrize(
    ("rhythm", "role", "has_it"),
    [
        (Rhythm(fast_seconds=5), Role.ALL, True),
        (Rhythm(fast_seconds=5), Role.POLLER, True),
        (Rhythm(fast_seconds=5), Role.WORKER, False),
        (Rhythm(fast_seconds=0), Role.ALL, False),
    ],
)
def test_it_belongs_to_whoever_polls_unless_it_is_off(
    served: Served, rhythm: Rhythm, role: Role, has_it: bool
) -> None:
    with_lane(served, poll_seconds=NEVER)

    assert ("fast" in jobs(served, rhythm, role)) == has_it


def test_a_helpdesk_without_such_a_list_has_no_lane(served: Served) -> None:
    assert "fast" not in jobs(served, Rhythm(fast_seconds=5))
