"""When the day of a budget begins, with one and without."""

from __future__ import annotations

from datetime import UTC, datetime
from decimal import Decimal

import pytest

from connector.settings.budget import BudgetSettings


@pytest.mark.parametrize("usd", [None, Decimal(0), Decimal(5)])
def test_the_day_begins_at_midnight_of_the_zone_whatever_the_budget(usd: Decimal | None) -> None:
    budget = BudgetSettings(daily_usd=usd, timezone="Europe/Berlin")
    half_past_midnight = datetime(2026, 11, 1, 23, 30, tzinfo=UTC)

    assert budget.day_began(half_past_midnight) == datetime(2026, 11, 1, 23, 0, tzinfo=UTC)


def test_without_a_zone_it_begins_at_midnight_utc() -> None:
    assert BudgetSettings().day_began(datetime(2026, 11, 2, 9, tzinfo=UTC)) == datetime(
        2026, 11, 2, tzinfo=UTC
    )
