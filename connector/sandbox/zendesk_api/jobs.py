"""Bulk updates are jobs: accepted at once, done in a while, and each ticket succeeds or fails on its own."""

from __future__ import annotations

import random
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

from connector.sandbox.zendesk_api import refusal

MAX_UNFINISHED = 30
_DAY_SECONDS = 86_400
_LONGEST_SECONDS = 600  # a job nobody asks about is done by then

Result = dict[str, Any]
Step = Callable[[], Result]


@dataclass(slots=True)
class Job:
    """A job; ``polls_left`` questions will still hear that it is at work."""

    id: str
    steps: Sequence[Step]
    queued_at: float
    polls_left: int
    results: list[Result] | None = None
    broken: str | None = None  # "failed" or "killed"
    broken_after: int = 0


@dataclass(slots=True)
class JobBoard:
    """The account's jobs.  ``polls``: how often a job is seen unfinished.  ``held``: jobs wait for ``run``.

    ``breaks`` makes every new job end as "failed" or "killed" after its first ``breaks_after`` tickets.
    """

    now: Callable[[], float]
    polls: int = 1
    held: bool = False
    breaks: str | None = None
    breaks_after: int = 0
    _jobs: dict[str, Job] = field(default_factory=dict)
    _shuffle: random.Random = field(default_factory=lambda: random.Random(7))

    def queue(self, steps_of: Callable[[str], Sequence[Step]], url: str) -> dict[str, Any]:
        """Accept a job; its answer always says "queued".  Refused when 30 are unfinished."""
        if sum(not self._is_done(job) for job in self._jobs.values()) >= MAX_UNFINISHED:
            raise refusal.refused(429, "TooManyJobs", "Too many jobs are currently queued or running.")
        job_id = f"V3-{self._shuffle.getrandbits(128):032x}"
        job = Job(
            job_id,
            steps_of(job_id),
            self.now(),
            self.polls,
            broken=self.breaks,
            broken_after=self.breaks_after,
        )
        self._jobs[job.id] = job
        shown = _show(job, url, "queued")
        if not self.held:
            self._work(job)
        return shown

    def run(self) -> int:
        """Do what waits; how many jobs that were."""
        waiting = [job for job in self._jobs.values() if job.results is None]
        for job in waiting:
            self._work(job)
        return len(waiting)

    def show(self, job_id: str, url: str) -> dict[str, Any]:
        """The job as it is now; Refused (404) when it never existed or is older than a day."""
        job = self._jobs.get(job_id)
        if job is None or self.now() - job.queued_at > _DAY_SECONDS:
            raise refusal.not_found()
        if job.results is None:
            return _show(job, url, "queued")
        if not self._is_done(job):
            job.polls_left -= 1
            return _show(job, url, "working")
        return _show(job, url, job.broken or "completed")

    def ids(self) -> list[str]:
        return list(self._jobs)

    def _is_done(self, job: Job) -> bool:
        waited = self.now() - job.queued_at >= _LONGEST_SECONDS
        return job.results is not None and (job.polls_left <= 0 or waited)

    def _work(self, job: Job) -> None:
        steps = job.steps[: job.broken_after] if job.broken else job.steps
        results = [step() for step in steps]
        self._shuffle.shuffle(results)  # results need not be in the order of the request
        job.results = results


def _show(job: Job, url: str, status: str) -> dict[str, Any]:
    done, total = status == "completed", len(job.steps)
    message = {"working": f"Updating ticket #{total}", "completed": "Completed at sandbox time"}.get(status)
    return {
        "id": job.id,
        "job_type": "Bulk Update Tickets",
        "url": f"{url}/api/v2/job_statuses/{job.id}.json",
        "total": total,
        "progress": None if status == "queued" else total,
        "status": status,
        "message": message,
        "results": job.results if done else None,
    }
