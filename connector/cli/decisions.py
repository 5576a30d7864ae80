"""``connector decisions``: what was decided, and what became of it."""

from __future__ import annotations

import os
import re
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any

from connector.classify.prompt import shorten
from connector.cli.chosen import names_in, some
from connector.cli.output import emit_json, say, table, usd
from connector.clock import SystemClock
from connector.domain.taxonomy import Axis
from connector.errors import SettingsError
from connector.quality.agreement import agreement, compare, local_opinion
from connector.settings import load_settings

if TYPE_CHECKING:
    from connector.domain.classification import Classification, Label
    from connector.domain.decision import Decision
    from connector.pipeline.retry import Parked
    from connector.store.reports import DecisionRow
    from connector.store.shadows import ShadowTotal

_REASON_CHARS = 60  # in a table; JSON and `explain` have all of it
_UNITS = {"m": "minutes", "h": "hours", "d": "days", "w": "weeks"}


@dataclass(frozen=True, slots=True)
class Filters:
    """Which decisions to list."""

    since: str = "24h"
    limit: int = 50
    team: str | None = None
    kind: str | None = None
    ticket: str | None = None
    failed: bool = False
    shadow: bool = False
    helpdesk: str | None = None


def decisions(filters: Filters, *, as_json: bool, config: Path | None) -> int:
    from connector.bootstrap import open_reports

    since, settings, only = ago(filters.since), load_settings(config).settings, filters.helpdesk
    several = len(some(settings, only)) > 1
    with open_reports(settings, SystemClock()) as reports:
        if filters.shadow:
            return _show_shadows(reports.shadows(since, only), filters.since, as_json=as_json)
        if filters.failed:
            parked = reports.parked(filters.limit, since, only)
            named = len(names_in(settings)) > 1
            return _show_failed(parked, filters.since, named=named, as_json=as_json)
        rows = reports.decisions(
            filters.limit,
            since,
            team=filters.team,
            kind=filters.kind,
            ticket=filters.ticket,
            helpdesk=only,
        )
    if as_json:
        for row in rows:
            emit_json(as_facts(row))
    elif rows:
        whose = ("helpdesk",) if several else ()
        table((*whose, *COLUMNS), [(row.helpdesk, *cells(row)) if several else cells(row) for row in rows])
        cost = sum(row.decision.cost_usd for row in rows)
        say(f"{len(rows)} decisions, {usd(cost)}{_agreement([row.decision for row in rows])}")
    else:
        say(f"No decisions in the last {filters.since} match.")
    return os.EX_OK


def _show_shadows(totals: Sequence[ShadowTotal], age: str, *, as_json: bool) -> int:
    """Per shadow class what promoting it would have changed."""
    if as_json:
        for each in totals:
            emit_json(asdict(each))
    elif totals:
        columns = ("class", "axis", "acts as", "named", "sure", "mean conf.", "moved by people")
        table(
            columns,
            [
                (
                    each.name,
                    each.axis,
                    each.acted_as,
                    each.named,
                    each.confident,
                    f"{each.mean_confidence:.2f}",
                    each.moved,
                )
                for each in totals
            ],
        )
        say('promote one with state = "active" in its table')
    else:
        say(f"No shadow class was named in the last {age}.")
    return os.EX_OK


def _agreement(listed: Sequence[Decision]) -> str:
    """How often the local tier said the same as the model, where both were asked."""
    found = agreement(listed)
    shares = [f"{axis} {each.same} of {each.total}" for axis, each in found.items()]
    return f"; the local tier said the same as the model on {', '.join(shares)}" if shares else ""


def _show_failed(parked: Sequence[Parked], age: str, *, named: bool, as_json: bool) -> int:
    """What failed, when and why, and the command that puts it back, with the helpdesk's name if ``named``."""
    if as_json:
        for each in parked:
            emit_json(parked_facts(each, named=named))
    elif parked:
        columns = ("ticket", "when", "what", "next", "reason")
        table(columns, [_parked_cells(each, named=named) for each in parked])
        command = f"connector retry --all --since {age}{' --helpdesk NAME' if named else ''}"
        say(f"{len(parked)} failed; `{command}` puts back what can be put back")
    else:
        say(f"Nothing failed in the last {age}.")
    return os.EX_OK


def _parked_cells(parked: Parked, *, named: bool) -> tuple[object, ...]:
    what = parked.plight.replace("_", " ")
    why = parked.reason
    if parked.plight == "failed_open" and parked.cause is not None:
        why = f"{parked.cause.replace('_', ' ')}: {why}"
    return parked.ticket_id or None, f"{parked.at:%Y-%m-%d %H:%M}", what, _next_step(parked, named=named), why


def _next_step(parked: Parked, *, named: bool) -> str | None:
    whose = f" --helpdesk {parked.helpdesk}" if named else ""
    return f"connector retry {parked.ticket_id}{whose}" if parked.ticket_id else None


def parked_facts(parked: Parked, *, named: bool = False) -> dict[str, Any]:
    """What failed, as JSON."""
    return {
        "ticket_id": parked.ticket_id or None,
        "helpdesk": parked.helpdesk,
        "what": parked.plight,
        "at": parked.at,
        "reason": parked.reason,
        "cause": parked.cause,
        "outcome": parked.outcome,
        "next": _next_step(parked, named=named),
    }


def ago(age: str) -> datetime:
    """The moment so long ago; ``age`` is a number and one of m, h, d, w.  Raises SettingsError."""
    match = re.fullmatch(r"(\d{1,6})([mhdw])", age.strip())
    if not match:
        raise SettingsError(f'--since "{age}" is not an age such as 30m, 24h, 7d or 2w')
    return datetime.now(UTC) - timedelta(**{_UNITS[match[2]]: int(match[1])})


COLUMNS = ("ticket", "queue", "team", "urgency", "conf.", "tier", "written", "reason")


def cells(row: DecisionRow) -> tuple[object, ...]:
    """One decision as a line of a table."""
    decision = row.decision
    found = decision.classification
    team, urgency = (found.team, found.urgency) if found else (None, None)
    return (
        row.ticket_id,
        decision.route.queue,
        decision.route.team or (team and f"({team.value})"),
        urgency.value if urgency else None,
        f"{team.confidence:.2f}" if team else None,
        decision.tier,
        "undone" if row.undone_at else row.outcome or "waiting",
        shorten(decision.reason, _REASON_CHARS),
    )


def as_facts(row: DecisionRow) -> dict[str, Any]:
    """One decision as JSON."""
    facts = decision_facts(row.decision)
    return {
        "ticket_id": row.ticket_id,
        "helpdesk": row.helpdesk,
        "generation": row.generation,
        **facts,
        "outcome": row.outcome,
        "write_reason": row.write_reason,
        "undone_at": row.undone_at,
        "pass_id": row.pass_id,
    }


def decision_facts(decision: Decision) -> dict[str, Any]:
    """Everything about a decision but whose it is."""
    found, route = decision.classification, decision.route
    labels = _labels(found)
    return {
        "decision_id": decision.id,
        "decided_at": decision.decided_at,
        "kind": decision.kind,
        "cause": decision.cause,
        "reason": decision.reason,
        "tier": decision.tier,
        "model": found.model if found else None,
        "labels": {axis: label.value for axis, label in labels.items()},
        "shadow": dict(found.shadow) if found else {},
        "confidence": {axis: round(label.confidence, 4) for axis, label in labels.items()},
        "thresholds": dict(decision.thresholds),
        "went_on": [f"{step.tier}: {step.went_on}" for step in decision.steps if step.went_on],
        "guardrail": list(decision.guardrail),
        "reading": None if decision.reading is None else asdict(decision.reading),
        "local": _local_facts(decision),
        "signals": {signal.name: signal.effect for signal in decision.signals},
        "team": route.team,
        "queue": route.queue,
        "group": route.group_name,
        "tags": list(route.tags),
        "removed_tags": list(route.removes),
        "priority": route.priority,
        "sla_minutes": route.sla_minutes,
        "prompt_version": decision.prompt_version,
        "cost_usd": decision.cost_usd,
    }


def _local_facts(decision: Decision) -> dict[str, Any] | None:
    """What the local tier said, and per axis whether the model that decided said the same."""
    found = local_opinion(decision)
    if found is None:
        return None
    labels = _labels(found)
    return {
        "model": found.model,
        "labels": {axis: label.value for axis, label in labels.items()},
        "confidence": {axis: round(label.confidence, 4) for axis, label in labels.items()},
        "agrees": {axis.value: same for axis, same in compare(decision).items()},
    }


def _labels(found: Classification | None) -> dict[str, Label]:
    return {axis.value: label for axis in Axis if found and (label := found.on(axis))}
