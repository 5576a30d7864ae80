"""A pass: intake, triage and write-back until nothing is due."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor, wait
from dataclasses import dataclass

from connector.pipeline.intake import Intake
from connector.pipeline.retention import Retention
from connector.pipeline.triage import Triage
from connector.pipeline.write_back import WriteBack
from connector.ports import Clock, Ledger

_SHORT_WAIT_SECONDS = 10.0  # work due this soon belongs to the pass; later work is for the next one
_BULK_PATIENCE_SECONDS = 0.25
WRITE_FROM = 100  # so many finished decisions are worth a bulk write while models still think


@dataclass(frozen=True, slots=True)
class Stages:
    """The three stages over one ledger, and what tidies up behind them (nothing in a dry run)."""

    intake: Intake
    triage: Triage
    write_back: WriteBack
    ledger: Ledger
    clock: Clock
    write_from: int = WRITE_FROM
    retention: Retention | None = None


def run_pass(stages: Stages) -> int:
    """Run every stage until nothing is due soon; returns how many tickets had to be left for a later pass.

    Raises what a stage raises.  Whatever was committed before stays.
    """
    left = _run_stages(stages)
    if stages.retention is not None:
        stages.retention.run()
    return left


def _run_stages(stages: Stages) -> int:
    stages.intake.run()
    while True:
        _triage_and_write(stages)
        due = stages.ledger.due()
        left = due.submissions + due.writes
        pause = due.next_in_seconds
        if left == 0 or pause is None or pause > _SHORT_WAIT_SECONDS or stages.clock.sleep(max(pause, 0.05)):
            return left


def _triage_and_write(stages: Stages) -> None:
    """Both stages at once: while models think, finished decisions are written in full batches."""
    with ThreadPoolExecutor(1, thread_name_prefix="stage") as pool:
        triage = pool.submit(stages.triage.run)
        while not triage.done():
            wait({triage}, timeout=_BULK_PATIENCE_SECONDS)
            if triage.done() or stages.ledger.due().writes >= stages.write_from:
                stages.write_back.run()
        stages.write_back.run()
        triage.result()
