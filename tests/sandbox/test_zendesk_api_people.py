"""What people do at an emulated Zendesk, and what a test can see of it."""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING

import pytest

from connector.sandbox.faults import Fault, lose_response
from connector.sandbox.zendesk_api import NewTicket, ZendeskSandbox

if TYPE_CHECKING:
    from tests.sandbox.conftest import Caller, Now


def test_a_ticket_has_the_size_and_keys_of_a_real_one(zendesk: ZendeskSandbox, api: Caller) -> None:
    ticket = zendesk.create_ticket("A subject", "x" * 700)

    reply = api.get(f"/tickets/{ticket}")

    shown = reply.json["ticket"]
    assert 2_900 < len(reply.body) < 3_900
    assert shown["fields"] == shown["custom_fields"]
    assert len(shown["custom_fields"]) == 20
    assert {
        "via",
        "satisfaction_rating",
        "raw_subject",
        "from_messaging_channel",
        "encoded_id",
    } <= shown.keys()


def test_a_new_ticket_inherits_tags_and_group(zendesk: ZendeskSandbox) -> None:
    group = zendesk.add_group("Enterprise desk")
    firm = zendesk.add_organization("Northwind", tags=["enterprise"], group_id=group)
    person = zendesk.add_user("Pia", organization_id=firm, tags=["beta"])

    created = zendesk.create_ticket("One", "text", requester=person, tags=["web_form"])

    ticket = zendesk.tickets()[created]
    assert ticket.tags == ("beta", "enterprise", "web_form")
    assert (ticket.organization_id, ticket.group_id) == (firm, group)


@pytest.mark.parametrize(("before", "after"), [("solved", "open"), ("pending", "open"), ("new", "new")])
def test_a_customers_reply_reopens_what_was_waiting(zendesk: ZendeskSandbox, before: str, after: str) -> None:
    ticket = zendesk.create_ticket("One", "text", status=before)

    zendesk.customer_reply(ticket, "Still broken")

    assert zendesk.tickets()[ticket].status == after


def test_an_agent_can_take_a_ticket_with_a_reply(zendesk: ZendeskSandbox) -> None:
    zendesk.add_group("Billing")
    ticket = zendesk.create_ticket("One", "text")

    zendesk.agent_reply(ticket, "Mine", assigns=True)

    taken = zendesk.tickets()[ticket]
    assert (taken.assignee_id, taken.status) == (zendesk.agent, "open")
    assert zendesk.comments(ticket)[-1].author_id == zendesk.agent


def test_an_agents_private_note_is_not_one_of_ours(zendesk: ZendeskSandbox) -> None:
    ticket = zendesk.create_ticket("One", "text")

    zendesk.agent_reply(ticket, "between us", public=False)

    assert zendesk.comments(ticket)[-1].public is False
    assert zendesk.notes(ticket) == ()


def test_a_merge_closes_the_source_and_notes_it_privately_at_the_target(
    zendesk: ZendeskSandbox, api: Caller
) -> None:
    source, target = zendesk.create_ticket("Again", "same problem"), zendesk.create_ticket("One", "text")

    zendesk.merge(source, target)

    closed = zendesk.tickets()[source]
    assert (closed.status, "closed_by_merge" in closed.tags) == ("closed", True)
    assert zendesk.comments(target)[-1].public is False
    audits = api.get(f"/tickets/{target}/audits").json["audits"]
    assert audits[-1]["via"]["source"]["rel"] == "merge"


def test_a_deleted_ticket_can_be_restored(zendesk: ZendeskSandbox, api: Caller) -> None:
    ticket = zendesk.create_ticket("One", "text", status="open")
    zendesk.delete(ticket)
    deleted = api.get(f"/tickets/{ticket}").status

    zendesk.restore(ticket)

    assert deleted == 404
    assert api.get(f"/tickets/{ticket}").json["ticket"]["status"] == "open"
    assert [event["value"] for audit in zendesk.audits(ticket)[1:] for event in audit.events] == [
        "deleted",
        "open",
    ]


def test_an_edited_subject_leaves_the_description_alone(zendesk: ZendeskSandbox, now: Now) -> None:
    ticket = zendesk.create_ticket("One", "text")
    now.advance(5)

    zendesk.edit_subject(ticket, "Two")

    edited = zendesk.tickets()[ticket]
    assert (edited.subject, edited.description, edited.updated_at) == ("Two", "text", int(now.at))


def test_a_person_can_give_a_ticket_back(zendesk: ZendeskSandbox) -> None:
    group = zendesk.add_group("Billing")
    ticket = zendesk.create_ticket("One", "text", group=group, assignee=zendesk.agent)

    zendesk.person_sets(ticket, assignee=None, group=None)

    assert zendesk.tickets()[ticket].group_id is None
    assert zendesk.tickets()[ticket].assignee_id is None


def test_a_messaging_ticket_has_its_words_in_the_second_comment(zendesk: ZendeskSandbox, api: Caller) -> None:
    draft = NewTicket(
        "Conversation", "Conversation with Pia", zendesk.customer, 1, messages=("It is broken",)
    )

    ticket = zendesk.create_tickets([draft])[0]

    comments = api.get(f"/tickets/{ticket}/comments").json["comments"]
    assert [comment["body"] for comment in comments] == ["Conversation with Pia", "It is broken"]


def test_requests_are_recorded_with_path_status_and_time(
    zendesk: ZendeskSandbox, api: Caller, now: Now
) -> None:
    api.get("/groups")
    now.advance(3)
    api.get("/tickets/7")

    assert [(each.path, each.status, each.at) for each in zendesk.requests] == [
        ("/api/v2/groups", 200, now.at - 3),
        ("/api/v2/tickets/7", 404, now.at),
    ]


def test_a_write_tells_before_and_after(zendesk: ZendeskSandbox, api: Caller) -> None:
    group = zendesk.add_group("Billing")
    ticket = zendesk.create_ticket("One", "text", tags=["a"])

    api.update(ticket, group_id=group, tags=["a", "b"], metadata={"decision_id": "d1"})

    write = zendesk.writes(ticket)[0]
    assert (write.before.group_id, write.after.group_id, write.group_changed) == (None, group, True)
    assert write.tags_added == {"b"}
    assert not write.tags_removed
    assert write.custom == {"decision_id": "d1"}


def test_a_lost_response_leaves_the_write_done(zendesk: ZendeskSandbox, api: Caller) -> None:
    ticket = zendesk.create_ticket("One", "text")
    zendesk.faults.add(Fault(lose_response(), method="PUT"))

    with pytest.raises(ConnectionResetError):
        api.update(ticket, priority="high")

    assert [write.after.priority for write in zendesk.writes(ticket)] == ["high"]
    assert zendesk.requests[-1].status == 0


def test_people_may_work_from_many_threads(zendesk: ZendeskSandbox, api: Caller) -> None:
    ticket = zendesk.create_ticket("One", "text")

    def talk() -> None:
        for number in range(20):
            zendesk.customer_reply(ticket, f"Reply {number}")

    threads = [threading.Thread(target=talk) for _ in range(4)]
    for thread in threads:
        thread.start()
    api.update(ticket, priority="high")
    for thread in threads:
        thread.join()

    assert len(zendesk.comments(ticket)) == 81
    assert zendesk.tickets()[ticket].comment_count == 81
    assert len({comment.id for comment in zendesk.comments(ticket)}) == 81
