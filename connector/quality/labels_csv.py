"""``labels.csv``: labelled tickets as a file that people edit in a spreadsheet."""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from difflib import get_close_matches
from typing import TextIO

from connector.domain.taxonomy import Axis, Taxonomy
from connector.errors import LabelsRejected
from connector.quality.dataset import LabelledTicket, Source

COLUMNS = (
    "ticket_id",
    "subject",
    "first_message",
    "tier",
    "severity",
    "route",
    "why_this_label",
    *(axis.value for axis in Axis),
    "source",
    "reviewer",
    "labelled_at",
)

# What makes a spreadsheet take a cell for a formula (https://owasp.org/www-community/attacks/CSV_Injection),
# full-width forms included; the quotes before it are those of earlier guards.
_FORMULA = re.compile(r"'*[=+\-@\t\r\n＝＋－＠]")
_NAME = re.compile(r"[\w.:/-]{1,40}")

Redact = Callable[[str], str]


def write_labels(tickets: Iterable[LabelledTicket], stream: TextIO, redact: Redact | None = None) -> int:
    """Write the file, header first, every cell quoted, CRLF at the end of a row; returns how many tickets.

    ``stream`` must have been opened with ``newline=""``.  A cell that a spreadsheet would take for a formula
    gets an apostrophe in front, which `read_labels` takes away again.  ``redact`` is given what people wrote.
    """
    writer = csv.writer(stream, quoting=csv.QUOTE_ALL, lineterminator="\r\n")
    writer.writerow(COLUMNS)
    count = 0
    for ticket in tickets:
        writer.writerow(_guarded(cell) for cell in _cells(ticket, redact or str))
        count += 1
    return count


def _cells(ticket: LabelledTicket, redact: Redact) -> Iterator[str]:
    yield from (ticket.ticket_id, redact(ticket.subject), redact(ticket.text))
    yield from (ticket.tier, ticket.severity, ticket.route, redact(ticket.why))
    yield from (ticket.labels.get(axis, "") for axis in Axis)
    yield from (ticket.source.value, ticket.reviewer)
    yield ticket.labelled_at.astimezone(UTC).isoformat() if ticket.labelled_at else ""


def _guarded(cell: str) -> str:
    return f"'{cell}" if _FORMULA.match(cell) else cell


def _unguarded(cell: str) -> str:
    return cell[1:] if cell.startswith("'") and _FORMULA.match(cell) else cell


def read_labels(data: bytes, name: str, taxonomy: Taxonomy) -> tuple[LabelledTicket, ...]:
    """The tickets of a file, in its order; ``name`` is what it is called in messages.

    UTF-8, with or without a byte order mark; comma, semicolon or tab; columns in any order, of which
    ``first_message`` and one axis must be there.  An empty class means that the axis was not judged.

    Raises LabelsRejected with everything that is wrong, each with its line and the letter of its column in a
    spreadsheet; never with what a customer wrote.
    """
    return read_file(data, name, taxonomy).tickets


@dataclass(frozen=True, slots=True)
class LabelFile:
    """The tickets of a file, the line on which each begins, and the columns as they stand in it."""

    name: str
    tickets: tuple[LabelledTicket, ...]
    lines: tuple[int, ...]
    columns: tuple[str, ...]

    def place(self, at: int, column: str) -> str:
        """Where a cell of the ticket number ``at`` is: ``labels.csv:7:D``."""
        return f"{self.name}:{self.lines[at]}:{_letter(self.columns.index(column))}"

    def judged(self) -> LabelFile:
        """The file without the rows that nobody has given a class yet."""
        kept = [at for at, ticket in enumerate(self.tickets) if ticket.labels]
        tickets, lines = tuple(self.tickets[at] for at in kept), tuple(self.lines[at] for at in kept)
        return replace(self, tickets=tickets, lines=lines)


def read_file(data: bytes, name: str, taxonomy: Taxonomy) -> LabelFile:
    """As `read_labels`, with the places of what was read."""
    reader = _Reader(name, taxonomy, [], [])
    found = tuple(reader.tickets(reader.decoded(data)))
    if reader.problems:
        raise LabelsRejected(reader.problems)
    tickets, lines = tuple(ticket for _, ticket in found), tuple(line for line, _ in found)
    return LabelFile(name, tickets, lines, tuple(reader.columns))


def _letter(column: int) -> str:
    """What a spreadsheet calls a column, counted from 0."""
    before, last = divmod(column, 26)
    return (_letter(before - 1) if before else "") + chr(ord("A") + last)


@dataclass(slots=True)
class _Reader:
    """Reads one file and collects what is wrong with it."""

    name: str
    taxonomy: Taxonomy
    problems: list[str]
    columns: list[str]

    def _object(self, line: int, problem: str, column: str | None = None) -> None:
        letter = f":{_letter(self.columns.index(column))}" if column in self.columns else ""
        self.problems.append(f"{self.name}:{line}{letter}: {problem}")

    def decoded(self, data: bytes) -> str:
        try:
            return data.decode("utf-8-sig")
        except UnicodeDecodeError as error:
            line = data.count(b"\n", 0, error.start) + 1
            self._object(line, "not UTF-8; save the file as CSV UTF-8")
            return ""

    def tickets(self, text: str) -> Iterator[tuple[int, LabelledTicket]]:
        """Each ticket with the line on which it begins."""
        if self.problems:
            return
        rows = self._rows(text)
        line, header = next(rows, (1, []))
        columns = [cell.strip().casefold() for cell in header]
        if not self._header_holds(line, columns):
            return
        self.columns = columns
        for line, row in rows:
            if len(row) != len(columns):
                self._object(line, f"{len(row)} cells under {len(columns)} columns")
            elif (ticket := self._ticket(line, dict(zip(columns, row, strict=True)))) is not None:
                yield line, ticket

    def _rows(self, text: str) -> Iterator[tuple[int, list[str]]]:
        """Every row that says something, with the line on which it begins."""
        reader = csv.reader(io.StringIO(text, newline=""), delimiter=_delimiter(text), strict=True)
        try:
            while True:
                line = reader.line_num + 1
                row = next(reader, None)
                if row is None:
                    return
                if any(cell.strip() for cell in row):
                    yield line, row
        except csv.Error as error:
            self._object(line, f"not readable as CSV ({error})")

    def _header_holds(self, line: int, columns: list[str]) -> bool:
        before = len(self.problems)
        for column in columns:
            if column not in COLUMNS:
                self._object(line, f"no column is called {_named(column)}{_nearest(column, COLUMNS)}")
            elif columns.count(column) > 1:
                self._object(line, f'the column "{column}" is there more than once')
        if "first_message" not in columns:
            self._object(line, 'the column "first_message" is missing')
        if not any(axis.value in columns for axis in Axis):
            self._object(line, f"none of the columns {', '.join(Axis)} is there")
        self.problems[before:] = dict.fromkeys(self.problems[before:])
        return len(self.problems) == before

    def _ticket(self, line: int, row: dict[str, str]) -> LabelledTicket | None:
        before = len(self.problems)
        text, subject = (_unguarded(row.get(column, "")) for column in ("first_message", "subject"))
        if not (text.strip() or subject.strip()):
            self._object(line, "neither subject nor first_message says anything")
        told = {column: _unguarded(cell).strip() for column, cell in row.items()}
        if not told.get("ticket_id", "").isprintable():
            self._object(line, "ticket_id is no id", "ticket_id")
        labels = self._labels(line, told)
        source = self._source(line, told.get("source", ""))
        labelled_at = self._moment(line, told.get("labelled_at", ""))
        if len(self.problems) > before:
            return None
        return LabelledTicket(
            text=text,
            labels=labels,
            ticket_id=told.get("ticket_id", ""),
            subject=subject,
            tier=told.get("tier", ""),
            severity=told.get("severity", ""),
            route=told.get("route", ""),
            why=_unguarded(row.get("why_this_label", "")),
            source=source,
            reviewer=told.get("reviewer", ""),
            labelled_at=labelled_at,
        )

    def _labels(self, line: int, told: dict[str, str]) -> dict[Axis, str]:
        labels = {axis: told[axis.value] for axis in Axis if told.get(axis.value)}
        for axis, value in labels.items():
            names = self.taxonomy.names(axis)
            if value not in names:
                self._object(
                    line, f"settings.toml has no {axis} {_named(value)}{_nearest(value, names)}", axis.value
                )
        return labels

    def _source(self, line: int, cell: str) -> Source:
        try:
            return Source(cell or Source.IMPORT)
        except ValueError:
            self._object(line, f"no source is called {_named(cell)}{_nearest(cell, tuple(Source))}", "source")
            return Source.IMPORT

    def _moment(self, line: int, cell: str) -> datetime | None:
        """ISO 8601; without a zone it is UTC."""
        if not cell:
            return None
        try:
            moment = datetime.fromisoformat(cell)
            return moment.astimezone(UTC) if moment.tzinfo else moment.replace(tzinfo=UTC)
        except (ValueError, OverflowError):
            self._object(line, "labelled_at is not a time like 2026-03-31T12:00:00+00:00", "labelled_at")
            return None


def _delimiter(text: str) -> str:
    """The one by which the first line falls into the most columns that we know."""
    header = next((line for line in text.splitlines() if line.strip()), "")

    def known(delimiter: str) -> int:
        return sum(cell.strip(' "').casefold() in COLUMNS for cell in header.split(delimiter))

    return max(",", ";", "\t", key=known)


def _named(word: str) -> str:
    """The word, unless it could be what a customer wrote."""
    return f'"{word}"' if _NAME.fullmatch(word) else "what stands there"


def _nearest(word: str, known: tuple[str, ...]) -> str:
    near = get_close_matches(word.casefold(), known, n=1)
    return f'; did you mean "{near[0]}"?' if near else f" (known: {', '.join(known)})"
