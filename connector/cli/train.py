"""``connector train``: from labels to a local model, with what it may decide and what it still needs."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING, Any

from connector.cli.labelled import labelled_tickets
from connector.cli.output import emit_json, say, table
from connector.settings import load_settings

if TYPE_CHECKING:
    from connector.local.training import AxisReport


def train(labels: Path | None, *, helpdesk: str | None = None, as_json: bool, config: Path | None) -> int:
    """Exit code 0 once the model is saved, whether or not it may decide anything yet."""
    from connector.bootstrap import train_local

    settings = load_settings(config).settings
    tickets = labelled_tickets(labels, settings, helpdesk)
    trained = train_local(settings, tickets)
    if as_json:
        axes = [_facts(each) for each in trained.reports]
        path = str(settings.local.model)
        emit_json({"model": path, "tickets": len(tickets), "digest": trained.model.digest, "axes": axes})
        return os.EX_OK
    columns = ("axis", "labels", "classes", "accuracy", "threshold", "decides alone", "missing")
    table(columns, [_cells(each) for each in trained.reports])
    say(f"Saved to {settings.local.model}. Measured on tickets that the measuring model had not seen.")
    return os.EX_OK


def _cells(report: AxisReport) -> tuple[object, ...]:
    seen = report.unseen
    accuracy = f"{seen.accuracy:.1%} ({seen.interval[0]:.0%}–{seen.interval[1]:.0%})" if seen else None
    threshold = f"{report.threshold:.2f}" if report.threshold is not None else None
    coverage = f"{seen.coverage:.0%}" if seen else None
    return report.axis, report.labels, report.classes, accuracy, threshold, coverage, _missing(report)


def _missing(report: AxisReport) -> str:
    needs = [f"needs {count} more labels for {name}" for name, count in report.missing.items()]
    return "; ".join(dict.fromkeys([*([report.remark] if report.remark else []), *needs])) or "nothing"


def _facts(report: AxisReport) -> dict[str, Any]:
    seen = report.unseen
    return {
        "axis": report.axis,
        "labels": report.labels,
        "classes": report.classes,
        "accuracy": seen.accuracy if seen else None,
        "accuracy_low": seen.interval[0] if seen else None,
        "accuracy_high": seen.interval[1] if seen else None,
        "threshold": report.threshold,
        "similarity": report.similarity,
        "coverage": seen.coverage if seen else None,
        "missing": dict(report.missing),
        "remark": report.remark,
    }
