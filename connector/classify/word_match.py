"""Which classes a text resembles by its words alone: names, descriptions and examples are all it needs."""

from __future__ import annotations

import math
import re
import unicodedata
from collections import Counter
from collections.abc import Iterable, Sequence

from connector.domain.taxonomy import Category

_WORD = re.compile(r"[^\W_]+")
_MOST_CHARS = 8_000  # of a text; what stands later in a long mail is rarely what it is about
_GRAM = 4  # pieces of words, so that "refunded" meets "refund", in any language


class WordMatch:
    """Ranks classes by the cosine between their words and a text's, weighted by how few classes use a word.

    Immutable; safe to share between threads.
    """

    def __init__(self, categories: Sequence[Category]) -> None:
        self._names = tuple(category.name for category in categories)
        documents = [Counter(_pieces(_words_of(category))) for category in categories]
        spread = Counter(piece for document in documents for piece in document)
        self._weights = {piece: 1.0 + math.log(len(documents) / classes) for piece, classes in spread.items()}
        self._classes: dict[str, list[tuple[int, float]]] = {}
        for at, document in enumerate(documents):
            vector = self._vector(document)
            length = math.sqrt(sum(weight * weight for weight in vector.values())) or 1.0
            for piece, weight in vector.items():
                self._classes.setdefault(piece, []).append((at, weight / length))

    def rank(self, text: str) -> tuple[str, ...]:
        """The classes that share any word with ``text``, the nearest first."""
        scores = [0.0] * len(self._names)
        for piece, weight in self._vector(Counter(_pieces(text[:_MOST_CHARS]))).items():
            for at, share in self._classes[piece]:
                scores[at] += weight * share
        order = sorted(range(len(scores)), key=lambda at: (-scores[at], at))
        return tuple(self._names[at] for at in order if scores[at] > 0)

    def _vector(self, counts: Counter[str]) -> dict[str, float]:
        known = ((piece, count) for piece, count in counts.items() if piece in self._weights)
        return {piece: (1.0 + math.log(count)) * self._weights[piece] for piece, count in known}


def _words_of(category: Category) -> str:
    return " ".join((category.name.replace("_", " "), category.description, *category.examples))


def _pieces(text: str) -> Iterable[str]:
    """Every word, and its pieces of four characters where it is longer."""
    for word in _WORD.findall(unicodedata.normalize("NFKC", text).casefold()):
        yield word
        if len(word) > _GRAM:
            padded = f"<{word}>"
            yield from (padded[at : at + _GRAM] for at in range(len(padded) - _GRAM + 1))
