"""Tags and comments of an emulated Zendesk: what they overwrite, and who can read them."""

from __future__ import annotations

from typing import TYPE_CHECKING

from connector.sandbox.zendesk_api import ZendeskSandbox

if TYPE_CHECKING:
    from tests.sandbox.conftest import Caller


# --- tags ---


def test_tags_replace_all_tags(zendesk: ZendeskSandbox, api: Caller) -> None:
    ticket = zendesk.create_ticket("One", "text", tags=["theirs"])

    api.update(ticket, tags=["ours"])

    assert zendesk.tickets()[ticket].tags == ("ours",)
    assert zendesk.writes(ticket)[0].tags_removed == {"theirs"}


def test_tags_are_lower_cased_and_split_at_spaces(zendesk: ZendeskSandbox, api: Caller) -> None:
    reply = api.update(zendesk.create_ticket("One", "text"), tags=["Very Urgent"])

    assert reply.json["ticket"]["tags"] == ["urgent", "very"]


def test_overwriting_tags_clears_the_fields_that_are_tags(zendesk: ZendeskSandbox, api: Caller) -> None:
    ticket = zendesk.create_ticket("One", "text")
    plan = next(field for field in zendesk.world.custom_fields.values() if field.kind == "tagger")
    api.update(ticket, custom_fields=[{"id": plan.id, "value": "plan_pro"}])
    chosen = zendesk.tickets()[ticket]

    reply = api.update(ticket, tags=["ours"])

    assert chosen.tags == ("plan_pro",)
    assert {"id": plan.id, "value": None} in reply.json["ticket"]["custom_fields"]


def test_an_option_tag_sets_its_field(zendesk: ZendeskSandbox, api: Caller) -> None:
    vip = next(field for field in zendesk.world.custom_fields.values() if field.kind == "checkbox")

    reply = api.update(zendesk.create_ticket("One", "text"), tags=["vip"])

    assert {"id": vip.id, "value": True} in reply.json["ticket"]["fields"]


def test_an_unknown_custom_field_is_ignored(zendesk: ZendeskSandbox, api: Caller) -> None:
    reply = api.update(zendesk.create_ticket("One", "text"), custom_fields=[{"id": 1, "value": "x"}])

    assert reply.status == 200
    assert reply.json["audit"]["events"] == []


def test_a_tag_of_more_than_255_characters_is_refused(zendesk: ZendeskSandbox, api: Caller) -> None:
    reply = api.update(zendesk.create_ticket("One", "text"), tags=["x" * 256])

    assert reply.status == 422
    assert "tags" in reply.json["details"]


def test_the_tag_endpoints_put_to_add_post_to_set_and_delete_to_remove(
    zendesk: ZendeskSandbox, api: Caller
) -> None:
    path = f"/api/v2/tickets/{zendesk.create_ticket('One', 'text', tags=['a'])}/tags"

    added = api.send("PUT", path, {"tags": ["b"]})
    replaced = api.send("POST", path, {"tags": ["c", "d"]})
    removed = api.send("DELETE", path, {"tags": ["c"]})

    assert (added.status, added.json) == (200, {"tags": ["a", "b"]})
    assert (replaced.status, replaced.json) == (201, {"tags": ["c", "d"]})
    assert (removed.status, removed.body) == (204, b"")
    assert next(iter(zendesk.tickets().values())).tags == ("d",)


# --- comments ---


def test_a_comment_is_public_unless_told_otherwise(zendesk: ZendeskSandbox, api: Caller) -> None:
    ticket = zendesk.create_ticket("One", "text")

    api.update(ticket, comment={"body": "careless"})
    api.update(ticket, comment={"body": "careful", "public": False})

    assert [comment.public for comment in zendesk.comments(ticket)] == [True, True, False]
    assert [note.body for note in zendesk.notes(ticket)] == ["careful"]


def test_a_comment_on_a_private_ticket_stays_private_unless_told_otherwise(
    zendesk: ZendeskSandbox, api: Caller
) -> None:
    ticket = zendesk.create_ticket("One", "text", is_public=False)

    api.update(ticket, comment={"body": "aside"})

    assert zendesk.comments(ticket)[1].public is False
    assert zendesk.tickets()[ticket].is_public is False


def test_placeholders_in_a_comment_are_expanded(zendesk: ZendeskSandbox, api: Caller) -> None:
    ticket = zendesk.create_ticket("One", "text")
    body = "{{ticket.requester.email}} asked {{ticket.title}}{{secret.thing}} {{open"

    api.update(ticket, comment={"body": body, "public": False})

    email = zendesk.world.users[zendesk.customer].email
    assert zendesk.notes(ticket)[0].body == f"{email} asked One {{{{open"


def test_a_repeated_comment_is_written_twice(zendesk: ZendeskSandbox, api: Caller) -> None:
    ticket = zendesk.create_ticket("One", "text")

    for _ in range(2):
        api.update(ticket, comment={"body": "note", "public": False})

    assert len(zendesk.notes(ticket)) == 2
