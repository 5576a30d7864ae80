from __future__ import annotations

import pytest
from sklearn.metrics import f1_score

from connector.quality.evaluate import Judged, calibration_error, evaluate, macro_f1

JUDGED = [
    *[Judged("billing", "billing", 0.95, decided=True)] * 80,
    *[Judged("billing", "security", 0.55)] * 10,
    *[Judged("security", "billing", 0.65, decided=True)] * 4,
    *[Judged("general", "security", 0.45)] * 6,
]


def test_the_measures_of_a_known_set() -> None:
    found = evaluate(JUDGED, target=0.9)

    assert (found.total, found.accuracy) == (100, 0.8)
    assert found.interval == pytest.approx((0.711, 0.867), abs=1e-3)
    assert found.coverage_at_target == 0.8  # 80 of 84 right would only promise 88 %
    assert found.coverage == 0.84
    assert found.precision == pytest.approx(80 / 84)
    assert found.confusion[0] == ("billing", "security", 10)


def test_macro_f1_is_that_of_scikit_learn() -> None:
    theirs = f1_score(
        [each.truth for each in JUDGED], [each.predicted for each in JUDGED], average="macro", zero_division=0
    )

    assert macro_f1(JUDGED) == pytest.approx(theirs)


def test_confidence_that_comes_true_has_no_calibration_error() -> None:
    honest = [Judged("a", "a", 0.75)] * 3 + [Judged("b", "a", 0.75)]

    assert calibration_error(honest) == pytest.approx(0)
    assert calibration_error([Judged("b", "a", 1.0)]) == 1


def test_nothing_cannot_be_evaluated() -> None:
    with pytest.raises(ValueError, match="nothing to evaluate"):
        evaluate([])


def test_without_decisions_there_is_no_precision() -> None:
    assert evaluate([Judged("a", "a", 0.9)]).precision is None
