"""``connector run``: the service, one pass, or a dry run."""

from __future__ import annotations

import os
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Any

from connector.cli.output import emit_json, progress, say, table, totals_line
from connector.cli.session import Session, session
from connector.errors import ConnectorError
from connector.pipeline import whose
from connector.pipeline.role import Role
from connector.pipeline.summary import Summary
from connector.pipeline.sync import Stages, run_pass
from connector.ports import Due, Event

if TYPE_CHECKING:
    from connector.bootstrap import Connector
    from connector.observe.logs import Level

# Of several helpdesks' exit codes the first one here counts; a bug (1) is before all of them.
WORST_FIRST = (
    os.EX_CONFIG,
    os.EX_NOPERM,
    os.EX_UNAVAILABLE,
    os.EX_TEMPFAIL,
    os.EX_OK,
)


class Mode(StrEnum):
    """How the stages run, as a pass is named in the ledger."""

    LIVE = "live"
    ONCE = "once"
    DRY_RUN = "dry_run"


def run(mode: Mode, role: Role, *, helpdesk: str | None = None, as_json: bool, config: Path | None) -> int:
    """Exit code 0, or 75 when tickets were left for a later pass; of several helpdesks the worst code."""
    level: Level | None = None if mode is Mode.LIVE else "warning"
    with session(config, level=level, helpdesk=helpdesk, each=True) as at_work:
        if mode is Mode.LIVE:
            return _service(at_work, role)
        return _one_pass(at_work, mode, role, as_json=as_json)


def _one_pass(at_work: Session, mode: Mode, role: Role, *, as_json: bool) -> int:
    """A pass of each helpdesk, one after the other: what one of them lacks is no reason to leave another."""
    from connector.service import stop_on_signals

    started = time.monotonic()
    stop_on_signals(at_work.clock)
    dry_run = mode is Mode.DRY_RUN
    summary, intended = Summary(), IntendedWrites()
    at_work.hub.sinks += [summary, *([intended] if dry_run else [])]
    ended: dict[str, Ended] = {}
    helpdesks = at_work.each()
    try:
        with progress("dry run" if dry_run else "pass", at_work.hub.sinks):
            for each in helpdesks:
                if ended and at_work.clock.sleep(0):
                    break
                ended[each.name] = Ended()
                _pass(each, mode, role, ended[each.name])
    finally:
        result = whole(summary, mode, ended, several=len(helpdesks) > 1)
        result["duration_s"] = _since(started)
        if as_json:
            emit_json(result)
    failed = [each.error for each in ended.values() if each.error is not None]
    if len(helpdesks) == 1 and failed:
        raise failed[0]
    if not as_json:
        if dry_run:
            intended.show()
        print(totals_line(result))
    for error in failed:
        say(f"connector: {error}")
    return _conclude(result, failed, [each.name for each in helpdesks if each.name not in ended])


def _pass(at_work: Session, mode: Mode, role: Role, ended: Ended) -> None:
    """One pass of one helpdesk; ``ended`` gets what became of it, also when something raises."""
    from connector.bootstrap import naming

    started = time.monotonic()
    summary, others = Summary(), Others()
    at_work.hub.sinks += [summary, others]
    told: dict[str, Any] = {"mode": mode.value, "pass_id": None, "deferred": 0, "held_elsewhere": 0}
    try:
        with (
            naming(at_work.settings),
            at_work.connected(dry_run=mode is Mode.DRY_RUN, role=role) as connector,
        ):
            told["pass_id"], due = counted_pass(connector, summary, mode.value)
            told |= {"deferred": due.left, "held_elsewhere": due.elsewhere}
    except ConnectorError as error:
        told["error"] = str(error)
        ended.error = error
    finally:
        ended.result = summary.as_json() | told | {"polled_elsewhere": others.poll}
        ended.result["duration_s"] = _since(started)


@dataclass
class Ended:
    """What became of one helpdesk's pass, as JSON, and the error that ended it."""

    result: dict[str, Any] = field(default_factory=dict)
    error: ConnectorError | None = None


def whole(summary: Summary, mode: Mode, ended: Mapping[str, Ended], *, several: bool) -> dict[str, Any]:
    """The JSON of a run: of several helpdesks the totals, and what became of each that was begun."""
    results = {name: each.result for name, each in ended.items()}
    if not several:
        return {**next(iter(results.values()))}
    told: dict[str, Any] = {"mode": mode.value, "pass_id": None}
    for key in ("deferred", "held_elsewhere"):
        told[key] = sum(each[key] for each in results.values())
    if errors := [each["error"] for each in results.values() if "error" in each]:
        told["error"] = "; ".join(errors)
    told["polled_elsewhere"] = any(each["polled_elsewhere"] for each in results.values())
    return summary.as_json() | told | {"helpdesks": results}


def _conclude(result: Mapping[str, Any], failed: Sequence[ConnectorError], unvisited: Sequence[str]) -> int:
    """What a person should know, and the exit code."""
    if result["polled_elsewhere"]:
        say("Another process polls; this pass took what was waiting.")
    if result["held_elsewhere"]:
        say(f"{result['held_elsewhere']} tickets are in the hands of other processes.")
    if unvisited:
        say(f"Not begun: {', '.join(unvisited)}.")
    if result["deferred"]:
        say(f"{result['deferred']} tickets wait for a later pass; run again.")
    left = os.EX_TEMPFAIL if result["deferred"] or unvisited else os.EX_OK
    return worst([left, *(error.exit_code for error in failed)])


def worst(codes: Sequence[int]) -> int:
    """The exit code that needs a person soonest."""
    return min(codes, key=lambda code: WORST_FIRST.index(code) if code in WORST_FIRST else -1)


def _since(started: float) -> float:
    return round(time.monotonic() - started, 2)


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
        rows: list[tuple[object, ...]] = []
        several = any(whose.FACT in row for row in self._rows)
        for row in self._rows:
            would = row["outcome"] == "dry_run"
            what = f"group → {row['group']}; tags + {' '.join(row['tags'])}" if would else row["reason"]
            of = (row.get(whose.FACT),) if several else ()
            rows.append((*of, row["ticket_id"], "would write" if would else row["outcome"], what))
        if rows:
            columns = ("helpdesk",) if several else ()
            title = "What a live pass would do now"
            table((*columns, "ticket", "outcome", "change"), rows, title=title)


def _service(at_work: Session, role: Role) -> int:
    from connector.bootstrap import connect_all
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
    with (
        connect_all(settings, at_work.clock, at_work.hub, role=role) as helpdesks,
        _webhooks(at_work, helpdesks),
    ):
        code = serve(helpdesks, at_work.clock, at_work.hub, rhythm, at_work.hub.sinks)
        if code != os.EX_OK:
            leave(code)
    return code


@contextmanager
def _webhooks(at_work: Session, helpdesks: Sequence[Stages]) -> Iterator[None]:
    """Listens for webhooks beside the service, where the settings want it."""
    each = zip(at_work.settings.per_helpdesk(), helpdesks, strict=True)
    heard = [(settings, stages.nudges) for settings, stages in each if stages.nudges is not None]
    if not heard:
        yield
        return
    from connector.web.opening import hearing

    with hearing(heard, at_work.clock, at_work.hub):
        yield
