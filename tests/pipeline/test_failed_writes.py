"""A write that cannot be carried out is parked with a reason, and a refused one leads to the human group."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

import pytest

from connector.clock import ManualClock
from connector.domain.decision import Applied, Cause, Change, Kind, Outcome
from connector.pipeline.summary import Summary
from connector.pipeline.write_back import WriteBack, WritePolicy
from connector.routing import RoutingPolicy
from connector.store import Store
from tests.support.world import World

INBOX = frozenset({"77"})


class Answering:
    """A helpdesk that answers every write alike, whatever became of it."""

    def __init__(self, helpdesk: Any, outcome: Outcome) -> None:
        self._helpdesk = helpdesk
        self._outcome = outcome

    def __getattr__(self, name: str) -> Any:
        return getattr(self._helpdesk, name)

    def apply(self, changes: Sequence[Change]) -> Iterator[Applied]:
        for change in changes:
            yield Applied(change.seen.id, self._outcome, detail="as always")


class Killed(BaseException):
    """What a kill leaves behind: nothing after this point ran."""


class Deadly:
    """A helpdesk that ends the process that reads one of its tickets."""

    def __init__(self, helpdesk: Any, ticket_id: str) -> None:
        self._helpdesk = helpdesk
        self._ticket_id = ticket_id

    def __getattr__(self, name: str) -> Any:
        return getattr(self._helpdesk, name)

    def fetch(self, ticket_ids: Sequence[str]) -> Any:
        if self._ticket_id in ticket_ids:
            raise Killed
        return self._helpdesk.fetch(ticket_ids)


def decided(world: World, count: int = 1) -> list[str]:
    tickets = [world.arrives() for _ in range(count)]
    world.stages.intake.run()
    world.stages.triage.run()
    return tickets


def write_until_done(world: World, helpdesk: Any, **policy: Any) -> None:
    for _ in range(12):
        WriteBack(
            helpdesk, world.ledger, world.clock, world.events.append, WritePolicy(INBOX, **policy)
        ).run()
        world.clock.advance(60)


@pytest.mark.parametrize(
    ("answer", "reason"),
    [(Outcome.CONFLICT, "conflict 5 times: as always"), (Outcome.UNCLEAR, "unclear after 5 attempts")],
)
def test_a_write_that_never_succeeds_is_parked_and_said_aloud(
    world: World, store: Store, answer: Outcome, reason: str
) -> None:
    (ticket,) = decided(world)

    write_until_done(world, Answering(world.helpdesk, answer))

    (write,) = store.reports().story(ticket).writes
    assert (write.outcome, write.reason) == (Outcome.FAILED, reason)
    (event,) = [event for event in world.events if event.name == "ticket.written"]
    assert (event.level, event.facts["outcome"]) == ("warning", "failed")


def test_a_parked_write_counts_as_failed_in_the_summary(world: World) -> None:
    decided(world)
    write_until_done(world, Answering(world.helpdesk, Outcome.CONFLICT))
    summary = Summary()
    for event in world.events:
        summary(event)

    assert (summary.written, summary.failed) == ({"failed": 1}, 1)


def test_a_ticket_whose_group_was_deleted_goes_to_the_human_group(world: World, store: Store) -> None:
    (ticket,) = decided(world)
    world.helpdesk.delete_group("11")

    summary = world.run()

    after = world.helpdesk.tickets[ticket]
    first, second = store.reports().story(ticket).decisions
    assert after.group == "19"
    assert {"ai_needs_human", "ai_cause__write_rejected"} <= set(after.tags)
    assert (first.decision.kind, second.decision.kind) == (Kind.ROUTED, Kind.FAILED_OPEN)
    assert second.decision.reason == "the helpdesk refused group Billing or what came with it (422)"
    assert "Suggestion: billing" in world.helpdesk.notes[ticket][0]
    assert (summary.written, summary.failed) == ({"rejected": 1, "applied": 1}, 1)
    assert [facts["cause"] for facts in world.told("ticket.fell_back")] == [Cause.WRITE_REJECTED]


def test_the_refused_and_the_new_decision_are_paid_for_once(world: World, store: Store) -> None:
    decided(world)
    world.helpdesk.delete_group("11")

    world.run()

    assert len(world.model.asked) == 1
    assert (
        sum(row.decision.cost_usd for row in store.reports().decisions()) == store.reports().totals().cost_usd
    )


def test_a_human_group_that_is_refused_too_parks_the_ticket(world: World, store: Store) -> None:
    (ticket,) = decided(world)
    world.helpdesk.delete_group("11")
    world.helpdesk.delete_group("19")

    world.run()
    world.run()

    outcomes = [write.outcome for write in store.reports().story(ticket).writes]
    assert outcomes == [Outcome.REJECTED, Outcome.REJECTED]
    assert world.helpdesk.writes == []


@pytest.mark.parametrize("may_move", [False, True])
def test_without_the_right_to_move_tickets_a_refused_write_is_parked(
    world: World, store: Store, policy: RoutingPolicy, may_move: bool
) -> None:
    (ticket,) = decided(world)

    refusing = Answering(world.helpdesk, Outcome.REJECTED)
    write_until_done(world, refusing, group=may_move, routing=None if may_move else policy)

    assert [write.outcome for write in store.reports().story(ticket).writes] == [Outcome.REJECTED]


def test_a_person_who_takes_the_ticket_before_the_second_write_stands(world: World) -> None:
    (ticket,) = decided(world)
    world.helpdesk.delete_group("11")
    taken = iter([True])

    def person(change: Change) -> None:
        if change.group == "19" and next(taken, False):
            world.helpdesk.person(ticket, assignee="5")

    world.helpdesk.on_apply = person

    summary = world.run()

    assert summary.written == {"rejected": 1, "superseded": 1}
    assert world.helpdesk.writes == []


def test_a_write_that_killed_its_worker_too_often_is_parked_unseen_and_others_are_written(
    world: World, store: Store, clock: ManualClock
) -> None:
    deadly, *others = decided(world, 4)
    helpdesk: Any = Deadly(world.helpdesk, deadly)
    deaths = 0

    for life in range(10):
        ledger = store.ledger("memory", f"life-{life}")
        try:
            WriteBack(helpdesk, ledger, clock, world.events.append, WritePolicy(INBOX)).run()
        except Killed:
            deaths += 1
        clock.advance(181)

    write = store.reports().story(deadly).writes[0]
    assert (deaths, write.outcome, write.reason) == (6, Outcome.FAILED, "gave up after 5 attempts")
    assert sorted(write.seen.id for write in world.helpdesk.writes) == sorted(others)
