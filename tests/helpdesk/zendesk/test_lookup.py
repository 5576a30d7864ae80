"""Looking tickets up: what is there, what is gone, what was said first, and whether our write arrived."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
import responses

from connector.domain.ticket import Status, Ticket, Unreadable
from connector.errors import Unavailable
from connector.helpdesk.zendesk import ZendeskHelpdesk

API = "https://acme.zendesk.com/api/v2"
MakeJson = Callable[..., dict[str, Any]]


def fetched(zendesk: ZendeskHelpdesk, ids: list[str]) -> dict[str, Ticket]:
    return {each: found for each, found in zendesk.fetch(ids).items() if isinstance(found, Ticket)}


def test_one_ticket_is_shown_with_its_side_loads(
    zendesk: ZendeskHelpdesk, web: responses.RequestsMock, ticket_json: MakeJson
) -> None:
    web.get(
        f"{API}/tickets/7",
        json={"ticket": ticket_json(id=7)},
        headers={"Date": "Mon, 02 Nov 2026 08:00:01 GMT"},
    )

    found = fetched(zendesk, ["7"])

    assert found["7"].text == "You charged my card twice this month."
    assert found["7"].settles_in_seconds == 1
    assert web.calls[0].request.params == {"include": "users,organizations"}  # type: ignore[attr-defined]  # by responses


def test_many_tickets_are_shown_in_hundreds_and_missing_ones_are_gone(
    zendesk: ZendeskHelpdesk, web: responses.RequestsMock, ticket_json: MakeJson
) -> None:
    web.get(f"{API}/tickets/show_many", json={"tickets": [ticket_json(id=2)]})
    web.get(f"{API}/tickets/show_many", json={"tickets": [ticket_json(id=101, status="deleted")]})

    found = fetched(zendesk, [str(number) for number in range(1, 102)])

    assert set(found) == {"2", "101"}
    assert found["101"].status is Status.DELETED
    asked = [call.request.params["ids"].split(",") for call in web.calls]  # type: ignore[attr-defined]  # by responses
    assert [len(ids) for ids in asked] == [100, 1]


def test_a_ticket_that_is_not_found_is_gone(zendesk: ZendeskHelpdesk, web: responses.RequestsMock) -> None:
    web.get(f"{API}/tickets/7", status=404, body="")

    assert zendesk.fetch(["7"]) == {}


def test_nothing_asked_is_nothing_sent(zendesk: ZendeskHelpdesk, web: responses.RequestsMock) -> None:
    assert zendesk.fetch([]) == {}
    assert len(web.calls) == 0


@pytest.mark.parametrize("row", [{"id": 8}, {"id": 8, "created_at": "?", "updated_at": "?"}])
def test_a_ticket_that_cannot_be_read_is_not_taken_for_gone(
    zendesk: ZendeskHelpdesk, web: responses.RequestsMock, ticket_json: MakeJson, row: dict[str, Any]
) -> None:
    web.get(f"{API}/tickets/show_many", json={"tickets": [ticket_json(id=7), row]})

    found = zendesk.fetch(["7", "8"])

    assert isinstance(found["7"], Ticket)
    assert isinstance(found["8"], Unreadable)


@pytest.mark.parametrize("row", [{"id": 8}, {"id": 8, "created_at": "?", "updated_at": "?"}])
def test_a_single_ticket_that_cannot_be_read_is_not_taken_for_gone(
    zendesk: ZendeskHelpdesk, web: responses.RequestsMock, row: dict[str, Any]
) -> None:
    web.get(f"{API}/tickets/8", json={"ticket": row})

    assert isinstance(zendesk.fetch(["8"])["8"], Unreadable)


def test_an_answer_without_a_ticket_is_an_upstream_fault(
    zendesk: ZendeskHelpdesk, web: responses.RequestsMock
) -> None:
    web.get(f"{API}/tickets/8", json={"maintenance": True})

    with pytest.raises(Unavailable, match="without a ticket"):
        zendesk.fetch(["8"])


def test_the_first_words_of_a_messaging_ticket_are_its_first_public_customer_comment(
    zendesk: ZendeskHelpdesk, web: responses.RequestsMock, ticket_json: MakeJson
) -> None:
    web.get(f"{API}/tickets/7", json={"ticket": ticket_json(id=7, from_messaging_channel=True)})
    web.get(
        f"{API}/tickets/7/comments",
        json={
            "comments": [
                {"author_id": 5, "public": True, "plain_body": "Conversation with Ann"},
                {"author_id": 901, "public": False, "plain_body": "a private aside"},
                {"author_id": 901, "public": True, "plain_body": "  "},
                {
                    "author_id": 901,
                    "public": True,
                    "plain_body": "My card\0 was charged twice",
                    "body": "<p>",
                },
                {"author_id": 901, "public": True, "plain_body": "Hello?"},
            ],
            "users": [{"id": 901, "role": "end-user"}, {"id": 5, "role": "agent"}],
        },
    )

    assert fetched(zendesk, ["7"])["7"].text == "My card was charged twice"


def test_a_comment_that_is_only_html_is_read_and_its_files_are_named(
    zendesk: ZendeskHelpdesk, web: responses.RequestsMock, ticket_json: MakeJson
) -> None:
    web.get(f"{API}/tickets/7", json={"ticket": ticket_json(id=7, from_messaging_channel=True)})
    files = [
        {"file_name": "invoice.pdf", "content_type": "application/pdf", "inline": False},
        {"file_name": "logo.png", "content_type": "image/png", "inline": True},
        {"file_name": "log", "content_type": None},
        {"file_name": None},
    ]
    comment = {"author_id": 901, "public": True, "html_body": "<p>My card</p><p>was charged twice</p>"}
    users = [{"id": 901, "role": "end-user"}]
    web.get(
        f"{API}/tickets/7/comments", json={"comments": [comment | {"attachments": files}], "users": users}
    )

    ticket = fetched(zendesk, ["7"])["7"]

    assert ticket.text == "My card\n\nwas charged twice"
    assert ticket.attachments == ("invoice.pdf (application/pdf)", "log")
    assert len(web.calls) == 2  # the ticket and its comments


def test_a_messaging_ticket_in_which_no_customer_spoke_has_an_empty_text(
    zendesk: ZendeskHelpdesk, web: responses.RequestsMock, ticket_json: MakeJson
) -> None:
    web.get(f"{API}/tickets/7", json={"ticket": ticket_json(id=7, from_messaging_channel=True)})
    web.get(f"{API}/tickets/7/comments", json={"comments": []})

    assert fetched(zendesk, ["7"])["7"].text == ""


def test_an_id_cannot_leave_its_place_in_the_path(
    zendesk: ZendeskHelpdesk, web: responses.RequestsMock
) -> None:
    web.get(f"{API}/tickets/..%2Fusers%2Fme", status=404)

    assert zendesk.fetch(["../users/me"]) == {}


def audits(*decisions: str | None, more: str | None = None) -> dict[str, Any]:
    rows = [
        {"id": number, "metadata": {"system": {}, "custom": {"decision_id": each} if each else {}}}
        for number, each in enumerate(decisions)
    ]
    return {"audits": rows, "meta": {"has_more": more is not None, "after_cursor": more}}


def test_our_write_is_found_by_its_decision_on_any_page(
    zendesk: ZendeskHelpdesk, web: responses.RequestsMock, make_ticket: Callable[..., Ticket]
) -> None:
    web.get(f"{API}/tickets/7/audits", json=audits(None, "d-2", more="c1"))
    web.get(f"{API}/tickets/7/audits", json=audits("d-1"))

    assert zendesk.find_write(make_ticket(id="7"), "d-1") is True
    assert len(web.calls) == 2


def test_a_write_that_no_audit_knows_did_not_happen(
    zendesk: ZendeskHelpdesk, web: responses.RequestsMock, make_ticket: Callable[..., Ticket]
) -> None:
    body = audits(None, "d-2") | {"meta": None}
    body["audits"] += [{"id": 9}, {"id": 10, "metadata": []}, {"id": 11, "metadata": {"custom": "d-1"}}]
    web.get(f"{API}/tickets/7/audits", json=body)

    assert zendesk.find_write(make_ticket(id="7"), "d-1") is False


@pytest.mark.parametrize("status", [403, 404])
def test_audits_that_we_may_not_read_tell_nothing(
    zendesk: ZendeskHelpdesk, web: responses.RequestsMock, make_ticket: Callable[..., Ticket], status: int
) -> None:
    web.get(f"{API}/tickets/7/audits", status=status)

    assert zendesk.find_write(make_ticket(id="7"), "d-1") is None


def test_too_many_audits_tell_nothing(
    zendesk: ZendeskHelpdesk, web: responses.RequestsMock, make_ticket: Callable[..., Ticket]
) -> None:
    for number in range(11):
        web.get(f"{API}/tickets/7/audits", json=audits(None, more=f"c{number}"))

    assert zendesk.find_write(make_ticket(id="7"), "d-1") is None
    assert len(web.calls) == 10
