"""Whatever goes into the ledger comes out the same."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st
from sqlalchemy.dialects import sqlite

from connector.clock import ManualClock
from connector.domain.ticket import Ticket
from connector.store.columns import Json, as_json, from_micro, from_ms, to_micro, to_ms
from connector.store.documents import Evidence
from connector.store.engine import steady_ms

TIMES = st.datetimes(datetime(1970, 1, 1), datetime(9999, 1, 1), timezones=st.just(UTC))  # noqa: DTZ001 - hypothesis adds the zone
TEXTS = st.text(st.characters(exclude_categories=["Cs"]))


@given(TIMES)
def test_times_are_kept_to_the_millisecond(at: datetime) -> None:
    kept = from_ms(to_ms(at))

    assert timedelta(0) <= at - kept < timedelta(milliseconds=1)


@pytest.mark.parametrize(
    ("usd", "micro"), [("0.0000005", 1), ("0.0000004", 0), ("12.345678", 12_345_678), ("0", 0)]
)
def test_money_is_kept_to_the_micro_dollar(usd: str, micro: int) -> None:
    assert to_micro(Decimal(usd)) == micro
    assert from_micro(micro) == Decimal(micro) / 1_000_000


@given(text=TEXTS, tags=st.lists(TEXTS).map(tuple), at=TIMES, arr=st.none() | st.decimals(0, 10**9, places=2))
def test_any_ticket_survives(
    make_ticket: Callable[..., Ticket], text: str, tags: tuple[str, ...], at: datetime, arr: Decimal | None
) -> None:
    column, dialect = Json(Ticket), sqlite.dialect()
    ticket = replace(make_ticket(), text=text, subject=text, tags=tags, created_at=at, arr_usd=arr)

    stored = column.process_bind_param(ticket, dialect)

    assert column.process_result_value(stored, dialect) == ticket


def test_the_ledgers_time_passes_but_never_jumps() -> None:
    clock = ManualClock()
    now_ms = steady_ms(clock)
    start = now_ms()

    clock.advance(1.5)
    clock.jump(-3600)

    assert now_ms() == start + 1500
    assert start == to_ms(datetime(2026, 11, 2, 9, tzinfo=UTC))


def test_what_was_kept_before_readings_and_attachments_were_is_still_read(
    make_ticket: Callable[..., Ticket],
) -> None:
    evidence = Evidence("rule invoices", None, (), (), {"team": 0.7}, Decimal("0.01"))
    for value, key in ((evidence, "reading"), (make_ticket(), "attachments")):
        document = json.loads(as_json(value))
        del document[key]

        kept = Json(type(value)).process_result_value(json.dumps(document), sqlite.dialect())

        assert kept == value
