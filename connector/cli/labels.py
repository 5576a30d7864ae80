"""``connector labels``: tickets with their right classes, in the database and as a file."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any, TextIO

from connector.classify.redaction import Redactor, Secret
from connector.cli.chosen import one, some
from connector.cli.decisions import ago
from connector.cli.labelled import file_bytes, stored_tickets
from connector.cli.output import emit_json, say, table
from connector.clock import SystemClock
from connector.domain.taxonomy import Axis
from connector.errors import LabelsRejected, SettingsError, StoreInUse
from connector.quality.balance import LEAST, WANTED, Balance, weigh
from connector.quality.dataset import LabelledTicket, within
from connector.quality.labels_csv import LabelFile, read_file, read_labels, write_labels
from connector.quality.merging import Merge, Take
from connector.settings import Settings, load_settings

if TYPE_CHECKING:
    from connector.quality.harvest import Harvest

_STDOUT = Path("-")
_BESIDE_A_SERVICE = "stop the service for this, or move to PostgreSQL, where both may work at once"


def build(
    since: str, per_team: int | None, out: Path | None, *, helpdesk: str | None = None, config: Path | None
) -> int:
    """Exit code 0, also when no ticket tells its team; errors of settings and upstreams have their own.

    With ``out`` the database is only read.
    """
    from connector.bootstrap import open_labelling
    from connector.quality.harvest import harvest

    start = ago(since)
    settings = one(load_settings(config).settings, helpdesk)
    if out is None:
        _store(
            settings, (), Take.READ, instead=_INSTEAD_OF_BUILDING
        )  # before the helpdesk is asked for hours
    with open_labelling(settings, SystemClock()) as opened:
        found = harvest(opened.helpdesk, opened.memory, opened.where, start, per_team)
    _tell(found, weigh(found.tickets, settings.taxonomy()))
    if out is None:
        _tell_merged(_store(settings, found.tickets, Take.READ, instead=_INSTEAD_OF_BUILDING))
        return os.EX_OK
    with _destination(out) as stream:
        write_labels(found.tickets, stream)
    if found.tickets:
        say(_KEEP_IT)
    return os.EX_OK


_INSTEAD_OF_BUILDING = "with --out FILE the labels go into a file, for `connector labels import`"
_KEEP_IT = "The file holds customers' words: keep it as you keep the tickets, `forget` does not reach it."


def import_(
    file: Path, *, replace: bool, helpdesk: str | None = None, as_json: bool, config: Path | None
) -> int:
    """Exit code 0, also when all of it was there before; 2 when anything is wrong: nothing is stored then.

    75 while another process owns the database.
    """
    settings = one(load_settings(config).settings, helpdesk)
    whole = read_file(file_bytes(file), str(file), settings.taxonomy())
    read = whole.judged()
    unlabelled = len(whole.tickets) - len(read.tickets)
    merged = _store(settings, read.tickets, Take.NEW if replace else Take.NEITHER)
    if merged.clashes:
        raise LabelsRejected(list(_clashes(read, merged)))
    if as_json:
        counts = {"new": len(merged.fresh), "changed": len(merged.changed), "same": merged.same}
        left_out = {"unlabelled": unlabelled, "forgotten": merged.barred}
        emit_json({"file": str(file), "tickets": len(whole.tickets), **counts, **left_out})
    if unlabelled:
        say(f"{unlabelled} left out: they have no class yet")
    _tell_merged(merged)
    _tell_conflicts(weigh(read.tickets, settings.taxonomy()))
    return os.EX_OK


def _store(settings: Settings, tickets: Sequence[LabelledTicket], take: Take, *, instead: str = "") -> Merge:
    from connector.bootstrap import open_labels

    try:
        with open_labels(settings, SystemClock()) as book:
            return book.store(tickets, take)
    except StoreInUse as error:
        owner = str(error).partition(";")[0]
        ways = "; ".join(filter(None, (_BESIDE_A_SERVICE, instead)))
        raise StoreInUse(f"{owner}: {ways}") from None


def _clashes(read: LabelFile, merged: Merge) -> Iterator[str]:
    for each in merged.clashes:
        place = read.place(each.at, each.axis.value)
        if each.earlier is not None:
            yield f'{place}: "{each.said}", but line {read.lines[each.earlier]} says "{each.stands}"'
        else:
            yield f'{place}: "{each.said}", but "{each.stands}" is stored; --replace takes the file\'s'


def _tell_merged(merged: Merge) -> None:
    say(f"Labels stored: {len(merged.fresh)} new, {len(merged.changed)} changed, {merged.same} as they were")
    if merged.clashes:
        say(f"{len(merged.clashes)} were left as somebody had labelled them")
    if merged.barred:
        say(f"{merged.barred} left out: their words were erased on request")


def export(file: Path, *, redact: bool, helpdesk: str | None = None, config: Path | None) -> int:
    """Exit code 0, also when no label is stored."""
    tickets = stored_tickets(one(load_settings(config).settings, helpdesk))
    with _destination(file) as stream:
        count = write_labels(tickets, stream, _redacted if redact else None)
    say(f"{count} labels")
    if count and file != _STDOUT:
        say(_KEEP_IT)
    return os.EX_OK


def _redacted(text: str) -> str:
    return Redactor(Secret).redact(text)


@contextmanager
def _destination(out: Path) -> Iterator[TextIO]:
    """Standard output for "-", else a new file that only its owner can read.  Raises SettingsError."""
    own = out != _STDOUT
    try:
        flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL
        number = os.open(out, flags, 0o600) if own else sys.stdout.fileno()
    except OSError as error:
        raise SettingsError(f"{out}: {error.strerror}") from None
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


def stats(file: Path | None, *, helpdesk: str | None = None, as_json: bool, config: Path | None) -> int:
    """Of a file, or of what is stored.  Exit code 0; 2 when the file cannot be taken as it is."""
    settings = load_settings(config).settings
    taxonomy = settings.taxonomy()
    if file is not None:
        balance = weigh(read_labels(file_bytes(file), str(file), taxonomy), taxonomy)
    else:
        stored = [each for chosen in some(settings, helpdesk) for each in stored_tickets(chosen)]
        balance = weigh(within(stored, taxonomy), taxonomy)
        if lost := sum(len(each.labels) for each in stored) - sum(map(balance.labelled, Axis)):
            say(f"{lost} labels name classes that the settings do not have (any more) and do not count")
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
    _tell_conflicts(balance)
    return os.EX_OK


def _tell_conflicts(balance: Balance) -> None:
    for each in balance.conflicts:
        tickets = ", ".join(ticket or "(no id)" for ticket in each.ticket_ids)
        say(f"  same words, different {each.axis} ({', '.join(each.classes)}): {tickets}")


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
