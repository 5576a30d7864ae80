"""Nudges change nothing but when a ticket arrives, and cost no more than they may."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from datetime import timedelta
from functools import partial
from itertools import permutations, product

import pytest

from connector.clock import ManualClock
from connector.domain.ticket import Arrival, Status, Ticket, Unreadable
from connector.errors import RateLimited, Unavailable
from connector.helpdesk.memory import MemoryHelpdesk
from connector.pipeline.nudges import NudgeLimits, Nudges
from connector.pipeline.sync import triage_and_write
from tests.support.world import World


class Window(MemoryHelpdesk):
    """Shows the tickets of another helpdesk but those still hidden, and writes down who is asked for."""

    def __init__(self, of: MemoryHelpdesk, clock: ManualClock) -> None:
        super().__init__(clock, of.groups())
        self.tickets, self.garbled = of.tickets, of.garbled
        self.asked: list[list[str]] = []
        self.hidden: set[str] = set()
        self.trouble: Exception | None = None
        self.answers: dict[str, str] = {}  # what shows another ticket than the one that was asked for

    def fetch(self, ticket_ids: Sequence[str]) -> Mapping[str, Ticket | Unreadable]:
        self.asked.append(list(ticket_ids))
        if self.trouble is not None:
            raise self.trouble
        found = super().fetch([each for each in ticket_ids if each not in self.hidden])
        others = super().fetch(list(self.answers.values()))
        return {**found, **{each: others[other] for each, other in self.answers.items()}}


@pytest.fixture
def window(world: World) -> Window:
    return Window(world.helpdesk, world.clock)


Nudging = Callable[..., Nudges]


@pytest.fixture
def nudging(world: World, window: Window) -> Nudging:
    def make(**limits: int) -> Nudges:
        take = partial(world.stages.intake.take, arrival=Arrival.NUDGE)
        return Nudges(window, world.ledger, take, world.clock, world.events.append, NudgeLimits(**limits))

    return make


def left(world: World) -> list[tuple[str, str]]:
    return [(facts["ticket_id"], facts["reason"]) for facts in world.told("nudge.left")]


def test_a_named_ticket_is_read_and_decided_without_a_poll(world: World, nudging: Nudging) -> None:
    ticket, other, nudges = world.arrives(), world.arrives(), nudging()

    nudges.offer(ticket)
    nudges.run()
    triage_and_write(world.stages)

    assert [write.seen.id for write in world.helpdesk.writes] == [ticket]
    assert [facts["arrival"] for facts in world.told("page.stored")] == ["nudge"]
    assert other not in world.ledger.history([other])


def test_nudge_fast_lane_and_poll_in_every_order_make_one_decision_and_one_write(
    world: World, nudging: Nudging
) -> None:
    nudges, intake = nudging(per_minute=1000), world.stages.intake

    def nudge(ticket: str) -> None:
        nudges.offer(ticket)
        nudges.run()

    ways: Sequence[Callable[[str], object]] = (
        nudge,
        lambda ticket: intake.take([world.helpdesk.tickets[ticket]], Arrival.FAST),
        lambda _: intake.run(),
    )
    for number, (order, decided_after) in enumerate(product(permutations(ways), range(3))):
        ticket = world.arrives(subject=f"Story {number}")
        for step, arrive in enumerate(order):
            arrive(ticket)
            if step == decided_after:
                triage_and_write(world.stages)
        world.run()

        assert [write.seen.id for write in world.helpdesk.writes].count(ticket) == 1
        assert [subject for _, subject in world.model.asked].count(f"Story {number}") == 1
    assert world.told("ticket.corrected") == []
    assert sum(facts["dispositions"].get("correction", 0) for facts in world.told("page.stored")) == 0


def test_a_ticket_that_the_ledger_knows_costs_no_request(
    world: World, nudging: Nudging, window: Window
) -> None:
    ticket, nudges = world.arrives(), nudging()
    world.run()

    nudges.offer(ticket)
    nudges.run()

    assert window.asked == []
    assert len(world.helpdesk.writes) == 1


def test_a_ticket_that_is_named_often_at_once_is_read_once(
    world: World, nudging: Nudging, window: Window
) -> None:
    ticket, nudges = world.arrives(), nudging()

    assert all(nudges.offer(ticket) for _ in range(50))
    nudges.run()
    nudges.offer(ticket)
    nudges.run()

    assert window.asked == [[ticket]]


def test_tickets_named_together_are_read_together(world: World, nudging: Nudging, window: Window) -> None:
    tickets, nudges = [world.arrives() for _ in range(5)], nudging()

    for each in tickets:
        nudges.offer(each)
    nudges.run()

    assert window.asked == [tickets]


def test_an_id_that_does_not_exist_is_tried_four_times_and_leaves_no_trace(
    world: World, nudging: Nudging, window: Window
) -> None:
    nudges = nudging()
    nudges.offer("made-up")

    for _ in range(20):
        nudges.run()
        world.clock.advance(1)

    assert window.asked == [["made-up"]] * 4
    assert left(world) == [("made-up", "the helpdesk does not show it")]
    assert world.told("page.stored") == []
    assert world.helpdesk.writes == []
    assert world.ledger.due().left == 0


def test_a_ticket_that_the_helpdesk_shows_a_second_later_is_read_then(
    world: World, nudging: Nudging, window: Window
) -> None:
    ticket, nudges = world.arrives(), nudging()
    window.hidden.add(ticket)
    nudges.offer(ticket)
    nudges.run()
    window.hidden.clear()

    nudges.run()
    early = len(window.asked)
    world.clock.advance(1)
    nudges.run()

    assert (early, len(window.asked)) == (1, 2)
    assert world.ledger.due().submissions == 1


def test_another_ticket_than_the_one_asked_for_is_not_taken(
    world: World, nudging: Nudging, window: Window
) -> None:
    other, nudges = world.arrives(), nudging()
    window.answers["17"] = other

    nudges.offer("17")
    nudges.run()

    assert window.asked == [["17"]]
    assert world.ledger.due().left == 0


def test_a_ticket_that_cannot_be_read_is_left_to_the_poll(
    world: World, nudging: Nudging, window: Window
) -> None:
    ticket, nudges = world.arrives(), nudging()
    world.helpdesk.garbled.add(ticket)

    nudges.offer(ticket)
    for _ in range(10):
        nudges.run()
        world.clock.advance(1)
    before = list(world.told("ticket.unreadable"))
    world.run()

    assert (window.asked, before) == ([[ticket]], [])
    assert [facts["ticket_id"] for facts in world.told("ticket.unreadable")] == [ticket]


@pytest.mark.parametrize("text", ["", " \n", None])
def test_a_conversation_in_which_nothing_was_said_yet_is_left_to_the_poll(
    world: World, nudging: Nudging, text: str | None
) -> None:
    ticket, nudges = world.arrives(text=text), nudging()

    nudges.offer(ticket)
    nudges.run()

    assert ticket not in world.ledger.history([ticket])


def test_naming_a_ticket_from_before_the_first_poll_changes_nothing(world: World, nudging: Nudging) -> None:
    old = world.arrives(created_at=world.clock.now() - timedelta(days=40))
    nudges = nudging()
    world.ledger.lease_poll(world.clock.now() - timedelta(hours=24))

    nudges.offer(old)
    nudges.run()

    assert world.told("page.stored") == []
    assert world.ledger.history([old]) == {}


@pytest.mark.parametrize("facts", [{"status": Status.DELETED}, {"group": "11"}])
def test_a_ticket_that_is_no_original_is_not_decided(
    world: World, nudging: Nudging, facts: dict[str, object]
) -> None:
    ticket, nudges = world.arrives(**facts), nudging()

    nudges.offer(ticket)
    nudges.run()
    triage_and_write(world.stages)

    assert world.model.asked == []
    assert world.helpdesk.writes == []


def test_a_flood_of_ids_is_read_at_the_share_of_a_minute_and_the_rest_is_left_to_the_poll(
    world: World, nudging: Nudging, window: Window
) -> None:
    nudges = nudging(per_minute=30, waiting=200)

    taken = [nudges.offer(f"made-up-{number}") for number in range(500)]
    for _ in range(300):
        nudges.run()
        world.clock.advance(1)

    assert taken.count(True) == 200
    assert sum(len(ids) for ids in window.asked) == 30 * 3  # two minutes, and the begin of a third
    assert len(left(world)) == 200
    assert nudges.offer("another") is True


def test_while_the_helpdesk_is_down_a_ticket_waits_and_is_then_left_to_the_poll(
    world: World, nudging: Nudging, window: Window
) -> None:
    ticket, nudges = world.arrives(), nudging()
    window.trouble = Unavailable("HTTP 503")
    nudges.offer(ticket)

    for _ in range(4):
        with pytest.raises(Unavailable):
            nudges.run()
        world.clock.advance(5)
    nudges.run()

    assert len(window.asked) == 4
    assert left(world) == [(ticket, "the helpdesk does not show it")]
    world.run()
    assert [write.seen.id for write in world.helpdesk.writes] == [ticket]


def test_after_an_outage_a_ticket_that_still_waits_is_read(
    world: World, nudging: Nudging, window: Window
) -> None:
    ticket, nudges = world.arrives(), nudging()
    window.trouble = RateLimited("HTTP 429", retry_after_seconds=1)
    nudges.offer(ticket)
    with pytest.raises(RateLimited):
        nudges.run()
    window.trouble = None
    world.clock.advance(1)

    nudges.run()

    assert world.ledger.due().submissions == 1


def test_what_waited_for_two_minutes_is_left_to_the_poll(
    world: World, nudging: Nudging, window: Window
) -> None:
    ticket, nudges = world.arrives(), nudging()

    nudges.offer(ticket)
    world.clock.advance(121)
    nudges.run()

    assert window.asked == []
    assert left(world) == [(ticket, "it waited for too long")]


def test_a_service_that_stops_takes_no_more(world: World, nudging: Nudging) -> None:
    nudges = nudging()

    world.clock.stop()

    assert nudges.offer("t1") is False
