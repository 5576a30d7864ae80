"""When a version has settled: by the helpdesk's stamps alone; our clock only says when to look again."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from connector.helpdesk.settling import settles_in

CHANGED_AT = datetime(2026, 11, 2, 8, 0, tzinfo=UTC)


def after(seconds: float) -> datetime:
    return CHANGED_AT + timedelta(seconds=seconds)


@pytest.mark.parametrize(("age", "left"), [(0, 2.0), (1, 1.0), (2, 0.0), (3600, 0.0), (-5, 2.0), (-11, 0.0)])
def test_two_seconds_by_the_helpdesks_own_stamps(age: float, left: float) -> None:
    assert settles_in(CHANGED_AT, after(age)) == left


@pytest.mark.parametrize(("server", "ours", "left"), [(0, 0.7, 1.3), (1, 1.25, 0.75), (1, 1.9, 0.2)])
def test_the_wait_ends_with_the_second_and_not_after_it(server: float, ours: float, left: float) -> None:
    assert settles_in(CHANGED_AT, after(server), after(ours)) == pytest.approx(left)


@pytest.mark.parametrize(("ours", "left"), [(-3600, 1.0), (0.9, 1.0), (2.9, 0.2), (3, 1.0), (3600, 1.0)])
def test_a_clock_that_is_wrong_settles_nothing_and_costs_a_few_looks_at_most(
    ours: float, left: float
) -> None:
    assert settles_in(CHANGED_AT, after(1), after(ours)) == left
    assert settles_in(CHANGED_AT, after(2), after(ours)) == 0.0


def test_without_the_helpdesks_time_a_version_counts_as_settled() -> None:
    assert settles_in(CHANGED_AT, None, CHANGED_AT) == 0.0
