"""Fit a classifier, and learn from predictions on tickets it has not seen how far to trust it."""

from __future__ import annotations

import re
import warnings
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

import numpy as np

from connector.local.features import Array, Counts, Matrix, learn_lexicon, similarities
from connector.quality.calibrate import best_temperature, quantile

_STRENGTH = 10.0  # the inverse of the penalty; little of it, since texts have few words in common
_MANY_TEXTS = 3_000  # from here on an n-gram that only one text holds is left out, and three folds are enough
_MANY_NUMBERS = 20_000_000  # n-grams of all texts times classes, from which on 25 steps are enough
_FEW_TEXTS = (
    1_500  # up to here there are so many more n-grams than texts that fitting in the texts' span pays
)
_GUARD_SAMPLE = 2_000
_GUARD_SHARE = 0.75  # so many tickets of a class nobody labelled are held back by similarity alone


@dataclass(frozen=True, slots=True)
class Head:
    """A linear model on one kind of vectors.

    ``weights`` (dimensions, classes; in this order, or every prediction would copy them)
    and ``offsets`` (classes) are float32; logits are divided by ``temperature``.
    """

    weights: Array
    offsets: Array
    temperature: float = 1.0

    def logits(self, vectors: Matrix) -> Array:
        return np.asarray(vectors @ self.weights) + self.offsets

    def probabilities(self, vectors: Matrix) -> Array:
        return softmax(self.logits(vectors) / self.temperature)


def softmax(logits: Array) -> Array:
    """Rows that sum to one."""
    raised = np.exp(logits - logits.max(axis=1, keepdims=True))
    return raised / raised.sum(axis=1, keepdims=True)


def least_texts(texts: int) -> int:
    """How many texts must hold an n-gram before a model of so many texts knows it."""
    return 2 if texts > _MANY_TEXTS else 1


def fit_head(vectors: Matrix, truth: Array, classes: int) -> Head:
    """Multinomial logistic regression; a class of which ``truth`` has no row is never predicted.

    Deterministic.  Needs two classes at least.  It stops early on large sets, where further steps change
    nothing that shows on unseen tickets.
    """
    from sklearn.linear_model import LogisticRegression

    if hasattr(vectors, "nnz") and vectors.shape[0] < min(_FEW_TEXTS, vectors.shape[1]):
        compact, back = _span(vectors)
        head = fit_head(compact, truth, classes)
        return replace(head, weights=np.ascontiguousarray(back(head.weights), dtype=np.float32))
    size = (vectors.nnz if hasattr(vectors, "nnz") else vectors.size) * classes
    steps = 25 if size > _MANY_NUMBERS else 100
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # it says that it stopped early
        model = LogisticRegression(C=_STRENGTH, max_iter=steps).fit(vectors, truth)
    weights = np.zeros((classes, vectors.shape[1]), dtype=np.float32)
    offsets = np.full(classes, -1e4, dtype=np.float32)
    if len(model.classes_) == 2:  # one row that speaks for the second class
        weights[model.classes_] = np.vstack([-model.coef_ / 2, model.coef_ / 2])
        offsets[model.classes_] = np.concatenate([-model.intercept_ / 2, model.intercept_ / 2])
    else:
        weights[model.classes_], offsets[model.classes_] = model.coef_, model.intercept_
    return Head(np.ascontiguousarray(weights.T), offsets)


def _span(vectors: Matrix) -> tuple[Array, Callable[[Array], Array]]:
    """The rows in as many dimensions as there are rows, and the way back for weights.

    The weights with the least penalty are a sum of rows, so that nothing is lost by looking for them there.
    """
    exact = vectors.astype(np.float64)
    values, axes = np.linalg.eigh((exact @ exact.T).toarray())
    kept = values > 1e-9 * values[-1]
    scale, axes = np.sqrt(values[kept]), axes[:, kept]
    return axes * scale, lambda weights: exact.T @ (axes / scale @ weights)


@dataclass(frozen=True, slots=True)
class Unseen:
    """Predictions on tickets that the predicting model had not seen, one row a ticket (``rows``: which)."""

    rows: Array
    probabilities: Array
    temperatures: tuple[float, ...]  # one for each kind of vectors


def predict_unseen(
    texts: Sequence[str], counts: Counts, dense: Array | None, truth: Array, classes: int, seed: int
) -> Unseen:
    """Fit on all folds but one and predict that one, in turn; then one temperature per kind of vectors."""
    fold_of = folds(texts, truth, 3 if len(texts) > _MANY_TEXTS else 5, seed)
    kinds = 1 if dense is None else 2
    logits = [np.full((len(texts), classes), -np.inf) for _ in range(kinds)]
    for fold in np.unique(fold_of):
        learn, ask = np.flatnonzero(fold_of != fold), np.flatnonzero(fold_of == fold)
        if len(np.unique(truth[learn])) < 2:
            continue
        known = counts.rows(learn)
        lexicon = learn_lexicon(known, least_texts(len(learn)))
        head = fit_head(lexicon.evidence(lexicon.vectors(known)), truth[learn], classes)
        logits[0][ask] = head.logits(lexicon.evidence(lexicon.vectors(counts.rows(ask))))
        if dense is not None:
            logits[1][ask] = fit_head(dense[learn], truth[learn], classes).logits(dense[ask])
    rows = np.flatnonzero(np.isfinite(logits[0]).all(axis=1))
    if not len(rows):
        return Unseen(rows, np.zeros((0, classes)), (1.0,) * kinds)
    temperatures = tuple(_temperature(each[rows], truth[rows]) for each in logits)
    calibrated = [softmax(each[rows] / t) for each, t in zip(logits, temperatures, strict=True)]
    return Unseen(rows, np.mean(calibrated, axis=0), temperatures)


def _temperature(logits: Array, truth: Array) -> float:
    predictable = logits[np.arange(len(truth)), truth] > -1e3  # its class was there when the fold was fitted
    shown, right = logits[predictable], truth[predictable]
    if not len(right):
        return 1.0

    # One mistake more than was seen (as Platt did): else a perfect record would make every guess a certainty.
    doubt = 1 / (len(right) + 2)

    def loss(temperature: float) -> float:
        likelihoods = softmax(shown / temperature)[np.arange(len(right)), right]
        sure, unsure = np.log(likelihoods + 1e-12), np.log1p(1e-12 - likelihoods)
        return float(-((1 - doubt) * sure + doubt * unsure).mean())

    return best_temperature(loss)


def folds(texts: Sequence[str], truth: Array, count: int, seed: int) -> Array:
    """A fold for every text: each class spread evenly, and texts of the same words together.

    Otherwise a duplicate would be predicted from its twin and look easier than a new ticket is.
    """
    fold_of = np.zeros(len(texts), dtype=np.int64)
    twins: dict[str, int] = {}
    turn: dict[int, int] = {}
    chance = np.random.default_rng(seed)
    for at in chance.permutation(len(texts)):
        words = same_words(texts[at])
        if words not in twins:
            name = int(truth[at])
            turn.setdefault(name, int(chance.integers(count)))
            twins[words] = turn[name] % count
            turn[name] += 1
        fold_of[at] = twins[words]
    return fold_of


def same_words(text: str) -> str:
    """The text without case, punctuation and spacing: what duplicates have in common."""
    return re.sub(r"\W+", " ", text.casefold()).strip()


@dataclass(frozen=True, slots=True)
class Nearness:
    """How near a sample of tickets (``rows``) is to the nearest other ticket, of any class and of others."""

    rows: Array
    to_any: Array
    to_others: Array

    def cut(self, floor: float) -> float:
        """The similarity that three quarters of the tickets of a class nobody had labelled would not reach.

        Every ticket stands once for such a class: its own is taken away, and what remains is what a ticket
        about something new looks like.
        """
        return max(floor, quantile([float(each) for each in self.to_others], _GUARD_SHARE))


def nearness(vectors: Matrix, texts: Sequence[str], truth: Array, seed: int) -> Nearness:
    """Compare up to 2,000 tickets with all the others; texts of the same words do not count."""
    chance = np.random.default_rng(seed)
    rows = np.sort(chance.permutation(len(texts))[:_GUARD_SAMPLE])
    number: dict[str, int] = {}
    twin = np.array([number.setdefault(same_words(text), len(number)) for text in texts])
    turned = vectors.T.tocsr()
    to_any, to_others = np.zeros(len(rows)), np.zeros(len(rows))
    for start in range(0, len(rows), 200):
        part = rows[start : start + 200]
        alike = similarities(vectors[part], turned)
        alike[twin[part][:, None] == twin[None, :]] = 0
        to_any[start : start + 200] = alike.max(axis=1)
        alike[truth[part][:, None] == truth[None, :]] = 0
        to_others[start : start + 200] = alike.max(axis=1)
    return Nearness(rows, to_any, to_others)
