"""What a day of model calls may cost."""

from __future__ import annotations

from datetime import UTC, datetime, tzinfo
from decimal import Decimal
from typing import Annotated
from zoneinfo import ZoneInfo

from pydantic import AfterValidator, BaseModel, Field

from connector.domain.budget import DailyBudget
from connector.settings.values import TABLE


def _zone(value: str) -> str:
    try:
        _zone_of(value)
    except (ValueError, OSError):  # ZoneInfoNotFoundError is a KeyError
        raise ValueError("is not a time zone such as UTC or Europe/Berlin") from None
    except KeyError:
        raise ValueError(
            "is not a time zone that this machine knows, such as UTC or Europe/Berlin (package tzdata)"
        ) from None
    return value


def _zone_of(name: str) -> tzinfo:
    return UTC if name == "UTC" else ZoneInfo(name)  # UTC also works where no time zones are installed


class BudgetSettings(BaseModel):
    """The most that a day of model calls may cost; what it cannot bear goes to the human group."""

    model_config = TABLE

    daily_usd: Decimal | None = Field(
        default=None,
        ge=0,
        le=1_000_000,
        description="USD per day, of all processes on this database; 0: never pay, none: no limit.",
        examples=[5],
    )
    timezone: Annotated[str, AfterValidator(_zone)] = Field(
        default="UTC", description="Where the day begins at midnight."
    )

    def daily(self) -> DailyBudget | None:
        """The budget; None: there is no limit."""
        return None if self.daily_usd is None else self.limited_to(self.daily_usd)

    def limited_to(self, usd: Decimal) -> DailyBudget:
        """A budget of so many USD for the same day."""
        return DailyBudget(usd, _zone_of(self.timezone))

    def day_began(self, now: datetime) -> datetime:
        """When the day began, with a budget or without; as aware UTC."""
        return self.limited_to(self.daily_usd or Decimal(0)).day_began(now)
