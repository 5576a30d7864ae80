"""How long a text is for a model, and what is left of one that is too long."""

from __future__ import annotations

import re

# On the high side for the tokenizer of Claude's 5.5 models, which needs about 30 % more tokens than the one
# before (platform.claude.com, Migration guide).  English prose had about four characters to a token there, so
# it has three here; accented Latin, Greek and Cyrillic letters come two to a token, other alphabets one.
# Chinese, Japanese and Korean characters need more than one, and emoji about three.
_CHARS_PER_ASCII_TOKEN = 3
_SCRIPTS = (
    (re.compile("[\u0080-\u058f]"), 0.5),
    (re.compile("[\u0590-\u2dff]"), 1.0),
    (re.compile("[\u2e80-\uffff]"), 1.3),
    (re.compile("[\U00010000-\U0010ffff]"), 3.0),
)
_NOTE_TOKENS = 20  # room for the note about what was cut
_WORD_CHARS = 30  # a word that a cut would go through is left out whole, unless it is longer


def tokens_in(text: str) -> int:
    """About how many tokens ``text`` is for Claude: an estimate that needs no tokenizer and no request."""
    total = len(text) / _CHARS_PER_ASCII_TOKEN
    if not text.isascii():
        for script, weight in _SCRIPTS:
            total += len(script.findall(text)) * (weight - 1 / _CHARS_PER_ASCII_TOKEN)
    return round(total)


def cut_middle(text: str, max_tokens: int, missing: int = 0) -> tuple[str, int]:
    """The beginning (two thirds) and the end of a long text, and about how many tokens were left out.

    Openings state the matter, endings the wish.  A note in the middle says what is missing, ``missing``
    tokens included that are not in ``text`` any more.  The result is never longer than ``max_tokens``, by
    `tokens_in`.
    """
    whole = tokens_in(text)
    if whole <= max_tokens:
        return text, 0
    room = max(max_tokens - _NOTE_TOKENS, 0)
    head_tokens = room * 2 // 3
    head = _beginning(text, head_tokens)
    tail = _beginning(text[::-1], room - head_tokens)[::-1]
    left_out = missing + whole - tokens_in(head) - tokens_in(tail)
    note = f"\n[... about {left_out:,} tokens left out ...]\n" if room else ""
    return f"{head}{note}{tail}", left_out


def _beginning(text: str, tokens: int) -> str:
    """As much of the beginning as fits, without the word that the cut would go through."""
    fewest, most = 0, min(len(text), tokens * _CHARS_PER_ASCII_TOKEN)
    while fewest < most:
        middle = (fewest + most + 1) // 2
        if tokens_in(text[:middle]) <= tokens:
            fewest = middle
        else:
            most = middle - 1
    kept = text[:fewest]
    words = kept.rstrip()
    if words != kept or text[fewest : fewest + 1].isspace():
        return words
    last = max(words.rfind(" "), words.rfind("\n"))
    return words[:last].rstrip() if len(words) - last <= _WORD_CHARS and last > 0 else words
