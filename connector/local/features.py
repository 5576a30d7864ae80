"""Texts as numbers: hashed words and character sequences, weighted by how rare they are.

Hashing instead of a vocabulary has two virtues: a model file holds no word of any ticket, and words never
seen in training still count towards a text's length, so a text full of them is near to nothing.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from itertools import pairwise
from typing import Any

import numpy as np
import scipy.sparse

Array = Any
"""A numpy array; its shape and type are in the docstrings."""
Matrix = Any
"""A scipy sparse matrix in compressed rows."""

_BUCKETS = 2**20  # a few hundred thousand different n-grams share them with few collisions
_LONGEST_CHARS = 6_000  # what follows in a longer text says little about its topic and costs time


@dataclass(frozen=True, slots=True)
class Counts:
    """Damped counts (1 + log n) of every text, words and characters apart; rows are texts."""

    blocks: tuple[Matrix, ...]

    def __len__(self) -> int:
        return int(self.blocks[0].shape[0])

    def rows(self, chosen: Array) -> Counts:
        return Counts(tuple(block[chosen] for block in self.blocks))


def count(texts: Sequence[str]) -> Counts:
    """Count words and pairs of words, and 2 to 5 characters within words."""
    shortened = [text[:_LONGEST_CHARS] for text in texts]
    blocks = tuple(hasher.transform(shortened) for hasher in _hashers())
    for block in blocks:
        np.log(block.data, out=block.data)
        block.data += 1
    return Counts(blocks)


@cache
def _hashers() -> tuple[Any, Any]:
    from sklearn.feature_extraction.text import HashingVectorizer

    shared = {"n_features": _BUCKETS, "norm": None, "alternate_sign": False, "dtype": np.float32}
    return (
        HashingVectorizer(ngram_range=(1, 2), **shared),
        HashingVectorizer(analyzer="char_wb", ngram_range=(2, 5), **shared),
    )


@dataclass(frozen=True, slots=True)
class Rarity:
    """The n-grams of a block that the model knows (``columns``, sorted int32) and their weights (float32)."""

    columns: Array
    weights: Array
    unknown: float

    def weigh(self, block: Matrix) -> Matrix:
        """Rows of length one if unknown n-grams are counted in; only the known ones remain as columns."""
        places = np.searchsorted(self.columns, block.indices).clip(max=len(self.columns) - 1)
        known = self.columns[places] == block.indices
        values = block.data * np.where(known, self.weights[places], np.float32(self.unknown))
        lengths = np.sqrt(_row_sums(values * values, block.indptr))
        lengths[lengths == 0] = 1
        rows = np.repeat(np.arange(block.shape[0]), np.diff(block.indptr))
        scaled = (values / lengths[rows]).astype(np.float32)
        kept = np.concatenate(([0], np.cumsum(known)))[block.indptr]
        shape = (block.shape[0], len(self.columns))
        return scipy.sparse.csr_matrix((scaled[known], places[known], kept), shape=shape)


@dataclass(frozen=True, slots=True)
class Lexicon:
    """What is known of a language from the texts of training: one `Rarity` a block."""

    blocks: tuple[Rarity, ...]

    def vectors(self, counts: Counts) -> Matrix:
        """One row a text; the blocks stand side by side, each of length one at most."""
        weighed = [rarity.weigh(block) for rarity, block in zip(self.blocks, counts.blocks, strict=True)]
        return scipy.sparse.hstack(weighed, format="csr")

    def evidence(self, vectors: Matrix) -> Matrix:
        """The vectors for a classifier, each block of length one: what is unknown speaks for no class.

        Left in the length it would speak for the largest one.
        """
        ends = np.cumsum([0] + [len(rarity.columns) for rarity in self.blocks])
        parts = [vectors[:, start:end] for start, end in pairwise(ends)]
        return scipy.sparse.hstack([_of_length_one(part.tocsr()) for part in parts], format="csr")


def learn_lexicon(counts: Counts, least_texts: int = 1) -> Lexicon:
    """Know every n-gram of at least ``least_texts`` texts, by its smoothed inverse document frequency."""
    return Lexicon(tuple(_rarity(block, least_texts) for block in counts.blocks))


def _rarity(block: Matrix, least_texts: int) -> Rarity:
    texts = block.shape[0]
    frequency = np.bincount(block.indices, minlength=_BUCKETS)
    columns = np.flatnonzero(frequency >= least_texts).astype(np.int32)
    if not len(columns):
        columns = np.zeros(1, dtype=np.int32)  # texts without a single word: a column nothing falls into
    weights = np.log((1 + texts) / (1 + frequency[columns])) + 1
    return Rarity(columns, weights.astype(np.float32), float(np.log(1 + texts) + 1))


def similarities(vectors: Matrix, examples_turned: Matrix) -> Array:
    """The cosine (0 to 1) of every row with every example; ``examples_turned`` has examples as columns."""
    return (vectors @ examples_turned).toarray() / 2  # two blocks, each of length one


def _of_length_one(block: Matrix) -> Matrix:
    lengths = np.sqrt(_row_sums(block.data.astype(np.float64) ** 2, block.indptr))
    lengths[lengths == 0] = 1
    data = (block.data / np.repeat(lengths, np.diff(block.indptr))).astype(np.float32)
    return scipy.sparse.csr_matrix((data, block.indices, block.indptr), shape=block.shape)


def _row_sums(values: Array, starts: Array) -> Array:
    return np.diff(np.concatenate(([0.0], np.cumsum(values, dtype=np.float64)))[starts])
