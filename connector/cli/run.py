"""``connector run``: the service, one pass, or a dry run."""

from __future__ import annotations

import os
import time
from contextlib import AbstractContextManager, nullcontext
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Any

from connector.cli.output import emit_json, progress, say, table, totals_line
from connector.cli.session import Session, session
from connector.errors import ConnectorError
from connector.pipeline.role import Role
from connector.pipeline.summary import Summary
from connector.pipeline.sync import Stages, run_pass
from connector.ports import Due, Event

if TYPE_CHECKING:
    from connector.bootstrap import Connector


class Mode(StrEnum):
    """How the stages run, as a pass is named in the ledger."""

    LIVE = "live"
    ONCE = "once"
    DRY_RUN = "dry_run"


def run(mode: Mode, role: Role, *, as_json: bool, config: Path | None) -> int:
    """Exit code 0, or 75 when tickets were left for a later pass."""
    with session(config, level=None if mode is Mode.LIVE else "warning") as at_work:
        if mode is Mode.LIVE:
            return _service(at_work, role)
        return _one_pass(at_work, mode, role, as_json=as_json)


def _one_pass(at_work: Session, mode: Mode, role: Role, *, as_json: bool) -> int:
    from connector.service import stop_on_signals

    started = time.monotonic()
    stop_on_signals(at_work.clock)
    dry_run = mode is Mode.DRY_RUN
    summary, others, intended = Summary(), Others(), IntendedWrites()
    at_work.hub.sinks += [summary, others, *([intended] if dry_run else [])]
    ended: dict[str, Any] = {"mode": mode.value, "pass_id": None, "deferred": 0, "held_elsewhere": 0}
    try:
        with (
            at_work.connected(dry_run=dry_run, role=role) as connector,
            progress("dry run" if dry_run else "pass", at_work.hub.sinks),
        ):
            ended["pass_id"], due = counted_pass(connector, summary, mode.value)
            ended |= {"deferred": due.left, "held_elsewhere": due.elsewhere}
    except ConnectorError as error:
        ended["error"] = str(error)
        raise
    finally:
        result = summary.as_json() | ended | {"polled_elsewhere": others.poll}
        result["duration_s"] = round(time.monotonic() - started, 2)
        if as_json:
            emit_json(result)
    if not as_json:
        if dry_run:
            intended.show()
        print(totals_line(result))
    if others.poll:
        say("Another process polls; this pass took what was waiting.")
    if due.elsewhere:
        say(f"{due.elsewhere} tickets are in the hands of other processes.")
    if due.left:
        say(f"{due.left} tickets wait for a later pass; run again.")
        return os.EX_TEMPFAIL
    return os.EX_OK


def counted_pass(connector: Connector, summary: Summary, mode: str) -> tuple[str, Due]:
    """One pass between `start_pass` and `end_pass`; the summary is stored even when a stage raises."""
    pass_id = connector.ledger.start_pass(mode)
    try:
        return pass_id, run_pass(connector.stages)
    finally:
        connector.ledger.end_pass(pass_id, summary.as_json())


class Others:
    """An observer that notices whether another process polls."""

    def __init__(self) -> None:
        self.poll = False

    def __call__(self, event: Event) -> None:
        self.poll = self.poll or event.name == "poll.skipped"


class IntendedWrites:
    """An observer that keeps what a dry run would have written, to show it."""

    def __init__(self) -> None:
        self._rows: list[dict[str, Any]] = []

    def __call__(self, event: Event) -> None:
        if event.name == "ticket.written":
            self._rows.append(dict(event.facts))

    def show(self) -> None:
        """One line per ticket: the exact group and tags, or why nothing would be written."""
        rows = []
        for row in self._rows:
            would = row["outcome"] == "dry_run"
            what = f"group → {row['group']}; tags + {' '.join(row['tags'])}" if would else row["reason"]
            rows.append((row["ticket_id"], "would write" if would else row["outcome"], what))
        if rows:
            table(("ticket", "outcome", "change"), rows, title="What a live pass would do now")


def _service(at_work: Session, role: Role) -> int:
    from connector.service import Rhythm, leave, serve

    settings = at_work.settings
    rhythm = Rhythm(
        poll_seconds=settings.poll.interval_seconds,
        fast_seconds=settings.poll.fast_seconds,
        shutdown_seconds=settings.service.shutdown_seconds,
    )
    if settings.nudge.enabled:
        from connector.web.extra import need_the_extra

        need_the_extra()
    with at_work.connected(role=role) as connector, _webhooks(at_work, connector.stages):
        code = serve(connector.stages, at_work.clock, at_work.hub, rhythm, at_work.hub.sinks)
        if code != os.EX_OK:
            leave(code)
    return code


def _webhooks(at_work: Session, stages: Stages) -> AbstractContextManager[object]:
    """Listens for webhooks beside the service, where the settings want it."""
    if stages.nudges is None:
        return nullcontext()
    from connector.web.opening import hearing

    return hearing(at_work.settings, stages.nudges, at_work.clock, at_work.hub)
