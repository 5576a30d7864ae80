"""Business rules of an emulated Zendesk act inside an update, before its response."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from connector.sandbox.zendesk_api import Ticket, ZendeskSandbox

if TYPE_CHECKING:
    from tests.sandbox.conftest import Caller


def test_a_trigger_may_revert_the_group_before_the_response(zendesk: ZendeskSandbox, api: Caller) -> None:
    billing, vip = zendesk.add_group("Billing"), zendesk.add_group("VIP desk")

    def revert(_before: Ticket, after: Ticket) -> Mapping[str, Any] | None:
        return {"group_id": vip} if after.group_id == billing else None

    trigger = zendesk.add_trigger("VIP stays with VIP", revert)

    reply = api.update(zendesk.create_ticket("One", "text"), group_id=billing)

    last = reply.json["audit"]["events"][-1]
    assert reply.json["ticket"]["group_id"] == vip
    assert last["via"]["channel"] == "rule"
    assert last["via"]["source"]["from"] == {"id": trigger, "title": "VIP stays with VIP"}


def test_a_trigger_may_notify_people(zendesk: ZendeskSandbox, api: Caller) -> None:
    zendesk.add_trigger("Tell the agents", lambda _before, _after: {"notify": [zendesk.agent]})

    reply = api.update(zendesk.create_ticket("One", "text"), priority="high")

    assert reply.json["audit"]["events"][-1]["type"] == "Notification"


def test_triggers_run_for_people_too(zendesk: ZendeskSandbox) -> None:
    zendesk.add_trigger("Tag replies", lambda _before, after: {"tags": [*after.tags, "touched"]})
    ticket = zendesk.create_ticket("One", "text")

    zendesk.person_sets(ticket, priority="low")

    assert zendesk.tickets()[ticket].tags == ("touched",)
    assert zendesk.writes() == ()
