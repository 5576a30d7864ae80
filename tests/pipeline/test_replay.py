"""A replay decides as triage does, from nothing but what arrived, and never writes."""

from __future__ import annotations

import itertools
from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from connector.domain.classification import Classification
from connector.domain.ticket import Status, Ticket
from connector.errors import AuthRefused, Unavailable
from connector.pipeline.replay import Replay, as_arrived
from connector.store import Store
from tests.support.world import World


def solved(world: World, number: int, **facts: Any) -> Ticket:
    """A ticket that a person sorted and solved a week ago."""
    at = world.clock.now() - timedelta(days=7)
    made = {"id": f"s{number}", "created_at": at, "status": Status.SOLVED, "group": "12", "assignee": "5"}
    return world.make_ticket(**(made | {"priority": "urgent", "tags": ("solved_by_billing",)} | facts))


def replay(world: World) -> Replay:
    return Replay(world.ledger, world.stages.triage, world.clock)


def test_nothing_that_people_made_of_a_ticket_is_left_of_it(world: World) -> None:
    fresh = world.make_ticket(id="s1")
    handled = replace(
        fresh,
        status=Status.CLOSED,
        group="12",
        assignee="5",
        priority="urgent",
        tags=("billing", "ai_team__billing"),
        updated_at=fresh.updated_at + timedelta(days=3),
        settles_in_seconds=1.0,
    )

    assert as_arrived(handled) == as_arrived(fresh)
    assert as_arrived(fresh) == fresh


def test_it_decides_what_triage_decides_when_the_same_words_arrive(world: World, store: Store) -> None:
    words = [("Charged twice", "Refund me"), ("A lawsuit", "You will hear from us"), ("", " ")]
    for number, (subject, text) in enumerate(words):
        world.helpdesk.put(
            world.make_ticket(id=f"n{number}", subject=subject, text=text, created_at=world.clock.now())
        )
    world.run()

    left = replay(world).run(
        [solved(world, number, subject=subject, text=text) for number, (subject, text) in enumerate(words)]
    )

    decided = {row.ticket_id: row.decision for row in store.reports().decisions(limit=None)}
    assert left == 0
    for number in range(len(words)):
        lived, replayed = decided[f"n{number}"], decided[f"s{number}"]
        assert (lived.kind, lived.cause, lived.route, lived.reason, lived.steps) == (
            replayed.kind,
            replayed.cause,
            replayed.route,
            replayed.reason,
            replayed.steps,
        )


def test_nothing_is_written_to_the_helpdesk(world: World) -> None:
    tickets = [world.helpdesk.put(solved(world, number)) for number in range(3)]

    replay(world).run(tickets)

    assert world.helpdesk.writes == []
    assert world.told("ticket.written") == []
    assert len(world.told("ticket.decided")) == 3


def test_an_outage_leaves_tickets_undecided_and_becomes_no_verdict(world: World) -> None:
    world.model.reply = lambda _tier, _ticket: Unavailable("claude is down", retry_after_seconds=300)

    left = replay(world).run([solved(world, number) for number in range(3)])

    assert left == 3
    assert world.told("ticket.decided") == []


def test_an_upstream_that_is_back_within_a_minute_is_waited_for(
    world: World, labelled: Callable[..., Classification]
) -> None:
    asked = itertools.count()
    busy = Unavailable("busy", retry_after_seconds=40)
    world.model.reply = lambda tier, _ticket: busy if next(asked) in (1, 2) else labelled(tier)

    left = replay(world).run([solved(world, number) for number in range(3)])

    assert left == 0
    assert len(world.told("ticket.decided")) == 3


def test_an_upstream_that_stays_away_is_not_waited_for_without_end(
    world: World, labelled: Callable[..., Classification]
) -> None:
    asked = itertools.count()
    away = Unavailable("away", retry_after_seconds=40)
    world.model.reply = lambda tier, _ticket: away if next(asked) else labelled(tier)

    left = replay(world).run([solved(world, number) for number in range(3)])

    assert left == 2
    assert world.clock.monotonic() < 300


def test_a_stop_ends_it_and_what_is_left_is_counted(
    world: World, labelled: Callable[..., Classification]
) -> None:
    def stop_and_answer(tier: Any, _ticket: Any) -> Classification:
        world.clock.stop()
        return labelled(tier)

    world.model.reply = stop_and_answer

    left = replay(world).run([solved(world, number) for number in range(40)])

    assert 0 < left < 40
    assert left + len(world.told("ticket.decided")) == 40


def test_refused_credentials_end_it(world: World) -> None:
    world.model.reply = lambda _tier, _ticket: AuthRefused("wrong key")

    with pytest.raises(AuthRefused):
        replay(world).run([solved(world, 1)])


def test_no_ticket_is_no_work(world: World) -> None:
    assert replay(world).run([]) == 0
