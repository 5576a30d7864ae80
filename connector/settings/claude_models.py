"""The Claude models to ask, by the names and at the prices of whoever runs them."""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import date
from decimal import Decimal
from typing import Annotated, Any, Literal

from pydantic import AfterValidator, BaseModel, Field

from connector.settings.values import TABLE, Text


def _region(value: str) -> str:
    """A region becomes part of the host that credentials are sent to."""
    if not re.fullmatch(r"[a-z][a-z0-9-]{0,39}", value):
        raise ValueError("should be like eu-central-1")
    return value


Home = Literal["anthropic", "bedrock", "vertex"]
Region = Annotated[str, AfterValidator(_region)]
Price = Annotated[Decimal, Field(ge=0, le=10_000)]

_HAIKU, _SONNET = "claude-haiku-5-5", "claude-sonnet-5-5"
_PRICES = {  # USD per million tokens: input, output, cache write, cache read (platform.claude.com, Pricing)
    _HAIKU: ("0.10", "0.50", "0.125", "0.01"),
    _SONNET: ("2.00", "10.00", "2.50", "0.10"),
}
_IN_A_REGION = Decimal("1.1")  # what Amazon and Google add where a request may not leave its region


class ModelSettings(BaseModel):
    """One Claude model and how much it may think."""

    model_config = TABLE

    model: Text = Field(description="The model's id.")
    max_tokens: int = Field(ge=64, le=128_000, description="Most tokens of an answer, thinking included.")
    effort: Literal["low", "medium", "high", "xhigh", "max"] = Field(
        description="How much effort: low, medium, high, xhigh or max."
    )
    thinking: Literal["disabled", "between_tools", "adaptive"] = Field(
        description="disabled (Haiku only), between_tools or adaptive."
    )


class PriceSettings(BaseModel):
    """What a model costs, in USD per million tokens (platform.claude.com, Pricing)."""

    model_config = TABLE

    model: Text = Field(description="The model's id.")
    input: Price = Field(description="Uncached input.")
    output: Price = Field(description="Output, thinking included.")
    cache_write: Price = Field(description="Writing the prompt cache, for five minutes.")
    cache_read: Price = Field(description="Reading the prompt cache.")
    as_of: date = Field(description="When somebody last compared this with the price list.")


def cheap_model(chosen: Mapping[str, Any]) -> ModelSettings:
    """The default for the cheap tier at the chosen provider."""
    return ModelSettings(model=_name(chosen, _HAIKU), max_tokens=512, effort="low", thinking="disabled")


def strong_model(chosen: Mapping[str, Any]) -> ModelSettings:
    """The default for the strong tier at the chosen provider."""
    return ModelSettings(model=_name(chosen, _SONNET), max_tokens=4096, effort="medium", thinking="adaptive")


def prices(chosen: Mapping[str, Any]) -> tuple[PriceSettings, ...]:
    """The prices of the default models where they run; of Bedrock's for its worldwide profiles too."""
    if chosen.get("provider") == "bedrock":
        regional = [_price(f"anthropic.{model}", model, _IN_A_REGION) for model in _PRICES]
        return (*regional, *(_price(f"global.anthropic.{model}", model) for model in _PRICES))
    in_a_region = chosen.get("provider") == "vertex" and chosen.get("region") != "global"
    return tuple(_price(model, model, _IN_A_REGION if in_a_region else Decimal(1)) for model in _PRICES)


def _name(chosen: Mapping[str, Any], model: str) -> str:
    return f"anthropic.{model}" if chosen.get("provider") == "bedrock" else model


def _price(name: str, model: str, factor: Decimal = Decimal(1)) -> PriceSettings:
    read, written, cached, hit = (Decimal(usd) * factor for usd in _PRICES[model])
    return PriceSettings(
        model=name, input=read, output=written, cache_write=cached, cache_read=hit, as_of=date(2026, 10, 7)
    )
