"""Writing to an emulated Pylon: one PATCH, that replaces tags and knows no condition."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from connector.sandbox.faults import Fault, lose_response
from connector.sandbox.pylon_api import Leeway, PylonSandbox, mishaps
from tests.sandbox.conftest import NOON

if TYPE_CHECKING:
    from tests.sandbox.conftest import Now, PylonCaller


@pytest.fixture
def issue(pylon: PylonSandbox) -> str:
    return pylon.create_issue("One", "<p>text</p>", created_at=NOON - 60, tags=["web"])


def test_one_patch_sets_team_tags_and_fields_and_answers_with_the_issue(
    pylon: PylonSandbox, desk: PylonCaller, issue: str
) -> None:
    team = pylon.add_team("Billing")

    reply = desk.patch(
        issue, team_id=team, tags=["ai", "web"], custom_fields=[{"slug": "priority", "value": "high"}]
    )

    shown = reply.json()["data"]
    assert shown["team"] == {"id": team}
    assert shown["tags"] == ["ai", "web"]
    assert shown["custom_fields"] == {"priority": {"slug": "priority", "value": "high"}}
    assert shown["updated_at"] == "2026-11-02T12:00:00Z"
    assert shown == desk.get(f"/issues/{issue}").json()["data"]


def test_tags_become_exactly_the_given_ones(pylon: PylonSandbox, desk: PylonCaller, issue: str) -> None:
    desk.patch(issue, tags=["ai"])

    (write,) = pylon.writes(issue)
    assert pylon.issues()[issue].tags == ("ai",)
    assert write.tags_added == {"ai"}
    assert write.tags_removed == {"web"}


def test_no_tags_at_all_are_shown_as_null(desk: PylonCaller, issue: str) -> None:
    assert desk.patch(issue, tags=[]).json()["data"]["tags"] is None


def test_what_is_absent_or_null_stays(pylon: PylonSandbox, desk: PylonCaller, issue: str) -> None:
    before = pylon.issues()[issue]

    desk.patch(issue, title="Two", tags=None, team_id=None)

    after = pylon.issues()[issue]
    assert (after.title, after.tags, after.state) == ("Two", before.tags, before.state)


def test_an_empty_text_removes_team_and_assignee(pylon: PylonSandbox, desk: PylonCaller, issue: str) -> None:
    pylon.person_sets(issue, team=pylon.add_team("Billing"), assignee=pylon.agent)

    shown = desk.patch(issue, team_id="", assignee_id="").json()["data"]

    assert (shown["team"], shown["assignee"]) == (None, None)


def test_there_is_no_condition_so_the_last_writer_wins(
    pylon: PylonSandbox, desk: PylonCaller, issue: str
) -> None:
    seen = desk.get(f"/issues/{issue}")
    pylon.person_sets(issue, tags=["web", "urgent"])

    reply = desk.send(
        "PATCH",
        f"/issues/{issue}",
        json={"tags": ["web", "ai"]},
        params={"if_unmodified_since": seen.json()["data"]["updated_at"]},
    )

    assert "etag" not in seen.headers
    assert reply.json()["data"]["tags"] == ["web", "ai"]


def test_two_changes_in_one_second_leave_the_same_updated_at(
    pylon: PylonSandbox, desk: PylonCaller, issue: str, now: Now
) -> None:
    now.advance(0.2)
    first = desk.patch(issue, tags=["a"]).json()["data"]
    now.advance(0.5)
    pylon.person_sets(issue, tags=["b"])

    second = desk.get(f"/issues/{issue}").json()["data"]

    assert first["updated_at"] == second["updated_at"] == "2026-11-02T12:00:00Z"
    assert first["tags"] != second["tags"]
    assert pylon.issues()[issue].updated_at == pytest.approx(NOON + 0.7)


def test_priority_is_a_custom_field_and_nothing_at_the_top(
    pylon: PylonSandbox, desk: PylonCaller, issue: str
) -> None:
    shown = desk.patch(issue, priority="urgent").json()["data"]

    assert "priority" not in shown
    assert shown["custom_fields"] == {}


def test_only_the_given_fields_change_and_one_without_a_value_is_unset(
    pylon: PylonSandbox, desk: PylonCaller, issue: str
) -> None:
    pylon.add_field("plan")
    pylon.add_field("areas", kind="multiselect", options=["api", "web"])
    pylon.person_sets(issue, fields={"priority": "low", "plan": "pro"})

    shown = desk.patch(issue, custom_fields=[{"slug": "areas", "values": ["api"]}, {"slug": "plan"}]).json()

    assert shown["data"]["custom_fields"] == {
        "priority": {"slug": "priority", "value": "low"},
        "areas": {"slug": "areas", "values": ["api"]},
    }


@pytest.mark.parametrize(
    "changes",
    [
        {"state": "resolved"},
        {"tags": "ai"},
        {"tags": [7]},
        {"team_id": 7},
        {"team_id": "00000000-0000-4000-8000-000000000000"},
        {"assignee_id": "nobody"},
        {"custom_fields": {"priority": {"slug": "priority", "value": "high"}}},
        {"custom_fields": [{"slug": "priority", "value": "High"}]},
        {"custom_fields": [{"slug": "priority", "value": 3}]},
        {"custom_fields": [{"slug": "no_such_field", "value": "x"}]},
        {"custom_fields": [{"slug": "synced", "value": "x"}]},
        {"customer_portal_visible": "yes"},
    ],
)
def test_an_impossible_change_is_refused_as_a_whole(
    pylon: PylonSandbox, desk: PylonCaller, issue: str, changes: dict[str, Any]
) -> None:
    pylon.add_field("synced", read_only=True)
    before = pylon.issues()[issue]

    reply = desk.patch(issue, **{"title": "Changed"} | changes)

    assert reply.status_code == 400
    assert len(reply.json()["errors"]) == 1
    assert pylon.issues()[issue] == before
    assert pylon.writes() == ()


def test_a_conversation_becomes_a_ticket_and_never_again_a_conversation(
    desk: PylonCaller, issue: str
) -> None:
    assert desk.patch(issue, type="ticket").json()["data"]["type"] == "ticket"
    assert desk.patch(issue, type="conversation").status_code == 400


def test_a_state_of_the_tenants_own_can_be_set_and_counts_as_its_category(
    pylon: PylonSandbox, desk: PylonCaller, issue: str
) -> None:
    pylon.add_status("answered_by_phone", "closed")

    shown = desk.patch(issue, state="answered_by_phone").json()["data"]

    assert shown["state"] == "answered_by_phone"
    assert shown["resolution_time"] == "2026-11-02T12:00:00Z"


def test_an_issue_is_read_by_number_too_but_written_by_id_only(
    pylon: PylonSandbox, desk: PylonCaller, issue: str
) -> None:
    number = pylon.issues()[issue].number

    assert desk.get(f"/issues/{number}").json()["data"]["id"] == issue
    assert desk.patch(str(number), tags=["ai"]).status_code == 404
    assert pylon.writes() == ()


def test_an_unknown_tag_is_created_unless_the_tenant_refuses_it(now: Now, ask_pylon: Any) -> None:
    outcomes = []
    for created in (True, False):
        with PylonSandbox(now, leeway=Leeway(unknown_tags_created=created)) as pylon:
            desk = ask_pylon(pylon)
            pylon.add_tag("known")
            issue = pylon.create_issue("One", "text")
            status = desk.patch(issue, tags=["known", "new"]).status_code
            outcomes.append((status, [tag["value"] for tag in desk.get("/tags").json()["data"]]))

    assert outcomes == [(200, ["known", "new"]), (400, ["known"])]


def test_a_patch_of_the_same_values_may_or_may_not_move_updated_at(now: Now, ask_pylon: Any) -> None:
    shown = []
    for touches in (True, False):
        with PylonSandbox(now, leeway=Leeway(idle_patch_touches=touches)) as pylon:
            issue = pylon.create_issue("One", "text", created_at=NOON - 60, tags=["web"])
            shown.append(ask_pylon(pylon).patch(issue, tags=["web"]).json()["data"]["updated_at"])

    assert shown == ["2026-11-02T12:00:00Z", "2026-11-02T11:59:00Z"]


def test_a_trigger_routes_anew_after_our_answer(pylon: PylonSandbox, desk: PylonCaller, issue: str) -> None:
    ours, theirs = pylon.add_team("Billing"), pylon.add_team("VIP desk")
    pylon.add_trigger(lambda _before, after: {"team_id": theirs} if after.team_id == ours else None)

    answered = desk.patch(issue, team_id=ours).json()["data"]
    later = desk.get(f"/issues/{issue}").json()["data"]

    assert answered["team"] == {"id": ours}
    assert later["team"] == {"id": theirs}
    assert pylon.writes(issue)[0].after.team_id == ours


def test_a_person_can_act_right_before_a_patch(pylon: PylonSandbox, desk: PylonCaller, issue: str) -> None:
    team = pylon.add_team("Billing")
    act = mishaps.person_first(lambda: pylon.person_sets(issue, assignee=pylon.agent, tags=["web", "mine"]))
    pylon.faults.add(Fault(act, "PATCH"))

    shown = desk.patch(issue, team_id=team, tags=["web", "ai"]).json()["data"]

    (write,) = pylon.writes(issue)
    assert write.before.assignee_id == pylon.agent
    assert shown["assignee"]["id"] == pylon.agent
    assert write.tags_removed == {"mine"}


def test_a_person_can_act_between_a_patch_and_its_answer(
    pylon: PylonSandbox, desk: PylonCaller, issue: str
) -> None:
    pylon.faults.add(Fault(mishaps.person_after(lambda: pylon.close(issue)), "PATCH"))

    shown = desk.patch(issue, tags=["ai"]).json()["data"]

    assert shown["state"] == "new"
    assert pylon.issues()[issue].state == "closed"


def test_a_patch_whose_answer_is_lost_has_been_written(
    pylon: PylonSandbox, desk: PylonCaller, issue: str
) -> None:
    pylon.faults.add(Fault(lose_response(), "PATCH"))

    with pytest.raises(OSError, match=r"reset|aborted"):
        desk.patch(issue, tags=["ai"])

    assert [write.patch for write in pylon.writes()] == [{"tags": ["ai"]}]
    assert pylon.requests[-1].status == 0


@pytest.mark.parametrize("body", [b"{", b"[]", b"7"])
def test_a_body_that_is_no_object_is_refused(desk: PylonCaller, issue: str, body: bytes) -> None:
    assert desk.send("PATCH", f"/issues/{issue}", data=body).status_code == 400
