"""Lists of an emulated Zendesk: what they leave out, and how their pages end."""

from __future__ import annotations

from typing import TYPE_CHECKING
from urllib.parse import urlsplit

import pytest

from connector.sandbox.zendesk_api import ZendeskSandbox

if TYPE_CHECKING:
    from tests.sandbox.conftest import Caller, Now


def test_the_last_page_still_has_a_next_link(zendesk: ZendeskSandbox, api: Caller) -> None:
    zendesk.create_ticket("One", "text")

    page = api.get("/tickets", page_size=100).json
    link = urlsplit(page["links"]["next"])
    beyond = api.send("GET", f"{link.path}?{link.query}").json

    assert page["meta"]["has_more"] is False
    assert page["meta"]["after_cursor"]
    assert beyond["tickets"] == []


def test_every_item_is_on_exactly_one_page(zendesk: ZendeskSandbox, api: Caller) -> None:
    ids = [zendesk.create_ticket(f"Number {n}", "text") for n in range(5)]
    found: list[int] = []
    page = api.get("/tickets", sort="-id", page_size=2).json
    found += [ticket["id"] for ticket in page["tickets"]]

    while page["meta"]["has_more"]:
        page = api.get("/tickets", sort="-id", page_size=2, page_after=page["meta"]["after_cursor"]).json
        found += [ticket["id"] for ticket in page["tickets"]]

    assert found == ids[::-1]


@pytest.mark.parametrize("size", [0, 101, "many"])
def test_page_sizes_outside_the_bounds_are_refused_with_a_list_of_errors(api: Caller, size: object) -> None:
    reply = api.get("/tickets", page_size=size)

    assert reply.status == 400
    assert reply.json["errors"][0]["status"] == "400"


def test_a_cursor_that_is_none_is_refused(api: Caller) -> None:
    assert api.get("/tickets", page_size=2, page_after="bm9uZQ==").status == 400


def test_pages_by_number_end_at_the_hundredth(zendesk: ZendeskSandbox, api: Caller) -> None:
    for number in range(3):
        zendesk.create_ticket(f"Number {number}", "text")

    first = api.get("/tickets", per_page=2).json
    second = api.get("/tickets", per_page=2, page=2).json
    beyond = api.get("/tickets", per_page=2, page=101)

    assert (len(first["tickets"]), len(second["tickets"]), first["count"]) == (2, 1, 3)
    assert first["next_page"]
    assert second["next_page"] is None
    assert beyond.status == 400


def test_the_list_shows_a_ticket_at_once(zendesk: ZendeskSandbox, api: Caller) -> None:
    ticket = zendesk.create_ticket("New", "text")

    assert [row["id"] for row in api.get("/tickets", page_size=1).json["tickets"]] == [ticket]


def test_the_list_is_of_agents_tickets_unless_others_are_asked_for(
    zendesk: ZendeskSandbox, api: Caller
) -> None:
    ours = zendesk.create_ticket("For a person", "text")
    bots = zendesk.create_ticket("For a bot", "text", support_type="ai_agent")

    shown = {
        scope: [row["id"] for row in api.get("/tickets", sort="-id", page_size=9, **asked).json["tickets"]]
        for scope, asked in {
            "default": {},
            "ai_agent": {"support_type_scope": "ai_agent"},
            "all": {"support_type_scope": "all"},
        }.items()
    }

    assert shown == {"default": [ours], "ai_agent": [bots], "all": [bots, ours]}
    assert api.get("/tickets", support_type_scope="nobody").status == 400


def test_the_list_can_be_sorted_by_last_change(zendesk: ZendeskSandbox, api: Caller, now: Now) -> None:
    first, second = zendesk.create_ticket("One", "text"), zendesk.create_ticket("Two", "text")
    now.advance(1)
    zendesk.customer_reply(first, "More")

    page = api.get("/tickets", sort="-updated_at", page_size=10).json

    assert [row["id"] for row in page["tickets"]] == [first, second]


def test_the_list_leaves_out_deleted_and_archived_tickets(
    zendesk: ZendeskSandbox, api: Caller, now: Now
) -> None:
    zendesk.delete(zendesk.create_ticket("Deleted", "text"))
    zendesk.create_ticket("Archived", "text", status="closed", created_at=now.at - 121 * 86_400)
    recent = zendesk.create_ticket("Closed", "text", status="closed")

    assert [row["id"] for row in api.get("/tickets", page_size=10).json["tickets"]] == [recent]


def test_show_many_leaves_out_what_does_not_exist(zendesk: ZendeskSandbox, api: Caller) -> None:
    ticket, gone = zendesk.create_ticket("One", "text"), zendesk.create_ticket("Two", "text")
    zendesk.delete(gone)

    shown = api.get("/tickets/show_many", ids=f"{ticket},{gone},7").json

    assert [row["id"] for row in shown["tickets"]] == [ticket]


def test_show_many_takes_a_hundred_ids(api: Caller) -> None:
    reply = api.get("/tickets/show_many", ids=",".join(map(str, range(1, 102))))

    assert (reply.status, reply.json["error"]) == (400, "TooManyValues")


def test_groups_are_listed_with_deleted_ones_unless_excluded(zendesk: ZendeskSandbox, api: Caller) -> None:
    live, gone = zendesk.add_group("Billing"), zendesk.add_group("Old billing")
    zendesk.delete_group(gone)

    everything = api.get("/groups", page_size=100).json["groups"]
    living = api.get("/groups", page_size=100, exclude_deleted="true").json["groups"]
    assignable = api.get("/groups/assignable").json["groups"]

    assert [(group["id"], group["deleted"]) for group in everything] == [(live, False), (gone, True)]
    assert [group["id"] for group in living] == [group["id"] for group in assignable] == [live]


def test_two_groups_may_have_one_name(zendesk: ZendeskSandbox, api: Caller) -> None:
    ids = {zendesk.add_group("Billing"), zendesk.add_group("Billing")}

    groups = api.get("/groups", page_size=100).json["groups"]

    assert {group["id"] for group in groups} == ids
    assert {group["name"] for group in groups} == {"Billing"}


def test_the_first_comment_is_the_description_by_the_submitter(zendesk: ZendeskSandbox, api: Caller) -> None:
    ticket = zendesk.create_ticket("On behalf", "He called", submitter=zendesk.agent)
    zendesk.customer_reply(ticket, "Thanks")

    reply = api.get(f"/tickets/{ticket}/comments", page_size=100, include="users").json

    assert [comment["body"] for comment in reply["comments"]] == ["He called", "Thanks"]
    assert [comment["author_id"] for comment in reply["comments"]] == [zendesk.agent, zendesk.customer]
    assert {user["role"] for user in reply["users"]} == {"agent", "end-user"}


def test_comments_can_be_read_from_the_end(zendesk: ZendeskSandbox, api: Caller) -> None:
    ticket = zendesk.create_ticket("One", "first")
    zendesk.customer_reply(ticket, "second")

    newest = api.get(f"/tickets/{ticket}/comments", page_size=1, sort="-created_at").json

    assert [comment["body"] for comment in newest["comments"]] == ["second"]


def test_audits_begin_with_the_creation(zendesk: ZendeskSandbox, api: Caller) -> None:
    ticket = zendesk.create_ticket("One", "first", channel="web")
    zendesk.person_sets(ticket, priority="low")

    audits = api.get(f"/tickets/{ticket}/audits", page_size=100).json["audits"]

    assert [event["type"] for event in audits[0]["events"]] == ["Comment", "Create"]
    assert audits[0]["via"]["channel"] == "web"
    assert [event["field_name"] for event in audits[1]["events"]] == ["priority"]


def test_people_and_organizations_can_be_looked_up(zendesk: ZendeskSandbox, api: Caller) -> None:
    firm = zendesk.add_organization("Northwind", fields={"tier": "enterprise"}, tags=["vip_firm"])
    person = zendesk.add_user("Pia", organization_id=firm)

    many = api.get("/users/show_many", ids=f"{person},{zendesk.agent}").json["users"]
    one = api.get(f"/organizations/{firm}").json["organization"]

    assert [user["id"] for user in many] == [person, zendesk.agent]
    assert (one["organization_fields"], one["tags"]) == ({"tier": "enterprise"}, ["vip_firm"])
    assert [each["id"] for each in api.get("/organizations").json["organizations"]] == [firm]
    assert [each["id"] for each in api.get("/organizations/show_many", ids=firm).json["organizations"]] == [
        firm
    ]
    assert api.get("/users/7").status == api.get("/groups/7").status == 404


def test_users_are_searched_by_parts_of_their_names_and_addresses(
    zendesk: ZendeskSandbox, api: Caller
) -> None:
    jane = zendesk.add_user("Jane Roe", email="jane@example.com")
    mary = zendesk.add_user("Mary Roe", email="mary-jane@example.com")

    def found(query: str) -> list[int]:
        return [user["id"] for user in api.get("/users/search", query=query).json["users"]]

    assert found("roe") == found('email:"jane@example.com"') == [jane, mary]
    assert found("email:roe") == []
