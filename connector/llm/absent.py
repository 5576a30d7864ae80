"""No model: what stands in the place of Claude where the settings switch it off."""

from __future__ import annotations

from collections.abc import Mapping
from decimal import Decimal
from typing import Any, NoReturn

from connector.domain.classification import Tier
from connector.errors import SettingsError


class NoClassifier:
    """Satisfies `ports.Classifier` for a cascade without model tiers, which never asks it."""

    prompt_version = "none"

    def model(self, tier: Tier) -> str:  # noqa: ARG002 - the port's signature
        return "none"

    def reserve_usd(self, tier: Tier, ticket: Mapping[str, Any]) -> Decimal:  # noqa: ARG002 - likewise
        return Decimal(0)

    def ask(self, tier: Tier, ticket: Mapping[str, Any]) -> NoReturn:  # noqa: ARG002 - likewise
        """Raises SettingsError."""
        raise SettingsError(f"the {tier} model was asked, and [llm] enabled = false")
