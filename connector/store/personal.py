"""Where the ledger holds words of customers or says who they are, and what is left when those are erased.

Every column that can hold text is in one of the maps below; a test keeps them complete.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from enum import StrEnum

from connector.domain.classification import Classification, Tier
from connector.domain.decision import Cause
from connector.domain.ticket import Ticket
from connector.store.documents import Evidence

ERASED = "erased"  # stands where a model's reason stood


class Erasure(StrEnum):
    """Why words were erased."""

    RETENTION = "retention"  # they were older than the settings allow
    REQUEST = "request"  # somebody asked for it
    DELETED = "deleted"  # the helpdesk deleted the ticket


def without_words(ticket: Ticket) -> Ticket:
    """What triage and write-back need to end their work on a ticket, and nothing the customer said or is."""
    return replace(
        ticket,
        subject="",
        text="",  # not None, or it would be fetched again
        channel="",
        priority=None,
        tags=(),
        requester=None,
        organization=None,
        tier=None,
        arr_usd=None,
        attachments=(),
    )


_OUR_WORDS = frozenset(
    {
        Cause.RULE,
        Cause.GUARDRAIL,
        Cause.LOW_CONFIDENCE,
        Cause.EMPTY,
        Cause.NO_MODEL,
        Cause.ANSWER_UNUSABLE,
        Cause.REQUEST_REJECTED,
        Cause.WAITED_TOO_LONG,
        Cause.BUDGET_SPENT,
        Cause.TOO_MANY_ATTEMPTS,
        Cause.INTERNAL_ERROR,
        Cause.WRITE_REJECTED,
        Cause.MATERIAL_CHANGE,
    }
)
"""Decided for these causes, the reason is a sentence of our own; otherwise it paraphrases the ticket."""


def without_reasons(evidence: Evidence, cause: str) -> Evidence:
    """The evidence of a decision for ``cause``, without what models wrote.

    Labels, confidences, thresholds and the names of rules and guardrail words stay.
    """
    steps = tuple(
        replace(step, classification=_without_reason(step.classification)) for step in evidence.steps
    )
    classification = _without_reason(evidence.classification)
    reason = evidence.reason if cause in _OUR_WORDS else ERASED
    return replace(evidence, reason=reason, classification=classification, steps=steps)


def _without_reason(found: Classification | None) -> Classification | None:
    return found if found is None or found.tier is Tier.RULES else replace(found, reason="")


WORDS: Mapping[str, frozenset[str]] = {
    "submissions": frozenset({"ticket", "requester"}),
    "model_calls": frozenset({"answer"}),
    "decisions": frozenset({"evidence"}),
}
"""Erased in every case: the customer's words, what models wrote about them, and who the customer is.

Of a ticket that still waits, and of evidence, remains what the two functions above leave.
"""

TRACES: Mapping[str, frozenset[str]] = {
    "submissions": frozenset({"reason"}),
    "model_calls": frozenset({"error"}),
    "writes": frozenset({"reason", "seen", "left_as"}),
    "undos": frozenset({"reason", "seen"}),
    "revisions": frozenset({"reason"}),
}
"""Erased as well when a person asks or the ticket is deleted, to be on the safe side.

They hold codes, our own sentences and, for an undo, the tags that agents gave; retention keeps them, because
they say why something was done or not done.
"""

LABELS: Mapping[str, frozenset[str]] = {
    "labels": frozenset({"said", "requester", "digest"}),
}
"""Kept by retention, because the operator collected them on purpose to teach and to measure with.

The whole row goes when a person asks or the ticket is deleted: a label without its words teaches nothing.
"""

HARMLESS: Mapping[str, frozenset[str]] = {
    "checkpoints": frozenset({"helpdesk", "checkpoint", "lease_owner"}),
    "rate_budgets": frozenset({"helpdesk", "bucket", "granted"}),
    "passes": frozenset({"id", "mode", "worker", "summary"}),
    "revisions": frozenset({"helpdesk", "ticket_id", "version", "fingerprint", "disposition", "pass_id"}),
    "submissions": frozenset(
        {"helpdesk", "ticket_id", "pass_id", "state", "lease_owner", "erased_because", "lane", "arrived_by"}
    ),
    "batches": frozenset({"helpdesk", "mark", "state", "vendor_id", "pass_id", "reason"}),
    "model_calls": frozenset({"tier", "state", "model", "request_id", "stop_reason"}),
    "decisions": frozenset(
        {
            "id",
            "helpdesk",
            "ticket_id",
            "kind",
            "cause",
            "tier",
            "team",
            "queue",
            "plan",
            "prompt_version",
            "pass_id",
        }
    ),
    "writes": frozenset(
        {
            "decision_id",
            "helpdesk",
            "ticket_id",
            "outcome",
            "after_version",
            "after_group",
            "state",
            "lease_owner",
            "lane",
        }
    ),
    "undos": frozenset(
        {
            "helpdesk",
            "ticket_id",
            "pass_id",
            "outcome",
            "after_version",
            "after_group",
            "state",
            "lease_owner",
        }
    ),
    "corrections": frozenset(
        {"helpdesk", "ticket_id", "version", "fingerprint", "from_group", "to_group", "pass_id"}
    ),
    "labels": frozenset({"helpdesk", "ticket_id", "team", "type", "urgency", "sentiment", "source"}),
    "tombstones": frozenset({"helpdesk", "mark", "salt"}),
}
"""Kept: numbers of tickets, states, names from the settings, tokens of vendors.

A ticket's number leads to a person only at the helpdesk, and only as long as the helpdesk knows them.
"""
