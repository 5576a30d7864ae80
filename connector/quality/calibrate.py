"""From a score to a promise: one temperature, Wilson bounds, and the threshold that keeps a precision."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from math import exp, log, sqrt
from statistics import NormalDist

_GOLDEN = (sqrt(5) - 1) / 2
_SHARPEST, _SOFTEST = 0.02, 20.0  # outside of these a model is broken, not miscalibrated

Scored = tuple[float, bool]
"""A confidence (0 to 1) and whether the prediction was right."""


def wilson(right: int, total: int, level: float = 0.95) -> tuple[float, float]:
    """The Wilson score interval of a share; (0, 1) when nothing was counted."""
    if total <= 0:
        return 0.0, 1.0
    z = NormalDist().inv_cdf(0.5 + level / 2)
    share, scale = right / total, 1 + z * z / total
    centre = (share + z * z / (2 * total)) / scale
    half = z * sqrt(share * (1 - share) / total + z * z / (4 * total * total)) / scale
    return max(0.0, centre - half), min(1.0, centre + half)


def best_temperature(loss: Callable[[float], float], steps: int = 30) -> float:
    """The temperature with the least ``loss`` (negative log-likelihood), by golden section on its logarithm.

    The loss of softmax(logits / T) has one minimum in 1/T (it is convex there), so no other search is needed.
    """
    low, high = log(_SHARPEST), log(_SOFTEST)
    inner, outer = high - _GOLDEN * (high - low), low + _GOLDEN * (high - low)
    at_inner, at_outer = loss(exp(inner)), loss(exp(outer))
    for _ in range(steps):
        if at_inner < at_outer:
            high, outer, at_outer = outer, inner, at_inner
            inner = high - _GOLDEN * (high - low)
            at_inner = loss(exp(inner))
        else:
            low, inner, at_inner = inner, outer, at_outer
            outer = low + _GOLDEN * (high - low)
            at_outer = loss(exp(outer))
    return exp((low + high) / 2)


def threshold_for(scored: Iterable[Scored], target: float, level: float = 0.95) -> float | None:
    """The lowest confidence from which on the precision's Wilson lower bound meets ``target``, or None.

    With a target of 95 % at least 73 right answers in a row are needed before anything is promised.
    """
    ranked = sorted(scored, reverse=True)
    found, right = None, 0
    for at, (confidence, correct) in enumerate(ranked, start=1):
        right += correct
        ends_a_tie = at == len(ranked) or ranked[at][0] < confidence
        if ends_a_tie and wilson(right, at, level)[0] >= target:
            found = confidence
    return found


def quantile(values: Sequence[float], share: float) -> float:
    """The value below which ``share`` of ``values`` lie, interpolated.  Raises ValueError without values."""
    if not values:
        raise ValueError("no values")
    ranked = sorted(values)
    place = share * (len(ranked) - 1)
    below = int(place)
    above = min(below + 1, len(ranked) - 1)
    return ranked[below] + (place - below) * (ranked[above] - ranked[below])
