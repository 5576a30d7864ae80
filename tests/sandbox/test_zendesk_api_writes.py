"""What an update of one ticket does at an emulated Zendesk, and what it silently does not."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from connector.sandbox.zendesk_api import ZendeskSandbox

if TYPE_CHECKING:
    from tests.sandbox.conftest import Caller, Now


def stamp_of(api: Caller, ticket: int) -> str:
    return str(api.get(f"/tickets/{ticket}").json["ticket"]["updated_at"])


def fields_of(reply: Any) -> list[str]:
    return [event["field_name"] for event in reply.json["audit"]["events"] if event["type"] == "Change"]


# --- what counts as a change ---


def test_an_update_answers_with_the_ticket_and_the_audit_of_what_changed(
    zendesk: ZendeskSandbox, api: Caller, now: Now
) -> None:
    group = zendesk.add_group("Billing")
    ticket = zendesk.create_ticket("One", "text")
    now.advance(5)

    reply = api.update(ticket, group_id=group, priority="high")

    assert reply.status == 200
    assert reply.json["ticket"]["group_id"] == group
    assert reply.json["ticket"]["updated_at"] == "2026-11-02T12:00:05Z"
    assert fields_of(reply) == ["priority", "group_id"]


def test_ids_in_audits_are_text(zendesk: ZendeskSandbox, api: Caller) -> None:
    group = zendesk.add_group("Billing")

    reply = api.update(zendesk.create_ticket("One", "text"), group_id=group)

    assert reply.json["audit"]["events"][0]["value"] == str(group)


def test_nothing_is_saved_when_nothing_changes(zendesk: ZendeskSandbox, api: Caller, now: Now) -> None:
    ticket = zendesk.create_ticket("One", "text", tags=["a"])
    before = stamp_of(api, ticket)
    now.advance(5)

    reply = api.update(ticket, tags=["a"], metadata={"decision_id": "d1"})

    assert reply.json["audit"]["events"] == []
    assert reply.json["ticket"]["updated_at"] == before
    assert len(zendesk.audits(ticket)) == 1
    assert zendesk.writes() == ()


def test_two_changes_within_a_second_have_one_updated_at(
    zendesk: ZendeskSandbox, api: Caller, now: Now
) -> None:
    ticket = zendesk.create_ticket("One", "text")
    first = api.update(ticket, priority="high").json["ticket"]["updated_at"]
    now.advance(0.9)

    second = api.update(ticket, priority="low").json["ticket"]["updated_at"]

    assert first == second


def test_metadata_ends_up_in_the_audit(zendesk: ZendeskSandbox, api: Caller) -> None:
    ticket = zendesk.create_ticket("One", "text")

    api.update(ticket, priority="high", metadata={"decision_id": "d1"})

    newest = api.get(f"/tickets/{ticket}/audits", sort="-created_at").json["audits"][0]
    assert newest["metadata"]["custom"] == {"decision_id": "d1"}


def test_a_key_that_does_not_exist_is_dropped_with_only_a_header_to_tell(
    zendesk: ZendeskSandbox, api: Caller
) -> None:
    ticket = zendesk.create_ticket("One", "text")

    reply = api.update(ticket, grup_id=7, additional_tags=["x"])

    assert reply.status == 200
    assert reply.headers["x-zendesk-api-warn"] == (
        'Removed restricted keys ["additional_tags", "grup_id"] from parameters according to whitelist'
    )
    assert zendesk.tickets()[ticket].tags == ()


def test_the_description_is_ignored_without_a_word(zendesk: ZendeskSandbox, api: Caller) -> None:
    ticket = zendesk.create_ticket("One", "text")

    reply = api.update(ticket, description="other")

    assert reply.json["ticket"]["description"] == "text"
    assert "x-zendesk-api-warn" not in reply.headers


def test_a_body_that_is_not_sent_as_json_is_not_read(zendesk: ZendeskSandbox, api: Caller) -> None:
    ticket = zendesk.create_ticket("One", "text")
    headers = api.headers | {"Content-Type": "text/plain"}

    reply = api.send("PUT", f"/api/v2/tickets/{ticket}", {"ticket": {"priority": "high"}}, headers)

    assert reply.status == 400
    assert reply.json["error"]["title"] == "Invalid attribute"


# --- safe updates ---


@pytest.mark.parametrize("safe", [True, False, "true"])
def test_a_stale_stamp_is_a_conflict_even_when_safe_update_is_false(
    zendesk: ZendeskSandbox, api: Caller, now: Now, safe: object
) -> None:
    ticket = zendesk.create_ticket("One", "text")
    stamp = stamp_of(api, ticket)
    now.advance(1)
    zendesk.customer_reply(ticket, "More")

    reply = api.update(ticket, priority="high", safe_update=safe, updated_stamp=stamp)

    assert (reply.status, reply.json["error"]) == (409, "UpdateConflict")
    assert zendesk.writes() == ()


def test_a_fresh_stamp_is_accepted_once(zendesk: ZendeskSandbox, api: Caller, now: Now) -> None:
    ticket = zendesk.create_ticket("One", "text")
    change = {"priority": "high", "safe_update": True, "updated_stamp": stamp_of(api, ticket)}
    now.advance(1)

    first, second = api.update(ticket, **change), api.update(ticket, **change)

    assert (first.status, second.status) == (200, 409)


def test_a_change_within_the_second_of_the_stamp_passes_unnoticed(
    zendesk: ZendeskSandbox, api: Caller
) -> None:
    ticket = zendesk.create_ticket("One", "text")
    stamp = stamp_of(api, ticket)
    zendesk.person_sets(ticket, priority="low")

    reply = api.update(ticket, priority="high", safe_update=True, updated_stamp=stamp)

    assert reply.status == 200


def test_a_stamp_alone_protects_nothing(zendesk: ZendeskSandbox, api: Caller, now: Now) -> None:
    ticket = zendesk.create_ticket("One", "text")
    stamp = stamp_of(api, ticket)
    now.advance(1)
    zendesk.person_sets(ticket, priority="low")

    assert api.update(ticket, priority="high", updated_stamp=stamp).status == 200


def test_a_system_change_does_not_make_a_stamp_stale(zendesk: ZendeskSandbox, api: Caller, now: Now) -> None:
    ticket = zendesk.create_ticket("One", "text")
    stamp = stamp_of(api, ticket)
    now.advance(5)
    zendesk.system_touch(ticket)

    assert api.update(ticket, priority="high", safe_update=True, updated_stamp=stamp).status == 200


# --- group, assignee, status, priority ---


def test_a_group_that_does_not_exist_or_is_deleted_is_refused(zendesk: ZendeskSandbox, api: Caller) -> None:
    ticket = zendesk.create_ticket("One", "text")
    gone = zendesk.add_group("Gone", deleted=True)

    unknown, deleted = api.update(ticket, group_id=7), api.update(ticket, group_id=gone)

    assert unknown.status == deleted.status == 422
    assert unknown.json["error"] == "RecordInvalid"
    assert unknown.json["details"].keys() == {"group"}


def test_an_assignee_must_be_in_the_group(zendesk: ZendeskSandbox, api: Caller) -> None:
    billing, other = zendesk.add_group("Billing"), zendesk.add_group("Other")
    agent = zendesk.add_user("Bea", role="agent", group_ids=[other])

    reply = api.update(zendesk.create_ticket("One", "text"), group_id=billing, assignee_id=agent)

    assert reply.status == 422
    assert "assignee" in reply.json["details"]


def test_a_new_group_takes_the_ticket_from_an_assignee_who_is_not_in_it(
    zendesk: ZendeskSandbox, api: Caller
) -> None:
    billing, other = zendesk.add_group("Billing"), zendesk.add_group("Other")
    agent = zendesk.add_user("Bea", role="agent", group_ids=[other])
    ticket = zendesk.create_ticket("One", "text", group=other, assignee=agent)

    reply = api.update(ticket, group_id=billing)

    assert reply.json["ticket"]["assignee_id"] is None


def test_an_assigned_ticket_has_a_group_and_is_open(zendesk: ZendeskSandbox, api: Caller) -> None:
    group = zendesk.add_group("Billing")
    agent = zendesk.add_user("Bea", role="agent", group_ids=[group])

    changed = api.update(zendesk.create_ticket("One", "text"), assignee_id=agent).json["ticket"]

    assert (changed["group_id"], changed["status"]) == (group, "open")


def test_a_customer_cannot_be_assigned(zendesk: ZendeskSandbox, api: Caller) -> None:
    ticket = zendesk.create_ticket("One", "text")

    assert api.update(ticket, assignee_id=zendesk.customer).status == 422


def test_a_ticket_cannot_become_new_again(zendesk: ZendeskSandbox, api: Caller) -> None:
    ticket = zendesk.create_ticket("One", "text", status="open")

    assert api.update(ticket, status="new").status == 422


@pytest.mark.parametrize("change", [{"priority": "critical"}, {"status": "done"}, {"type": "bug"}])
def test_values_outside_the_lists_are_refused(
    zendesk: ZendeskSandbox, api: Caller, change: dict[str, str]
) -> None:
    reply = api.update(zendesk.create_ticket("One", "text"), **change)

    assert reply.status == 422
    assert reply.json["details"].keys() == change.keys()


def test_a_refused_update_changes_nothing_at_all(zendesk: ZendeskSandbox, api: Caller) -> None:
    ticket = zendesk.create_ticket("One", "text")
    before = zendesk.tickets()[ticket]

    api.update(ticket, tags=["x"], priority="critical", comment={"body": "note"})

    assert zendesk.tickets()[ticket] is before
    assert len(zendesk.comments(ticket)) == 1


@pytest.mark.parametrize(("locale", "word"), [("en", "closed"), ("de", "Geschlossene"), ("pt-BR", "fechado")])
def test_a_closed_ticket_is_refused_in_the_accounts_language(
    now: Now, locale: str, word: str, call_as: Any
) -> None:
    with ZendeskSandbox(now, locale=locale) as zendesk:
        ticket = zendesk.create_ticket("One", "text", status="closed")

        reply = call_as(zendesk).update(ticket, tags=["x"])

    assert reply.status == 422
    assert word in reply.json["details"]["status"][0]["description"]


def test_a_deleted_ticket_is_not_found(zendesk: ZendeskSandbox, api: Caller) -> None:
    ticket = zendesk.create_ticket("One", "text")
    zendesk.delete(ticket)

    for reply in (api.update(ticket, priority="high"), api.get(f"/tickets/{ticket}/comments")):
        assert (reply.status, reply.json["error"]) == (404, "RecordNotFound")
