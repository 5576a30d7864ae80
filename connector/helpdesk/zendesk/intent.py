"""What a change asks of Zendesk: the ticket object of a request, with nothing in it that need not change."""

from __future__ import annotations

import re
import unicodedata
from typing import Any

from connector.domain.decision import Change

_ILLEGAL_IN_TAG = re.compile(r"[^a-z0-9_\-/]+")
_MOST_TAG_CHARS = 255


def clean_tags(tags: tuple[str, ...]) -> tuple[str, ...]:
    """``tags`` as Zendesk stores them: lower case, ``[a-z0-9_-/]``, each once.

    Zendesk would split a tag with a space into two.
    """
    folded = (unicodedata.normalize("NFKC", tag).lower() for tag in tags)
    cleaned = (_ILLEGAL_IN_TAG.sub("_", tag)[:_MOST_TAG_CHARS] for tag in folded)
    return tuple(dict.fromkeys(tag for tag in cleaned if tag.strip("_")))


def new_tags(change: Change) -> tuple[str, ...]:
    """The tags of ``change`` that the ticket does not have yet."""
    return tuple(tag for tag in clean_tags(change.add_tags) if tag not in change.seen.tags)


def lost_tags(change: Change) -> tuple[str, ...]:
    """The tags that ``change`` removes and that the ticket still has."""
    unwanted = clean_tags(change.remove_tags)
    return tuple(tag for tag in change.seen.tags if tag in unwanted)


def is_nothing(change: Change) -> bool:
    """Whether the ticket already is as ``change`` wants it.  Custom fields are not known, so they count."""
    return not (_moves(change) or new_tags(change) or lost_tags(change) or change.fields or change.note)


def single_ticket(change: Change) -> dict[str, Any]:
    """The ticket of ``PUT /tickets/{id}``, where ``tags`` replaces: safe only together with the stamp."""
    ticket = _guarded(change)
    added, lost = new_tags(change), lost_tags(change)
    if added or lost:
        ticket["tags"] = [*(tag for tag in change.seen.tags if tag not in lost), *added]
    return ticket


def bulk_ticket(change: Change) -> dict[str, Any]:
    """The ticket of ``PUT /tickets/update_many``, which knows ``additional_tags`` and ``remove_tags``."""
    ticket = {"id": as_id(change.seen.id)} | _guarded(change)
    if added := new_tags(change):
        ticket["additional_tags"] = list(added)
    if lost := lost_tags(change):
        ticket["remove_tags"] = list(lost)
    return ticket


def as_id(told: str) -> int | str:
    return int(told) if told.isascii() and told.isdecimal() else told


def _guarded(change: Change) -> dict[str, Any]:
    """The change, refused by Zendesk (409) unless the ticket still has the version that was seen."""
    ticket: dict[str, Any] = {
        "safe_update": True,
        "updated_stamp": change.seen.version,
        "metadata": {"decision_id": change.decision_id},
    }
    group, priority = change.group_after, change.priority_after
    if group != change.seen.group:
        ticket["group_id"] = None if group is None else as_id(group)
    if priority != change.seen.priority:
        ticket["priority"] = priority
    if change.fields:
        ticket["custom_fields"] = [{"id": as_id(key), "value": value} for key, value in change.fields.items()]
    if change.note:
        # `public` is always sent: left out, the visibility of the ticket's first comment would persist.
        ticket["comment"] = {"body": _inert(change.note), "public": False}
    return ticket


def _moves(change: Change) -> bool:
    return change.group_after != change.seen.group or change.priority_after != change.seen.priority


def _inert(note: str) -> str:
    """``note`` with nothing in it that Zendesk would expand as a placeholder, and no half surrogates."""
    whole = note.encode("utf-16-le", "surrogatepass").decode("utf-16-le", "replace")
    while "{{" in whole:
        whole = whole.replace("{{", "{ {")
    return whole
