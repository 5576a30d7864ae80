"""The bill of a call, to the last fraction of a cent."""

from __future__ import annotations

from datetime import date
from decimal import Decimal

import pytest

from connector.domain.classification import Usage
from connector.llm.pricing import Price, cost, dearest, most

Prices = tuple[Price, ...]


@pytest.mark.parametrize(
    ("usage", "usd"),
    [
        (Usage(), "0"),
        (Usage(input_tokens=1_000_000), "2"),
        (Usage(output_tokens=1_000_000), "10"),
        (Usage(cache_write_tokens=1_000_000), "2.50"),
        (Usage(cache_read_tokens=1_000_000), "0.10"),
        (Usage(1, 1, 1, 1), "0.0000146"),
    ],
)
def test_each_kind_of_token_has_its_own_rate(prices: Prices, usage: Usage, usd: str) -> None:
    _, sonnet = prices

    assert cost(sonnet, usage) == Decimal(usd)


def test_an_unknown_price_is_an_unknown_cost_never_zero() -> None:
    assert cost(None, Usage(1_000, 1_000)) is None


@pytest.mark.parametrize(
    ("usage", "usd"),
    [
        (Usage(input_tokens=100_000), "0.01"),
        (Usage(input_tokens=100_001), "0.0500005"),
        (Usage(input_tokens=1, cache_read_tokens=100_000), "0.0050005"),
    ],
)
def test_a_long_prompt_is_dearer_and_its_cached_part_counts(prices: Prices, usage: Usage, usd: str) -> None:
    haiku, _ = prices

    assert cost(haiku, usage) == Decimal(usd)


def test_the_most_a_call_can_cost_assumes_that_everything_is_written_to_the_cache(prices: Prices) -> None:
    _, sonnet = prices

    bound = most(sonnet, prompt_tokens=1_000, output_tokens=100)

    assert bound == cost(sonnet, Usage(cache_write_tokens=1_000, output_tokens=100))


def test_the_dearest_price_is_the_one_to_fear() -> None:
    def price(model: str, usd: str) -> Price:
        return Price(model, Decimal(1), Decimal(usd), Decimal(1), Decimal(1), date(2026, 1, 1))

    assert dearest([price("a", "5"), price("b", "50"), price("c", "9")]).model == "b"
