"""The document that the ledger keeps whole: why a decision was made."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from decimal import Decimal

from connector.domain.classification import Classification
from connector.domain.decision import Decision, Signal, Step


@dataclass(frozen=True, slots=True)
class Evidence:
    """Everything of a decision that explains it."""

    reason: str
    classification: Classification | None
    steps: tuple[Step, ...]
    guardrail: tuple[str, ...]
    thresholds: Mapping[str, float]
    cost_usd: Decimal  # exact; the column beside it is whole micro-USD, for sums
    signals: tuple[Signal, ...] = ()


def evidence_of(decision: Decision) -> Evidence:
    return Evidence(
        decision.reason,
        decision.classification,
        decision.steps,
        decision.guardrail,
        decision.thresholds,
        decision.cost_usd,
        decision.signals,
    )
