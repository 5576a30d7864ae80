"""Records as the API shows them: times in whole seconds, empty lists and missing objects as null."""

from __future__ import annotations

import math
from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Any

from connector.sandbox.pylon_api.records import (
    Account,
    Contact,
    CustomField,
    Issue,
    Message,
    Status,
    Tag,
    Team,
    Thread,
    User,
    Values,
)
from connector.sandbox.pylon_api.world import World


def moment(at: float | None) -> str | None:
    """RFC 3339 without fractions, which the tenant stores all the same."""
    return None if at is None else datetime.fromtimestamp(math.floor(at), UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def show_issue(world: World, issue: Issue) -> dict[str, Any]:
    account = world.accounts.get(issue.account_id or "")
    return {
        "id": issue.id,
        "number": issue.number,
        "title": issue.title,
        "link": f"https://app.usepylon.com/issues?issueNumber={issue.number}",
        "body_html": issue.body_html,
        "state": issue.state,
        "type": issue.type,
        "source": issue.source,
        "account": account and {"id": account.id, "external_ids": _external_ids(account)},
        "requester": _contact(world, issue.requester_id),
        "assignee": _user(world, issue.assignee_id),
        "team": None if issue.team_id is None else {"id": issue.team_id},
        "tags": _list(issue.tags),
        "custom_fields": show_values(issue.values),
        "created_at": moment(issue.created_at),
        "updated_at": moment(issue.updated_at),
        "latest_message_time": moment(issue.latest_message_at),
        "first_response_time": moment(issue.first_response_at),
        "resolution_time": moment(issue.resolved_at),
        "snoozed_until_time": moment(issue.snoozed_until),
        "number_of_touches": issue.touches,
        "author_unverified": False,
        "attachment_urls": _list(_urls(issue.id, issue.attachments, world.now())),
        "customer_portal_visible": issue.customer_portal_visible,
        "parent_issue_group": _mini(world, issue.parent_id),
        "child_issues": _list([_mini(world, each) for each in issue.child_ids]),
        "slack": issue.slack_channel_id and {"channel_id": issue.slack_channel_id},
        "csat_responses": None,
        "external_issues": None,
    }


def show_message(world: World, message: Message) -> dict[str, Any]:
    """The text is ``message_html``; who wrote it is told by ``author.contact`` or ``author.user``."""
    contact = world.contacts.get(message.contact_id or "")
    user = world.users.get(message.user_id or "")
    who = contact or user
    author: dict[str, Any] = {"name": who.name if who else "", "avatar_url": ""}
    if contact:
        author["contact"] = _contact(world, contact.id)
    if user:
        author["user"] = _user(world, user.id)
    shown = {
        "id": message.id,
        "message_html": message.html,
        "timestamp": moment(message.at),
        "is_private": message.private,
        "source": message.source,
        "author": author,
        "file_urls": _list(_urls(message.id, message.attachments, world.now())),
    }
    if message.thread_id:
        shown["thread_id"] = message.thread_id
    if contact and message.source == "email":
        address = {"from_email": contact.email, "to_emails": ["support@example.com"], "cc_emails": None}
        shown["email_info"] = address | {"message_id": f"<{message.id}@mail.example.com>"}
    return shown


def show_thread(thread: Thread) -> dict[str, Any]:
    # The values of ``source`` are documented nowhere; only that a thread in Slack has a channel.
    shown = {"id": thread.id, "issue_id": thread.issue_id, "name": thread.name}
    if thread.slack_channel_id is None:
        return shown | {"source": "in_app"}
    return shown | {
        "source": "slack",
        "channel_id": thread.slack_channel_id,
        "thread_id": "1795000000.000100",
    }


def show_team(world: World, team: Team) -> dict[str, Any]:
    users = [_user(world, each) for each in team.user_ids]
    return {"id": team.id, "name": team.name, "users": _list(users)}


def show_account(world: World, account: Account) -> dict[str, Any]:
    primary = account.domains[0] if account.domains else ""
    return {
        "id": account.id,
        "name": account.name,
        "type": account.type,
        "owner": _user(world, account.owner_id),
        "domain": primary,
        "primary_domain": primary,
        "domains": _list(account.domains),
        "tags": _list(account.tags),
        "custom_fields": show_values(account.values),
        "external_ids": _external_ids(account),
        "crm_settings": None,
        "channels": None,
        "is_disabled": False,
        "created_at": moment(account.created_at),
        "latest_customer_activity_time": None,
    }


def show_contact(contact: Contact) -> dict[str, Any]:
    return {
        "id": contact.id,
        "name": contact.name,
        "email": contact.email,
        "emails": _list([contact.email]),
        "account": None if contact.account_id is None else {"id": contact.account_id},
        "custom_fields": {},
        "external_ids": None,
        "phone_numbers": None,
    }


def show_tag(tag: Tag) -> dict[str, Any]:
    return {"id": tag.id, "value": tag.value, "object_type": tag.object_type, "hex_color": "#8899aa"}


def show_field(field: CustomField) -> dict[str, Any]:
    options = [{"slug": option, "label": option.replace("_", " ").title()} for option in field.options]
    return {
        "id": field.id,
        "slug": field.slug,
        "label": field.label,
        "type": field.kind,
        "object_type": field.object_type,
        "is_read_only": field.read_only,
        "select_metadata": {"options": options} if options else None,
        "created_at": moment(field.created_at),
        "updated_at": moment(field.created_at),
    }


def show_status(status: Status) -> dict[str, Any]:
    shown = {"slug": status.slug, "label": status.label, "category": status.category}
    return shown | {"is_default_status": status.slug == status.category, "is_archived": False}


def show_values(values: Values) -> dict[str, Any]:
    """Custom fields are a map when read, and an array when written."""
    return {
        slug: {"slug": slug, "value": value} if isinstance(value, str) else {"slug": slug, "values": [*value]}
        for slug, value in values.items()
    }


def show_user(user: User) -> dict[str, Any]:
    """API users have no login email, and then there is no such key."""
    return {"id": user.id} | ({} if user.email is None else {"email": user.email})


def _user(world: World, user_id: str | None) -> dict[str, Any] | None:
    return None if user_id is None else show_user(world.users[user_id])


def _contact(world: World, contact_id: str | None) -> dict[str, Any] | None:
    return None if contact_id is None else {"id": contact_id, "email": world.contacts[contact_id].email}


def _external_ids(account: Account) -> list[dict[str, str]] | None:
    return [{"label": "", "external_id": account.external_id}] if account.external_id else None


def _mini(world: World, issue_id: str | None) -> dict[str, Any] | None:
    issue = world.issues.get(issue_id or "")
    return None if issue is None else {"id": issue.id, "number": issue.number}


def _urls(owner: str, names: Sequence[str], at: float) -> list[str]:
    """Presigned links, which differ from one response to a later one."""
    return [f"https://assets.usepylon.example/{owner}/{name}?X-Amz-Date={at:.0f}" for name in names]


def _list(items: Sequence[Any]) -> list[Any] | None:
    return [*items] or None
