"""A pass: intake, triage and write-back until nothing is due."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor, wait
from dataclasses import dataclass

from connector.pipeline.fast_lane import FastLane
from connector.pipeline.intake import Intake
from connector.pipeline.nudges import Nudges
from connector.pipeline.retention import Retention
from connector.pipeline.role import Role
from connector.pipeline.triage import Triage
from connector.pipeline.write_back import WriteBack
from connector.ports import NOTHING_DUE, Clock, Due, Ledger

SHORT_WAIT_SECONDS = 10.0  # work due this soon belongs to the pass; later work is for the next one
_BULK_PATIENCE_SECONDS = 0.25
WRITE_FROM = 100  # so many finished decisions are worth a bulk write while models still think


@dataclass(frozen=True, slots=True)
class Stages:
    """The three stages over one ledger, which of them this process runs, and what tidies up behind them.

    ``helpdesk`` is the name of theirs, where the process serves several; else empty.
    """

    intake: Intake
    triage: Triage
    write_back: WriteBack
    ledger: Ledger
    clock: Clock
    write_from: int = WRITE_FROM
    retention: Retention | None = None  # not in a dry run
    role: Role = Role.ALL
    nudges: Nudges | None = None  # where webhooks are listened to; a pass on its own needs none
    fast: FastLane | None = None  # a pass has no use for it: it polls all there is at once
    helpdesk: str = ""


def run_pass(stages: Stages) -> Due:
    """Run every stage of our role until nothing is due soon; returns what had to be left for a later pass.

    A poller leaves nothing: what it stored is the workers'.  Raises what a stage raises.  Whatever was
    committed before stays.
    """
    if stages.role.polls:
        stages.intake.run()
    due = _work(stages) if stages.role.works else NOTHING_DUE
    if stages.retention is not None and stages.role.works:
        stages.retention.run()
    return due


def _work(stages: Stages) -> Due:
    while True:
        triage_and_write(stages)
        due = stages.ledger.due()
        pause = due.next_in_seconds
        if pause is None or pause > SHORT_WAIT_SECONDS or stages.clock.sleep(max(pause, 0.05)):
            return due


def triage_and_write(stages: Stages) -> None:
    """Both stages at once: while models think, finished decisions are written in full batches."""
    with ThreadPoolExecutor(1, thread_name_prefix="stage") as pool:
        triage = pool.submit(stages.triage.run)
        while not triage.done():
            wait({triage}, timeout=_BULK_PATIENCE_SECONDS)
            if triage.done() or stages.ledger.due().writes >= stages.write_from:
                stages.write_back.run()
        stages.write_back.run()
        triage.result()
