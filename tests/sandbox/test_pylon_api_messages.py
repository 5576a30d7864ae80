"""What is said on an issue of an emulated Pylon: messages, internal threads and notes."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from connector.sandbox.pylon_api import Leeway, PylonSandbox
from tests.sandbox.conftest import NOON

if TYPE_CHECKING:
    from tests.sandbox.conftest import Now, PylonCaller


@pytest.fixture
def issue(pylon: PylonSandbox) -> str:
    return pylon.create_issue("One", "<p>Help</p>", created_at=NOON - 60)


def messages(desk: PylonCaller, issue: str, **query: Any) -> list[dict[str, Any]]:
    return desk.get(f"/issues/{issue}/messages", **query).json().get("data") or []


def test_messages_come_oldest_first_and_tell_customers_from_agents(
    pylon: PylonSandbox, desk: PylonCaller, issue: str
) -> None:
    pylon.agent_reply(issue, "<p>Which invoice?</p>")
    pylon.customer_reply(issue, "<p>Number 7</p>")

    said = messages(desk, issue)

    assert [each["message_html"] for each in said] == [
        "<p>Help</p>",
        "<p>Which invoice?</p>",
        "<p>Number 7</p>",
    ]
    assert [sorted(each["author"].keys() & {"contact", "user"}) for each in said] == [
        ["contact"],
        ["user"],
        ["contact"],
    ]
    assert said[0]["author"]["contact"]["id"] == pylon.customer
    assert said[0]["email_info"]["message_id"] != said[0]["id"]
    assert said[0]["timestamp"] == "2026-11-02T11:59:00Z"


def test_what_an_agent_opens_begins_with_an_internal_note(pylon: PylonSandbox, desk: PylonCaller) -> None:
    issue = pylon.create_issue("From a call", "<p>They called</p>", author="agent")
    pylon.customer_reply(issue, "<p>As I said on the phone</p>")

    said = messages(desk, issue)

    assert [each["is_private"] for each in said] == [True, False]
    assert said[0]["author"]["user"]["id"] == pylon.agent
    assert said[0]["thread_id"]
    assert "thread_id" not in said[1]


def test_all_messages_come_at_once_unless_pages_are_asked_for(
    pylon: PylonSandbox, desk: PylonCaller, issue: str
) -> None:
    for number in range(4):
        pylon.customer_reply(issue, f"<p>{number}</p>")

    everything = desk.get(f"/issues/{issue}/messages").json()
    first = desk.get(f"/issues/{issue}/messages", limit=3).json()
    rest = desk.get(f"/issues/{issue}/messages", limit=3, cursor=first["pagination"]["cursor"]).json()

    assert "pagination" not in everything
    assert len(first["data"]) == 3
    assert first["data"] + rest["data"] == everything["data"]
    assert rest["pagination"] == {"cursor": "", "has_next_page": False}


@pytest.mark.parametrize("limit", ["0", "1001", "-1", "x"])
def test_a_page_of_messages_has_1_to_1000(desk: PylonCaller, issue: str, limit: str) -> None:
    assert desk.get(f"/issues/{issue}/messages", limit=limit).status_code == 400


def test_a_note_is_private_by_the_user_of_the_token_and_answers_without_the_issue(
    pylon: PylonSandbox, desk: PylonCaller, issue: str
) -> None:
    reply = desk.post(f"/issues/{issue}/note", {"body_html": "<p>why</p>"}).json()

    (note,) = pylon.notes(issue)
    shown = messages(desk, issue)[-1]
    assert reply["data"] == {"id": note.id, "issue_id": issue}
    assert shown["is_private"] is True
    assert shown["author"]["user"] == {"id": pylon.api_user}


def test_a_note_without_a_thread_goes_to_the_newest_one_in_slack(
    pylon: PylonSandbox, desk: PylonCaller, issue: str
) -> None:
    pylon.add_slack_thread(issue, "C0OLD")
    newest = pylon.add_slack_thread(issue, "C0NEW")
    quiet = desk.post(f"/issues/{issue}/threads", {"name": "AI triage"}).json()["data"]

    desk.post(f"/issues/{issue}/note", {"body_html": "loud", "thread_id": "", "thread_name": "Ignored"})
    desk.post(f"/issues/{issue}/note", {"body_html": "quiet", "thread_id": quiet["id"]})

    loud, unheard = pylon.notes(issue)
    assert (loud.thread_id, loud.source) == (newest, "slack")
    assert (unheard.thread_id, unheard.source) == (quiet["id"], "manual")
    assert [thread.name for thread in pylon.threads(issue)] == ["Slack", "Slack", "AI triage"]


def test_a_note_where_nothing_is_in_slack_opens_a_thread_of_its_own(
    pylon: PylonSandbox, desk: PylonCaller, issue: str
) -> None:
    desk.post(f"/issues/{issue}/note", {"body_html": "a", "thread_name": "AI triage"})
    desk.post(f"/issues/{issue}/note", {"body_html": "b", "message_id": pylon.notes(issue)[0].id})

    shown = desk.get(f"/issues/{issue}/threads").json()["data"]
    assert [thread["name"] for thread in shown] == ["AI triage"]
    assert {note.thread_id for note in pylon.notes(issue)} == {shown[0]["id"]}


@pytest.mark.parametrize(
    ("asked", "status"),
    [
        ({}, 400),
        ({"body_html": ""}, 400),
        ({"body_html": "x", "thread_id": "a", "message_id": "b"}, 400),
        ({"body_html": "x", "thread_id": "no-such-thread"}, 404),
        ({"body_html": "x", "user_id": "nobody"}, 400),
    ],
)
def test_an_impossible_note_is_refused(
    pylon: PylonSandbox, desk: PylonCaller, issue: str, asked: dict[str, str], status: int
) -> None:
    assert desk.post(f"/issues/{issue}/note", asked).status_code == status
    assert pylon.notes() == ()


def test_a_note_sent_twice_is_there_twice(pylon: PylonSandbox, desk: PylonCaller, issue: str) -> None:
    for _ in range(2):
        desk.send("POST", f"/issues/{issue}/note", json={"body_html": "same"})

    assert [note.html for note in pylon.notes(issue)] == ["same", "same"]


def test_a_note_may_or_may_not_move_updated_at(now: Now, ask_pylon: Any) -> None:
    shown = []
    for touches in (True, False):
        with PylonSandbox(now, leeway=Leeway(note_touches=touches)) as pylon:
            desk = ask_pylon(pylon)
            issue = pylon.create_issue("One", "text", created_at=NOON - 60)
            desk.post(f"/issues/{issue}/note", {"body_html": "why"})
            shown.append(desk.get(f"/issues/{issue}").json()["data"]["updated_at"])

    assert shown == ["2026-11-02T12:00:00Z", "2026-11-02T11:59:00Z"]


@pytest.mark.parametrize("path", ["reply", "ai-response"])
def test_there_is_no_way_to_write_to_a_customer(
    pylon: PylonSandbox, desk: PylonCaller, issue: str, path: str
) -> None:
    assert desk.post(f"/issues/{issue}/{path}", {"body_html": "Dear customer"}).status_code == 404
    assert len(pylon.messages(issue)) == 1
