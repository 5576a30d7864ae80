"""Public messages of a ticket: who spoke, since when, and what is nobody's message."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

import responses

from connector.domain.ticket import Author, Ticket
from connector.helpdesk.zendesk import ZendeskHelpdesk

COMMENTS = "https://acme.zendesk.com/api/v2/tickets/7/comments"
SINCE = datetime(2026, 11, 2, 9, 0, tzinfo=UTC)
USERS = [
    {"id": 901, "role": "end-user"},
    {"id": 902, "role": "end-user"},
    {"id": 501, "role": "agent"},
]
MakeTicket = Callable[..., Ticket]


def comment(minute: int, author: int = 901, body: str = "Any news?", **facts: Any) -> dict[str, Any]:
    at = f"2026-11-02T09:{minute:02}:00Z"
    return {"author_id": author, "public": True, "plain_body": body, "created_at": at} | facts


def page(*comments: dict[str, Any], after: str | None = None) -> dict[str, Any]:
    meta = {"has_more": after is not None, "after_cursor": after}
    return {"comments": list(comments), "users": USERS, "meta": meta}


def test_each_message_says_who_spoke_in_the_order_of_time(
    zendesk: ZendeskHelpdesk, web: responses.RequestsMock, make_ticket: MakeTicket
) -> None:
    web.get(COMMENTS, json=page(comment(3, 501, "Hi"), comment(2, 902, "Me too"), comment(1, body="Help")))

    found = zendesk.messages(make_ticket(id="7"), SINCE)

    assert [(each.author, each.text) for each in found] == [
        (Author.CUSTOMER, "Help"),
        (Author.UNKNOWN, "Me too"),
        (Author.AGENT, "Hi"),
    ]
    assert found[0].at == datetime(2026, 11, 2, 9, 1, tzinfo=UTC)


def test_private_and_automatic_comments_are_nobodys_message(
    zendesk: ZendeskHelpdesk, web: responses.RequestsMock, make_ticket: MakeTicket
) -> None:
    automatic = {"system": {}, "flags": [4, 14], "flags_options": {}}
    web.get(COMMENTS, json=page(comment(2, public=False), comment(1, metadata=automatic)))

    assert zendesk.messages(make_ticket(id="7"), SINCE) == []


def test_an_agent_who_is_the_requester_speaks_as_an_agent(
    zendesk: ZendeskHelpdesk, web: responses.RequestsMock, make_ticket: MakeTicket
) -> None:
    web.get(COMMENTS, json=page(comment(1, 501)))

    (found,) = zendesk.messages(make_ticket(id="7", requester="501"), SINCE)

    assert found.author is Author.AGENT


def test_no_page_is_asked_for_beyond_the_moment(
    zendesk: ZendeskHelpdesk, web: responses.RequestsMock, make_ticket: MakeTicket
) -> None:
    web.get(COMMENTS, json=page(comment(9), comment(8), after="c1"))
    web.get(COMMENTS, json=page(comment(7), comment(0), after="c2"))

    found = zendesk.messages(make_ticket(id="7"), SINCE)

    assert [each.at.minute for each in found] == [7, 8, 9]
    assert [call.request.params.get("page[after]") for call in web.calls] == [None, "c1"]  # type: ignore[attr-defined]  # by responses


def test_a_ticket_that_is_gone_or_closed_to_us_has_no_messages(
    zendesk: ZendeskHelpdesk, web: responses.RequestsMock, make_ticket: MakeTicket
) -> None:
    web.get(COMMENTS, status=404, body="")
    web.get(COMMENTS, status=403, json={"error": "Forbidden"})

    assert zendesk.messages(make_ticket(id="7"), SINCE) == []
    assert zendesk.messages(make_ticket(id="7"), SINCE) == []


def test_a_comment_without_a_time_or_words_costs_nothing_else(
    zendesk: ZendeskHelpdesk, web: responses.RequestsMock, make_ticket: MakeTicket
) -> None:
    web.get(COMMENTS, json=page(comment(2, created_at=None), comment(1, body="a\0b")))

    assert [each.text for each in zendesk.messages(make_ticket(id="7"), SINCE)] == ["ab"]
