"""What will go wrong later is said today: dates of models, prompts too short to cache, old prices."""

from __future__ import annotations

from collections.abc import Callable
from datetime import date, timedelta
from decimal import Decimal
from pathlib import Path

import pytest

from connector.clock import ManualClock
from connector.domain.classification import Tier
from connector.llm.cautions import cautions
from connector.llm.claude import ClaudeClassifier
from connector.llm.pricing import Price
from connector.llm.request import ModelSettings
from connector.sandbox.claude_api import ClaudeSandbox
from tests.support.town import open_town

TODAY = date(2026, 11, 21)
LONG = 100_000


def priced(as_of: date, model: str = "claude-haiku-5-5") -> Price:
    one = Decimal(1)
    return Price(model, one, one, one, one, as_of)


@pytest.mark.parametrize(
    "model", ["claude-haiku-5-5", "claude-sonnet-5-5", "claude-sonnet-5", "a-model-of-2031"]
)
def test_there_is_nothing_to_say_about_a_current_model(model: str) -> None:
    assert cautions(model, LONG, priced(TODAY, model), TODAY) == ()


@pytest.mark.parametrize(
    ("model", "today", "said"),
    [
        (
            "claude-haiku-5-5",
            date(2027, 7, 9),
            ["claude-haiku-5-5 may retire from 2027-10-07 on, in 90 days"],
        ),
        ("claude-haiku-5-5", date(2027, 7, 8), []),
        (
            "claude-haiku-4-5-20251001",
            TODAY,
            [
                "claude-haiku-4-5-20251001 may retire any day; Anthropic promised it until 2026-10-15",
            ],
        ),
        ("claude-sonnet-4-5", TODAY, ["claude-sonnet-4-5 retires on 2026-11-30, in 9 days"]),
        ("claude-3-haiku-20240307", TODAY, ["claude-3-haiku-20240307 retired on 2026-04-20"]),
    ],
)
def test_the_end_of_a_model_is_told_ninety_days_ahead(model: str, today: date, said: list[str]) -> None:
    assert list(cautions(model, LONG, None, today)) == said


@pytest.mark.parametrize(("static_bytes", "is_short"), [(1_572, True), (1_576, False)])
def test_a_prompt_below_the_cache_minimum_is_told(static_bytes: int, *, is_short: bool) -> None:
    said = cautions("claude-haiku-5-5", static_bytes, None, TODAY)

    assert ["from 512 tokens on and ours has about 511" in text for text in said] == [True] * is_short


def test_a_price_is_old_after_half_a_year() -> None:
    fresh, old = (priced(TODAY - timedelta(days=days)) for days in (180, 181))

    assert cautions("claude-haiku-5-5", LONG, fresh, TODAY) == ()
    (said,) = cautions("claude-haiku-5-5", LONG, old, TODAY)
    assert said.startswith("claude-haiku-5-5 has a price of 2026-05-24")


@pytest.mark.parametrize(("model", "is_short"), [("claude-haiku-4-5", True), ("claude-haiku-5-5", False)])
def test_what_is_called_too_short_is_not_cached_and_what_is_not_is(
    make_classifier: Callable[..., ClaudeClassifier], key: str, model: str, *, is_short: bool
) -> None:
    with ClaudeSandbox(api_key=key) as claude:
        classifier = make_classifier(base_url=claude.url, models={Tier.CHEAP: ModelSettings(model)})

        said = classifier.cautions(Tier.CHEAP, date(2026, 6, 1))
        usage = classifier.ask(Tier.CHEAP, {"subject": "Refund", "text": "Charged twice."}).usage

    assert any("caches prompts from" in text for text in said) is is_short
    assert (usage.cache_write_tokens == 0) is is_short


def test_a_start_says_it(tmp_path: Path, clock: ManualClock) -> None:
    price = {"input": 1, "output": 5, "cache_write": 1.25, "cache_read": 0.1, "as_of": date(2026, 10, 7)}
    cheap = {"model": "claude-haiku-4-5", "effort": "low", "thinking": "disabled", "max_tokens": 512}
    strong = {"model": "claude-sonnet-5-5"}
    prices = tuple(price | {"model": each["model"]} for each in (cheap, strong))
    chosen = {"llm": {"cheap": cheap, "strong": strong, "prices": prices}}

    with open_town(tmp_path / "ledger.db", clock, settings=chosen) as town:
        town.run()

    assert [facts["tier"] for facts in town.told("model.caution")] == ["cheap", "cheap"]
