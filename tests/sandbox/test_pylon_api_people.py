"""What people do at an emulated Pylon, as its API shows it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from connector.sandbox.pylon_api import PylonSandbox
from tests.sandbox.conftest import NOON

if TYPE_CHECKING:
    from tests.sandbox.conftest import Now, PylonCaller


@pytest.fixture
def issue(pylon: PylonSandbox) -> str:
    return pylon.create_issue("One", "<p>Help</p>", created_at=NOON - 60)


def shown(desk: PylonCaller, issue: str) -> dict[str, Any]:
    data: dict[str, Any] = desk.get(f"/issues/{issue}").json()["data"]
    return data


def test_a_new_issue_shows_missing_objects_and_lists_as_null(desk: PylonCaller, issue: str) -> None:
    data = shown(desk, issue)

    missing = ("account", "assignee", "team", "tags", "attachment_urls", "child_issues", "resolution_time")
    assert [data[name] for name in missing] == [None] * len(missing)
    assert (data["state"], data["type"], data["source"]) == ("new", "conversation", "email")
    assert data["created_at"] == data["updated_at"] == "2026-11-02T11:59:00Z"
    assert data["body_html"] == "<p>Help</p>"


def test_an_answer_waits_for_the_customer_and_a_reply_wakes_the_issue(
    pylon: PylonSandbox, desk: PylonCaller, issue: str, now: Now
) -> None:
    pylon.agent_reply(issue, "<p>Which one?</p>")
    answered = shown(desk, issue)
    now.advance(30)
    pylon.customer_reply(issue, "<p>The red one</p>")
    replied = shown(desk, issue)
    now.advance(30)
    pylon.agent_reply(issue, "<p>Done</p>")

    assert shown(desk, issue)["first_response_time"] == answered["first_response_time"]
    assert (answered["state"], replied["state"]) == ("waiting_on_customer", "waiting_on_you")
    assert answered["first_response_time"] == replied["first_response_time"] == "2026-11-02T12:00:00Z"
    assert replied["latest_message_time"] == replied["updated_at"] == "2026-11-02T12:00:30Z"
    assert replied["body_html"] == "<p>Help</p>"


def test_an_agents_note_moves_the_issue_and_leaves_its_state(
    pylon: PylonSandbox, desk: PylonCaller, issue: str
) -> None:
    pylon.agent_reply(issue, "<p>between us</p>", public=False)

    data = shown(desk, issue)
    assert (data["state"], data["first_response_time"]) == ("new", None)
    assert data["updated_at"] == "2026-11-02T12:00:00Z"
    assert pylon.notes(issue) == ()


def test_a_closed_issue_is_resolved_until_the_customer_writes_again(
    pylon: PylonSandbox, desk: PylonCaller, issue: str
) -> None:
    pylon.close(issue)
    closed = shown(desk, issue)
    pylon.customer_reply(issue, "<p>No</p>")
    reopened = shown(desk, issue)

    assert (closed["state"], closed["resolution_time"]) == ("closed", "2026-11-02T12:00:00Z")
    assert (reopened["state"], reopened["resolution_time"]) == ("waiting_on_you", None)


def test_a_snoozed_issue_is_on_hold_with_an_end(pylon: PylonSandbox, desk: PylonCaller, issue: str) -> None:
    pylon.snooze(issue, NOON + 3600)
    asleep = shown(desk, issue)
    pylon.customer_reply(issue, "<p>Hello?</p>")
    awake = shown(desk, issue)

    assert (asleep["state"], asleep["snoozed_until_time"]) == ("on_hold", "2026-11-02T13:00:00Z")
    assert (awake["state"], awake["snoozed_until_time"]) == ("waiting_on_you", None)


def test_people_set_and_clear_team_assignee_and_tags(
    pylon: PylonSandbox, desk: PylonCaller, issue: str
) -> None:
    team = pylon.add_team("Billing")

    pylon.person_sets(issue, team=team, assignee=pylon.agent, tags=["a", "b"], fields={"priority": "low"})
    held = shown(desk, issue)
    pylon.person_sets(issue, team=None, assignee=None, tags=[])
    freed = shown(desk, issue)

    assert (held["team"]["id"], held["assignee"]["id"], held["tags"]) == (team, pylon.agent, ["a", "b"])
    assert (freed["team"], freed["assignee"], freed["tags"]) == (None, None, None)
    assert freed["custom_fields"]["priority"]["value"] == "low"
    assert pylon.writes() == ()


def test_a_group_of_issues_names_parent_and_children(pylon: PylonSandbox, desk: PylonCaller) -> None:
    parent, child = (pylon.create_issue(title, "text") for title in ("Outage", "Me too"))

    pylon.group(parent, [child])

    assert [each["id"] for each in shown(desk, parent)["child_issues"]] == [child]
    assert shown(desk, child)["parent_issue_group"]["id"] == parent


def test_links_to_attachments_expire_and_so_differ_between_reads(
    pylon: PylonSandbox, desk: PylonCaller, now: Now
) -> None:
    issue = pylon.create_issue("One", "text", attachments=["log.txt"])
    first = shown(desk, issue)
    now.advance(3600)
    second = shown(desk, issue)

    assert first["attachment_urls"] != second["attachment_urls"]
    assert first["updated_at"] == second["updated_at"]


def test_the_sandbox_remembers_what_it_was_asked(pylon: PylonSandbox, desk: PylonCaller, issue: str) -> None:
    shown(desk, issue)
    desk.get("/nothing")

    assert [(each.method, each.path, each.status) for each in pylon.requests] == [
        ("GET", f"/issues/{issue}", 200),
        ("GET", "/nothing", 404),
    ]
