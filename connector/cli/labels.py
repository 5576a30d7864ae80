"""``connector labels``: tickets with their right classes, as a file."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any, TextIO

from connector.cli.decisions import ago
from connector.cli.output import emit_json, say, table
from connector.clock import SystemClock
from connector.domain.taxonomy import Axis
from connector.errors import SettingsError
from connector.quality.balance import LEAST, WANTED, Balance, weigh
from connector.quality.labels_csv import read_labels, write_labels
from connector.settings import load_settings

if TYPE_CHECKING:
    from connector.quality.harvest import Harvest


def build(since: str, per_team: int | None, out: Path | None, *, config: Path | None) -> int:
    """Exit code 0, also when no ticket tells its team; errors of settings and upstreams have their own."""
    from connector.bootstrap import open_labelling
    from connector.quality.harvest import harvest

    start = ago(since)
    settings = load_settings(config).settings
    with open_labelling(settings, SystemClock()) as opened:
        found = harvest(opened.helpdesk, opened.memory, opened.where, start, per_team)
    with _destination(out) as stream:
        write_labels(found.tickets, stream)
    _tell(found, weigh(found.tickets, settings.taxonomy()))
    return os.EX_OK


@contextmanager
def _destination(out: Path | None) -> Iterator[TextIO]:
    """Standard output, or a new file that only its owner can read.  Raises SettingsError."""
    try:
        flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL
        number = sys.stdout.fileno() if out is None else os.open(out, flags, 0o600)
    except OSError as error:
        raise SettingsError(f"--out {out}: {error.strerror}") from None
    own = out is not None
    with open(number, "w", encoding="utf-8", errors="replace", newline="", closefd=own) as stream:
        yield stream


def _tell(found: Harvest, balance: Balance) -> None:
    say(
        f"{balance.tickets} tickets whose team a person chose; {LEAST} per team are the least, {WANTED} good:"
    )
    for team, count in balance.counts[Axis.TEAM].items():
        say(f"  {team}: {count}{_lack(balance, Axis.TEAM, team)}")
    if found.left_over:
        say(f"Left out beyond --per-team: {found.left_over}")
    if found.skipped:
        reasons = ", ".join(
            f"{reason.replace('_', ' ')} {count}" for reason, count in sorted(found.skipped.items())
        )
        say(f"Left out: {reasons}")
    if balance.tickets:
        say("The file holds customers' words: keep it as you keep the tickets, `forget` does not reach it.")


def stats(file: Path, *, as_json: bool, config: Path | None) -> int:
    """Exit code 0; 2 when the file cannot be taken as it is."""
    taxonomy = load_settings(config).settings.taxonomy()
    balance = weigh(read_labels(file.read_bytes(), str(file), taxonomy), taxonomy)
    if as_json:
        emit_json(_facts(balance))
        return os.EX_OK
    rows = [
        (
            axis,
            name,
            count,
            _percent(balance.share(axis, name)),
            _lack(balance, axis, name).removeprefix(", "),
        )
        for axis in Axis
        if balance.labelled(axis)
        for name, count in balance.counts[axis].items()
    ]
    table(("axis", "class", "labels", "share", "missing"), rows)
    unlabelled = ", ".join(f"{axis} {balance.tickets - balance.labelled(axis)}" for axis in Axis)
    say(f"{balance.tickets} tickets; not labelled on {unlabelled}")
    say(f"{balance.duplicates} say what an earlier one says; {len(balance.conflicts)} conflicts")
    for each in balance.conflicts:
        tickets = ", ".join(ticket or "(no id)" for ticket in each.ticket_ids)
        say(f"  same words, different {each.axis} ({', '.join(each.classes)}): {tickets}")
    return os.EX_OK


def _percent(share: float | None) -> str | None:
    return None if share is None else f"{share:.1%}"


def _lack(balance: Balance, axis: Axis, name: str) -> str:
    """What a class still needs, to go behind its number."""
    if not (missing := balance.missing(axis, name)):
        return ""
    few = balance.counts[axis][name] < LEAST
    return f", too few, needs {missing} more" if few else f", needs {missing} more"


def _facts(balance: Balance) -> dict[str, Any]:
    return {
        "tickets": balance.tickets,
        "axes": {
            axis.value: {
                "labelled": balance.labelled(axis),
                "classes": {
                    name: {
                        "labels": count,
                        "share": balance.share(axis, name),
                        "missing": balance.missing(axis, name),
                        "enough": count >= LEAST,
                    }
                    for name, count in balance.counts[axis].items()
                },
            }
            for axis in Axis
        },
        "duplicates": balance.duplicates,
        "conflicts": [
            {"axis": each.axis, "tickets": list(each.ticket_ids), "classes": list(each.classes)}
            for each in balance.conflicts
        ],
    }
