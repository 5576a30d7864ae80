"""``connector status``: the page to look at first, read from the ledger and without a word of a customer."""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from pathlib import Path
from typing import TYPE_CHECKING, Any

from connector.cli.chosen import names_in
from connector.cli.decisions import ago
from connector.cli.health import Health, allowed_silence
from connector.cli.health import look as look_at_health
from connector.cli.output import emit_json, usd
from connector.clock import SystemClock
from connector.settings import load_settings

if TYPE_CHECKING:
    from connector.store.assignment import Assignment
    from connector.store.overview import Overview, Queue
    from connector.store.processes import Process
    from connector.store.reports import Totals

_LABEL_CHARS = 13
_MOST_PROCESSES = 6  # of which each has its line
_STAGES = {"triage": "to classify", "write_back": "to write"}
_SERVICE = "live"


@dataclass(frozen=True, slots=True)
class Page:
    """Everything that the page shows; ``age`` is the period that it counts, as it was asked for."""

    now: datetime
    age: str
    helpdesk: str
    health: Health
    overview: Overview
    totals: Totals
    spent_today_usd: Decimal
    budget_usd: Decimal | None

    @property
    def left_today_usd(self) -> Decimal | None:
        return None if self.budget_usd is None else max(self.budget_usd - self.spent_today_usd, Decimal(0))


def status(age: str, *, as_json: bool, config: Path | None) -> int:
    """Exit code 0 whatever the state is: it tells, and `connector health` judges."""
    page = _read(age, config)
    if as_json:
        emit_json(as_facts(page))
    else:
        print("\n".join(_lines(page)))
    return os.EX_OK


def _read(age: str, config: Path | None) -> Page:
    from connector.bootstrap import open_reports

    since = ago(age)
    settings = load_settings(config).settings
    clock = SystemClock()
    allowed = allowed_silence(settings)
    with open_reports(settings, clock) as reports:
        now = clock.now()
        return Page(
            now=now,
            age=age,
            helpdesk=", ".join(names_in(settings)),
            health=look_at_health(reports, settings, now, allowed),
            overview=reports.overview(since, now, allowed),
            totals=reports.totals(since),
            spent_today_usd=reports.spent_usd(settings.budget.day_began(now)),
            budget_usd=settings.budget.daily_usd,
        )


# --- For people -------------------------------------------------------------------------------------------


def _lines(page: Page) -> Iterator[str]:
    yield f"{page.helpdesk} at {page.now:%Y-%m-%d %H:%M:%S} UTC; counted: the last {page.age}"
    yield ""
    for label, told in _told(page):
        for number, line in enumerate(told):
            yield f"{'' if number else label:{_LABEL_CHARS}}{line}"


def _told(page: Page) -> Iterator[tuple[str, list[str]]]:
    """Label and lines of each part of the page."""
    health, overview, totals = page.health, page.overview, page.totals
    newest = overview.newest_at
    taken_in = (
        "nothing taken in yet" if newest is None else f"last ticket taken in {_since(page, newest)} ago"
    )
    yield health.state, [*health.reasons, taken_in]
    yield "at work", _processes(page)
    yield "waiting", [_queue(page, each) for each in overview.queues] or ["nothing"]
    yield "failed", [_failed(overview, page.age)]
    yield "decisions", [_counts(totals.decisions, totals.by_kind)]
    yield "by tier", [_named(totals.by_tier)]
    yield "writes", [_named(totals.by_outcome)]
    yield "corrections", [_corrections(page)]
    yield "cost", [_cost(page)]
    yield "assignment", _assignment(overview.assignment)


def _processes(page: Page) -> list[str]:
    found = page.overview.processes
    if not found:
        return ["no process"]
    told = [_process(page, each) for each in found[:_MOST_PROCESSES]]
    more = len(found) - len(told)
    return [*told, *([f"and {more} more"] if more else [])]


def _process(page: Page, process: Process) -> str:
    what = "service" if process.mode == _SERVICE else process.mode
    trouble = "; ".join(f"{each} waits: {why}" for each, why in process.trouble.items())
    return f"{process.worker} ({what}), seen {_since(page, process.seen_at)} ago{trouble and ': ' + trouble}"


def _queue(page: Page, queue: Queue) -> str:
    lane = "" if queue.lane == "live" else f"{queue.lane}: "
    parts = {"in hand": queue.in_hand, "put off": queue.put_off, "in batches": queue.in_batch}
    where = [f"{number} {name}" for name, number in parts.items() if number]
    told = f"{lane}{queue.total} {_STAGES[queue.stage]}{' (' + ', '.join(where) + ')' if where else ''}"
    return f"{told}, the first for {_since(page, queue.oldest_at)}"


def _failed(overview: Overview, age: str) -> str:
    if not overview.parked:
        return "nothing"
    return f"{_named(overview.parked)}; see connector decisions --failed --since {age}"


def _corrections(page: Page) -> str:
    overview = page.overview
    undone = f"; {page.totals.undone} undone" if page.totals.undone else ""
    if not overview.routed:
        return f"nothing routed{undone}"
    share = overview.rerouted / overview.routed
    return f"people moved {overview.rerouted} of {overview.routed} routed tickets ({share:.1%}){undone}"


def _cost(page: Page) -> str:
    today = f"{usd(page.spent_today_usd)} today, no limit"
    if page.budget_usd is not None and page.left_today_usd is not None:
        today = f"{usd(page.spent_today_usd)} of ${page.budget_usd:f} today, {usd(page.left_today_usd)} left"
    return f"{today}; {usd(page.totals.cost_usd)} in the last {page.age}"


def _assignment(found: Assignment) -> list[str]:
    """From a ticket's creation to our write, per way in which the ticket first reached us."""
    if not found.times:
        table = ["no ticket was opened and written"]
    else:
        table = [f"{'by':8}{'tickets':>8}{'p50':>9}{'p95':>9}{'longest':>9}"]
        for each in found.times:
            spans = (each.p50_seconds, each.p95_seconds, each.longest_seconds)
            table.append(
                f"{each.arrived_by:8}{each.tickets:>8}{''.join(f'{_span(one):>9}' for one in spans)}"
            )
        table.append("from a ticket's creation to our write, by the helpdesk's clock (whole seconds)")
    left_out = {"opened before anybody was at work": found.backlog, "not read after the write": found.untimed}
    told = [f"{number} {why}" for why, number in left_out.items() if number]
    return [*table, *([f"not counted: {', '.join(told)}"] if told else [])]


def _counts(total: int, parts: Mapping[str, int]) -> str:
    return f"{total}: {_named(parts)}" if total else "none"


def _named(counts: Mapping[Any, int]) -> str:
    """Counts by name, in the words of the ledger."""
    return ", ".join(f"{number} {name.replace('_', ' ')}" for name, number in counts.items()) or "none"


def _since(page: Page, at: datetime) -> str:
    return _span(round((page.now - at).total_seconds()))


def _span(seconds: float) -> str:
    """A duration, as exact as a person needs it."""
    for most, size, unit in ((120, 1, "s"), (7200, 60, "min"), (172_800, 3600, "h")):
        if seconds < most:
            return f"{seconds / size:.0f} {unit}" if size > 1 else f"{seconds:.3g} {unit}"
    return f"{seconds / 86_400:.0f} d"


# --- For programs -----------------------------------------------------------------------------------------


def as_facts(page: Page) -> dict[str, Any]:
    """The page as JSON; times are UTC, ages and spans seconds, money USD."""
    health, overview, totals = page.health, page.overview, page.totals
    return {
        "at": page.now,
        "since": page.age,
        "helpdesk": page.helpdesk,
        "state": health.state,
        "trouble": health.trouble,
        "last_poll_at": health.polled_at,
        "last_poll_age_s": health.age_s(health.polled_at),
        "last_ticket_at": overview.newest_at,
        "processes": [_process_facts(health, each) for each in overview.processes],
        "waiting": [_queue_facts(health, each) for each in overview.queues],
        "failed": dict(overview.parked),
        "decisions": totals.decisions,
        "by_kind": totals.by_kind,
        "by_tier": totals.by_tier,
        "by_outcome": totals.by_outcome,
        "routed": overview.routed,
        "rerouted": overview.rerouted,
        "rerouted_share": overview.rerouted / overview.routed if overview.routed else None,
        "undone": totals.undone,
        "cost_usd": totals.cost_usd,
        "cost_today_usd": page.spent_today_usd,
        "budget_usd": page.budget_usd,
        "left_today_usd": page.left_today_usd,
        "assignment": _assignment_facts(overview.assignment),
    }


def _process_facts(health: Health, process: Process) -> dict[str, Any]:
    return {
        "worker": process.worker,
        "mode": process.mode,
        "seen_at": process.seen_at,
        "seen_age_s": health.age_s(process.seen_at),
        "trouble": dict(process.trouble),
    }


def _queue_facts(health: Health, queue: Queue) -> dict[str, Any]:
    return {
        "stage": queue.stage,
        "lane": queue.lane,
        "waiting": queue.total,
        "in_hand": queue.in_hand,
        "put_off": queue.put_off,
        "in_batch": queue.in_batch,
        "oldest_at": queue.oldest_at,
        "oldest_age_s": health.age_s(queue.oldest_at),
    }


def _assignment_facts(found: Assignment) -> dict[str, Any]:
    times = {
        each.arrived_by.value: {
            "tickets": each.tickets,
            "p50_s": each.p50_seconds,
            "p95_s": each.p95_seconds,
            "longest_s": each.longest_seconds,
        }
        for each in found.times
    }
    return {"arrived_by": times, "opened_before": found.backlog, "untimed": found.untimed}
