"""``connector eval``: how good the local tier is on labelled tickets, as text, JSON or CSV."""

from __future__ import annotations

import csv
import os
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

from connector.cli.labelled import labelled_tickets
from connector.cli.output import emit_json, say, table
from connector.clock import SystemClock
from connector.domain.taxonomy import Axis
from connector.quality.evaluate import Evaluation
from connector.settings import load_settings

if TYPE_CHECKING:
    from connector.local.examination import Examination

_CONFUSIONS_SHOWN = 3


def evaluation(
    labels: Path | None,
    *,
    target: float | None,
    helpdesk: str | None = None,
    as_json: bool,
    as_csv: bool,
    config: Path | None,
) -> int:
    """Exit code 0 once it is measured, however bad the figures."""
    from connector.bootstrap import examine_local

    settings = load_settings(config).settings
    tickets = labelled_tickets(labels, settings, helpdesk)
    found = examine_local(settings, tickets, SystemClock(), target)
    facts = [_facts(axis, each) for axis, each in found.axes.items()]
    if as_json:
        emit_json(
            {
                "how": found.how,
                "left_out": found.left_out,
                "ms_per_ticket": found.ms_per_ticket,
                "axes": facts,
            }
        )
    elif as_csv:
        rows = [{name: value for name, value in each.items() if name != "confusion"} for each in facts]
        out = csv.DictWriter(sys.stdout, rows[0].keys(), lineterminator="\n")
        out.writeheader()
        out.writerows(rows)
    else:
        _print(found)
    left_out = f"; {found.left_out} training tickets left out" if found.left_out else ""
    say(f"{found.how}{left_out}; {found.ms_per_ticket:.1f} ms a ticket")
    return os.EX_OK


def _print(found: Examination) -> None:
    columns = (
        "axis", "tickets", "accuracy", "macro F1", "ECE", "decides alone", "precision", "mistakes most often",
    )  # fmt: skip
    table(columns, [_cells(axis, each) for axis, each in found.axes.items()])


def _cells(axis: Axis, each: Evaluation) -> tuple[object, ...]:
    low, high = each.interval
    worst = [f"{truth} → {said} {count}" for truth, said, count in each.confusion[:_CONFUSIONS_SHOWN]]
    return (
        axis,
        each.total,
        f"{each.accuracy:.1%} ({low:.0%}–{high:.0%})",
        f"{each.macro_f1:.2f}",
        f"{each.calibration_error:.3f}",
        f"{each.coverage:.0%}",
        None if each.precision is None else f"{each.precision:.1%}",
        "; ".join(worst) or "none",
    )


def _facts(axis: Axis, each: Evaluation) -> dict[str, Any]:
    return {
        "axis": axis,
        "tickets": each.total,
        "accuracy": each.accuracy,
        "accuracy_low": each.interval[0],
        "accuracy_high": each.interval[1],
        "macro_f1": each.macro_f1,
        "calibration_error": each.calibration_error,
        "target": each.target,
        "coverage_at_target": each.coverage_at_target,
        "coverage": each.coverage,
        "precision": each.precision,
        "confusion": [list(row) for row in each.confusion],
    }
