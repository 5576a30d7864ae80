"""``connector backfill``: says what it would do with tickets of the past, and after a yes does it."""

from __future__ import annotations

import os
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime, timedelta
from decimal import Decimal, InvalidOperation
from pathlib import Path
from typing import TYPE_CHECKING, Any

import typer

from connector.cli.output import emit_json, say, totals_line, usd
from connector.cli.session import Session, session
from connector.cli.side_effects import SIDE_EFFECTS
from connector.errors import ConnectorError, StoreInUse
from connector.pipeline.summary import Summary
from connector.ports import Event

if TYPE_CHECKING:
    from connector.bootstrap.backfill import Backfilling
    from connector.pipeline.purse import Purse
    from connector.pipeline.survey import Survey


@dataclass(frozen=True, slots=True)
class Wanted:
    """What the command line asks for; ``age`` is how ``since`` was written."""

    age: str
    since: datetime
    limit: int | None
    max_cost: Decimal | None
    batch: bool
    dry_run: bool
    yes: bool


def dollars(amount: str | None) -> Decimal | None:
    """A sum in USD.  Raises BadParameter for anything else."""
    if amount is None:
        return None
    try:
        sum_ = Decimal(amount.removeprefix("$"))
    except InvalidOperation:
        sum_ = Decimal(-1)
    if not (sum_.is_finite() and sum_ > 0):
        raise typer.BadParameter(
            f'"{amount}" is not a sum of money such as 5 or 0.50', param_hint="--max-cost"
        )
    return sum_


def backfill(wanted: Wanted, *, helpdesk: str | None = None, as_json: bool, config: Path | None) -> int:
    """Exit code 0, or 75 when tickets were left for another run."""
    from connector.bootstrap.backfill import survey_past

    with session(config, level="warning", helpdesk=helpdesk) as at_work:
        settings, clock = at_work.settings, at_work.clock
        found = survey_past(settings, clock, wanted.since, wanted.limit, in_batches=wanted.batch)
        if not as_json or (sys.stdin.isatty() and not wanted.yes):
            _show(found, wanted, SIDE_EFFECTS[settings.helpdesk.kind])
        if not _agreed(found, wanted):
            if as_json:
                emit_json({"mode": "dry_run", "survey": facts(found)})
            return os.EX_OK
        return _work(at_work, wanted, found, as_json=as_json)


def _agreed(found: Survey, wanted: Wanted) -> bool:
    if wanted.dry_run:
        return False
    if not found.tickets + found.waiting:
        say("There is nothing to do.")
        return False
    if wanted.yes:
        return True
    if not sys.stdin.isatty():
        say("This was a dry run: nothing was written. Give --yes to start without a terminal.")
        return False
    typed = typer.prompt('Type "yes" to start', default="no", show_default=False, err=True)
    if typed.strip().lower() == "yes":
        return True
    say("Nothing was changed.")
    return False


def _work(at_work: Session, wanted: Wanted, found: Survey, *, as_json: bool) -> int:
    from connector.service import stop_on_signals

    started = time.monotonic()
    stop_on_signals(at_work.clock)
    summary = Summary()
    at_work.hub.sinks.append(summary)
    ended: dict[str, Any] = {"mode": "backfill", "pass_id": None, "left": None, "stopped": None}
    try:
        with _connected(at_work, wanted) as backfilling, _progress(at_work, found, backfilling.purse):
            ended |= _counted_run(backfilling, wanted, summary)
    except ConnectorError as error:
        ended["error"] = str(error)
        raise
    finally:
        result = summary.as_json() | ended | {"survey": facts(found)}
        result["duration_s"] = round(time.monotonic() - started, 2)
        if as_json:
            emit_json(result)
    if not as_json:
        print(totals_line(result))
    if ended["stopped"]:
        say(f"Stopped: {ended['stopped']}.")
    if ended["left"]:
        say(f"{ended['left']} tickets are taken in and wait for the next backfill.")
    if ended["stopped"] or ended["left"]:
        say("Run the same command again to go on.")
        return os.EX_TEMPFAIL
    return os.EX_OK


@contextmanager
def _connected(at_work: Session, wanted: Wanted) -> Iterator[Backfilling]:
    from connector.bootstrap.backfill import connect_backfill

    try:
        with connect_backfill(
            at_work.settings, at_work.clock, at_work.hub, wanted.max_cost, in_batches=wanted.batch
        ) as backfilling:
            yield backfilling
    except StoreInUse as error:
        raise StoreInUse(f"{error} (only on PostgreSQL can a backfill work beside the service)") from None


def _counted_run(backfilling: Backfilling, wanted: Wanted, summary: Summary) -> dict[str, Any]:
    """The backfill between `start_pass` and `end_pass`; the summary is stored even when a stage raises."""
    pass_id = backfilling.ledger.start_pass("backfill")
    try:
        stopped = backfilling.backfill.run(pass_id, wanted.since, wanted.limit)
    finally:
        backfilling.ledger.end_pass(pass_id, summary.as_json())
    return {"pass_id": pass_id, "stopped": stopped, "left": backfilling.backlog.left()}


@contextmanager
def _progress(at_work: Session, found: Survey, purse: Purse) -> Iterator[None]:
    """A bar of what was written, with the cost so far and the time left; only on a terminal, on stderr."""
    from rich.console import Console
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

    console = Console(stderr=True)
    columns = (
        TextColumn("{task.description}"),
        BarColumn(),
        MofNCompleteColumn(),
        TextColumn("{task.fields[cost]}"),
        TimeRemainingColumn(),
    )
    with Progress(*columns, console=console, disable=not console.is_terminal, transient=True) as bar:
        done = bar.add_task("backfill", total=found.tickets + found.waiting, cost=usd(Decimal(0)))

        def watch(event: Event) -> None:
            if event.name in ("ticket.written", "model.called"):
                bar.update(done, advance=int(event.name == "ticket.written"), cost=usd(purse.spent_usd))

        at_work.hub.sinks.append(watch)
        try:
            yield
        finally:
            at_work.hub.sinks.remove(watch)


def facts(found: Survey) -> dict[str, Any]:
    """The survey as JSON; money is USD."""
    return {
        "tickets": found.tickets,
        "waiting": found.waiting,
        "without_model": found.free,
        "screened": {disposition.value: count for disposition, count in sorted(found.screened.items())},
        "unreadable": found.unreadable,
        "expected_cost": float(round(found.expected_usd, 6)),
        "most_cost": float(round(found.most_usd, 6)),
        "is_guess": found.is_guess,
        "expected_seconds": None if found.seconds is None else round(found.seconds, 1),
    }


def _show(found: Survey, wanted: Wanted, effects: str) -> None:
    others = {each.value: count for each, count in found.screened.items() if each.value != "original"}
    reasons = ", ".join(f"{name.replace('_', ' ')} {count}" for name, count in sorted(others.items()))
    how = "a rough guess" if found.is_guess else "by your own tickets of the last 30 days"
    print(f"Tickets created in the last {wanted.age} that nobody has routed: {found.tickets}")
    if found.waiting:
        print(f"Left by an earlier run, on top of all this: {found.waiting}")
    if found.free:
        print(f"Settled by words and rules, without a model: {found.free}")
    if reasons:
        print(f"Left alone: {reasons}")
    print(f"Cost: about {usd(found.expected_usd)} ({how}), {usd(found.most_usd)} at the very most")
    if wanted.max_cost is not None:
        print(f"Limit: {usd(wanted.max_cost)}; it stops before a call that could exceed it")
    print(f"Time: {_duration(found.seconds)}")
    print(effects)


def _duration(seconds: float | None) -> str:
    if seconds is None:
        return "most batches end within an hour, all within 24"
    rounded = timedelta(seconds=max(1, round(seconds)))
    return f"about {rounded} of model time, or longer where the helpdesk's rate limit is the slower one"
