"""Records in the shape, and the size, in which the API sends them."""

from __future__ import annotations

import html
import json
import mimetypes
import time
from collections.abc import Iterable, Mapping, Sequence
from types import MappingProxyType
from typing import Any
from urllib.parse import quote

from connector.sandbox.server import Response
from connector.sandbox.zendesk_api.records import Audit, Comment, Group, Organization, Ticket, User
from connector.sandbox.zendesk_api.world import World, found

_BRAND = 33_144_692_000_101
_FORM = 33_144_692_000_202
_STATUS_IDS = MappingProxyType({"new": 1, "open": 2, "pending": 3, "hold": 4, "solved": 5, "closed": 6})
_encode = json.JSONEncoder(ensure_ascii=False, separators=(",", ":")).encode


def moment(seconds: float) -> str:
    """RFC 3339 in UTC with whole seconds."""
    return time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(seconds))


def encode(value: object) -> bytes:
    """Compact JSON in UTF-8."""
    return _encode(value).encode()


def listing(parts: Mapping[str, Sequence[bytes]], rest: Mapping[str, Any]) -> Response:
    """An object of lists that are rendered already, and ``rest``."""
    lists = [b'"%b":[%b]' % (name.encode(), b",".join(items)) for name, items in parts.items()]
    tail = encode(rest)[1:]
    body = b"{" + b",".join(lists) + (b"," if lists and rest else b"") + tail
    return Response(200, {"Content-Type": "application/json; charset=utf-8"}, body)


def ticket_json(world: World, ticket: Ticket) -> bytes:
    """A stored ticket, without ``generated_timestamp``, which only the incremental export has."""
    key = ("ticket", ticket.id)
    known = world.rendered.get(key)
    if known is None:
        known = world.rendered[key] = encode(show_ticket(world, ticket))
    return known


def user_json(world: World, user: User) -> bytes:
    key = ("user", user.id)
    known = world.rendered.get(key)
    if known is None:
        known = world.rendered[key] = encode(show_user(world, user))
    return known


def show_ticket(world: World, ticket: Ticket) -> dict[str, Any]:
    values = [
        {"id": defined.id, "value": ticket.values.get(key, defined.empty)}
        for key, defined in world.custom_fields.items()
    ]
    return _told(world, ticket) | {
        "requester_id": ticket.requester_id,
        "submitter_id": ticket.submitter_id,
        "assignee_id": ticket.assignee_id,
        "organization_id": ticket.organization_id,
        "group_id": ticket.group_id,
        "collaborator_ids": [],
        "follower_ids": [],
        "email_cc_ids": [],
        "forum_topic_id": None,
        "problem_id": None,
        "has_incidents": False,
        "is_public": ticket.is_public,
        "due_at": None,
        "tags": list(ticket.tags),
        "custom_fields": values,
        "satisfaction_rating": {"score": "unoffered"},
        "sharing_agreement_ids": [],
        "custom_status_id": _BRAND + _STATUS_IDS.get(ticket.status, 0),
        "encoded_id": f"{ticket.id % 36**6:06X}-{ticket.opening_id % 36**4:04X}",
        "fields": values,
        "followup_ids": list(ticket.followup_ids),
        "ticket_form_id": _FORM,
        "brand_id": _BRAND,
        "allow_channelback": False,
        "allow_attachments": True,
        "from_messaging_channel": ticket.from_messaging,
    }


def _told(world: World, ticket: Ticket) -> dict[str, Any]:
    """What was written, when, and by what way."""
    return {
        "url": f"{world.url}/api/v2/tickets/{ticket.id}.json",
        "id": ticket.id,
        "external_id": ticket.external_id,
        "via": {"channel": ticket.channel, "source": ticket.source or _nowhere()},
        "created_at": moment(ticket.created_at),
        "updated_at": moment(ticket.updated_at),
        "type": ticket.type,
        "subject": ticket.subject,
        "raw_subject": ticket.subject,
        "description": ticket.description,
        "priority": ticket.priority,
        "status": ticket.status,
        "recipient": "support@example.zendesk.com" if ticket.channel == "email" else None,
    }


def show_user(world: World, user: User) -> dict[str, Any]:
    role_type = {"end-user": None, "agent": 1 if user.light else 0, "admin": 4}[user.role]
    unset = ("alias", "custom_role_id", "details", "external_id", "last_login_at", "notes", "phone", "photo")
    return dict.fromkeys(unset) | {
        "id": user.id,
        "url": f"{world.url}/api/v2/users/{user.id}.json",
        "name": user.name,
        "email": user.email,
        "created_at": moment(user.created_at),
        "updated_at": moment(user.created_at),
        "time_zone": "UTC",
        "iana_time_zone": "Etc/UTC",
        "locale_id": 1,
        "locale": "en-US",
        "organization_id": user.organization_id,
        "role": user.role,
        "role_type": role_type,
        "verified": True,
        "tags": list(user.tags),
        "active": True,
        "shared": False,
        "shared_agent": False,
        "two_factor_auth_enabled": None,
        "signature": None,
        "moderator": user.role != "end-user",
        "ticket_restriction": "requested" if user.role == "end-user" else None,
        "only_private_comments": user.light,
        "restricted_agent": user.role != "admin",
        "suspended": user.suspended,
        "default_group_id": min(user.group_ids) if user.group_ids else None,
        "report_csv": False,
        "user_fields": {},
    }


def show_group(world: World, group: Group) -> dict[str, Any]:
    return {
        "url": f"{world.url}/api/v2/groups/{group.id}.json",
        "id": group.id,
        "is_public": True,
        "name": group.name,
        "description": "",
        "default": group.default,
        "deleted": group.deleted,
        "created_at": moment(group.created_at),
        "updated_at": moment(group.created_at),
    }


def show_organization(world: World, organization: Organization) -> dict[str, Any]:
    return {
        "url": f"{world.url}/api/v2/organizations/{organization.id}.json",
        "id": organization.id,
        "name": organization.name,
        "shared_tickets": False,
        "shared_comments": False,
        "external_id": None,
        "created_at": moment(organization.created_at),
        "updated_at": moment(organization.created_at),
        "domain_names": [],
        "details": "",
        "notes": "",
        "group_id": organization.group_id,
        "tags": list(organization.tags),
        "organization_fields": dict(organization.fields),
    }


def show_comment(comment: Comment) -> dict[str, Any]:
    return {
        "id": comment.id,
        "type": "Comment",
        "author_id": comment.author_id,
        "body": comment.body,
        "html_body": f'<div class="zd-comment" dir="auto"><p>{html.escape(comment.body)}</p></div>',
        "plain_body": comment.body,
        "public": comment.public,
        "attachments": [_show_attachment(each) for each in comment.attachments],
        "audit_id": comment.audit_id,
        "via": {"channel": comment.channel, "source": _nowhere()},
        "created_at": moment(comment.created_at),
        "metadata": {"system": {}, "custom": {}},
    }


def _show_attachment(file_name: str) -> dict[str, Any]:
    """A file as the vendor's page "Ticket Attachments" shows it; there is nothing behind its address."""
    return {
        "file_name": file_name,
        "content_type": mimetypes.guess_type(file_name)[0] or "application/unknown",
        "content_url": f"https://example.zendesk.com/attachments/{quote(file_name)}",
        "size": 1024,
        "inline": False,
        "deleted": False,
        "thumbnails": [],
    }


def show_metrics(world: World, ticket: Ticket) -> dict[str, Any]:
    """What was counted of a ticket (vendor page "Ticket Metrics"), as far as the account keeps it.

    ``requester_updated_at`` is "time the requester last updated the ticket", ``replies`` "the number of
    public replies added to a ticket by an agent".
    """
    thread = world.thread(ticket)
    requested = (each.created_at for each in thread if each.author_id == ticket.requester_id)
    authors = {
        user.id
        for user in found(world.users, (each.author_id for each in thread[1:]))
        if user.role != "end-user"
    }
    return {
        "ticket_id": ticket.id,
        "created_at": moment(ticket.created_at),
        "updated_at": moment(ticket.updated_at),
        "requester_updated_at": moment(max(requested, default=ticket.created_at)),
        "status_updated_at": moment(ticket.updated_at),
        "latest_comment_added_at": moment(thread[-1].created_at),
        "replies": sum(each.public and each.author_id in authors for each in thread[1:]),
    }


def show_audit(audit: Audit) -> dict[str, Any]:
    return {
        "id": audit.id,
        "ticket_id": audit.ticket_id,
        "created_at": moment(audit.created_at),
        "author_id": audit.author_id,
        "metadata": {"system": {"client": "", "ip_address": "127.0.0.1"}, "custom": dict(audit.custom)},
        "events": [dict(event) for event in audit.events],
        "via": {"channel": audit.channel, "source": audit.source or _nowhere()},
    }


def sideloads(world: World, tickets: Sequence[Ticket], include: Iterable[str]) -> dict[str, list[bytes]]:
    """What ``include`` asks for beside the tickets: users, groups, organizations."""
    asked = set(include)
    parts: dict[str, list[bytes]] = {}
    if "users" in asked:
        parts["users"] = [user_json(world, user) for user in world.people_of(tickets)]
    if "groups" in asked:
        groups = dict.fromkeys(each.group_id for each in tickets)
        parts["groups"] = [
            encode(show_group(world, world.groups[each])) for each in groups if each in world.groups
        ]
    if "organizations" in asked:
        ids = dict.fromkeys(each.organization_id for each in tickets)
        firms = [world.organizations[each] for each in ids if each in world.organizations]
        parts["organizations"] = [encode(show_organization(world, firm)) for firm in firms]
    return parts


def _nowhere() -> dict[str, Any]:
    return {"from": {}, "to": {}, "rel": None}
