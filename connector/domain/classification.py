"""What one tier says about a submission."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from decimal import Decimal
from enum import StrEnum

from connector.domain.taxonomy import Axis


class Tier(StrEnum):
    """Who labelled a submission, from free to dear."""

    RULES = "rules"
    LOCAL = "local"
    CHEAP = "cheap"
    STRONG = "strong"


@dataclass(frozen=True, slots=True)
class Label:
    """A value on one axis with a confidence in 0..1."""

    value: str
    confidence: float


@dataclass(frozen=True, slots=True)
class Classification:
    """One tier's labels; an axis it says nothing about is None.

    ``shadow`` has what was said where the label is the ancestor that acts for it.
    """

    tier: Tier
    team: Label | None = None
    type: Label | None = None
    urgency: Label | None = None
    sentiment: Label | None = None
    secondary_team: str | None = None
    reason: str = ""
    model: str | None = None
    shadow: Mapping[Axis, str] = field(default_factory=dict)

    def on(self, axis: Axis) -> Label | None:
        """The label on ``axis``, or None."""
        label: Label | None = getattr(self, axis.value)
        return label

    def labelled(self, labels: Mapping[Axis, Label]) -> Classification:
        """The same classification with ``labels`` in place of its own on their axes."""
        return replace(
            self,
            team=labels.get(Axis.TEAM, self.team),
            type=labels.get(Axis.TYPE, self.type),
            urgency=labels.get(Axis.URGENCY, self.urgency),
            sentiment=labels.get(Axis.SENTIMENT, self.sentiment),
        )


@dataclass(frozen=True, slots=True)
class Usage:
    """What one model call consumed, in tokens; ``cost_usd`` is None when the model's price is unknown."""

    input_tokens: int = 0
    output_tokens: int = 0
    cache_write_tokens: int = 0
    cache_read_tokens: int = 0
    cost_usd: Decimal | None = None


@dataclass(frozen=True, slots=True)
class Answer:
    """One model call that came back: the labels and the bill.

    ``classification`` is None when the answer could not be used; ``unusable`` then says why, and the call
    was paid all the same.
    """

    classification: Classification | None
    usage: Usage
    model: str
    stop_reason: str | None = None
    request_id: str | None = None
    unusable: str | None = None
