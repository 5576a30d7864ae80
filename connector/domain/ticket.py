"""A ticket as it crosses the helpdesk port, and what intake makes of one revision of it."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from enum import StrEnum


def submission_text(subject: str, text: str) -> str:
    """Subject and first words as one text; a subject that is only the text's beginning is left out."""
    begins = " ".join(subject.rstrip(" ….").split())
    if begins and " ".join(text.split()).startswith(begins):
        return text.strip()
    return f"{subject}\n{text}".strip()


class Status(StrEnum):
    NEW = "new"
    OPEN = "open"
    PENDING = "pending"
    HOLD = "hold"
    SOLVED = "solved"
    CLOSED = "closed"
    DELETED = "deleted"
    OTHER = "other"  # a value the vendor added after this was written; treated as open


class Author(StrEnum):
    """Who wrote the first words."""

    CUSTOMER = "customer"
    AGENT = "agent"
    UNKNOWN = "unknown"


class Nature(StrEnum):
    """What kind of ticket the helpdesk says it is."""

    ORDINARY = "ordinary"
    FOLLOW_UP = "follow_up"  # opened by a reply to a closed ticket
    MERGED = "merged"  # closed into another ticket
    SIDE_CONVERSATION = "side_conversation"
    SAMPLE = "sample"  # the vendor's demonstration ticket


@dataclass(frozen=True, slots=True)
class Standing:
    """What people and we change of a ticket, at one version of it; enough to undo a change."""

    version: str
    status: Status
    group: str | None
    assignee: str | None
    priority: str | None
    tags: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Ticket:
    """One revision of a ticket: plain text and facts, no vendor shapes.

    ``version`` is opaque and changes with every change that people can see; where its resolution is too
    coarse, ``fingerprint`` (a short digest of the content) tells two revisions apart.  ``group``,
    ``assignee`` and ``requester`` are the helpdesk's ids as strings.  Times are aware UTC.
    """

    id: str
    version: str
    fingerprint: str
    created_at: datetime
    updated_at: datetime
    status: Status
    nature: Nature
    author: Author
    is_public: bool
    subject: str
    text: str | None  # the requester's first words; None: the helpdesk keeps them elsewhere, `fetch` has them
    channel: str
    group: str | None
    assignee: str | None
    priority: str | None
    tags: tuple[str, ...]
    requester: str | None
    organization: str | None = None
    tier: str | None = None
    arr_usd: Decimal | None = None
    attachments: tuple[str, ...] = ()  # names and types, as in "invoice.pdf (application/pdf)"
    settles_in_seconds: float = 0.0  # when to look again; 0: `version` tells any further change apart
    requester_spoke_at: datetime | None = None  # when the requester last changed it; None: nobody tells

    @property
    def standing(self) -> Standing:
        return Standing(self.version, self.status, self.group, self.assignee, self.priority, self.tags)


@dataclass(frozen=True, slots=True)
class Message:
    """Something written on a ticket for all to see, in plain text.

    Its author is CUSTOMER only where it was the requester; others who take part are UNKNOWN.
    """

    at: datetime
    author: Author
    text: str


@dataclass(frozen=True, slots=True)
class Reply:
    """The requester wrote again: after ``since``, and at ``until`` at the latest."""

    since: datetime
    until: datetime


@dataclass(frozen=True, slots=True)
class Unreadable:
    """A delivered ticket that could not be parsed; set aside with a reason, never dropped in silence."""

    ticket_id: str | None
    reason: str


@dataclass(frozen=True, slots=True)
class Page:
    """One page of a helpdesk's change feed, in delivery order.

    ``checkpoint`` is the token to store *with* the page, or None while resuming here would not be safe.
    ``complete`` says that the feed has nothing more at the moment.
    """

    tickets: tuple[Ticket, ...]
    checkpoint: str | None
    complete: bool
    unreadable: tuple[Unreadable, ...] = ()


class Disposition(StrEnum):
    """What intake made of a revision.  Only ORIGINAL goes on to a model."""

    ORIGINAL = "original"
    DUPLICATE = "duplicate"  # this very revision was delivered before
    ECHO = "echo"  # our own write coming back
    UPDATE = "update"  # a later revision of a ticket that already has its verdict
    CORRECTION = "correction"  # a person moved the ticket after our write
    ALREADY_ROUTED = "already_routed"
    AGENT_AUTHORED = "agent_authored"
    FOLLOW_UP = "follow_up"
    MERGED = "merged"
    SIDE_CONVERSATION = "side_conversation"
    SAMPLE = "sample"
    PRIVATE = "private"
    SOLVED = "solved"
    CLOSED = "closed"
    DELETED = "deleted"
    TOO_OLD = "too_old"
    UNREADABLE = "unreadable"


class Arrival(StrEnum):
    """By which way a ticket's submission first reached us; whatever the way, it is the same submission."""

    POLL = "poll"
    FAST = "fast"  # the fast lane: the newest tickets, asked for every few seconds
    NUDGE = "nudge"  # the helpdesk told us of the ticket


@dataclass(frozen=True, slots=True)
class History:
    """What the ledger already knows of a ticket when a revision of it arrives."""

    verdict: Disposition  # of the first revision that settled what the ticket is
    written_version: str | None = None  # the version our own write produced
    written_at: datetime | None = None  # the helpdesk's time of that version
    written_group: str | None = None  # the group the ticket was in right after our write
    awaited_groups: frozenset[str | None] = frozenset()  # where an undo under way may have put it by now


@dataclass(frozen=True, slots=True)
class Group:
    """A group of agents at the helpdesk; names need not be unique, ids are."""

    id: str
    name: str
