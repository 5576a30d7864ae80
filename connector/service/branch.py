"""One helpdesk in the service: its jobs, its passes, and what wakes the one after the other."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from connector.pipeline import whose
from connector.pipeline.relay import Relay, Wake
from connector.pipeline.sync import Stages
from connector.ports import Observer
from connector.service.passes import Passes

if TYPE_CHECKING:
    from connector.service.serving import Rhythm

Job = tuple[float, Callable[[], None]]
"""How often something runs, in seconds, and what."""


class Branch:
    """The jobs of one helpdesk, its passes and its relay; where there are several a job bears its name."""

    def __init__(self, stages: Stages, rhythm: Rhythm, wake: Wake) -> None:
        self.stages = stages
        self.passes = Passes(stages, "live")
        self.relay = Relay(lambda job, seconds=0.0: wake(self.called(job), seconds))
        self.jobs = {self.called(job): work for job, work in self._jobs_of(stages, rhythm).items()}

    def called(self, job: str) -> str:
        """``poll``, or ``poll:acme`` where there are several helpdesks."""
        return f"{job}:{self.stages.helpdesk}" if self.stages.helpdesk else job

    def told_by(self, observer: Observer) -> Observer:
        """``observer``, told whose the news is."""
        return whose.of(self.stages.helpdesk, observer) if self.stages.helpdesk else observer

    @property
    def observers(self) -> tuple[Observer, ...]:
        """What has to hear the events of this helpdesk, and those about none."""
        name, ours = self.stages.helpdesk, (self.passes, self.relay)
        return tuple(whose.only(name, each) for each in ours) if name else ours

    @property
    def state(self) -> str:
        """How it is, in one line."""
        return f"{self.stages.helpdesk}: {self.passes.state}" if self.stages.helpdesk else self.passes.state

    def end(self) -> None:
        """After the last job: others need not wait for what is left, and the pass is over."""
        self.stages.ledger.release()
        self.passes.end()

    def _jobs_of(self, stages: Stages, rhythm: Rhythm) -> dict[str, Job]:
        """The jobs of this process's role, by name, with their intervals."""
        jobs: dict[str, Job] = {"passes": (rhythm.poll_seconds, self.passes.turn_over)}
        if stages.role.polls:
            jobs["poll"] = (rhythm.poll_seconds, stages.intake.run)
            if stages.fast is not None and rhythm.fast_seconds > 0:
                jobs["fast"] = (rhythm.fast_seconds, stages.fast.run)
        if stages.nudges is not None:
            jobs["nudge"] = (rhythm.nudge_seconds, stages.nudges.run)
        if stages.role.works:
            jobs["triage"] = (rhythm.work_seconds, self.relay.around(stages.triage.run))
            jobs["write_back"] = (rhythm.work_seconds, stages.write_back.run)
            if stages.retention is not None:
                jobs["retention"] = (rhythm.retention_seconds, stages.retention.run)
        return jobs
