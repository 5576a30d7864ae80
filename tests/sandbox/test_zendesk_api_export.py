"""The emulated incremental export keeps the vendor's promises, and its traps."""

from __future__ import annotations

import base64
from typing import TYPE_CHECKING

from connector.sandbox.zendesk_api import ZendeskSandbox

if TYPE_CHECKING:
    from tests.sandbox.conftest import Caller, Now

CURSOR = "/incremental/tickets/cursor"


def test_the_most_recent_minute_is_never_shown(zendesk: ZendeskSandbox, api: Caller, now: Now) -> None:
    zendesk.create_ticket("New", "Just now")

    hidden = api.export()
    now.advance(60)
    shown = api.export()

    assert hidden == []
    assert [ticket["subject"] for ticket in shown] == ["New"]


def test_a_start_time_within_the_last_minute_is_refused(api: Caller, now: Now) -> None:
    reply = api.get(CURSOR, start_time=int(now.at - 59))

    assert reply.status == 400
    assert reply.json["error"] == "StartTimeTooRecent"


def test_a_start_time_of_exactly_one_minute_ago_is_accepted(api: Caller, now: Now) -> None:
    assert api.get(CURSOR, start_time=int(now.at - 60)).status == 200


def test_a_cursor_and_a_start_time_together_are_refused(
    zendesk: ZendeskSandbox, api: Caller, old: float
) -> None:
    zendesk.create_ticket("One", "text", created_at=old)
    cursor = api.get(CURSOR, start_time=1).json["after_cursor"]

    reply = api.get(CURSOR, start_time=1, cursor=cursor)

    assert reply.status == 400


def test_neither_cursor_nor_start_time_is_refused(api: Caller) -> None:
    assert api.get(CURSOR).status == 400


def test_more_tickets_of_one_second_than_fit_on_a_page_are_all_shown_once(
    zendesk: ZendeskSandbox, api: Caller, old: float
) -> None:
    ids = [zendesk.create_ticket(f"Number {n}", "text", created_at=old) for n in range(7)]

    shown = api.export(per_page=2)

    assert [ticket["id"] for ticket in shown] == ids


def test_tickets_come_in_the_order_of_their_last_change_and_then_of_their_id(
    zendesk: ZendeskSandbox, api: Caller, now: Now, old: float
) -> None:
    first = zendesk.create_ticket("First", "text", created_at=old)
    second = zendesk.create_ticket("Second", "text", created_at=old)
    zendesk.customer_reply(first, "More")
    now.advance(61)

    shown = api.export()

    assert [ticket["id"] for ticket in shown] == [second, first]


def test_the_cursor_is_not_null_at_the_end_of_the_stream(
    zendesk: ZendeskSandbox, api: Caller, old: float
) -> None:
    zendesk.create_ticket("One", "text", created_at=old)

    page = api.get(CURSOR, start_time=1).json

    assert page["end_of_stream"] is True
    assert page["after_cursor"]
    assert "cursor=" in page["after_url"]


def test_an_empty_page_repeats_the_cursor_it_was_asked_with(
    zendesk: ZendeskSandbox, api: Caller, old: float
) -> None:
    zendesk.create_ticket("One", "text", created_at=old)
    cursor = api.get(CURSOR, start_time=1).json["after_cursor"]

    page = api.get(CURSOR, cursor=cursor).json

    assert page["tickets"] == []
    assert page["after_cursor"] == cursor
    assert page["end_of_stream"] is True


def test_an_empty_page_may_have_a_null_cursor_when_asked_to(zendesk: ZendeskSandbox, api: Caller) -> None:
    zendesk.export.null_cursor_when_empty = True

    assert api.get(CURSOR, start_time=1).json["after_cursor"] is None


def test_a_full_last_page_is_the_end_of_the_stream(zendesk: ZendeskSandbox, api: Caller, old: float) -> None:
    for number in range(4):
        zendesk.create_ticket(f"Number {number}", "text", created_at=old)
    cursor = api.get(CURSOR, start_time=1, per_page=2).json["after_cursor"]

    page = api.get(CURSOR, cursor=cursor, per_page=2).json

    assert len(page["tickets"]) == 2
    assert page["end_of_stream"] is True


def test_the_cursor_has_the_form_of_recorded_ones(zendesk: ZendeskSandbox, api: Caller) -> None:
    ticket = zendesk.create_ticket("One", "text", created_at=1_707_271_741)

    cursor = api.get(CURSOR, start_time=1).json["after_cursor"]

    assert base64.b64decode(cursor).decode() == f"1707271741.0||{ticket}|"


def test_a_malformed_cursor_is_refused(api: Caller) -> None:
    assert api.get(CURSOR, cursor="bm90IGEgY3Vyc29y").status == 400


def test_a_forgotten_cursor_is_refused(zendesk: ZendeskSandbox, api: Caller, old: float) -> None:
    zendesk.create_ticket("One", "text", created_at=old)
    cursor = api.get(CURSOR, start_time=1).json["after_cursor"]
    zendesk.export.forget_cursors()

    assert api.get(CURSOR, cursor=cursor).status == 422


def test_a_system_change_delivers_the_ticket_again_with_the_old_updated_at(
    zendesk: ZendeskSandbox, api: Caller, now: Now, old: float
) -> None:
    ticket = zendesk.create_ticket("One", "text", created_at=old)
    before = api.export()[0]
    cursor = api.get(CURSOR, start_time=1).json["after_cursor"]
    zendesk.system_touch(ticket)
    now.advance(60)

    again = api.get(CURSOR, cursor=cursor).json["tickets"]

    assert [row["updated_at"] for row in again] == [before["updated_at"]]
    assert again[0]["generated_timestamp"] > before["generated_timestamp"]


def test_a_system_change_may_alter_values_without_moving_updated_at(
    zendesk: ZendeskSandbox, api: Caller, now: Now, old: float
) -> None:
    ticket = zendesk.create_ticket("One", "text", created_at=old, status="solved")
    before = api.export()[0]
    zendesk.system_touch(ticket, {"status": "closed"})
    now.advance(60)

    after = api.export()[0]

    assert after["status"] == "closed"
    assert after["updated_at"] == before["updated_at"]


def test_deleted_tickets_are_in_the_stream_unless_excluded(
    zendesk: ZendeskSandbox, api: Caller, now: Now, old: float
) -> None:
    zendesk.delete(zendesk.create_ticket("Gone", "text", created_at=old))
    now.advance(60)

    assert [ticket["status"] for ticket in api.export()] == ["deleted"]
    assert api.export(exclude_deleted="true") == []


def test_a_scrubbed_ticket_is_delivered_with_its_old_updated_at(
    zendesk: ZendeskSandbox, api: Caller, now: Now, old: float
) -> None:
    ticket = zendesk.create_ticket("Gone", "text", created_at=old)
    zendesk.delete(ticket)
    deleted_at = zendesk.tickets()[ticket].updated_at
    now.advance(30 * 86_400)
    zendesk.scrub(ticket)

    scrubbed = zendesk.tickets()[ticket]

    assert scrubbed.subject == "SCRUBBED"
    assert scrubbed.updated_at == deleted_at < scrubbed.generated_at


def test_tickets_of_ai_agents_are_hidden_unless_asked_for(
    zendesk: ZendeskSandbox, api: Caller, old: float
) -> None:
    zendesk.create_ticket("By a bot", "text", created_at=old, support_type="ai_agent")

    assert api.export() == []
    assert len(api.export(support_type_scope="all")) == 1


def test_sideloads_are_only_those_asked_for_and_each_record_once(
    zendesk: ZendeskSandbox, api: Caller, old: float
) -> None:
    firm = zendesk.add_organization("Northwind", fields={"tier": "enterprise"})
    group = zendesk.add_group("Billing")
    for _ in range(2):
        zendesk.create_ticket("One", "text", created_at=old, organization=firm, group=group)

    page = api.get(CURSOR, start_time=1, include="users,groups,organizations").json
    plain = api.get(CURSOR, start_time=1).json

    assert [user["role"] for user in page["users"]] == ["end-user"]
    assert [each["id"] for each in page["groups"]] == [group]
    assert page["organizations"][0]["organization_fields"] == {"tier": "enterprise"}
    assert "users" not in plain


def test_comment_count_is_sideloaded_into_the_tickets(zendesk: ZendeskSandbox, api: Caller, now: Now) -> None:
    ticket = zendesk.create_ticket("One", "text")
    zendesk.customer_reply(ticket, "More")
    now.advance(60)

    assert [row["comment_count"] for row in api.export(include="comment_count")] == [2]


def test_only_the_export_has_a_generated_timestamp(zendesk: ZendeskSandbox, api: Caller, old: float) -> None:
    ticket = zendesk.create_ticket("One", "text", created_at=old)

    assert api.export()[0]["generated_timestamp"] == int(old)
    assert "generated_timestamp" not in api.get(f"/tickets/{ticket}").json["ticket"]


def test_ids_are_beyond_32_bits(zendesk: ZendeskSandbox, api: Caller, old: float) -> None:
    zendesk.create_ticket("One", "text", created_at=old)

    row = api.export()[0]

    assert min(row["id"], row["requester_id"]) > 2**32


def test_a_null_subject_stays_null(zendesk: ZendeskSandbox, api: Caller, old: float) -> None:
    zendesk.create_ticket(None, "text", created_at=old)

    assert api.export()[0]["subject"] is None


def test_a_body_of_more_than_64_kb_is_cut_silently(zendesk: ZendeskSandbox, api: Caller, old: float) -> None:
    zendesk.create_ticket("Long", "ü" * 70_000, created_at=old)

    description = api.export()[0]["description"]

    assert len(description.encode()) == 65_534
    assert set(description) == {"ü"}


def test_paths_work_with_and_without_json_at_the_end(api: Caller) -> None:
    assert api.get(f"{CURSOR}.json", start_time=1).status == api.get(CURSOR, start_time=1).status == 200


def test_a_change_between_two_pages_is_not_lost(
    zendesk: ZendeskSandbox, api: Caller, now: Now, old: float
) -> None:
    ids = [zendesk.create_ticket(f"Number {n}", "text", created_at=old + n) for n in range(4)]
    first = api.get(CURSOR, start_time=1, per_page=2).json
    zendesk.customer_reply(ids[3], "More")
    second = api.get(CURSOR, cursor=first["after_cursor"], per_page=2).json
    now.advance(60)

    third = api.get(CURSOR, cursor=second["after_cursor"], per_page=2).json

    assert [row["id"] for row in first["tickets"] + second["tickets"]] == ids[:3]
    assert [row["id"] for row in third["tickets"]] == [ids[3]]


def test_the_connectors_own_write_comes_back_in_the_stream(
    zendesk: ZendeskSandbox, api: Caller, now: Now, old: float
) -> None:
    ticket = zendesk.create_ticket("One", "text", created_at=old)
    cursor = api.get(CURSOR, start_time=1).json["after_cursor"]
    written = api.update(ticket, priority="high").json["ticket"]
    now.advance(60)

    echo = api.get(CURSOR, cursor=cursor).json["tickets"]

    assert [(row["id"], row["updated_at"]) for row in echo] == [(ticket, written["updated_at"])]


def test_metric_sets_tell_a_requesters_reply_from_an_agents(
    zendesk: ZendeskSandbox, api: Caller, now: Now
) -> None:
    ticket = zendesk.create_ticket("One", "text", created_at=now.at - 600)
    zendesk.customer_reply(ticket, "Any news?")
    now.advance(60)
    zendesk.agent_reply(ticket, "Soon.")
    zendesk.agent_reply(ticket, "A note.", public=False)
    now.advance(60)

    (row,) = api.get(CURSOR, start_time=1, include="metric_sets").json["tickets"]

    metrics = row["metric_set"]
    assert metrics["ticket_id"] == ticket
    assert metrics["requester_updated_at"] == "2026-11-02T12:00:00Z"
    assert metrics["latest_comment_added_at"] == "2026-11-02T12:01:00Z"
    assert metrics["replies"] == 1
    assert "metric_set" not in api.get(CURSOR, start_time=1).json["tickets"][0]
