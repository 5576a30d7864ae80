"""A change of one issue: checked as a whole, applied as a whole, then triggers have their say."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from types import MappingProxyType
from typing import Any

from connector.sandbox.pylon_api.records import CustomField, Issue, Json
from connector.sandbox.pylon_api.refusal import Refused, bad_request
from connector.sandbox.pylon_api.tenant import Leeway
from connector.sandbox.pylon_api.world import World


def changed(world: World, issue: Issue, patch: Json, leeway: Leeway) -> Issue:
    """``issue`` as ``patch`` wants it; Refused when any of it is impossible.

    What is absent or null stays; keys that are not documented, such as a top-level ``priority``, do nothing.
    """
    wanted = {name: value for name, value in patch.items() if value is not None}
    if "requestor_id" in wanted:  # the deprecated spelling
        wanted.setdefault("requester_id", wanted.pop("requestor_id"))
    after = issue
    for name, change in _CHANGES.items():
        if name in wanted:
            after = change(world, after, wanted[name], leeway)
    return after


def run_triggers(world: World, before: Issue, after: Issue, leeway: Leeway) -> None:
    """Each rule once, in order, after the change was answered: a later read may show something else."""
    for rule in world.rules:
        patch = rule(before, after)
        if patch:
            after = world.put(changed(world, world.issues[after.id], patch, leeway))


def moved(world: World, issue: Issue, state: str) -> Issue:
    """In another state: a closed one is resolved, and only one on hold is still snoozed."""
    closed, was_closed = world.is_closed(state), world.is_closed(issue.state)
    resolved = (issue.resolved_at if was_closed else world.now()) if closed else None
    snoozed = issue.snoozed_until if state == "on_hold" else None
    return replace(issue, state=state, resolved_at=resolved, snoozed_until=snoozed)


def _set_title(_world: World, issue: Issue, title: object, _leeway: Leeway) -> Issue:
    return replace(issue, title=_text("title", title))


def _set_visible(_world: World, issue: Issue, visible: object, _leeway: Leeway) -> Issue:
    if not isinstance(visible, bool):
        raise bad_request("customer_portal_visible must be a boolean")
    return replace(issue, customer_portal_visible=visible)


def _set_type(_world: World, issue: Issue, wanted: object, _leeway: Leeway) -> Issue:
    """A conversation may become a ticket, never the other way round."""
    if wanted == issue.type:
        return issue
    if wanted != "ticket":
        raise bad_request("a ticket cannot be downgraded to a conversation")
    return replace(issue, type="ticket")


def _set_state(world: World, issue: Issue, state: object, _leeway: Leeway) -> Issue:
    name = _text("state", state)
    if not world.is_state(name):
        raise bad_request(f"invalid state: {name}")
    return issue if name == issue.state else moved(world, issue, name)


def _set_team(world: World, issue: Issue, team_id: object, leeway: Leeway) -> Issue:
    return replace(issue, team_id=_reference("team_id", team_id, world.teams, leeway))


def _set_assignee(world: World, issue: Issue, user_id: object, leeway: Leeway) -> Issue:
    return replace(issue, assignee_id=_reference("assignee_id", user_id, world.users, leeway))


def _set_requester(world: World, issue: Issue, contact_id: object, leeway: Leeway) -> Issue:
    """There is no documented way to remove a requester."""
    found = _reference("requester_id", contact_id, world.contacts, leeway)
    return replace(issue, requester_id=found or issue.requester_id)


def _set_account(world: World, issue: Issue, account_id: object, leeway: Leeway) -> Issue:
    found = _reference("account_id", account_id, world.accounts, leeway)
    return replace(issue, account_id=found or issue.account_id)


def _set_tags(world: World, issue: Issue, tags: object, leeway: Leeway) -> Issue:
    """Exactly these from now on, whoever set the others."""
    if not isinstance(tags, list) or not all(isinstance(tag, str) for tag in tags):
        raise bad_request("tags must be an array of strings")
    if not leeway.unknown_tags_created:
        for tag in tags:
            if ("issue", tag) not in world.tags:
                raise bad_request(f"tag {tag} not found")
    return replace(issue, tags=tuple(dict.fromkeys(tags)))


def _set_fields(world: World, issue: Issue, entries: object, _leeway: Leeway) -> Issue:
    """An array of slugs and values; fields that are not in it keep theirs, one without a value is unset."""
    if not isinstance(entries, list) or not all(isinstance(entry, dict) for entry in entries):
        raise bad_request("custom_fields must be an array of objects")
    values = dict(issue.values)
    for entry in entries:
        field = world.fields.get(("issue", str(entry.get("slug"))))
        if field is None:
            raise bad_request(f"custom field {entry.get('slug')} not found")
        if field.read_only:
            raise bad_request(f"custom field {field.slug} is read only")
        value = _field_value(field, entry)
        values.pop(field.slug, None)
        if value:
            values[field.slug] = value
    return replace(issue, values=values)


def _field_value(field: CustomField, entry: Mapping[str, Any]) -> str | tuple[str, ...]:
    key = "values" if field.kind == "multiselect" else "value"
    given = entry.get(key)
    chosen = [] if given is None or given == "" else given if key == "values" else [given]
    if not isinstance(chosen, list) or not all(isinstance(each, str) for each in chosen):
        raise bad_request(f"{key} of custom field {field.slug} must be of strings")
    if field.options and not set(chosen) <= set(field.options):
        raise bad_request(f"custom field {field.slug} has no such option")
    return tuple(chosen) if key == "values" else "".join(chosen)


def _text(name: str, value: object) -> str:
    if not isinstance(value, str):
        raise bad_request(f"{name} must be a string")
    return value


def _reference(name: str, value: object, known: Mapping[str, object], leeway: Leeway) -> str | None:
    """The id of something that exists; None for the empty text, which removes."""
    wanted = _text(name, value)
    if wanted and wanted not in known:
        raise Refused(leeway.unknown_id_status, f"{name} {wanted} not found")
    return wanted or None


_CHANGES: Mapping[str, Callable[[World, Issue, object, Leeway], Issue]] = MappingProxyType(
    {
        "title": _set_title,
        "customer_portal_visible": _set_visible,
        "type": _set_type,
        "state": _set_state,
        "team_id": _set_team,
        "assignee_id": _set_assignee,
        "requester_id": _set_requester,
        "account_id": _set_account,
        "tags": _set_tags,
        "custom_fields": _set_fields,
    }
)
