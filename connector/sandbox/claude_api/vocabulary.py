"""The words by which the emulated model recognises what a ticket is about."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import lru_cache
from importlib import resources
from types import MappingProxyType

_WORD = re.compile(r"[^\W_][\w'’-]*")
_SHOUTED = re.compile(r"\b[A-Z]{3,}\b")
_MAX_CHARS = 8_000  # what is said later in a long mail no longer changes a judgement

UNREMARKABLE = frozenset(
    {"general", "other", "normal", "neutral", "medium", "none", "unknown", "misc", "inquiry", "uncategorized"}
)
"""Name parts of categories that are right when nothing speaks for another one."""


@dataclass(frozen=True, slots=True)
class Wording:
    """A text as the judgement sees it: which words occur, and the sequence of them to look for phrases in."""

    words: frozenset[str]
    sequence: str

    def holds(self, term: str) -> bool:
        """Whether a word, or a phrase written ``word word``, occurs."""
        return f" {term} " in self.sequence if " " in term else term in self.words


def read_wording(text: str) -> Wording:
    """Split a text into lower-case words without plural s; marks how loudly it is written."""
    text = text[:_MAX_CHARS].replace("’", "'")
    words = [_singular(word) for word in _WORD.findall(text.lower())]
    return Wording(frozenset(words).union(_tones(text)), f" {' '.join(words)} ")


def telling_words(text: str) -> frozenset[str]:
    """The words of a description that can tell one category from another."""
    stop = frozenset(concepts()["<stop>"])
    words = (_singular(word) for word in _WORD.findall(text.lower()))
    return frozenset(word for word in words if len(word) > 3 and word not in stop)


@lru_cache(maxsize=1)
def concepts() -> Mapping[str, tuple[str, ...]]:
    """Every concept of ``data/vocabulary.txt`` with its terms, normalised like the words of a text."""
    source = resources.files("connector.sandbox").joinpath("data").joinpath("vocabulary.txt")
    lines = source.read_text(encoding="utf-8").splitlines()
    entries = (line.partition(":") for line in lines if line and not line.startswith("#"))
    return MappingProxyType({name: tuple(_terms(words.split())) for name, _, words in entries})


def name_parts(value: str) -> tuple[str, ...]:
    """``billing_dispute`` -> ``("billing", "dispute")``."""
    return tuple(_WORD.findall(value.lower().replace("_", " ").replace("-", " ")))


def _terms(words: Iterable[str]) -> Iterable[str]:
    for word in dict.fromkeys(words):
        yield " ".join(_singular(part) for part in word.split("+"))


def _singular(word: str) -> str:
    plural = len(word) > 3 and word.endswith("s") and not word.endswith("ss")
    return word[:-1] if plural else word


def _tones(text: str) -> Iterable[str]:
    if "?" in text:
        yield "<ask>"
    if "!!" in text or text.count("!") > 2:
        yield "<bang>"
    if len(_SHOUTED.findall(text)) > 2:
        yield "<shout>"
    if "❤" in text or "😍" in text:
        yield "<heart>"
