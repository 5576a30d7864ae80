"""A trained local model: what it thinks of a ticket, whether it may decide, and what the ticket resembles."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from connector.domain.taxonomy import Axis
from connector.local.embedding import EmbeddingEngine
from connector.local.features import Array, Lexicon, Matrix, count, similarities
from connector.local.fitting import Head
from connector.ports import LocalLabel


@dataclass(frozen=True, slots=True)
class AxisModel:
    """One axis: a head for each kind of vectors, and what it may decide alone.

    ``thresholds`` has the confidence from which on a class may be decided, or None where it never may;
    ``reasons`` says why not.  ``rows`` (int32) are the examples that are labelled on this axis.
    """

    classes: tuple[str, ...]
    heads: tuple[Head, ...]
    thresholds: tuple[float | None, ...]
    reasons: tuple[str, ...]
    similarity: float
    rows: Array

    def label(self, probabilities: Array, alike: Array) -> LocalLabel:
        """The verdict on one ticket from its class probabilities and its similarity with every example."""
        best = int(probabilities.argmax())
        name, confidence = self.classes[best], float(probabilities[best])
        threshold, nearest = self.thresholds[best], float(alike[self.rows].max(initial=0.0))
        if threshold is None:
            why_not = self.reasons[best]
        elif confidence < threshold:
            why_not = f"{name} {confidence:.2f} < {threshold:.2f}"
        elif nearest < self.similarity:
            why_not = f"unlike anything labelled ({nearest:.2f} < {self.similarity:.2f})"
        else:
            why_not = ""
        shares = {each: float(share) for each, share in zip(self.classes, probabilities, strict=True)}
        return LocalLabel(name, confidence, nearest, shares, why_not)


@dataclass(frozen=True, slots=True)
class TrainedModel:
    """Satisfies `ports.LocalModel`.  Safe to share between threads.

    ``examples`` has the labelled tickets as columns; of a ticket it keeps its id, a fingerprint of its words
    (so that nobody tests on what was trained on) and hashed, weighted counts: no text.
    """

    digest: str  # of labels and training settings
    lexicon: Lexicon
    axes: Mapping[Axis, AxisModel]
    examples: Matrix
    ids: tuple[str, ...]
    fingerprints: frozenset[str]
    taxonomy: Mapping[Axis, tuple[str, ...]]  # the classes that there were in the settings
    engine: EmbeddingEngine | None = None

    @property
    def version(self) -> str:
        """The beginning of the digest, which is enough to tell models apart."""
        return self.digest[:12]

    def predict(self, text: str) -> dict[Axis, LocalLabel]:
        """A label for every axis the model was trained on."""
        sparse = self._words(text)
        evidence = self._evidence(sparse, text)
        alike = similarities(sparse, self.examples)[0]
        return {
            axis: model.label(_probabilities(model, evidence), alike) for axis, model in self.axes.items()
        }

    def nearest(self, text: str, count: int) -> tuple[tuple[str, float], ...]:
        """The ids of the most similar labelled tickets with their similarity (0 to 1), the nearest first."""
        alike = similarities(self._words(text), self.examples)[0]
        order = np.argsort(-alike, kind="stable")[:count]
        return tuple((self.ids[at], float(alike[at])) for at in order)

    def top_classes(self, text: str, axis: Axis, count: int) -> tuple[tuple[str, float], ...]:
        """The likeliest classes of ``axis`` with their probabilities; none if it was not trained on."""
        model = self.axes.get(axis)
        if model is None:
            return ()
        shares = _probabilities(model, self._evidence(self._words(text), text))
        order = np.argsort(-shares, kind="stable")[:count]
        return tuple((model.classes[at], float(shares[at])) for at in order)

    def _words(self, text: str) -> Matrix:
        return self.lexicon.vectors(count([text]))

    def _evidence(self, sparse: Matrix, text: str) -> tuple[Matrix, ...]:
        words = self.lexicon.evidence(sparse)
        return (words,) if self.engine is None else (words, self.engine.embed([text]))


def _probabilities(model: AxisModel, vectors: tuple[Matrix, ...]) -> Array:
    each = [head.probabilities(seen)[0] for head, seen in zip(model.heads, vectors, strict=True)]
    return np.mean(each, axis=0)
