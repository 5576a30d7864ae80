"""The same ticket by several ways, in every order: one submission, one decision, one write."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from itertools import permutations

from connector.clock import ManualClock
from connector.domain.decision import Change, Outcome
from connector.domain.ticket import Arrival, Disposition, Ticket, Unreadable
from connector.store import Store
from tests.support.world import World

STEPS = ("the first revision by the fast lane", "the second by a nudge", "a poll", "the stages")


def story(store: Store, ticket_id: str) -> list[Disposition]:
    return [each.disposition for each in store.reports().story(ticket_id).revisions]


def work(world: World) -> None:
    world.stages.triage.run()
    world.stages.write_back.run()


def test_a_ticket_that_comes_by_every_way_in_any_order_is_decided_and_written_once(
    world: World, store: Store, clock: ManualClock
) -> None:
    for number, order in enumerate(permutations(STEPS), 1):
        ticket_id = lives(world, order)

        told, way = store.reports().story(ticket_id), " → ".join(order)
        assert (len(told.submissions), len(told.decisions), len(told.writes)) == (1, 1, 1), way
        assert len(world.helpdesk.writes) == len(world.model.asked) == number, way
        assert told.corrections == (), way
        assert sorted(story(store, ticket_id)) == ["echo", "original", "update"], way


def lives(world: World, order: tuple[str, ...]) -> str:
    """A ticket that a person changes before anybody has seen it; then the steps, a second apart."""
    first = world.helpdesk.tickets[world.arrives()]
    world.clock.advance(1)
    second = world.helpdesk.person(first.id, tags=("vip",))
    world.clock.advance(1)
    doing: dict[str, Callable[[], object]] = {
        STEPS[0]: lambda: world.stages.intake.take([first], Arrival.FAST),
        STEPS[1]: lambda: world.stages.intake.take([second], Arrival.NUDGE),
        STEPS[2]: world.stages.intake.run,
        STEPS[3]: lambda: work(world),
    }
    for step in order:
        doing[step]()
        world.clock.advance(1)
    world.run()
    world.run()
    return first.id


def test_a_correction_is_counted_once_whatever_brings_it_first(world: World, store: Store) -> None:
    for takes_first in (True, False):
        ticket_id = world.arrives()
        world.run()
        world.clock.advance(5)
        moved = world.helpdesk.person(ticket_id, group="12")

        if takes_first:
            world.stages.intake.take([moved], Arrival.NUDGE)
        world.run()
        world.stages.intake.take([moved], Arrival.NUDGE)
        world.helpdesk.person(ticket_id, tags=("seen",))
        world.run()

        corrections = store.reports().story(ticket_id).corrections
        assert [(each.from_group, each.to_group) for each in corrections] == [("11", "12")]


def test_a_state_from_before_a_known_correction_is_none_when_it_comes_late(
    world: World, store: Store, clock: ManualClock
) -> None:
    ticket_id = world.arrives()
    world.run()
    for group in ("13", "12"):
        clock.advance(5)
        world.helpdesk.person(ticket_id, group=group)

    world.stages.intake.take([world.helpdesk.tickets[ticket_id]], Arrival.NUDGE)
    world.run()

    corrections = store.reports().story(ticket_id).corrections
    assert [(each.from_group, each.to_group) for each in corrections] == [("11", "12")]


def test_a_correction_before_our_write_is_known_to_have_arrived_is_left_to_the_feed(
    world: World, store: Store, clock: ManualClock
) -> None:
    ticket_id = world.arrives()
    world.stages.intake.run()
    world.stages.triage.run()
    (claim,) = world.ledger.claim_writes(1)
    seen = world.helpdesk.tickets[ticket_id]
    (applied,) = world.helpdesk.apply([Change(claim.decision.id, seen, "11", ())])
    clock.advance(5)
    moved = world.helpdesk.person(ticket_id, group="12")

    early = world.stages.intake.take([moved], Arrival.NUDGE)
    world.ledger.intend_writes([(claim, seen)])
    world.ledger.end_write(claim, Outcome.APPLIED, applied, "")
    world.run()

    assert early == {}
    assert [each.to_group for each in store.reports().story(ticket_id).corrections] == ["12"]


def test_our_own_write_is_an_echo_whatever_brings_it(world: World, store: Store) -> None:
    ticket_id = world.arrives()
    world.run()

    counts = world.stages.intake.take([world.helpdesk.tickets[ticket_id]], Arrival.NUDGE)
    world.run()

    assert counts == {Disposition.ECHO: 1}
    assert story(store, ticket_id) == [Disposition.ORIGINAL, Disposition.ECHO]


def test_what_the_service_would_never_have_polled_is_too_old_by_any_way(
    world: World, clock: ManualClock
) -> None:
    before = world.make_ticket(id="early", created_at=clock.now() - timedelta(hours=25))
    old = world.make_ticket(id="old", created_at=clock.now() - timedelta(hours=23))

    first = world.stages.intake.take([before], Arrival.NUDGE)
    world.run()
    clock.advance(36 * 3600)
    second = world.stages.intake.take([old], Arrival.NUDGE)

    assert (first, second) == ({Disposition.TOO_OLD: 1}, {Disposition.ORIGINAL: 1})


def test_taking_nothing_stores_and_tells_nothing(world: World) -> None:
    assert world.stages.intake.take([], Arrival.FAST) == {}
    assert world.events == []


def test_a_page_says_by_which_way_it_came(world: World) -> None:
    ticket: list[Ticket | Unreadable] = [world.make_ticket(id="t9"), Unreadable("t10", "garbled")]

    world.stages.intake.run()
    world.stages.intake.take(ticket, Arrival.NUDGE)

    assert [(each["arrival"], each["tickets"]) for each in world.told("page.stored")] == [
        (Arrival.POLL, 0),
        (Arrival.NUDGE, 2),
    ]
    assert world.told("ticket.unreadable") == [{"ticket_id": "t10", "reason": "garbled"}]
