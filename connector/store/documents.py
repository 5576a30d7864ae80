"""The documents that the ledger keeps whole: why a decision was made, and what stands in a label."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from decimal import Decimal

from connector.domain.classification import Classification
from connector.domain.decision import Decision, ReadingFacts, Signal, Step


@dataclass(frozen=True, slots=True)
class Evidence:
    """Everything of a decision that explains it."""

    reason: str
    classification: Classification | None
    steps: tuple[Step, ...]
    guardrail: tuple[str, ...]
    thresholds: Mapping[str, float]
    cost_usd: Decimal  # exact; the column beside it is whole micro-USD, for sums
    reading: ReadingFacts | None = None  # None too for what was decided before this was kept
    examples: tuple[str, ...] = ()  # numbers of tickets
    signals: tuple[Signal, ...] = ()


@dataclass(frozen=True, slots=True)
class Said:
    """What people wrote in a label: the customer's words, and the labeller's remarks."""

    subject: str
    text: str
    tier: str = ""
    severity: str = ""
    route: str = ""
    why: str = ""
    reviewer: str = ""


def evidence_of(decision: Decision) -> Evidence:
    return Evidence(
        decision.reason,
        decision.classification,
        decision.steps,
        decision.guardrail,
        decision.thresholds,
        decision.cost_usd,
        decision.reading,
        decision.examples,
        decision.signals,
    )
