"""The fast lane brings new tickets sooner than the feed, once, and leaves everything else to it."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any

import pytest

from connector.clock import ManualClock
from connector.domain.ticket import Arrival, Disposition, Status, Ticket, Unreadable
from connector.errors import RateLimited, Unavailable
from connector.pipeline.fast_lane import FastLane
from connector.pipeline.intake import Intake, IntakePolicy
from connector.ports import Helpdesk
from connector.store import Store
from tests.support.world import World


@dataclass
class Watched:
    """A helpdesk that remembers the looks at its newest tickets, and may have something against the next."""

    inner: Helpdesk
    looks: list[set[str]] = field(default_factory=list)
    refuses: Exception | None = None

    def __getattr__(self, name: str) -> Any:
        return getattr(self.inner, name)

    def newest(self, seen: Collection[str]) -> Sequence[Ticket | Unreadable]:
        self.looks.append(set(seen))
        if self.refuses is not None:
            raise self.refuses
        return self.inner.newest(seen)


@dataclass
class Torn:
    """A ledger whose database is away when the next tickets arrive."""

    inner: Any
    is_away: bool = True

    def __getattr__(self, name: str) -> Any:
        return getattr(self.inner, name)

    def store_arrivals(self, *page: Any) -> Any:
        if self.is_away:
            self.is_away = False
            raise Unavailable("the database is not reachable at the moment")
        return self.inner.store_arrivals(*page)


@pytest.fixture
def helpdesk(world: World) -> Watched:
    return Watched(world.helpdesk)


@pytest.fixture
def lane(world: World, helpdesk: Watched) -> FastLane:
    """A fast lane; this worker has polled, and polls on."""
    world.stages.intake.run()
    world.events.clear()
    return lane_of(world, helpdesk, world.ledger)


def lane_of(world: World, helpdesk: Helpdesk, ledger: Any) -> FastLane:
    observer = world.events.append
    policy = IntakePolicy(frozenset({"77"}), timedelta(hours=24))
    intake = Intake(helpdesk, ledger, world.clock, observer, policy)
    return FastLane(helpdesk, ledger, intake, world.clock, observer)


def work(world: World) -> None:
    world.stages.triage.run()
    world.stages.write_back.run()


def test_a_new_ticket_is_decided_and_written_before_any_poll(
    world: World, lane: FastLane, store: Store
) -> None:
    ticket_id = world.arrives()

    lane.run()
    work(world)

    assert [write.seen.id for write in world.helpdesk.writes] == [ticket_id]
    (stored,) = world.told("page.stored")
    assert (stored["arrival"], stored["dispositions"]) == (Arrival.FAST, {Disposition.ORIGINAL: 1})


def test_what_the_lane_brought_the_feed_brings_again_and_nothing_is_done_twice(
    world: World, lane: FastLane, store: Store
) -> None:
    ticket_id = world.arrives()
    lane.run()
    work(world)

    world.run()

    story = store.reports().story(ticket_id)
    assert [each.disposition for each in story.revisions] == [Disposition.ORIGINAL, Disposition.ECHO]
    assert (len(story.submissions), len(story.decisions), len(story.writes)) == (1, 1, 1)
    assert (len(world.model.asked), story.corrections) == (1, ())


def test_what_a_killed_process_took_by_the_lane_its_successor_finishes_and_polls_once_more(
    world: World, lane: FastLane, store: Store, clock: ManualClock
) -> None:
    taken = world.arrives()
    lane.run()
    clock.advance(1)
    missed = world.arrives()
    clock.advance(181)  # nobody ended anything; the right to poll runs out

    heir = store.ledger("memory", "heir")
    intake = Intake(world.helpdesk, heir, clock, world.events.append, IntakePolicy())
    intake.run()
    work(world)
    intake.run()

    assert sorted(write.seen.id for write in world.helpdesk.writes) == [taken, missed]
    assert {each[1] for each in world.model.asked} == {"Charged twice"}
    assert len(world.model.asked) == 2
    assert [len(store.reports().story(each).submissions) for each in (taken, missed)] == [1, 1]


def test_where_nothing_is_new_a_look_is_one_question_and_no_event(
    world: World, lane: FastLane, helpdesk: Watched
) -> None:
    ticket_id = world.arrives()
    lane.run()
    told = len(world.events)

    for _ in range(3):
        lane.run()

    assert helpdesk.looks == [set(), *[{ticket_id}] * 3]
    assert len(world.events) == told


def test_only_the_worker_that_polls_looks(
    world: World, store: Store, helpdesk: Watched, clock: ManualClock
) -> None:
    rival = store.ledger("memory", "rival")
    world.arrives()
    before_any_poll, other = (lane_of(world, helpdesk, each) for each in (world.ledger, rival))

    before_any_poll.run()
    world.stages.intake.run()
    other.run()
    none = list(helpdesk.looks)
    clock.advance(181)
    rival.lease_poll(clock.now())
    other.run()
    before_any_poll.run()

    assert none == []
    assert len(helpdesk.looks) == 1


def test_what_the_ledger_knows_and_what_is_too_old_are_left_alone(
    world: World, store: Store, helpdesk: Watched, clock: ManualClock
) -> None:
    known = world.arrives()
    world.stages.intake.run()
    old = world.arrives(created_at=clock.now() - timedelta(days=9), status=Status.SOLVED)
    new = world.arrives()

    lane_of(world, helpdesk, world.ledger).run()

    assert [each["tickets"] for each in world.told("page.stored")] == [1, 1]
    assert store.reports().story(old).is_empty
    assert [len(store.reports().story(each).revisions) for each in (known, new)] == [1, 1]


def test_a_conversation_that_has_just_begun_is_left_to_the_feed(
    world: World, lane: FastLane, store: Store
) -> None:
    conversation = world.arrives(text=None)

    lane.run()
    early = store.reports().story(conversation).is_empty
    world.run()

    assert early
    assert len(world.helpdesk.writes) == 1


def test_what_cannot_be_read_is_left_to_the_feed_and_looked_at_once(
    world: World, lane: FastLane, helpdesk: Watched
) -> None:
    garbled = world.arrives()
    world.helpdesk.garbled.add(garbled)

    lane.run()
    lane.run()

    assert world.told("page.stored") == world.told("ticket.unreadable") == []
    assert helpdesk.looks[-1] == {garbled}


def test_tickets_that_could_not_be_stored_are_taken_by_the_next_look(
    world: World, lane: FastLane, helpdesk: Watched
) -> None:
    torn = lane_of(world, helpdesk, Torn(world.ledger))
    world.arrives()

    with pytest.raises(Unavailable):
        torn.run()
    torn.run()

    assert [each["dispositions"] for each in world.told("page.stored")] == [{Disposition.ORIGINAL: 1}]


def test_it_gives_way_quietly_for_as_long_as_it_is_told(
    world: World, lane: FastLane, helpdesk: Watched, clock: ManualClock
) -> None:
    world.arrives()
    helpdesk.refuses = RateLimited("left to other requests", retry_after_seconds=20)
    lane.run()
    helpdesk.refuses = None

    clock.advance(19)
    lane.run()
    too_soon = len(helpdesk.looks)
    clock.advance(1)
    lane.run()

    assert (too_soon, len(helpdesk.looks)) == (1, 2)
    assert world.told("fast_lane.gave_way") == [{"wait_s": 20}]
    assert len(world.told("page.stored")) == 1


def test_it_remembers_a_bounded_number_of_tickets_the_latest_ones(
    world: World, lane: FastLane, helpdesk: Watched
) -> None:
    made = []
    for _ in range(13):
        made += [world.arrives(status=Status.SOLVED) for _ in range(90)]
        lane.run()

    lane.run()

    assert helpdesk.looks[-1] == set(made[-1000:])
