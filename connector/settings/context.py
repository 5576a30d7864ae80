"""What counts besides the first message: who the customer is, and what they write later."""

from __future__ import annotations

from decimal import Decimal

from pydantic import BaseModel, Field

from connector.domain.taxonomy import Axis
from connector.settings.values import TABLE, AnyOf, Share, Text


class SignalSettings(BaseModel):
    """Who the customer is: a high urgency is believed with less confidence, and repeats are noticed."""

    model_config = TABLE

    tiers: tuple[Text, ...] = Field(
        default=("enterprise",), description="Customer tiers for which the bar for high urgencies is lower."
    )
    arr_usd: Decimal | None = Field(
        default=None,
        gt=0,
        description="Annual revenue in US dollars from which it is lower too.",
        examples=[Decimal(100_000)],
    )
    lower_by: Share = Field(
        default=0.1,
        description="How much lower thresholds.urgency is then; it never lowers another threshold.",
    )
    urgencies: AnyOf = Field(
        default=(), description="For which urgencies; those with priority urgent or high unless given."
    )
    repeat_hours: float = Field(
        default=24.0,
        ge=0,
        le=720,
        description="A ticket whose requester opened another one so many hours before, or fewer, "
        "gets the tag ai_repeat; 0: none does.",
    )

    def folded_tiers(self) -> frozenset[str]:
        """The tiers, case-folded."""
        return frozenset(tier.casefold() for tier in self.tiers)

    def labels(self) -> dict[Axis, frozenset[str]]:
        """The classes that are named here."""
        return {Axis.URGENCY: frozenset(self.urgencies)}


class MaterialChangeSettings(BaseModel):
    """What requesters write after our routing, as long as no person has touched the ticket."""

    model_config = TABLE

    enabled: bool = Field(
        default=True,
        description="Whether later messages are searched for guardrail words and rules: once per ticket they "
        "raise the urgency or bring in a person.",
    )
    ask_model: bool = Field(
        default=False,
        description="Whether the cheap model reads what no word settles; one call per reply.",
    )
