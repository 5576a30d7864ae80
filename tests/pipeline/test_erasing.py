"""What retention and forgetting mean for the stages."""

from __future__ import annotations

from datetime import timedelta

import pytest

from connector.clock import ManualClock
from connector.domain.decision import Cause, Outcome
from connector.domain.ticket import Status
from connector.pipeline.retention import Retention
from connector.ports import Event
from connector.store import Store, Whose
from tests.support.world import World

DAY = 86_400


class Stopping(ManualClock):
    """The clock of a process that was asked to stop."""

    def sleep(self, seconds: float) -> bool:
        return True


def test_a_pass_ends_with_a_sweep(world: World, store: Store) -> None:
    old = world.arrives(text="my old words")
    world.run()
    world.clock.advance(31 * DAY)
    young = world.arrives(text="my young words")

    world.run()

    texts = {
        ticket: [each.ticket and each.ticket.text for each in store.reports().story(ticket).submissions]
        for ticket in (old, young)
    }
    assert texts == {old: [None], young: ["my young words"]}
    assert world.told("text.erased") == [{"tickets": 1, "reason": "retention"}]


@pytest.mark.parametrize(("days", "erased"), [(0, 1), (31, 0), (None, 0)])
def test_words_are_kept_as_long_as_the_settings_say(
    world: World, store: Store, days: int | None, erased: int
) -> None:
    world.arrives()
    world.run()
    world.clock.advance(30 * DAY)
    events: list[Event] = []
    keep = None if days is None else timedelta(days=days)

    Retention(store.eraser("memory"), world.clock, events.append, keep).run()

    assert sum(event.facts["tickets"] for event in events) == erased


def test_a_sweep_of_many_batches_reaches_all(world: World, store: Store) -> None:
    for _ in range(5):
        world.arrives()
    world.run()
    world.clock.advance(31 * DAY)
    events: list[Event] = []

    eraser = store.eraser("memory")
    Retention(eraser, world.clock, events.append, timedelta(days=30), batch=2).run()

    assert [event.facts["tickets"] for event in events] == [5]
    assert eraser.look(Whose(("901",))).texts == 0


def test_a_sweep_that_is_asked_to_stop_ends_after_its_batch(world: World, store: Store) -> None:
    for _ in range(5):
        world.arrives()
    world.run()
    world.clock.advance(31 * DAY)

    eraser = store.eraser("memory")
    stopping = Stopping(world.clock.now())
    Retention(eraser, stopping, lambda _: None, timedelta(days=30), batch=2).run()

    assert eraser.look(Whose(("901",))).texts == 3


def test_a_forgotten_ticket_that_waits_goes_to_a_person_and_no_model_is_asked(
    world: World, store: Store
) -> None:
    ticket = world.arrives(requester="jane")
    world.stages.intake.run()
    store.eraser("memory").forget(Whose(("jane",)))

    world.run()

    assert world.model.asked == []
    (decided,) = store.reports().story(ticket).decisions
    assert decided.decision.cause is Cause.EMPTY
    assert world.helpdesk.tickets[ticket].group == "19", "the human group"


def test_a_forgotten_ticket_that_was_decided_is_still_written_without_the_reason(
    world: World, store: Store
) -> None:
    ticket = world.arrives(requester="jane", text="this means a lawsuit")
    world.stages.intake.run()
    world.stages.triage.run()
    store.eraser("memory").forget(Whose(("jane",)))

    world.run()

    (written,) = store.reports().story(ticket).writes
    assert written.outcome is Outcome.APPLIED


def test_a_ticket_deleted_before_triage_costs_nothing(world: World, store: Store) -> None:
    ticket = world.arrives()
    world.stages.intake.run()
    world.helpdesk.person(ticket, status=Status.DELETED)

    world.run()

    assert world.model.asked == []
    assert [each.outcome for each in store.reports().story(ticket).writes] == [Outcome.GONE]
