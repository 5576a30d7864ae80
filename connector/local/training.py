"""Training: from labelled tickets to a model that knows when to keep quiet, and what it still lacks."""

from __future__ import annotations

import hashlib
import json
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field, replace

import numpy as np

from connector.domain.taxonomy import Axis
from connector.errors import SettingsError
from connector.local.embedding import EmbeddingEngine
from connector.local.features import Array, Counts, Matrix, count, learn_lexicon
from connector.local.fitting import (
    Nearness,
    Unseen,
    fit_head,
    least_texts,
    nearness,
    predict_unseen,
    same_words,
)
from connector.local.model import AxisModel, TrainedModel
from connector.quality.calibrate import threshold_for
from connector.quality.dataset import LabelledTicket
from connector.quality.evaluate import Evaluation, Judged, evaluate

_OWN_THRESHOLD = 100  # predictions of a class from which on it has a threshold of its own


@dataclass(frozen=True, slots=True)
class TrainingPolicy:
    """What the local tier must keep before it decides alone.  Shares are 0 to 1.

    ``thresholds`` are the configured ones, below which no learned threshold may fall.  ``taxonomy`` are the
    classes that there are; a model trained for others is told apart by it.
    """

    target: float = 0.95
    labels_per_class: int = 10
    least_similarity: float = 0.2
    thresholds: Mapping[Axis, float] = field(default_factory=dict)
    taxonomy: Mapping[Axis, tuple[str, ...]] = field(default_factory=dict)
    seed: int = 7


@dataclass(frozen=True, slots=True)
class AxisReport:
    """What came of an axis.  ``threshold`` is None when nothing keeps the target; ``missing``: labels."""

    axis: Axis
    labels: int
    classes: int
    unseen: Evaluation | None
    threshold: float | None
    similarity: float | None
    missing: Mapping[str, int]
    remark: str = ""


@dataclass(frozen=True, slots=True)
class Trained:
    """The model and what is to be known about it; axes in their usual order."""

    model: TrainedModel
    reports: tuple[AxisReport, ...]


def digest_of(tickets: Sequence[LabelledTicket], policy: TrainingPolicy) -> str:
    """The same for the same labels and settings, whatever the order of the rows."""
    rows = sorted(
        json.dumps([each.ticket_id, each.submission, each.labels], sort_keys=True) for each in tickets
    )
    settings = {**asdict(policy), "thresholds": {axis.value: t for axis, t in policy.thresholds.items()}}
    said = json.dumps([rows, settings], sort_keys=True)
    return hashlib.sha256(said.encode()).hexdigest()


def fingerprint(ticket: LabelledTicket) -> str:
    """Recognises the same words again without keeping them."""
    return hashlib.blake2b(same_words(ticket.submission).encode(), digest_size=8).hexdigest()


def train(
    tickets: Sequence[LabelledTicket], policy: TrainingPolicy, engine: EmbeddingEngine | None = None
) -> Trained:
    """Fit every axis that has at least two classes.  Deterministic.

    Raises SettingsError when no axis has.
    """
    import sklearn.linear_model  # noqa: F401 - what it loads must be there to be limited
    from threadpoolctl import threadpool_limits

    # The matrices are small: more threads than one would only wait for each other, and burn whole cores.
    with threadpool_limits(1):
        return _train(tickets, policy, engine)


def _train(
    tickets: Sequence[LabelledTicket], policy: TrainingPolicy, engine: EmbeddingEngine | None
) -> Trained:
    texts = [each.submission for each in tickets]
    rows_of = {axis: [at for at, each in enumerate(tickets) if each.on(axis)] for axis in Axis}
    if not any(len({tickets[at].on(axis) for at in rows}) > 1 for axis, rows in rows_of.items()):
        raise SettingsError("the labels hold no axis with two classes or more; there is nothing to learn")
    counts = count(texts)
    lexicon = learn_lexicon(counts, least_texts(len(texts)))
    vectors = lexicon.vectors(counts)
    dense = engine.embed(texts) if engine else None
    known = _Known(texts, counts, vectors, lexicon.evidence(vectors), dense)
    axes, reports = {}, []
    for axis, rows in rows_of.items():
        labels = [str(tickets[at].on(axis)) for at in rows]
        model, report = _train_axis(axis, labels, known, np.array(rows, dtype=np.int32), policy)
        reports.append(report)
        if model is not None:
            axes[axis] = model
    fingerprints = frozenset(fingerprint(each) for each in tickets)
    ids = tuple(each.ticket_id for each in tickets)
    turned = known.vectors.T.tocsr()
    digest = digest_of(tickets, policy)
    return Trained(
        TrainedModel(digest, lexicon, axes, turned, ids, fingerprints, policy.taxonomy, engine),
        tuple(report for report in reports if report.labels),
    )


@dataclass(frozen=True, slots=True)
class _Known:
    """All labelled texts with their vectors: for likeness, and as evidence for a classifier."""

    texts: Sequence[str]
    counts: Counts
    vectors: Matrix
    evidence: Matrix
    dense: Array | None


def _train_axis(
    axis: Axis, labels: Sequence[str], known: _Known, rows: Array, policy: TrainingPolicy
) -> tuple[AxisModel | None, AxisReport]:
    sizes = Counter(labels)
    missing = {
        name: policy.labels_per_class - size
        for name, size in sorted(sizes.items())
        if size < policy.labels_per_class
    }
    if len(sizes) < 2:
        return None, AxisReport(axis, len(labels), len(sizes), None, None, None, missing, "needs two classes")
    classes = tuple(sorted(sizes))
    truth = np.array([classes.index(each) for each in labels])
    texts = [known.texts[at] for at in rows]
    dense = None if known.dense is None else known.dense[rows]
    evidence = known.evidence[rows]
    unseen = predict_unseen(texts, known.counts.rows(rows), dense, truth, len(classes), policy.seed)
    heads = [fit_head(each, truth, len(classes)) for each in (evidence, dense) if each is not None]
    near = nearness(known.vectors[rows], texts, truth, policy.seed)
    trust = _trust(axis, classes, truth, unseen, policy)
    cut = near.cut(policy.least_similarity)
    model = AxisModel(
        classes,
        tuple(replace(head, temperature=t) for head, t in zip(heads, unseen.temperatures, strict=True)),
        trust.thresholds,
        trust.reasons,
        cut,
        rows,
    )
    seen = _judged(model, truth, unseen, near)
    evaluation = evaluate(seen, policy.target) if seen else None
    decides = [each for each in trust.thresholds if each is not None]
    report = AxisReport(
        axis,
        len(labels),
        len(classes),
        evaluation,
        min(decides, default=None),
        cut,
        missing,
        "" if decides else trust.reasons[0],
    )
    return model, report


@dataclass(frozen=True, slots=True)
class _Trust:
    """Per class: from which confidence on it may be decided, or None and the reason."""

    thresholds: tuple[float | None, ...]
    reasons: tuple[str, ...]


def _trust(
    axis: Axis, classes: Sequence[str], truth: Array, unseen: Unseen, policy: TrainingPolicy
) -> _Trust:
    sizes = np.bincount(truth, minlength=len(classes))
    wanted = policy.labels_per_class * len(classes)
    if len(truth) < wanted:
        reason = f"needs {wanted - len(truth)} more labels for its {len(classes)} classes"
        return _Trust((None,) * len(classes), (reason,) * len(classes))
    guesses, sure = unseen.probabilities.argmax(axis=1), unseen.probabilities.max(axis=1)
    right = guesses == truth[unseen.rows]
    enough = sizes[guesses] >= policy.labels_per_class if len(guesses) else np.zeros(0, dtype=bool)
    shared = threshold_for(_scored(sure, right, enough), policy.target)
    floor = policy.thresholds.get(axis, 0.0)
    thresholds, reasons = [], []
    for at, name in enumerate(classes):
        own = guesses == at
        needed = policy.labels_per_class - int(sizes[at])
        learned = (
            threshold_for(_scored(sure, right, own), policy.target) if own.sum() >= _OWN_THRESHOLD else shared
        )
        if needed > 0:
            learned, reason = None, f"needs {needed} more labels for {name}"
        else:
            reason = f"no confidence in {name} kept {policy.target:.0%} precision on unseen tickets"
        thresholds.append(None if learned is None else max(floor, learned))
        reasons.append(reason)
    return _Trust(tuple(thresholds), tuple(reasons))


def _scored(sure: Array, right: Array, chosen: Array) -> list[tuple[float, bool]]:
    return [(float(s), bool(r)) for s, r in zip(sure[chosen], right[chosen], strict=True)]


def _judged(model: AxisModel, truth: Array, unseen: Unseen, near: Nearness) -> list[Judged]:
    """The unseen predictions as the model would have acted on them.

    On large sets nearness is known for a sample only; there the sample speaks for all.
    """
    similar = dict(zip(near.rows.tolist(), near.to_any.tolist(), strict=True))
    judged = []
    for at, row in enumerate(unseen.rows.tolist()):
        if row not in similar:
            continue
        best = int(unseen.probabilities[at].argmax())
        confidence = float(unseen.probabilities[at, best])
        threshold = model.thresholds[best]
        decided = threshold is not None and confidence >= threshold and similar[row] >= model.similarity
        judged.append(Judged(model.classes[int(truth[row])], model.classes[best], confidence, decided))
    return judged
