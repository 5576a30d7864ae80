"""Intake tells an original from everything else that a helpdesk delivers."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from connector.domain.ticket import Author, Disposition, History, Nature, Status, Ticket
from connector.pipeline.intake import screen

MakeTicket = Callable[..., Ticket]
HORIZON = datetime(2026, 11, 1, 9, 0, tzinfo=UTC)
INBOX = frozenset({"77"})


@pytest.mark.parametrize(
    ("facts", "disposition"),
    [
        ({}, Disposition.ORIGINAL),
        ({"status": Status.OPEN}, Disposition.ORIGINAL),
        ({"status": Status.OTHER}, Disposition.ORIGINAL),
        ({"author": Author.UNKNOWN}, Disposition.ORIGINAL),
        ({"group": "77"}, Disposition.ORIGINAL),
        ({"text": None}, Disposition.ORIGINAL),
        ({"text": "", "subject": ""}, Disposition.ORIGINAL),
        ({"group": "42"}, Disposition.ALREADY_ROUTED),
        ({"assignee": "5"}, Disposition.ALREADY_ROUTED),
        ({"group": "77", "assignee": "5"}, Disposition.ALREADY_ROUTED),
        ({"author": Author.AGENT}, Disposition.AGENT_AUTHORED),
        ({"is_public": False}, Disposition.PRIVATE),
        ({"status": Status.SOLVED}, Disposition.SOLVED),
        ({"status": Status.CLOSED}, Disposition.CLOSED),
        ({"status": Status.DELETED}, Disposition.DELETED),
        ({"nature": Nature.MERGED, "status": Status.CLOSED}, Disposition.MERGED),
        ({"nature": Nature.SIDE_CONVERSATION, "author": Author.AGENT}, Disposition.SIDE_CONVERSATION),
        ({"nature": Nature.SAMPLE}, Disposition.SAMPLE),
        ({"nature": Nature.FOLLOW_UP}, Disposition.FOLLOW_UP),
        ({"created_at": HORIZON - timedelta(seconds=1)}, Disposition.TOO_OLD),
        ({"created_at": HORIZON}, Disposition.ORIGINAL),
    ],
)
def test_a_first_revision_is_judged_by_what_the_ticket_is(
    make_ticket: MakeTicket, facts: dict[str, Any], disposition: Disposition
) -> None:
    assert screen(make_ticket(**facts), None, HORIZON, INBOX) is disposition


WRITTEN = History(
    verdict=Disposition.ORIGINAL,
    written_version="2026-11-02T08:05:00Z",
    written_at=datetime(2026, 11, 2, 8, 5, tzinfo=UTC),
    written_group="11",
)


@pytest.mark.parametrize(
    ("minutes", "group", "disposition"),
    [
        (5, "11", Disposition.ECHO),
        (5, "12", Disposition.CORRECTION),  # in the second of our write
        (6, "11", Disposition.UPDATE),  # a reply
        (6, "12", Disposition.CORRECTION),
        (6, None, Disposition.CORRECTION),
        (4, None, Disposition.UPDATE),  # a revision from before our write, delivered late
    ],
)
def test_a_revision_after_our_write_is_an_echo_an_update_or_a_correction(
    make_ticket: MakeTicket, minutes: int, group: str | None, disposition: Disposition
) -> None:
    at = datetime(2026, 11, 2, 8, minutes, tzinfo=UTC)

    ticket = make_ticket(version=f"2026-11-02T08:0{minutes}:00Z", updated_at=at, group=group)

    assert screen(ticket, WRITTEN, HORIZON, INBOX) is disposition


@pytest.mark.parametrize(
    "verdict", [Disposition.ORIGINAL, Disposition.AGENT_AUTHORED, Disposition.ALREADY_ROUTED]
)
def test_a_ticket_gets_its_verdict_once(make_ticket: MakeTicket, verdict: Disposition) -> None:
    assert screen(make_ticket(), History(verdict), HORIZON, INBOX) is Disposition.UPDATE


def test_a_deletion_after_our_write_is_no_correction(make_ticket: MakeTicket) -> None:
    gone = make_ticket(status=Status.DELETED, group=None, updated_at=datetime(2026, 11, 3, tzinfo=UTC))

    assert screen(gone, WRITTEN, HORIZON, INBOX) is Disposition.UPDATE
