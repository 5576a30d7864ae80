"""What a day may cost, and when that day began."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime, time, tzinfo
from decimal import Decimal


@dataclass(frozen=True, slots=True)
class DailyBudget:
    """The most that a day's model calls may cost; days begin at midnight in ``zone``.  0: nothing is paid."""

    usd: Decimal
    zone: tzinfo = UTC

    def day_began(self, now: datetime) -> datetime:
        """The last midnight in ``zone``, as aware UTC."""
        today = now.astimezone(self.zone).date()
        return datetime.combine(today, time.min, self.zone).astimezone(UTC)
