"""What a change asks of Pylon: the fields of a request, with nothing in it that need not change."""

from __future__ import annotations

from typing import Any

from connector.domain.decision import Change
from connector.domain.ticket import Ticket
from connector.helpdesk.pylon.reader import PRIORITY

PRIORITIES = {"normal": "medium"}  # what Pylon calls ours, where it has another word


def new_tags(change: Change) -> tuple[str, ...]:
    """The tags of ``change`` that the issue did not have yet."""
    return tuple(dict.fromkeys(tag for tag in change.add_tags if tag not in change.seen.tags))


def lost_tags(change: Change) -> tuple[str, ...]:
    """The tags that ``change`` removes and that the issue still had."""
    return tuple(tag for tag in change.seen.tags if tag in change.remove_tags)


def is_nothing(change: Change) -> bool:
    """Whether the issue already is as ``change`` wants it.  Custom fields are not known, so they count."""
    moves = change.group_after != change.seen.group or change.priority_after != change.seen.priority
    return not (moves or new_tags(change) or lost_tags(change) or change.fields or change.note)


def issue_fields(change: Change) -> dict[str, Any]:
    """The body of ``PATCH /issues/{id}``; empty where only a note is wanted.

    An empty ``team_id`` takes the team away, a custom field without value is unset (Pylon, Update an issue).
    """
    fields: dict[str, Any] = {}
    if change.group_after != change.seen.group:
        fields["team_id"] = change.group_after or ""
    if new_tags(change) or lost_tags(change):
        fields["tags"] = merged_tags(change, change.seen)
    custom = [{"slug": slug, "value": value} for slug, value in change.fields.items()]
    if change.priority_after != change.seen.priority:
        wanted = change.priority_after
        value = {} if wanted is None else {"value": PRIORITIES.get(wanted, wanted)}
        custom.append({"slug": PRIORITY, **value})
    if custom:
        fields["custom_fields"] = custom
    return fields


def merged_tags(change: Change, now: Ticket) -> list[str]:
    """All tags that the issue is to have: Pylon replaces the whole list."""
    kept = (tag for tag in now.tags if tag not in change.remove_tags)
    return list(dict.fromkeys((*kept, *change.add_tags)))
