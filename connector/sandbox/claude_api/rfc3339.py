"""Times as the API writes them."""

from __future__ import annotations

from datetime import UTC, datetime


def moment(epoch_seconds: float) -> str:
    """``2026-11-21T10:15:00Z``"""
    return datetime.fromtimestamp(epoch_seconds, UTC).isoformat(timespec="seconds").replace("+00:00", "Z")
