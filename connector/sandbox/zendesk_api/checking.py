"""What an update may not do, and the words in which the API says so."""

from __future__ import annotations

import calendar
import re
import time
from collections.abc import Iterable, Mapping
from typing import Any

from connector.sandbox.zendesk_api import refusal
from connector.sandbox.zendesk_api.records import Ticket
from connector.sandbox.zendesk_api.world import World, is_member

STATUSES = ("new", "open", "pending", "hold", "solved", "closed")
PRIORITIES = ("urgent", "high", "normal", "low", None)
TYPES = ("problem", "incident", "question", "task", None)
_MAX_TAG = 255


def check(world: World, ticket: Ticket, wanted: Mapping[str, Any]) -> None:
    """Refused, with every reason by field, when the update cannot be saved."""
    if ticket.status == "closed":
        raise refusal.closed(world.locale)
    _check_shapes(wanted)
    reasons: dict[str, list[dict[str, Any]]] = {}
    for name, why in (*_choices(ticket, wanted), *_people(world, ticket, wanted), *_tags(wanted)):
        reasons.setdefault(name, []).append({"description": why, "error": "InvalidValue"})
    if reasons:
        raise refusal.invalid(reasons)


def _check_shapes(wanted: Mapping[str, Any]) -> None:
    expected: dict[str, tuple[type, ...]] = {
        "tags": (list, str),
        "additional_tags": (list, str),
        "remove_tags": (list, str),
    }
    expected |= {"metadata": (dict,), "comment": (dict, str), "custom_fields": (list,), "fields": (list,)}
    for name, kinds in expected.items():
        if wanted.get(name) is not None and not isinstance(wanted[name], kinds):
            raise refusal.refused(400, "InvalidValue", f"{name} has the wrong type")
    entries = wanted.get("custom_fields") or wanted.get("fields") or ()
    if not all(isinstance(entry, dict) for entry in entries):
        raise refusal.refused(400, "InvalidValue", "custom_fields must be a list of objects")


def _choices(ticket: Ticket, wanted: Mapping[str, Any]) -> Iterable[tuple[str, str]]:
    for name, allowed in (("status", STATUSES), ("priority", PRIORITIES), ("type", TYPES)):
        if name in wanted and wanted[name] not in allowed:
            yield name, f"{name.capitalize()}: {wanted[name]} is not valid"
    if wanted.get("status") == "new" and ticket.status != "new":
        yield "status", "Status: cannot be set back to new"


def _people(world: World, ticket: Ticket, wanted: Mapping[str, Any]) -> Iterable[tuple[str, str]]:
    group_id = whole_id(wanted["group_id"]) if "group_id" in wanted else ticket.group_id
    group = world.groups.get(group_id) if group_id is not None else None
    if wanted.get("group_id") is not None and (group is None or group.deleted):
        yield "group", f"Group: {wanted['group_id']} is invalid"
    if wanted.get("assignee_id") is None:
        return
    agent = world.users.get(whole_id(wanted["assignee_id"]) or 0)
    if agent is None or agent.role == "end-user" or agent.light:
        yield "assignee", "Assignee: is not an agent"
    elif group is not None and not is_member(agent, group.id):
        yield "assignee", f"Assignee: is not a member of the group {group.name}"


def _tags(wanted: Mapping[str, Any]) -> Iterable[tuple[str, str]]:
    for key in ("tags", "additional_tags", "remove_tags"):
        if any(len(tag) > _MAX_TAG for tag in split_tags(wanted.get(key))):
            yield "tags", f"Tags: is too long (maximum is {_MAX_TAG} characters)"


def split_tags(given: Any) -> tuple[str, ...]:  # noqa: ANN401 -- a vendor payload
    """Lower-cased; a tag with a space is two tags."""
    tags = [given] if isinstance(given, str) else given or ()
    words = [word for tag in tags for word in str(tag).split()]
    return tuple(dict.fromkeys(word.lower() for word in words))


def whole_id(given: object) -> int | None:
    """An id as a number or as digits; anything else is an id that nothing has."""
    if given is None or given == "":
        return None
    return int(str(given)) if re.fullmatch(r"\d{1,19}", str(given)) else -1


def parse_stamp(given: object) -> int:
    """``updated_stamp`` in seconds; Refused when it is no time."""
    text = re.sub(r"(\.\d+)?(\+00:?00)$", "Z", str(given))
    try:
        return calendar.timegm(time.strptime(text, "%Y-%m-%dT%H:%M:%SZ"))
    except ValueError:
        raise refusal.refused(400, "InvalidValue", "updated_stamp must be a time in ISO 8601") from None
