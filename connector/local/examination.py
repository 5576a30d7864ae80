"""Examining a model on tickets it has not seen: a held-out file, or the training labels in turn."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from connector.domain.taxonomy import Axis
from connector.errors import SettingsError
from connector.local.embedding import EmbeddingEngine
from connector.local.fitting import folds
from connector.local.model import TrainedModel
from connector.local.training import TrainingPolicy, fingerprint, train
from connector.ports import Clock
from connector.quality.dataset import LabelledTicket
from connector.quality.evaluate import Evaluation, Judged, evaluate

_FOLDS = 3  # each costs a whole training


@dataclass(frozen=True, slots=True)
class Examination:
    """What was found per axis; ``left_out`` tickets were in the training labels and prove nothing."""

    how: str  # "held out" or "cross-validated"
    axes: Mapping[Axis, Evaluation]
    left_out: int
    ms_per_ticket: float


def examine(
    tickets: Sequence[LabelledTicket], model: TrainedModel, target: float, clock: Clock
) -> Examination:
    """The model on the tickets that it was not trained on.  Raises SettingsError when there are none."""
    fresh = [each for each in tickets if fingerprint(each) not in model.fingerprints]
    sheet = _Sheet(clock)
    sheet.fill(model, fresh)
    return sheet.examination("held out", len(tickets) - len(fresh), target)


def cross_examine(
    tickets: Sequence[LabelledTicket],
    policy: TrainingPolicy,
    clock: Clock,
    engine: EmbeddingEngine | None = None,
) -> Examination:
    """Train on two thirds and examine the last one, in turn, thresholds and guards included."""
    texts = [each.submission for each in tickets]
    principal = max(Axis, key=lambda axis: sum(each.on(axis) is not None for each in tickets))
    names = sorted({each.on(principal) or "" for each in tickets})
    truth = np.array([names.index(each.on(principal) or "") for each in tickets])
    fold_of = folds(texts, truth, _FOLDS, policy.seed)
    sheet = _Sheet(clock)
    for fold in range(_FOLDS):
        learn = [each for each, at in zip(tickets, fold_of, strict=True) if at != fold]
        asked = [each for each, at in zip(tickets, fold_of, strict=True) if at == fold]
        sheet.fill(train(learn, policy, engine).model, asked)
    return sheet.examination("cross-validated", 0, policy.target)


class _Sheet:
    """Answers as they come in, and the time they took."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._judged: dict[Axis, list[Judged]] = {axis: [] for axis in Axis}
        self._seconds, self._tickets = 0.0, 0

    def fill(self, model: TrainedModel, tickets: Sequence[LabelledTicket]) -> None:
        for ticket in tickets:
            started = self._clock.monotonic()
            labels = model.predict(ticket.submission)
            self._seconds += self._clock.monotonic() - started
            self._tickets += 1
            for axis, label in labels.items():
                if truth := ticket.on(axis):
                    verdict = Judged(truth, label.value, label.confidence, not label.why_not)
                    self._judged[axis].append(verdict)

    def examination(self, how: str, left_out: int, target: float) -> Examination:
        axes = {axis: evaluate(judged, target) for axis, judged in self._judged.items() if judged}
        if not axes:
            raise SettingsError("nothing to evaluate: no labelled ticket that the model has not seen")
        return Examination(how, axes, left_out, 1000 * self._seconds / self._tickets)
