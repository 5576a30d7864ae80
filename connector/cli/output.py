"""How results look: tables and JSON on stdout, progress and notices on stderr."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import datetime
from decimal import Decimal
from typing import Any

from connector.ports import Event, Observer

_WIDE_ENOUGH = 100  # columns of a terminal in which a table and its prose have room side by side


def say(text: str) -> None:
    """A notice for a person, on stderr."""
    print(text, file=sys.stderr)


def emit_json(value: object) -> None:
    """One JSON document on one line of stdout."""
    print(json.dumps(value, ensure_ascii=False, default=_plain))


def _plain(value: object) -> object:
    if isinstance(value, Decimal):
        return float(value)
    if isinstance(value, datetime):
        return value.isoformat().replace("+00:00", "Z")
    return str(value)


def table(columns: Sequence[str], rows: Iterable[Sequence[object]], *, title: str | None = None) -> None:
    """A table on stdout; markup in the data is data.

    Nothing is cut: what does not fit is folded, and in a narrow terminal the last column, which is prose, has
    a line of its own.
    """
    from rich import box
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

    console = Console(file=sys.stdout, width=None if sys.stdout.isatty() else 140, highlight=False)
    shown = [["–" if cell is None else str(cell) for cell in row] for row in rows]
    if console.width < _WIDE_ENOUGH:
        console.print(title or "")
        for *cells, prose in shown:
            console.print(Text(f"{'  '.join(cells)}\n    {prose}"))
        return
    drawn = Table(title=title, title_justify="left", header_style="bold", box=box.SIMPLE_HEAD, pad_edge=False)
    for column in columns:
        drawn.add_column(column, no_wrap=column == columns[0], overflow="fold")
    for row in shown:
        drawn.add_row(*map(Text, row))
    console.print(drawn)


def usd(amount: Decimal | float) -> str:
    """Money, as precise as a bill of fractions of a cent needs."""
    return f"${amount:.2f}" if amount >= 1 else f"${amount:.4f}"


@contextmanager
def progress(
    title: str, hub: list[Observer], total: int | None = None, *, writes: bool = True
) -> Iterator[None]:
    """A progress bar fed by events; only on a terminal, only on stderr."""
    from rich.console import Console
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

    console = Console(stderr=True)
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn())
    with Progress(*columns, console=console, disable=not console.is_terminal, transient=True) as bar:
        decided = bar.add_task(f"{title}: decided", total=total)
        written = bar.add_task(f"{title}: written", total=total, visible=writes)
        originals = 0

        def watch(event: Event) -> None:
            nonlocal originals
            match event.name:
                case "page.stored" if total is None:
                    originals += event.facts["dispositions"].get("original", 0)
                    bar.update(decided, total=originals)
                    bar.update(written, total=originals)
                case "ticket.decided":
                    bar.advance(decided)
                case "ticket.written":
                    bar.advance(written)

        hub.append(watch)
        try:
            yield
        finally:
            hub.remove(watch)


def totals_line(summary: Mapping[str, Any]) -> str:
    """A pass in one sentence."""
    screened = summary["screened"]
    originals = screened.get("original", 0)
    written = ", ".join(f"{count} {outcome}" for outcome, count in summary["written"].items()) or "nothing"
    return (
        f"{summary['polled']} revisions polled, {originals} originals, "
        f"{sum(summary['decided'].values())} decided "
        f"({summary['escalated']} to a person, {summary['failed']} failed), written: {written}; "
        f"{summary['model_calls']} model calls, {usd(summary['cost'])}"
    )
