"""The "did you mean" of an error message."""

from __future__ import annotations

import difflib
from collections.abc import Iterable

_LISTED = 12


def suggest(word: str, known: Iterable[str]) -> str:
    """The end of a sentence about an unknown word: the nearest known one, or all when they are few."""
    words = {each.casefold(): each for each in known}
    near = difflib.get_close_matches(word.casefold(), words, n=1)
    if near:
        return f', did you mean "{words[near[0]]}"?'
    return f" (known: {', '.join(words.values())})" if 0 < len(words) <= _LISTED else ""
