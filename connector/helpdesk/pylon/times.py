"""Pylon's times: RFC 3339, shown to the second and kept to the millisecond."""

from __future__ import annotations

from datetime import UTC, datetime


def parse_time(shown: str) -> datetime:
    """An RFC 3339 time as aware UTC.  Raises ValueError or OverflowError."""
    at = datetime.fromisoformat(shown)
    return at.replace(tzinfo=UTC) if at.tzinfo is None else at.astimezone(UTC)


def maybe_time(shown: str | None) -> datetime | None:
    """The same; None where there is none, or none that makes sense."""
    try:
        return parse_time(shown) if shown else None
    except (ValueError, OverflowError):
        return None


def told(at: datetime) -> str:
    """A moment as Pylon shows it: rounded down to the second, whose comparison nobody has documented."""
    return f"{at.astimezone(UTC):%Y-%m-%dT%H:%M:%SZ}"


def to_the_second(shown: str | None) -> str | None:
    """A time without its fractions: sources differ in whether Pylon shows them."""
    at = maybe_time(shown)
    return shown if at is None else told(at)
