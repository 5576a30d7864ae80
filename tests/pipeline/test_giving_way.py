"""A person who got there first is never overruled."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from connector.domain.decision import Outcome
from connector.domain.ticket import Nature, Status, Ticket
from connector.pipeline.write_back import gives_way

MakeTicket = Callable[..., Ticket]
INBOX = frozenset({"77"})


@pytest.mark.parametrize(
    ("facts", "outcome"),
    [
        ({"group": "12"}, Outcome.SUPERSEDED),
        ({"assignee": "5"}, Outcome.SUPERSEDED),
        ({"status": Status.OPEN}, Outcome.SUPERSEDED),
        ({"status": Status.PENDING}, Outcome.SUPERSEDED),
        ({"status": Status.SOLVED}, Outcome.SUPERSEDED),
        ({"status": Status.CLOSED}, Outcome.GONE),
        ({"status": Status.DELETED}, Outcome.GONE),
        ({"nature": Nature.MERGED, "status": Status.CLOSED}, Outcome.GONE),
    ],
)
def test_a_persons_change_stops_the_write(
    make_ticket: MakeTicket, facts: dict[str, Any], outcome: Outcome
) -> None:
    found = gives_way(make_ticket(), make_ticket(**facts), INBOX)

    assert found is not None
    assert found[0] is outcome


@pytest.mark.parametrize(
    "facts",
    [
        {},
        {"tags": ("vip",)},
        {"priority": "high"},
        {"group": "77"},  # still in an inbox
        {"subject": "Charged three times"},
    ],
)
def test_other_changes_do_not_stop_it(make_ticket: MakeTicket, facts: dict[str, Any]) -> None:
    assert gives_way(make_ticket(), make_ticket(**facts), INBOX) is None


@pytest.mark.parametrize("before", [Status.PENDING, Status.HOLD])
def test_a_customers_reply_that_reopens_does_not_stop_it(make_ticket: MakeTicket, before: Status) -> None:
    assert gives_way(make_ticket(status=before), make_ticket(status=Status.OPEN), INBOX) is None


def test_a_ticket_that_is_gone_is_not_written(make_ticket: MakeTicket) -> None:
    assert gives_way(make_ticket(), None, INBOX) == (Outcome.GONE, "deleted")
