"""``connector undo``: takes our own writes back where nobody has touched the ticket since."""

from __future__ import annotations

import os
import sys
from collections import Counter
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import typer

from connector.cli.output import emit_json, say, table
from connector.cli.session import Session, session
from connector.errors import ConnectorError
from connector.ports import Event

if TYPE_CHECKING:
    from connector.bootstrap import Undoing
    from connector.pipeline.undo import Selection

_WORDS = {
    "applied": "undone",
    "dry_run": "would be undone",
    "no_op": "nothing to undo",
    "deferred": "run again",
}
_MOVED = ("applied", "dry_run")
_LEFT_ALONE = "left alone"
_RESULTS = ("undone", "would be undone", "nothing to undo", _LEFT_ALONE, "run again")


def undo(
    chosen: Selection,
    *,
    dry_run: bool,
    yes: bool,
    helpdesk: str | None = None,
    as_json: bool,
    config: Path | None,
) -> int:
    """Exit code 0, or 75 when some undos were left for another run."""
    from connector.bootstrap import connect_undo

    with session(config, level="warning", helpdesk=helpdesk) as at_work:
        told = Undone()
        at_work.hub.sinks.append(told)
        with connect_undo(at_work.settings, at_work.clock, at_work.hub, chosen, dry_run=dry_run) as undoing:
            if undoing.count and not dry_run and not yes and not _agreed(undoing.count):
                say("Nothing was changed.")
                return os.EX_OK
            return _undo(at_work, undoing, chosen, told, as_json=as_json)


def _agreed(count: int) -> bool:
    """Whether the person at the terminal wants it; without a terminal the command line has said so."""
    if not sys.stdin.isatty():
        return True
    what = f"Take back what was written to {count} tickets, wherever nobody has touched them since?"
    return typer.confirm(what, err=True)


def _undo(at_work: Session, undoing: Undoing, chosen: Selection, told: Undone, *, as_json: bool) -> int:
    from connector.service import stop_on_signals

    stop_on_signals(at_work.clock)
    ended: dict[str, Any] = {"mode": undoing.mode, "pass_id": None, "deferred": 0}
    try:
        if undoing.count:
            ended["pass_id"], ended["deferred"] = _counted_pass(undoing, chosen, told)
    except ConnectorError as error:
        ended["error"] = str(error)
        raise
    finally:
        if as_json:
            emit_json(told.as_json() | ended)
        else:
            _show(told, undoing.groups)
    if ended["deferred"]:
        say(f"{ended['deferred']} tickets are left for another run; run again.")
        return os.EX_TEMPFAIL
    return os.EX_OK


def _counted_pass(undoing: Undoing, chosen: Selection, told: Undone) -> tuple[str | None, int]:
    """The undo between `start_pass` and `end_pass`; a dry run is no pass."""
    if undoing.ledger is None:
        return None, undoing.undo.run("", chosen)
    pass_id = undoing.ledger.start_pass(undoing.mode)
    try:
        return pass_id, undoing.undo.run(pass_id, chosen)
    finally:
        undoing.ledger.end_pass(pass_id, {"undone": told.counts()})


class Undone:
    """An observer that keeps what became of each ticket, in the order in which it was known."""

    def __init__(self) -> None:
        self._rows: dict[str, dict[str, Any]] = {}

    def __call__(self, event: Event) -> None:
        facts = dict(event.facts)
        if event.name == "ticket.undone":
            self._rows[facts["ticket_id"]] = facts
        elif event.name == "ticket.deferred" and facts["stage"] == "undo":
            self._rows[facts["ticket_id"]] = {"outcome": "deferred", **facts}

    def __iter__(self) -> Iterator[Mapping[str, Any]]:
        return iter(self._rows.values())

    def counts(self) -> dict[str, int]:
        """Tickets per outcome."""
        return dict(sorted(Counter(row["outcome"] for row in self._rows.values()).items()))

    def as_json(self) -> dict[str, Any]:
        """The object that ``undo --json`` prints."""
        keys = ("ticket_id", "outcome", "reason", "decision_id", "from_group", "group", "priority", "tags")
        tickets = [{key: row.get(key) for key in keys} for row in self._rows.values()]
        return {"undone": self.counts(), "tickets": tickets}


def _show(told: Undone, groups: Mapping[str, str]) -> None:
    rows = [
        (row["ticket_id"], _WORDS.get(row["outcome"], _LEFT_ALONE), _groups(row, groups), _detail(row))
        for row in told
    ]
    if not rows:
        say("Nothing that we wrote and that still stands was chosen.")
        return
    table(("ticket", "result", "group", "what, or why not"), rows)
    words = Counter(result for _, result, _, _ in rows)
    say(", ".join(f"{words[result]} {result}" for result in _RESULTS if words[result]))
    if words["undone"]:
        say("Private notes stay on the tickets: a helpdesk takes none back.")


def _groups(row: Mapping[str, Any], groups: Mapping[str, str]) -> str:
    if row["outcome"] not in _MOVED:
        return ""
    before, now = (_name(row[key], groups) for key in ("group", "from_group"))
    return f"{now} → {before}"


def _name(group: str | None, groups: Mapping[str, str]) -> str:
    return "none" if group is None else groups.get(group, group)


def _detail(row: Mapping[str, Any]) -> str:
    if row["outcome"] not in _MOVED:
        return str(row["reason"])
    tags = f"; tags − {' '.join(row['tags'])}" if row["tags"] else ""
    warning = f"; {row['reason']}" if row["reason"] else ""
    return f"priority → {row['priority'] or 'none'}{tags}{warning}"
