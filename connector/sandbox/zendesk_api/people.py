"""What people and the system do at the helpdesk while the connector is at work."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from connector.sandbox.zendesk_api.checking import split_tags
from connector.sandbox.zendesk_api.records import NOTHING, Audit, Comment, CustomField, Json, Ticket
from connector.sandbox.zendesk_api.world import World
from connector.sandbox.zendesk_api.writing import Author, Written, fitting, rules_applied, update

_REOPENED = frozenset({"pending", "hold", "solved"})


@dataclass(frozen=True, slots=True)
class NewTicket:
    """A ticket about to be opened; without ``submitter_id`` the requester wrote it.

    ``messages`` are further public comments of the requester, there from the beginning.
    """

    subject: str | None
    description: str
    requester_id: int
    created_at: float
    submitter_id: int | None = None
    organization_id: int | None = None
    group_id: int | None = None
    assignee_id: int | None = None
    status: str = "new"
    priority: str | None = None
    type: str | None = None
    tags: tuple[str, ...] = ()
    channel: str | int = "email"
    source: Json = field(default_factory=lambda: NOTHING)
    is_public: bool = True
    from_messaging: bool = False
    support_type: str = "agent"
    external_id: str | None = None
    messages: tuple[str, ...] = ()
    attachments: tuple[str, ...] = ()


def open_tickets(world: World, drafts: Iterable[NewTicket]) -> list[int]:
    """Open many at once; each inherits the tags of its requester and organization, and the latter's group."""
    opened = [_open(world, draft) for draft in drafts]
    world.add_tickets(opened)
    return [ticket.id for ticket in opened]


def _open(world: World, draft: NewTicket) -> Ticket:
    requester = world.users[draft.requester_id]
    firm_id = draft.organization_id or requester.organization_id
    firm = world.organizations.get(firm_id) if firm_id else None
    inherited = requester.tags + (firm.tags if firm else ())
    at = int(draft.created_at)
    ticket = Ticket(
        id=world.new_ticket_id(),
        opening_id=world.new_opening_id(),
        subject=draft.subject,
        description=fitting(draft.description),
        requester_id=draft.requester_id,
        submitter_id=draft.submitter_id or draft.requester_id,
        created_at=at,
        updated_at=at,
        generated_at=at,
        status="open" if draft.assignee_id and draft.status == "new" else draft.status,
        channel=draft.channel,
        source=draft.source,
        group_id=draft.group_id or (firm.group_id if firm else None),
        assignee_id=draft.assignee_id,
        organization_id=firm_id,
        priority=draft.priority,
        type=draft.type,
        tags=tuple(sorted(split_tags([*draft.tags, *inherited]))),
        opened_public=draft.is_public,
        is_public=draft.is_public,
        from_messaging=draft.from_messaging,
        support_type=draft.support_type,
        external_id=draft.external_id,
        comment_count=1 + len(draft.messages),
        attachments=draft.attachments,
    )
    for message in draft.messages:
        world.comments[ticket.id].append(_message(world, ticket, message))
    return rules_applied(world, ticket) if world.triggers else ticket


def _message(world: World, ticket: Ticket, body: str) -> Comment:
    return Comment(
        id=world.new_event_id(),
        audit_id=ticket.opening_id + 1,
        ticket_id=ticket.id,
        author_id=ticket.requester_id,
        body=fitting(body),
        public=True,
        created_at=ticket.created_at,
        channel=ticket.channel,
    )


def furnish(world: World) -> None:
    """The ticket fields of an ordinary account: one that is a tag, one that is a box, and many texts."""
    plan = CustomField(world.new_id(), "tagger", "Plan", ("plan_free", "plan_pro", "plan_enterprise"))
    vip = CustomField(world.new_id(), "checkbox", "VIP", ("vip",))
    texts = [CustomField(world.new_id(), "text", f"Text {number}") for number in range(18)]
    world.custom_fields.update((str(each.id), each) for each in (plan, vip, *texts))


def comment(world: World, ticket_id: int, body: str, author: int, *, public: bool = True) -> Comment:
    """A reply.  The requester's reopens what was waiting or solved."""
    ticket = world.tickets[ticket_id]
    patch: dict[str, Any] = {"comment": {"body": body, "public": public}}
    if world.users[author].role == "end-user" and ticket.status in _REOPENED:
        patch["status"] = "open"
    edit(world, ticket_id, patch, author)
    return world.comments[ticket_id][-1]


def edit(world: World, ticket_id: int, patch: Mapping[str, Any], author: int) -> Written:
    """A person changes a ticket in the agent's window: the same rules hold, no stamp is asked for."""
    return update(world, world.tickets[ticket_id], patch, Author(author, "web"))


def merge(world: World, source_id: int, target_id: int, author: int) -> None:
    """The source is closed and tagged, the target gets a private comment; both audits say "merge"."""
    source, target = world.tickets[source_id], world.tickets[target_id]
    origin = {"from": {"ticket_id": source.id, "subject": source.subject}, "to": {}, "rel": "merge"}
    merging = Author(author, "web", source=origin)
    gone = f"This request was closed and merged into request #{target.id}."
    closing = {"status": "closed", "tags": [*source.tags, "closed_by_merge"], "comment": _aside(gone)}
    update(world, source, closing, merging)
    came = (
        f"Request #{source.id} was closed and merged into this request. Last comment in request #{source.id}:"
    )
    update(world, target, {"comment": _aside(f"{came}\n\n{world.thread(source)[-1].body}")}, merging)


def delete(world: World, ticket_id: int, author: int) -> None:
    """Only the export still shows the ticket, with status "deleted"."""
    _force_status(world, world.tickets[ticket_id], "deleted", author)


def restore(world: World, ticket_id: int, author: int) -> None:
    """Back to the status before the deletion."""
    deletion = world.audits[ticket_id][-1].events[0]
    _force_status(world, world.tickets[ticket_id], str(deletion["previous_value"]), author)


def touch(world: World, ticket_id: int, changes: Mapping[str, Any]) -> None:
    """The system changes a ticket: it is exported anew, yet ``updated_at`` stays and no audit is written."""
    world.put(replace(world.tickets[ticket_id], **changes))


def scrub(world: World, ticket_id: int) -> None:
    """What remains of a deleted ticket a month later."""
    touch(world, ticket_id, {"status": "deleted", "subject": "SCRUBBED", "description": "SCRUBBED"})


def _force_status(world: World, ticket: Ticket, status: str, author: int) -> None:
    change = {"type": "Change", "field_name": "status", "previous_value": ticket.status, "value": status}
    event = {"id": world.new_event_id()} | change
    now = world.second
    audit = Audit(world.new_event_id(), ticket.id, author, now, (event,), "web")
    world.audits[ticket.id].append(audit)
    world.put(replace(ticket, status=status, updated_at=now))


def _aside(body: str) -> dict[str, Any]:
    return {"body": body, "public": False}
