"""What a model call costs: dated prices per million tokens, and the bill of one call."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date
from decimal import Decimal

from connector.domain.classification import Usage

BATCH_PRICE = Decimal("0.5")  # of a direct call, for every kind of token (Anthropic, Batch processing)

_MILLION = Decimal(1_000_000)


@dataclass(frozen=True, slots=True)
class Rates:
    """USD per million tokens: plain input, output, 5-minute cache writes, cache reads."""

    input: Decimal
    output: Decimal
    cache_write: Decimal
    cache_read: Decimal


@dataclass(frozen=True, slots=True)
class Price:
    """A model's price as published on ``as_of``, in USD per million tokens.

    ``long_context`` replaces all four rates for a prompt (cached part included) of more than
    ``long_context_above`` tokens.
    """

    model: str
    input: Decimal
    output: Decimal
    cache_write: Decimal
    cache_read: Decimal
    as_of: date
    long_context_above: int | None = None
    long_context: Rates | None = None

    def rates(self, prompt_tokens: int) -> Rates:
        """The rates for a prompt of this size."""
        above = self.long_context_above
        if self.long_context is not None and above is not None and prompt_tokens > above:
            return self.long_context
        return Rates(self.input, self.output, self.cache_write, self.cache_read)


def cost(price: Price | None, usage: Usage) -> Decimal | None:
    """What a call cost in USD, exactly; None, never 0, when the price is unknown."""
    if price is None:
        return None
    rates = price.rates(usage.input_tokens + usage.cache_write_tokens + usage.cache_read_tokens)
    return (
        usage.input_tokens * rates.input
        + usage.output_tokens * rates.output
        + usage.cache_write_tokens * rates.cache_write
        + usage.cache_read_tokens * rates.cache_read
    ) / _MILLION


def most(price: Price, prompt_tokens: int, output_tokens: int) -> Decimal:
    """The most that a call with at most these tokens can cost, in USD."""
    rates = price.rates(prompt_tokens)
    dearest_input = max(rates.input, rates.cache_write)
    return (prompt_tokens * dearest_input + output_tokens * rates.output) / _MILLION


def dearest(prices: Iterable[Price]) -> Price:
    """The price to fear when a model's own is not known; ``prices`` is not empty."""
    return max(prices, key=lambda price: (price.output, price.input))
