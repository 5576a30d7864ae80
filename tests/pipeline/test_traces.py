"""Whether a change has reached a ticket shows on the ticket, whoever sent it and whatever came after."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from connector.domain.decision import EMPTY, Change
from connector.domain.ticket import Ticket
from connector.pipeline.traces import as_it_stood, has_arrived

MakeTicket = Callable[..., Ticket]
ROUTED = {"group": "11", "priority": "high", "tags": ("vip", "ai_a", "ai_b")}


@pytest.fixture
def routing(make_ticket: MakeTicket) -> Change:
    seen = make_ticket(group=None, priority="low", tags=("vip",))
    return Change("d-1", seen, "11", ("ai_a", "ai_b"), "high")


@pytest.fixture
def undo(make_ticket: MakeTicket) -> Change:
    return Change("u-1", make_ticket(**ROUTED), EMPTY, (), "low", remove_tags=("ai_a", "ai_b"))


@pytest.mark.parametrize(
    ("now", "arrived"),
    [
        ({}, True),
        ({"group": "12", "assignee": "5"}, True),  # a person has taken it from there
        ({"tags": ("vip", "ai_b")}, True),
        ({"tags": ("vip", "theirs")}, True),  # another writer's list: the group still says so
        ({"group": "12", "tags": ("vip",), "priority": "high"}, False),
        ({"group": None, "tags": ("vip", "theirs"), "priority": "low"}, False),
    ],
)
def test_one_sign_of_a_routing_is_enough(
    routing: Change, make_ticket: MakeTicket, now: dict[str, Any], arrived: bool
) -> None:
    assert has_arrived(routing, make_ticket(**(ROUTED | now))) is arrived


@pytest.mark.parametrize(
    ("now", "arrived"),
    [
        ({"group": None, "priority": "low", "tags": ("vip",)}, True),
        (ROUTED, False),
        (ROUTED | {"tags": ("vip", "ai_a", "ai_b", "theirs")}, False),
        (ROUTED | {"tags": ("vip",)}, None),
        (ROUTED | {"group": None}, None),
    ],
)
def test_what_only_takes_away_must_show_as_a_whole(
    undo: Change, make_ticket: MakeTicket, now: dict[str, Any], arrived: bool | None
) -> None:
    assert has_arrived(undo, make_ticket(**now)) is arrived


def test_of_a_note_alone_nothing_shows(make_ticket: MakeTicket) -> None:
    seen = make_ticket(tags=("ai_a",))

    assert has_arrived(Change("d-1", seen, None, ("ai_a",), note="Why"), seen) is None


def test_a_ticket_can_be_looked_at_as_it_stood(make_ticket: MakeTicket) -> None:
    earlier = make_ticket(version="v7", group=None, tags=("vip",))
    now = make_ticket(version="v9", **ROUTED)

    assert as_it_stood(now, earlier.standing).standing == earlier.standing
