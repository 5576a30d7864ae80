"""The customer's own words in a mail: without the quoted conversation, signatures and legal footers."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass

from connector.classify.mail_words import (
    FORWARDED,
    HEADERS,
    INTRODUCTIONS,
    LEGAL,
    ORIGINAL_MESSAGE,
    SENT_FROM,
    WROTE,
)

_LONGEST_ATTRIBUTION_LINES = 5
_LONGEST_ATTRIBUTION_CHARS = 400
_LONGEST_HEADER_LINES = 12
_SIGNATURE_LINES = 12
_SIGNATURE_LINE_CHARS = 90

_ZERO_WIDTH = re.compile("[\u200b\u2060\ufeff]")
_RULE = re.compile(r"[\s*_~=#+\-–—ᐧ]{2,}\Z|[ᐧ—]\Z")  # a line that only separates
_QUOTED = re.compile(r"\s?(?:>|\|(?:\s|\Z)|[A-Za-z]{1,12}>(?:\s|\Z))")
_QUOTE_MARKS = re.compile(r"(?:\s?>)+\s?")
_EMAIL = re.compile(r"[\w.+-]+@[\w-]+(?:\.[\w-]+)*", re.ASCII)
_DATE = re.compile(
    r"\b(?:19|20)\d\d\b|\b\d{1,2}[:.h]\d\d\b|\b\d{1,4}[./-]\d{1,2}[./-]\d{1,4}\b|\d{4}年", re.IGNORECASE
)
_STARTS_WITH_DATE = re.compile(r"\d{4}[-/.]\d{1,2}[-/.]\d{1,2}\s")
_ZONED = re.compile(r"\d{4}-\d{2}-\d{2}\s\d{1,2}:\d{2}\s(?:GMT|UTC)\s?[+-]?\d{0,2}:?\d{0,2}\s")
_HEADER = re.compile(r"[*_\s]*([^\W\d_][\w\s\-]{0,20}?)\s?[*_]*\s?[:：][*_]*(?:\s|\Z)")
_WORD = re.compile(r"[^\W\d_]+")
_WROTE = re.compile(
    "|".join(
        rf"(?<!\w){re.escape(word)}(?!\w)" if word.isascii() else re.escape(word)
        for word in sorted(WROTE, key=len, reverse=True)
    ),
    re.IGNORECASE,
)
_KIND_OF_HEADER = {word: kind for kind, words in HEADERS.items() for word in words}


def own_words(text: str) -> str:
    """What the writer of a mail wrote, in their own lines and order; never empty for a text with words.

    A mail that only forwards another one is its own content: what was forwarded is kept, and so is a mail
    of nothing but quotes.  Takes time in proportion to the length.
    """
    lines = _ZERO_WIDTH.sub("", text.replace("\r\n", "\n").replace("\r", "\n")).split("\n")
    for attempt in (_without_the_conversation, _without_the_ending, _newest_quote):
        if kept := _joined(attempt(lines)):
            return kept
    return _joined(lines)


def _without_the_conversation(lines: Sequence[str]) -> list[str]:
    """Everything before the first sign that somebody else's words follow, or what stands between them."""
    kept: list[str] = []
    at, has_words = 0, False
    while at < len(lines):
        found = _quotation_at(lines, at)
        if found is None:
            kept.append(lines[at])
            has_words = has_words or not _is_ending(lines[at])
            at += 1
            continue
        if found.forwarded:
            kept += [_unquoted(line) for line in lines[found.end :]]
            break
        at = found.end
        after = _skip_quotes(lines, at)
        if after == at and has_words:
            break  # words of others without quotation marks: there is no telling where they would end
        at = after
    return _without_the_ending(kept)


def _skip_quotes(lines: Sequence[str], at: int) -> int:
    """The first line after the quotation that begins at ``at`` (blank lines before it do not matter)."""
    after = at
    while at < len(lines) and (not lines[at].strip() or _QUOTED.match(lines[at])):
        at += 1
        if lines[at - 1].strip():
            after = at
    return after


def _without_the_ending(lines: Sequence[str]) -> list[str]:
    """Without the signature, the phone's greeting, legal footers and quotes at the end."""
    kept = list(lines)
    before = -1
    while before != len(kept):
        before = len(kept)
        del kept[_start_of_signature(kept) :]
        while kept and _is_ending(kept[-1]):
            kept.pop()
        del kept[_start_of_legal_footer(kept) :]
    return kept


def _newest_quote(lines: Sequence[str]) -> list[str]:
    """Of a mail of nothing but quotes: those that are quoted the fewest times."""
    depths = [_depth(line) for line in lines]
    newest = min(
        (depth for line, depth in zip(lines, depths, strict=True) if _unquoted(line).strip()), default=0
    )
    return [line for line, depth in zip(lines, depths, strict=True) if depth <= newest]


def _is_ending(line: str) -> bool:
    bare = line.strip()
    if not bare or _RULE.match(bare) or _QUOTED.match(line):
        return True
    start = bare.lstrip("<>([*_-– ").replace("[", "").casefold()
    return len(bare) < 120 and start.startswith(SENT_FROM)


def _start_of_signature(lines: Sequence[str]) -> int:
    """Where ``--`` stands, the separator of signatures (RFC 3676), if only a few short lines follow."""
    for at in range(max(0, len(lines) - _SIGNATURE_LINES - 1), len(lines)):
        short = all(len(line.strip()) <= _SIGNATURE_LINE_CHARS for line in lines[at:])
        if short and lines[at].strip() in {"--", "—"}:
            return at
    return len(lines)


def _start_of_legal_footer(lines: Sequence[str]) -> int:
    """Where the last paragraph begins, if it is a lawyer's and not the only one."""
    start = len(lines)
    while start and lines[start - 1].strip():
        start -= 1
    footer = " ".join(lines[start:]).casefold()
    return start if start and any(phrase in footer for phrase in LEGAL) else len(lines)


# --- Where somebody else's words begin --------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class _Quotation:
    end: int  # the first line after the announcement
    forwarded: bool = False


def _quotation_at(lines: Sequence[str], at: int) -> _Quotation | None:
    """The announcement of a quotation that begins at this line, or None."""
    bare = _unquoted(lines[at]).strip().strip("*").strip()
    if not bare or len(bare) > _LONGEST_ATTRIBUTION_CHARS:
        return None
    if _is_titled(bare, FORWARDED):
        return _Quotation(_after_headers(lines, at + 1), forwarded=True)
    if _is_titled(bare, ORIGINAL_MESSAGE):
        return _Quotation(_after_headers(lines, at + 1))
    start = at + 1 if _RULE.match(bare) else at
    if (end := _end_of_headers(lines, start, strict=start == at)) is not None:
        nothing_before = not any(line.strip() for line in lines[:at])
        return _Quotation(end, forwarded=nothing_before)
    if (end := _end_of_attribution(lines, at)) is not None:
        return _Quotation(end)
    return None


def _is_titled(bare: str, titles: Sequence[str]) -> bool:
    """``-------- Original Message --------`` and its kin: the title alone on its line."""
    title = bare.strip("-–—_*=:> \t").casefold()
    return title in titles and (bare.startswith(("-", "_", "—", "*")) or bare.endswith(":"))


def _after_headers(lines: Sequence[str], at: int) -> int:
    while at < len(lines) and not _unquoted(lines[at]).strip():
        at += 1
    end = _end_of_headers(lines, at, strict=False)
    return at if end is None else end


def _end_of_headers(lines: Sequence[str], at: int, *, strict: bool) -> int | None:
    """The first line after the header lines of a quoted mail that begin here, or None.

    ``strict``: without a line that separates them they need a subject or an address too, because
    "From: Berlin, To: Paris, Date: Friday" is a customer's own list.
    """
    while not strict and at < len(lines) and not lines[at].strip():
        at += 1
    kinds: set[str] = set()
    end, block = at, []
    for line in lines[at : at + _LONGEST_HEADER_LINES]:
        bare = _unquoted(line)
        match = _HEADER.match(bare)
        kind = _KIND_OF_HEADER.get(match.group(1).strip().casefold()) if match else None
        if kind is None and (not kinds or not bare.strip()):
            break
        if kind:
            kinds.add(kind)
        block.append(bare[:_LONGEST_ATTRIBUTION_CHARS])
        end += 1
        if "from" not in kinds:
            break
    if "from" not in kinds or len(kinds) < 3:
        return None
    if strict and "subject" not in kinds and not _EMAIL.search("\n".join(block)):
        return None
    return end


def _end_of_attribution(lines: Sequence[str], at: int) -> int | None:
    """The first line after "On <date>, <name> wrote:", which programs break over several lines, or None."""
    first = _unquoted(lines[at]).strip().strip("-* ")
    if not _may_attribute(first):
        return None
    joined = ""
    for end in range(at, min(len(lines), at + _LONGEST_ATTRIBUTION_LINES + 2)):
        bare = _unquoted(lines[end]).strip()
        if not bare and not _goes_on(lines, end):
            return None
        joined = f"{joined} {bare}".strip()
        if len(joined) > _LONGEST_ATTRIBUTION_CHARS:
            return None
        if _attributes(joined):
            return end + 1
    return None


def _goes_on(lines: Sequence[str], blank: int) -> bool:
    """Whether the line after a blank one is the rest of a name: ``<`` or ``mailto:``."""
    return blank + 1 < len(lines) and lines[blank + 1].lstrip().startswith(("<", "mailto:"))


def _may_attribute(first: str) -> bool:
    words = _WORD.findall(first[:40])
    return bool(words) and (
        words[0].casefold() in INTRODUCTIONS
        or first[0].isdigit()
        or first.startswith(("在", "於", "于"))
        or bool(_EMAIL.search(first))
        or bool(_DATE.search(first))
    )


def _attributes(joined: str) -> bool:
    bare = joined.strip("-* ")
    if _ZONED.match(bare) or (_STARTS_WITH_DATE.match(bare) and bare.endswith(">") and _EMAIL.search(bare)):
        return True
    if not (bare.endswith((":", "：")) or joined.endswith("--")):
        return False
    says_so = _WROTE.search(bare) is not None
    return says_so and (_DATE.search(bare) is not None or _EMAIL.search(bare) is not None)


def _depth(line: str) -> int:
    match = _QUOTE_MARKS.match(line)
    return match.group().count(">") if match else 0


def _unquoted(line: str) -> str:
    match = _QUOTE_MARKS.match(line)
    return line[match.end() :] if match else line


def _joined(lines: Sequence[str]) -> str:
    return "\n".join(line.rstrip() for line in lines).strip("\n")
