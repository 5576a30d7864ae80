"""An update of one ticket: checked as a whole, applied as a whole, then the triggers have their say."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from connector.sandbox.zendesk_api import refusal
from connector.sandbox.zendesk_api.checking import check, split_tags, whole_id
from connector.sandbox.zendesk_api.records import MAX_BODY_BYTES, NOTHING, Audit, Comment, Json, Ticket, Write
from connector.sandbox.zendesk_api.world import World, as_value, comment_event, is_member

# What an update may carry; everything else is dropped and named in a warning header.
WRITABLE = frozenset(
    {"additional_tags", "assignee_id", "brand_id", "collaborator_ids", "comment", "custom_fields"}
    | {
        "custom_status_id",
        "due_at",
        "email_ccs",
        "external_id",
        "fields",
        "followers",
        "group_id",
        "metadata",
    }
    | {"organization_id", "priority", "problem_id", "remove_tags", "requester_id", "safe_update", "status"}
    | {"subject", "tags", "ticket_form_id", "type", "updated_stamp"}
)
# What a ticket shows and an update cannot set: dropped without a word.
READ_ONLY = frozenset(
    {
        "id",
        "url",
        "created_at",
        "updated_at",
        "description",
        "raw_subject",
        "via",
        "submitter_id",
        "is_public",
    }
    | {"has_incidents", "recipient", "satisfaction_rating", "followup_ids", "from_messaging_channel"}
)
_PLAIN = ("subject", "status", "priority", "type", "external_id")


@dataclass(frozen=True, slots=True)
class Author:
    """Who changes a ticket, and by what way."""

    id: int
    channel: str = "api"
    source: Json = field(default_factory=lambda: NOTHING)
    job_id: str | None = None
    is_api: bool = False  # the user of the connector, whose writes are recorded


@dataclass(frozen=True, slots=True)
class Written:
    """What an update did.  ``audit`` without events was not saved: nothing changed."""

    ticket: Ticket
    audit: Audit
    dropped: tuple[str, ...] = ()


def update(
    world: World, ticket: Ticket, patch: Mapping[str, Any], author: Author, *, bulk: bool = False
) -> Written:
    """Change ``ticket`` as ``patch`` says; Refused when any of it is impossible, and then nothing changed.

    ``additional_tags`` and ``remove_tags`` exist only in bulk updates (vendor page "Update Many Tickets").
    """
    usable = WRITABLE if bulk else WRITABLE - {"additional_tags", "remove_tags"}
    dropped = tuple(sorted(key for key in patch if key not in usable and key not in READ_ONLY))
    wanted = {key: value for key, value in patch.items() if key in usable}
    check(world, ticket, wanted)
    audit_id = world.new_event_id()
    changed = _retag(world, _reassign(world, _set_plain(ticket, wanted), wanted), wanted)
    comment = _comment(world, ticket, wanted.get("comment"), author, audit_id)
    if comment:
        shown = changed.is_public or comment.public
        changed = replace(changed, is_public=shown, comment_count=ticket.comment_count + 1)
    audit = Audit(
        id=audit_id,
        ticket_id=ticket.id,
        author_id=author.id,
        created_at=world.second,
        events=_events(world, ticket, changed, comment),
        channel=author.channel,
        source=author.source,
        custom=dict(wanted.get("metadata") or NOTHING),
    )
    if not audit.events:
        return Written(ticket, audit, dropped)
    return _save(world, ticket, changed, audit, comment, author, dropped)


def _save(
    world: World,
    before: Ticket,
    changed: Ticket,
    audit: Audit,
    comment: Comment | None,
    author: Author,
    dropped: tuple[str, ...],
) -> Written:
    changed, by_rules = _run_triggers(world, before, changed)
    audit = replace(audit, events=audit.events + by_rules)
    stored = world.put(replace(changed, updated_at=audit.created_at))
    world.audits[before.id].append(audit)
    if comment:
        world.comments[before.id].append(comment)
    if author.is_api:
        notes = (comment,) if comment and not comment.public else ()
        world.writes.append(Write(before.id, world.now(), before, stored, audit.custom, notes, author.job_id))
    return Written(stored, audit, dropped)


def _set_plain(ticket: Ticket, wanted: Mapping[str, Any]) -> Ticket:
    changed = replace(ticket, **{name: wanted[name] for name in _PLAIN if name in wanted})
    if wanted.get("organization_id") is not None:
        changed = replace(changed, organization_id=whole_id(wanted["organization_id"]))
    return changed


def _reassign(world: World, ticket: Ticket, wanted: Mapping[str, Any]) -> Ticket:
    """Group and assignee; an assignee who is not in the new group loses the ticket."""
    group = whole_id(wanted["group_id"]) if "group_id" in wanted else ticket.group_id
    assignee = whole_id(wanted["assignee_id"]) if "assignee_id" in wanted else ticket.assignee_id
    if assignee and group and not is_member(world.users[assignee], group):
        assignee = None  # `check` refused it if it was asked for in this update
    if assignee and not group:
        group = next(
            (each.id for each in world.live_groups() if is_member(world.users[assignee], each.id)), None
        )
    status = "open" if assignee and ticket.status == "new" else ticket.status
    return replace(ticket, group_id=group, assignee_id=assignee, status=status)


def _retag(world: World, ticket: Ticket, wanted: Mapping[str, Any]) -> Ticket:
    """Tags and the fields that are tags; to set the tags is to set those fields."""
    tags = set(split_tags(wanted["tags"]) if "tags" in wanted else ticket.tags)
    tags |= set(split_tags(wanted.get("additional_tags")))
    tags -= set(split_tags(wanted.get("remove_tags")))
    values = dict(ticket.values)
    for entry in wanted.get("custom_fields") or wanted.get("fields") or ():
        field = world.custom_fields.get(str(entry.get("id")))
        if field is None:
            continue  # an unknown field is ignored
        tags -= set(field.options)
        if field.kind == "tagger" and entry.get("value"):
            tags.add(str(entry["value"]))
        elif field.kind == "checkbox" and entry.get("value"):
            tags.update(field.options)
        elif field.kind == "text":
            values[str(field.id)] = entry.get("value")
    for key, field in world.custom_fields.items():
        if field.options:
            chosen = next((option for option in field.options if option in tags), None)
            values[key] = bool(chosen) if field.kind == "checkbox" else chosen
    shown = {key: value for key, value in values.items() if value != world.custom_fields[key].empty}
    return replace(ticket, tags=tuple(sorted(tags)), values=shown)


def _comment(world: World, ticket: Ticket, wanted: Any, author: Author, audit_id: int) -> Comment | None:  # noqa: ANN401 -- a vendor payload
    if not wanted:
        return None
    given = {"body": wanted} if isinstance(wanted, str) else wanted
    body = str(given.get("body") or given.get("html_body") or "")
    if not body.strip():
        return None
    return Comment(
        id=world.new_event_id(),
        audit_id=audit_id,
        ticket_id=ticket.id,
        author_id=int(given.get("author_id") or author.id),
        body=fitting(expand(world, ticket, body)),
        # Unless told otherwise, a comment is as public as the ticket was at its creation.
        public=bool(given.get("public", ticket.opened_public)),
        created_at=world.second,
        channel=author.channel,
    )


def expand(world: World, ticket: Ticket, body: str) -> str:
    """Placeholders that the account knows, replaced; unknown ones vanish."""
    if "{{" not in body:
        return body
    requester = world.users.get(ticket.requester_id)
    known = {
        "ticket.id": str(ticket.id),
        "ticket.title": ticket.subject or "",
        "ticket.description": ticket.description,
        "ticket.status": ticket.status,
        "ticket.requester.name": requester.name if requester else "",
        "ticket.requester.email": requester.email if requester else "",
    }
    first, *rest = body.split("{{")
    texts = [first]
    for part in rest:
        name, closing, text = part.partition("}}")
        texts.append(known.get(name.strip(), "") + text if closing else "{{" + part)
    return "".join(texts)


def fitting(body: str) -> str:
    """At most 64 kB, cut without a word, and never half a character."""
    return body.encode("utf-8", "replace")[:MAX_BODY_BYTES].decode("utf-8", "ignore")


def _events(world: World, before: Ticket, after: Ticket, comment: Comment | None) -> tuple[Json, ...]:
    spoken = (comment_event(comment),) if comment else ()
    return spoken + tuple(_changes(world, before, after))


def _changes(world: World, before: Ticket, after: Ticket) -> list[dict[str, Any]]:
    names = (*_PLAIN, "group_id", "assignee_id", "organization_id", "tags")
    pairs = [(name, getattr(before, name), getattr(after, name)) for name in names]
    pairs += [(key, before.values.get(key), after.values.get(key)) for key in world.custom_fields]
    return [
        {
            "id": world.new_event_id(),
            "type": "Change",
            "field_name": name,
            "previous_value": as_value(old),
            "value": as_value(new),
        }
        for name, old, new in pairs
        if old != new
    ]


def _run_triggers(world: World, before: Ticket, changed: Ticket) -> tuple[Ticket, tuple[Json, ...]]:
    """Each trigger once, in order, before the response is rendered; their events name them."""
    events: list[Json] = []
    for trigger in world.triggers:
        patch = trigger.rule(before, changed)
        if not patch:
            continue
        origin = {"rel": "trigger", "from": {"id": trigger.id, "title": trigger.title}, "to": {}}
        via = {"via": {"channel": "rule", "source": origin}}
        after = _retag(world, _reassign(world, _set_plain(changed, patch), patch), patch)
        events += [event | via for event in _changes(world, changed, after)]
        if "notify" in patch:
            events.append(
                {"id": world.new_event_id(), "type": "Notification", "recipients": patch["notify"]} | via
            )
        changed = after
    return changed, tuple(events)


def rules_applied(world: World, ticket: Ticket) -> Ticket:
    """A ticket that is being created, after the triggers."""
    return _run_triggers(world, ticket, ticket)[0]


def require_fresh(ticket: Ticket, stamp: int) -> None:
    """409 when the ticket was updated after ``stamp`` (seconds)."""
    if ticket.updated_at > stamp:
        raise refusal.conflict()
