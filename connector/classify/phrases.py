"""Finding words in a customer's text: whole words only, and "not urgent" is not "urgent"."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable
from dataclasses import dataclass, field

_SEARCHED_CHARS = 1_000_000  # bounds the time; less would let padding hide a guardrail word

_NEGATORS = (
    r"not|no|never|non|nothing|neither|nor|without|hardly|cannot|isnt|dont|doesnt|\w+n't"
    r"|nicht|kein\w{0,2}|ohne|nie|pas|sans|jamais|sin|nunca|não|sem|niet|geen|zonder"
)
_MODIFIERS = (
    r"a|an|the|any|all|at|that|this|so|such|too|very|really|super|particularly|especially|terribly|overly"
    r"|extremely|exactly|actually|yet|anymore|anything|in|of|be|been|being|is|it|its|it's|was|considered|marked|as"
    r"|sehr|besonders|wirklich|eine?[nrms]?|très|vraiment|un|une|de|muy|tan|una|muito|tão|um|uma|erg|heel|een"
)
# A negator reaches over modifiers only, so "I can not log in, urgent" and "not working. Urgent!" stay urgent;
# "not only urgent" is an affirmation.
_NEGATED = re.compile(rf"(?:^|[^\w'])(?:{_NEGATORS})(?:[\s-]+(?:{_MODIFIERS}))*[\s-]+$")

_WORD = re.compile(r"\w+")


def normalize(text: str) -> str:
    """Compatibility-folded, case-folded text with straight apostrophes and without invisible characters."""
    folded = unicodedata.normalize("NFKC", text[:_SEARCHED_CHARS]).casefold()
    folded = folded.replace("\u2019", "'").replace("\u2018", "'")
    invisible = {
        ord(char): None
        for char in set(folded)
        if unicodedata.category(char) in {"Cf", "Cc"} and not char.isspace()
    }
    return folded.translate(invisible) if invisible else folded


_Entry = tuple[str, re.Pattern[str], frozenset[str]]  # as it is named, as it is searched, words it needs


@dataclass(frozen=True, slots=True)
class Phrases:
    """A set of words, phrases and regular expressions, matched on whole words in normalized text."""

    words: tuple[str, ...] = ()
    patterns: tuple[str, ...] = ()
    _compiled: tuple[_Entry, ...] = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        spelled = [(word, _spelling(word), _words_in(normalize(word))) for word in self.words if word.strip()]
        spelled += [(pattern, pattern, frozenset()) for pattern in self.patterns]
        compiled = tuple(
            (name, re.compile(rf"(?<!\w)(?:{body})(?!\w)", re.IGNORECASE), needed)
            for name, body, needed in spelled
        )
        object.__setattr__(self, "_compiled", compiled)

    def found_in(self, normalized: str, *, negation_counts: bool = True) -> tuple[str, ...]:
        """The entries that occur in ``normalized`` text.

        With ``negation_counts`` an occurrence right behind a negation ("not urgent", "nothing urgent",
        "non-urgent", "nicht dringend") does not count.
        """
        # Most entries are ruled out by a word that is not there.  Letters outside of ASCII may be equal to
        # others where case is ignored.
        words = _words_in(normalized) if normalized.isascii() else None
        return tuple(
            name
            for name, pattern, needed in self._compiled
            if (words is None or needed <= words)
            and any(
                not (
                    negation_counts and _NEGATED.search(normalized, max(0, match.start() - 60), match.start())
                )
                for match in pattern.finditer(normalized)
                if match.group()
            )
        )


def phrases(words: Iterable[str] = (), patterns: Iterable[str] = ()) -> Phrases:
    return Phrases(tuple(words), tuple(patterns))


def _spelling(word: str) -> str:
    return r"[\s-]+".join(re.escape(part) for part in normalize(word).replace("-", " ").split())


def _words_in(normalized: str) -> frozenset[str]:
    return frozenset(_WORD.findall(normalized))
