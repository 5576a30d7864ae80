"""How good predictions are: accuracy with its interval, macro-F1, confusion, coverage, calibration."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

from connector.quality.calibrate import threshold_for, wilson

_BINS = 15


@dataclass(frozen=True, slots=True)
class Judged:
    """One prediction beside the truth; ``decided``: the model would have acted on it alone."""

    truth: str
    predicted: str
    confidence: float
    decided: bool = False

    @property
    def right(self) -> bool:
        return self.truth == self.predicted


@dataclass(frozen=True, slots=True)
class Evaluation:
    """What a set of predictions shows.  Shares are 0 to 1; None where there is nothing to divide by.

    ``coverage_at_target`` is the share that a threshold picked on these very predictions could decide:
    an upper bound.  ``decided`` and ``decided_right`` count what the model's own thresholds and guards let
    through.
    """

    total: int
    accuracy: float
    interval: tuple[float, float]
    macro_f1: float
    calibration_error: float
    target: float
    coverage_at_target: float
    decided: int
    decided_right: int
    confusion: tuple[tuple[str, str, int], ...]  # (truth, predicted, count), the mistakes alone, most first

    @property
    def coverage(self) -> float:
        """The share decided alone."""
        return self.decided / self.total

    @property
    def precision(self) -> float | None:
        """The share of right ones among those decided alone."""
        return self.decided_right / self.decided if self.decided else None


def evaluate(judged: Sequence[Judged], target: float = 0.95) -> Evaluation:
    """Every measure of ``judged``.  Raises ValueError when there is nothing to judge."""
    if not judged:
        raise ValueError("nothing to evaluate")
    right = sum(each.right for each in judged)
    threshold = threshold_for([(each.confidence, each.right) for each in judged], target)
    covered = sum(each.confidence >= threshold for each in judged) if threshold is not None else 0
    decided = [each for each in judged if each.decided]
    return Evaluation(
        total=len(judged),
        accuracy=right / len(judged),
        interval=wilson(right, len(judged)),
        macro_f1=macro_f1(judged),
        calibration_error=calibration_error(judged),
        target=target,
        coverage_at_target=covered / len(judged),
        decided=len(decided),
        decided_right=sum(each.right for each in decided),
        confusion=confusion(judged),
    )


def macro_f1(judged: Sequence[Judged]) -> float:
    """The mean over all classes seen, predicted or true, of each one's F1."""
    truths, predictions = Counter(e.truth for e in judged), Counter(e.predicted for e in judged)
    hits = Counter(each.truth for each in judged if each.right)
    classes = truths.keys() | predictions.keys()
    return sum(2 * hits[name] / (truths[name] + predictions[name]) for name in classes) / len(classes)


def calibration_error(judged: Sequence[Judged], bins: int = _BINS) -> float:
    """Expected calibration error over ``bins`` equally wide bins of confidence."""
    gathered: list[list[Judged]] = [[] for _ in range(bins)]
    for each in judged:
        gathered[min(int(each.confidence * bins), bins - 1)].append(each)
    gaps = (abs(sum(e.right for e in group) - sum(e.confidence for e in group)) for group in gathered)
    return sum(gaps) / len(judged)


def confusion(judged: Sequence[Judged]) -> tuple[tuple[str, str, int], ...]:
    """The mistakes as (truth, predicted, count), the commonest first."""
    mistakes = Counter((each.truth, each.predicted) for each in judged if not each.right)
    ranked = sorted(mistakes.items(), key=lambda item: (-item[1], item[0]))
    return tuple((truth, predicted, count) for (truth, predicted), count in ranked)
