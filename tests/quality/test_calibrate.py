from __future__ import annotations

from math import exp, log

import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import binomtest

from connector.quality.calibrate import best_temperature, quantile, threshold_for, wilson


@given(st.integers(1, 5_000).flatmap(lambda total: st.tuples(st.integers(0, total), st.just(total))))
def test_the_interval_is_that_of_scipy(counts: tuple[int, int]) -> None:
    right, total = counts

    low, high = wilson(right, total)

    theirs = binomtest(right, total).proportion_ci(method="wilson")
    assert (low, high) == pytest.approx((theirs.low, theirs.high), abs=1e-9)


def test_nothing_counted_says_nothing() -> None:
    assert wilson(0, 0) == (0.0, 1.0)


def test_seventy_three_right_answers_in_a_row_are_needed_for_95_percent() -> None:
    assert threshold_for([(0.9, True)] * 72, 0.95) is None
    assert threshold_for([(0.9, True)] * 73, 0.95) == 0.9


def test_a_threshold_is_never_inside_a_tie() -> None:
    scored = [(0.9, True)] * 100 + [(0.5, True)] * 50 + [(0.5, False)] * 50

    assert threshold_for(scored, 0.95) == 0.9


@given(st.lists(st.tuples(st.floats(0, 1), st.booleans()), max_size=300))
def test_what_a_threshold_lets_through_keeps_the_target_with_its_bound(
    scored: list[tuple[float, bool]],
) -> None:
    threshold = threshold_for(scored, 0.6)

    passed = [right for confidence, right in scored if threshold is not None and confidence >= threshold]
    assert (threshold is None) == (not passed)
    assert not passed or wilson(sum(passed), len(passed))[0] >= 0.6


@pytest.mark.parametrize("truth", [0.09, 0.5, 1.0, 2.2])
def test_the_temperature_with_the_least_loss_is_found(truth: float) -> None:
    found = best_temperature(lambda temperature: (log(temperature) - log(truth)) ** 2)

    assert found == pytest.approx(truth, rel=1e-3)


def test_overconfident_scores_are_softened() -> None:
    # Two classes with a logit of 6 in favour of the first, which is right in three of four cases.
    def loss(temperature: float) -> float:
        sure = 1 / (1 + exp(-6 / temperature))
        return -(0.75 * log(sure) + 0.25 * log(1 - sure))

    softened = 1 / (1 + exp(-6 / best_temperature(loss)))

    assert softened == pytest.approx(0.75, abs=1e-3)


def test_a_quantile_is_interpolated_and_needs_values() -> None:
    assert quantile([3.0, 1.0, 2.0], 0.75) == 2.5
    with pytest.raises(ValueError, match="no values"):
        quantile([], 0.5)
