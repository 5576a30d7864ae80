"""The documents that the ledger keeps whole: why a decision was made, and what a write found."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from decimal import Decimal

from connector.domain.classification import Classification
from connector.domain.decision import Decision, Step
from connector.domain.ticket import Status, Ticket


@dataclass(frozen=True, slots=True)
class Evidence:
    """Everything of a decision that explains it."""

    reason: str
    classification: Classification | None
    steps: tuple[Step, ...]
    guardrail: tuple[str, ...]
    thresholds: Mapping[str, float]
    cost_usd: Decimal  # exact; the column beside it is whole micro-USD, for sums


def evidence_of(decision: Decision) -> Evidence:
    return Evidence(
        decision.reason,
        decision.classification,
        decision.steps,
        decision.guardrail,
        decision.thresholds,
        decision.cost_usd,
    )


@dataclass(frozen=True, slots=True)
class Before:
    """What a write may overwrite, as the ticket was right before: enough to undo it."""

    version: str
    status: Status
    group: str | None
    assignee: str | None
    priority: str | None
    tags: tuple[str, ...]


def before(seen: Ticket) -> Before:
    return Before(seen.version, seen.status, seen.group, seen.assignee, seen.priority, seen.tags)
