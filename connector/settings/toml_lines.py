"""On which line of a TOML file each key stands; the parser of the standard library does not tell."""

from __future__ import annotations

import re
import tomllib
from collections.abc import Iterator
from dataclasses import dataclass, field

from connector.settings.values import Loc

_TOKEN = re.compile(
    r'''(?P<string>"""(?:\\.|[^\\])*?"{3,5}|\'\'\'.*?'{3,5}|"(?:\\.|[^"\\\n])*"|'[^'\n]*')'''
    r"|(?P<skip>[ \t\r]+|\#[^\n]*)|(?P<word>[A-Za-z0-9_-]+)|(?P<mark>.|\n)",
    re.DOTALL,
)


def lines_of(text: str) -> dict[Loc, int]:
    """The line (from 1) of every key, array item and table in a *valid* TOML document."""
    return _Reader(list(_tokens(text))).read()


@dataclass(frozen=True, slots=True)
class _Token:
    text: str
    line: int


def _tokens(text: str) -> Iterator[_Token]:
    line = 1
    for match in _TOKEN.finditer(text):
        if match.lastgroup != "skip":
            yield _Token(match.group(), line)
        line += match.group().count("\n")
    yield _Token("\n", line)


@dataclass(slots=True)
class _Reader:
    """Walks over the tokens once; ``table`` is the header that the keys below it belong to."""

    tokens: list[_Token]
    at: int = 0
    table: Loc = ()
    lines: dict[Loc, int] = field(default_factory=dict)
    counts: dict[Loc, int] = field(default_factory=dict)  # how many [[tables]] of a name came so far

    def read(self) -> dict[Loc, int]:
        while self.at < len(self.tokens):
            if self._take("\n"):
                continue
            if self._take("["):
                self._header()
            else:
                self._pair(self.table)
        return self.lines

    def _peek(self) -> str:
        return self.tokens[self.at].text if self.at < len(self.tokens) else "\n"

    def _take(self, text: str) -> bool:
        taken = self._peek() == text
        self.at += taken
        return taken

    def _mark(self, loc: Loc, line: int) -> None:
        """Remember the first line of ``loc`` and of the tables that it creates on the way."""
        for end in range(1, len(loc) + 1):
            self.lines.setdefault(loc[:end], line)

    def _header(self) -> None:
        line, is_item = self.tokens[self.at].line, self._take("[")
        *parents, last = self._key()
        loc: Loc = ()
        for part in parents:
            loc = self._newest((*loc, part))
        loc = (*loc, last)
        if is_item:
            self.counts[loc] = self.counts.get(loc, -1) + 1
            self._mark(loc, line)
            loc = (*loc, self.counts[loc])
            self._take("]")
        self._take("]")
        self._mark(loc, line)
        self.table = loc

    def _newest(self, loc: Loc) -> Loc:
        return (*loc, self.counts[loc]) if loc in self.counts else loc

    def _key(self) -> list[str]:
        parts = [self._part()]
        while self._take("."):
            parts.append(self._part())
        return parts

    def _part(self) -> str:
        text = self.tokens[self.at].text
        self.at += 1
        return str(tomllib.loads(f"key = {text}")["key"]) if text[0] in "\"'" else text

    def _pair(self, table: Loc) -> None:
        line = self.tokens[self.at].line
        loc = (*table, *self._key())
        self._mark(loc, line)
        self._take("=")
        self._value(loc)

    def _value(self, loc: Loc) -> None:
        if self._take("["):
            self._items(loc)
        elif self._take("{"):
            self._pairs(loc)
        else:
            while self._peek() not in {"\n", ",", "]", "}"}:
                self.at += 1

    def _items(self, loc: Loc) -> None:
        index = 0
        while not self._take("]"):
            if self._take("\n") or self._take(","):
                continue
            self._mark((*loc, index), self.tokens[self.at].line)
            self._value((*loc, index))
            index += 1

    def _pairs(self, loc: Loc) -> None:
        while not self._take("}"):
            if not (self._take("\n") or self._take(",")):
                self._pair(loc)
