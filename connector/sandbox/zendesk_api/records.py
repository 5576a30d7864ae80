"""What a helpdesk account holds.  Records are frozen: a change makes a new one, and both can be compared."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Any, Literal

Role = Literal["end-user", "agent", "admin"]
Json = Mapping[str, Any]

NOTHING: Json = MappingProxyType({})
MAX_BODY_BYTES = 65_535  # longer bodies are cut without a word


@dataclass(frozen=True, slots=True)
class Group:
    id: int
    name: str
    created_at: int
    deleted: bool = False
    default: bool = False


@dataclass(frozen=True, slots=True)
class Organization:
    """``fields`` are the ``organization_fields``; ``tags`` are handed down to new tickets."""

    id: int
    name: str
    created_at: int
    group_id: int | None = None
    fields: Json = field(default_factory=lambda: NOTHING)
    tags: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class User:
    """``group_ids`` None: a member of every group."""

    id: int
    name: str
    email: str
    created_at: int
    role: Role = "end-user"
    organization_id: int | None = None
    group_ids: frozenset[int] | None = None
    tags: tuple[str, ...] = ()
    suspended: bool = False
    light: bool = False


@dataclass(frozen=True, slots=True)
class CustomField:
    """A ticket field; the values of a ``tagger`` and the ``tag`` of a ``checkbox`` are tags of the ticket."""

    id: int
    kind: Literal["text", "tagger", "checkbox"]
    title: str
    options: tuple[str, ...] = ()

    @property
    def empty(self) -> object:
        return False if self.kind == "checkbox" else None


@dataclass(frozen=True, slots=True)
class Ticket:
    """A ticket.  Times are whole seconds since 1970; ``opening_id`` is the id of its first comment."""

    id: int
    opening_id: int
    subject: str | None
    description: str
    requester_id: int
    submitter_id: int
    created_at: int
    updated_at: int
    generated_at: int
    status: str = "new"
    channel: str | int = "email"
    source: Json = field(default_factory=lambda: NOTHING)
    group_id: int | None = None
    assignee_id: int | None = None
    organization_id: int | None = None
    priority: str | None = None
    type: str | None = None
    tags: tuple[str, ...] = ()
    values: Json = field(
        default_factory=lambda: NOTHING
    )  # of custom fields, by id as text; absent ones are empty
    opened_public: bool = True
    is_public: bool = True
    from_messaging: bool = False
    support_type: str = "agent"
    comment_count: int = 1
    followup_ids: tuple[int, ...] = ()
    external_id: str | None = None
    attachments: tuple[str, ...] = ()  # file names, of the first comment


@dataclass(frozen=True, slots=True)
class Comment:
    id: int
    audit_id: int
    ticket_id: int
    author_id: int
    body: str
    public: bool
    created_at: int
    channel: str | int = "api"
    attachments: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Audit:
    """One saved update: its events as the API shows them, and what the writer sent as ``metadata``."""

    id: int
    ticket_id: int
    author_id: int
    created_at: int
    events: tuple[Json, ...]
    channel: str | int = "api"
    source: Json = field(default_factory=lambda: NOTHING)
    custom: Json = field(default_factory=lambda: NOTHING)


@dataclass(frozen=True, slots=True)
class Write:
    """An update by the API user that changed something, for a test to judge the client by."""

    ticket_id: int
    at: float
    before: Ticket
    after: Ticket
    custom: Json
    notes: tuple[Comment, ...] = ()
    job_id: str | None = None

    @property
    def tags_added(self) -> frozenset[str]:
        return frozenset(self.after.tags) - frozenset(self.before.tags)

    @property
    def tags_removed(self) -> frozenset[str]:
        return frozenset(self.before.tags) - frozenset(self.after.tags)

    @property
    def group_changed(self) -> bool:
        return self.before.group_id != self.after.group_id


@dataclass(frozen=True, slots=True)
class Served:
    """A request the account received, and with what status it was answered (0: with none)."""

    method: str
    path: str
    status: int
    at: float
    query: Mapping[str, str] = field(default_factory=dict)
