"""In which language a ticket is written, and whether that is one the cheap model was tried on."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass

UNKNOWN = "unknown"  # too short to tell, or in doubt

Detector = Callable[[str], tuple[str, float]]
"""The language of a text (ISO 639) and how sure that is (0 to 1); safe to call from many threads."""

_FEWEST_LETTERS = 20
_SURE = 0.8
_READ_CHARS = 2_000  # of subject and text: more makes nothing surer
_NO_LANGUAGE = re.compile(r"https?://\S{1,500}|www\.\S{1,500}|\S{1,64}@\S{1,255}|[@#]\w{1,50}")


@dataclass(frozen=True, slots=True)
class Languages:
    """The ``primary`` languages of a business; without ``detect`` no language is told from another."""

    primary: frozenset[str] = frozenset({"en"})
    detect: Detector | None = None

    def of(self, subject: str, text: str) -> str | None:
        """The language of a ticket; `UNKNOWN` when that is not certain, None when nobody looks.

        Addresses do not count; under twenty letters it is unknown.
        """
        if self.detect is None:
            return None
        words = _NO_LANGUAGE.sub(" ", f"{subject}\n{text}"[:_READ_CHARS])
        if sum(map(str.isalpha, words)) < _FEWEST_LETTERS:
            return UNKNOWN
        language, probability = self.detect(words)
        return language if probability >= _SURE else UNKNOWN

    def is_foreign(self, language: str | None) -> bool:
        """Whether a language is known and not a primary one."""
        return language not in (None, UNKNOWN, *self.primary)
