"""How long a helpdesk asks us to wait, in every form in which it may say so."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from connector.helpdesk.failure import retry_after_seconds

NOW = datetime(2026, 11, 2, 9, 0, tzinfo=UTC)


@pytest.mark.parametrize(
    ("told", "seconds"),
    [
        ("30", 30.0),
        ("0", 1.0),
        ("-5", 1.0),
        ("1000000000", 3600.0),
        ("inf", 3600.0),
        ("Mon, 02 Nov 2026 09:00:30 GMT", 30.0),
        ("Mon, 02 Nov 2020 09:00:30 GMT", 1.0),
        ("soon", None),
        ("nan", None),
        ("", None),
    ],
)
def test_retry_after_is_read_in_every_form_and_clamped(told: str, seconds: float | None) -> None:
    assert retry_after_seconds({"retry-after": told}, NOW) == seconds


def test_a_date_is_counted_from_the_date_of_the_answer_whatever_our_clock_says() -> None:
    headers = {"retry-after": "Mon, 02 Nov 2026 09:10:30 GMT", "date": "Mon, 02 Nov 2026 09:10:00 GMT"}

    assert retry_after_seconds(headers, NOW) == 30.0


def test_x_retry_after_counts_too() -> None:
    assert retry_after_seconds({"x-retry-after": "7"}, NOW) == 7.0
