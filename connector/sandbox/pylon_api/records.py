"""What a Pylon tenant holds.  Records are frozen: a change makes a new one, and both can be compared."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Any, Literal

Json = Mapping[str, Any]
Values = Mapping[str, "str | tuple[str, ...]"]  # of custom fields, by slug; a tuple for multi-valued ones
ObjectType = Literal["account", "issue", "contact"]

NOTHING: Json = MappingProxyType({})
BASE_STATES = ("new", "waiting_on_you", "waiting_on_customer", "on_hold", "closed")


@dataclass(frozen=True, slots=True)
class User:
    """Somebody who works at the tenant; API users have no email."""

    id: str
    name: str
    email: str | None


@dataclass(frozen=True, slots=True)
class Team:
    id: str
    name: str
    user_ids: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Account:
    """A customer's company.  There is no tier: tenants keep it in a custom field or a tag."""

    id: str
    name: str
    created_at: float
    external_id: str | None = None
    type: str = "customer"
    domains: tuple[str, ...] = ()
    owner_id: str | None = None
    tags: tuple[str, ...] = ()
    values: Values = field(default_factory=lambda: NOTHING)


@dataclass(frozen=True, slots=True)
class Contact:
    """A customer's person."""

    id: str
    name: str
    email: str
    account_id: str | None = None


@dataclass(frozen=True, slots=True)
class CustomField:
    """A custom field; a select is set by the slug of its option, never by the label."""

    id: str
    slug: str
    label: str
    created_at: float
    kind: Literal["text", "select", "multiselect"] = "text"
    options: tuple[str, ...] = ()
    object_type: ObjectType = "issue"
    read_only: bool = False


@dataclass(frozen=True, slots=True)
class Status:
    """A state of the tenant's own; ``category`` is the base state that it belongs to."""

    slug: str
    label: str
    category: str


@dataclass(frozen=True, slots=True)
class Tag:
    id: str
    value: str
    object_type: ObjectType = "issue"


@dataclass(frozen=True, slots=True)
class Issue:
    """An issue.  Times are seconds since 1970 with fractions, of which the API shows none."""

    id: str
    number: int
    title: str
    body_html: str
    created_at: float
    updated_at: float
    state: str = "new"
    type: Literal["conversation", "ticket"] = "conversation"
    source: str = "email"
    account_id: str | None = None
    requester_id: str | None = None
    assignee_id: str | None = None
    team_id: str | None = None
    tags: tuple[str, ...] = ()
    values: Values = field(default_factory=lambda: NOTHING)
    latest_message_at: float | None = None
    first_response_at: float | None = None
    resolved_at: float | None = None
    snoozed_until: float | None = None
    touches: int = 0
    attachments: tuple[str, ...] = ()  # file names, of the first message
    customer_portal_visible: bool = False
    slack_channel_id: str | None = None
    parent_id: str | None = None
    child_ids: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Thread:
    """An internal discussion of an issue; with a channel, everything in it is posted to Slack too."""

    id: str
    issue_id: str
    name: str
    slack_channel_id: str | None = None


@dataclass(frozen=True, slots=True)
class Message:
    """A message of a customer (``contact_id``) or of the tenant (``user_id``); a private one is a note."""

    id: str
    issue_id: str
    html: str
    at: float
    private: bool = False
    contact_id: str | None = None
    user_id: str | None = None
    thread_id: str | None = None
    source: str = "email"
    attachments: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Write:
    """A PATCH that was accepted, for a test to judge the client by; ``patch`` is the body as it was sent."""

    issue_id: str
    at: float
    patch: Json
    before: Issue
    after: Issue

    @property
    def tags_added(self) -> frozenset[str]:
        return frozenset(self.after.tags) - frozenset(self.before.tags)

    @property
    def tags_removed(self) -> frozenset[str]:
        return frozenset(self.before.tags) - frozenset(self.after.tags)

    @property
    def team_changed(self) -> bool:
        return self.before.team_id != self.after.team_id


@dataclass(frozen=True, slots=True)
class Served:
    """A request the tenant received, and with what status it was answered (0: with none)."""

    method: str
    path: str
    status: int
    at: float
    query: Mapping[str, str] = field(default_factory=dict)
    body: bytes = field(default=b"", repr=False)
