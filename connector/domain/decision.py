"""The full reason for one write, and what became of the write."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from decimal import Decimal
from enum import Enum, StrEnum
from typing import Final

from connector.domain.classification import Classification, Tier
from connector.domain.ticket import Standing, Ticket


class Kind(StrEnum):
    """How a submission left triage."""

    ROUTED = "routed"
    ESCALATED = "escalated"  # a person must decide: guardrail, low confidence, nothing to read
    FAILED_OPEN = "failed_open"  # something broke; the ticket goes to the human group all the same


class Cause(StrEnum):
    """Why the decision is what it is; a stable name for filters, tags and metrics."""

    RULE = "rule"
    CONFIDENT = "confident"
    GUARDRAIL = "guardrail"
    LOW_CONFIDENCE = "low_confidence"
    EMPTY = "empty"
    NO_MODEL = "no_model"  # no model is set up, and neither a rule nor the local tier knows
    ANSWER_UNUSABLE = "answer_unusable"
    REQUEST_REJECTED = "request_rejected"
    WAITED_TOO_LONG = "waited_too_long"
    BUDGET_SPENT = "budget_spent"
    TOO_MANY_ATTEMPTS = "too_many_attempts"
    INTERNAL_ERROR = "internal_error"
    WRITE_REJECTED = "write_rejected"  # the helpdesk refused what was decided first
    MATERIAL_CHANGE = "material_change"  # the requester wrote again, and that changed the ticket's nature


@dataclass(frozen=True, slots=True)
class Route:
    """Where a ticket goes: the helpdesk's group id, our tags, and the promise that comes with the queue.

    ``removes``: tags of an earlier route of ours that no longer hold.
    """

    team: str | None
    queue: str
    group: str
    group_name: str
    tags: tuple[str, ...]
    priority: str | None
    sla_minutes: int | None
    removes: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Signal:
    """Something about the customer that counted in a decision, and what it did."""

    name: str
    effect: str


@dataclass(frozen=True, slots=True)
class Step:
    """One tier of the cascade: what it said, and why the cascade went on (empty where it ended)."""

    tier: Tier
    classification: Classification | None
    went_on: str = ""


@dataclass(frozen=True, slots=True)
class ReadingFacts:
    """What was done to a ticket's words before a model saw them; counts and names, none of the words.

    ``language`` is None when nobody looked; ``is_foreign``: it is known and not a primary one.  ``redacted``
    counts different values by kind; ``cut_chars`` is the length of quotations, signatures and footers,
    ``left_out_tokens`` about what a text that was too long lost in its middle.
    """

    language: str | None = None
    is_foreign: bool = False
    redacted: Mapping[str, int] = field(default_factory=dict)
    cut_chars: int = 0
    left_out_tokens: int = 0


@dataclass(frozen=True, slots=True)
class Decision:
    """One decision about one submission; immutable, committed before anything is written.

    ``examples`` are the ids of the labelled tickets that the models were shown beside it.
    """

    id: str
    kind: Kind
    cause: Cause
    reason: str
    route: Route
    classification: Classification | None
    steps: tuple[Step, ...]
    guardrail: tuple[str, ...]
    thresholds: Mapping[str, float]
    prompt_version: str
    decided_at: datetime
    cost_usd: Decimal = Decimal(0)
    reading: ReadingFacts | None = None  # None: it never came to reading
    examples: tuple[str, ...] = ()
    signals: tuple[Signal, ...] = ()

    @property
    def tier(self) -> Tier | None:
        """The tier whose labels decided, or None when no tier was asked."""
        return self.classification.tier if self.classification else None


@dataclass(frozen=True, slots=True)
class OurRouting:
    """A routing of ours that still counts: nobody has moved the ticket since, as far as the ledger knows.

    ``left`` is how our write left it, None where that was read later; ``since`` the moment up to which the
    classified revision had heard the requester, ``heard_until`` that of the last look.
    """

    decision: Decision
    left: Standing | None
    left_group: str | None
    since: datetime
    heard_until: datetime


class Outcome(StrEnum):
    """What became of a write."""

    APPLIED = "applied"
    NO_OP = "no_op"  # the ticket already was as we wanted it
    CONFLICT = "conflict"  # somebody changed the ticket between our read and our write
    GONE = "gone"  # deleted or merged away
    REJECTED = "rejected"  # the helpdesk refuses this change for good
    UNCLEAR = "unclear"  # sent, and nobody knows: settled by reading back, never by repeating
    FAILED = "failed"  # given up, unclear or contended to the last; a person puts it back or does it by hand
    SUPERSEDED = "superseded"  # a person got there first: we write nothing
    DRY_RUN = "dry_run"  # what a live pass would have written


class Emptied(Enum):
    """A wish of its own, because None leaves a fact as it is."""

    EMPTY = "empty"


EMPTY: Final = Emptied.EMPTY


@dataclass(frozen=True, slots=True)
class Change:
    """An intended write.  It must take effect only if the ticket is still as ``seen``.

    ``group`` and ``priority``: None leaves them alone, EMPTY takes them away.  ``add_tags`` are added, never
    replaced; ``remove_tags`` are tags of ours that an undo takes off again.  ``note`` is private, always.
    ``decision_id`` marks the write at the helpdesk so that it can be found again.
    """

    decision_id: str
    seen: Ticket
    group: str | Emptied | None
    add_tags: tuple[str, ...]
    priority: str | Emptied | None = None
    fields: Mapping[str, str] = field(default_factory=dict)
    note: str | None = None
    remove_tags: tuple[str, ...] = ()

    @property
    def group_after(self) -> str | None:
        """The group that the ticket is in once this took effect."""
        return _after(self.seen.group, self.group)

    @property
    def priority_after(self) -> str | None:
        """The priority that the ticket has once this took effect."""
        return _after(self.seen.priority, self.priority)


def _after(now: str | None, wish: str | Emptied | None) -> str | None:
    if wish is None:
        return now
    return None if isinstance(wish, Emptied) else wish


@dataclass(frozen=True, slots=True)
class Applied:
    """What the helpdesk made of one change; ``version``, ``at`` and ``group`` are the ticket's after it.

    ``left`` is how the change left the ticket, where the answer shows it: None where it was read later, when
    somebody may have been there.
    """

    ticket_id: str
    outcome: Outcome
    version: str | None = None
    at: datetime | None = None
    group: str | None = None
    detail: str = ""
    left: Standing | None = None
