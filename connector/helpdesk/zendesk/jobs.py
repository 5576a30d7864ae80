"""Zendesk's background jobs, watched until they have ended."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from urllib.parse import quote

from connector.errors import ConnectorError, Unavailable
from connector.helpdesk.transport import Transport
from connector.helpdesk.zendesk.payload import JobBody, JobStatus, decode
from connector.ports import Clock

_FIRST_WAIT_SECONDS = 0.5
_LONGEST_WAIT_SECONDS = 5.0
_DEADLINE_SECONDS = 120.0
_ENDED = frozenset({"completed", "failed", "killed"})

Watched = tuple[int, JobStatus, ConnectorError | None]


class Jobs:
    """Looks after started jobs.  A job's results are kept for a day (Zendesk, Job Statuses)."""

    def __init__(self, transport: Transport, clock: Clock) -> None:
        self._transport = transport
        self._clock = clock

    def watch(self, jobs: Sequence[JobStatus]) -> Iterator[Watched]:
        """Each job's number and its last state, as soon as it has ended.

        At the deadline, at a stop, and at an error that makes watching pointless, the rest come as last seen.
        """
        running = dict(enumerate(jobs))
        wait, until = _FIRST_WAIT_SECONDS, self._clock.monotonic() + _DEADLINE_SECONDS
        trouble: ConnectorError | None = None
        while running and trouble is None:
            yield from self._ended(running)
            if not running or self._clock.monotonic() >= until or self._clock.sleep(wait):
                break
            wait = min(1.5 * wait, _LONGEST_WAIT_SECONDS)
            for number, job in running.items():
                try:
                    running[number] = self._look(job)
                except Unavailable as error:
                    left = until - self._clock.monotonic()
                    wait = max(wait, min(error.retry_after_seconds or 0.0, left))
                except ConnectorError as error:
                    trouble = error
                    break
        yield from self._ended(running)
        yield from ((number, job, trouble) for number, job in running.items())

    def _ended(self, running: dict[int, JobStatus]) -> Iterator[Watched]:
        for number, job in list(running.items()):
            if job.status in _ENDED:
                del running[number]
                yield number, job, None

    def _look(self, job: JobStatus) -> JobStatus:
        path = f"/api/v2/job_statuses/{quote(job.id, safe='')}"
        reply = self._transport.get(path)
        return decode(reply.body, JobBody, f"GET {path}").job_status if reply.is_ok else job
