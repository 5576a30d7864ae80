"""Judges whether the service still works, by seconds in which it was awake itself."""

from __future__ import annotations

from collections.abc import Mapping

from connector.pipeline import whose
from connector.ports import Clock, Event

_LONGEST_NAP_SECONDS = 5.0  # between two looks; more was a suspended machine or a stopped process

# What a job tells while it is at work for longer than we would wait; other events name their stage.
_AT_WORK = {
    "poll.started": "poll",
    "model.called": "triage",
    "ticket.decided": "triage",
    "ticket.written": "write_back",
}


class Watchdog:
    """Every job must end, or show that it is at work, within ``silence_seconds`` or three of its intervals.

    One job's life says nothing about another's.  A job that ends is alive, also when it failed or waits for
    an upstream: a restart would not help there.
    """

    def __init__(self, clock: Clock, silence_seconds: float) -> None:
        self._clock = clock
        self._silence = silence_seconds
        self._looked = clock.monotonic()
        self._awake = 0.0
        self._seen: dict[str, float] = {}
        self._longest: dict[str, float] = {}

    def watch(self, jobs: Mapping[str, float]) -> None:
        """From now on these jobs are expected to live, each with its interval in seconds."""
        for job, seconds in jobs.items():
            self._seen[job] = self._awake
            self._longest[job] = max(self._silence, 3 * seconds)

    def __call__(self, event: Event) -> None:
        # A page keeps the job alive that brought it, which is called after the way of its arrival.
        told = event.facts.get("arrival" if event.name == "page.stored" else "stage")
        job = _AT_WORK.get(event.name) or str(told)
        helpdesk = event.facts.get(whose.FACT)
        for name in (job, f"{job}:{helpdesk}"):  # the second where there are several helpdesks
            self.alive(name)

    def alive(self, job: str) -> None:
        if job in self._seen:
            self._seen[job] = self._awake

    def look(self) -> tuple[str, ...]:
        """The jobs that are silent for too long.  To be asked about once a second."""
        now = self._clock.monotonic()
        self._awake += min(now - self._looked, _LONGEST_NAP_SECONDS)
        self._looked = now
        return tuple(job for job, seen in self._seen.items() if self._awake - seen > self._longest[job])
