"""Writing to many tickets at once: Zendesk's update jobs, watched until every ticket's fate is known."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any
from urllib.parse import quote

from connector.domain.decision import Applied, Change, Outcome
from connector.domain.ticket import Ticket
from connector.errors import ConnectorError, RateLimited, Unavailable
from connector.helpdesk.failure import AnswerLost
from connector.helpdesk.transport import Transport
from connector.helpdesk.zendesk.intent import bulk_ticket, is_nothing
from connector.helpdesk.zendesk.payload import JobBody, JobStatus, decode
from connector.helpdesk.zendesk.refusal import error_codes, is_error_code
from connector.helpdesk.zendesk.writer import TicketWriter, applied, unchanged
from connector.ports import Clock

BULK_SIZE = 100  # more is refused (TooManyValues)
_FIRST_WAIT_SECONDS = 0.5
_LONGEST_WAIT_SECONDS = 5.0
_DEADLINE_SECONDS = 120.0
_TOO_MANY_JOBS_SECONDS = 30.0  # an account may have 30 jobs queued or running
_ENDED = frozenset({"completed", "failed", "killed"})

Fetch = Callable[[Sequence[str]], Mapping[str, Ticket]]


class BulkWriter:
    """``PUT /tickets/update_many``: up to 100 safe updates per request, done by Zendesk in its own time."""

    def __init__(self, transport: Transport, clock: Clock, fetch: Fetch, singles: TicketWriter) -> None:
        self._transport = transport
        self._clock = clock
        self._fetch = fetch
        self._singles = singles

    def apply(self, changes: Sequence[Change]) -> Iterator[Applied]:
        """The outcome of each change, batch by batch; changes that nobody needs are not sent.

        Raises RateLimited (or what the transport raises) before a batch is sent, never instead of its
        outcomes.
        """
        due = []
        for change in changes:
            if is_nothing(change):
                yield unchanged(change)
            else:
                due.append(change)
        for at in range(0, len(due), BULK_SIZE):
            yield from self._batch(due[at : at + BULK_SIZE])

    def _batch(self, changes: Sequence[Change]) -> Iterator[Applied]:
        lost: ConnectorError | None = None
        results: Mapping[str, Mapping[str, Any]] = {}
        problem = ""
        try:
            job = self._start(changes)
            if job is None:
                # Nothing was written; one at a time, a change that Zendesk refuses does not sink the others.
                yield from self._singles.apply(changes)
                return
            job, lost = self._watch(job)
            results = _by_ticket(job.results, changes)
            problem = str(lost) if lost else f"the update job is {job.status}"
        except AnswerLost as error:
            lost, problem = error, str(error)
        # The batch was sent, so its outcomes come first and the error after them.
        yield from self._outcomes(changes, results, problem)
        if lost is not None:
            raise lost

    def _start(self, changes: Sequence[Change]) -> JobStatus | None:
        """The started job, or None when Zendesk rejects the batch as a whole."""
        reply = self._transport.send(
            "PUT",
            "/api/v2/tickets/update_many.json",
            {"tickets": [bulk_ticket(change) for change in changes]},
            forbidden_is_answer=True,
        )
        if not reply.is_ok:
            if "TooManyJobs" in error_codes(reply.body):
                raise RateLimited(
                    "Zendesk runs too many jobs for this account", retry_after_seconds=_TOO_MANY_JOBS_SECONDS
                )
            return None
        try:
            return decode(reply.body, JobBody, "PUT update_many").job_status
        except Unavailable as error:
            problem = str(error)
        raise AnswerLost(problem)

    def _watch(self, job: JobStatus) -> tuple[JobStatus, ConnectorError | None]:
        """The job when it has ended, or as last seen at the deadline, at a stop, or at the returned error."""
        wait, until = _FIRST_WAIT_SECONDS, self._clock.monotonic() + _DEADLINE_SECONDS
        while job.status not in _ENDED and self._clock.monotonic() < until:
            if self._clock.sleep(wait):
                break
            wait = min(1.5 * wait, _LONGEST_WAIT_SECONDS)
            try:
                job = self._look(job)
            except Unavailable as error:
                wait = max(wait, min(error.retry_after_seconds or 0.0, until - self._clock.monotonic()))
            except ConnectorError as error:
                return job, error
        return job, None

    def _look(self, job: JobStatus) -> JobStatus:
        path = f"/api/v2/job_statuses/{quote(job.id, safe='')}.json"
        reply = self._transport.get(path)
        return decode(reply.body, JobBody, f"GET {path}").job_status if reply.is_ok else job

    def _outcomes(
        self, changes: Sequence[Change], results: Mapping[str, Mapping[str, Any]], problem: str
    ) -> Iterator[Applied]:
        written = [change.seen.id for change in changes if _is_success(results.get(change.seen.id))]
        after = self._read_back(written)
        for change in changes:
            ticket_id = change.seen.id
            result = results.get(ticket_id)
            if result is None:
                yield Applied(ticket_id, Outcome.UNCLEAR, detail=problem)
            elif not _is_success(result):
                yield _refused(ticket_id, result)
            elif ticket_id in after:
                yield applied(change, after[ticket_id])
            else:
                yield Applied(
                    ticket_id, Outcome.APPLIED, group=change.group, detail="not read back after the write"
                )

    def _read_back(self, ticket_ids: Sequence[str]) -> Mapping[str, Ticket]:
        try:
            return self._fetch(ticket_ids) if ticket_ids else {}
        except ConnectorError:
            return {}  # the writes happened all the same; their outcome must not get lost with the reading


def _by_ticket(results: Any, changes: Sequence[Change]) -> Mapping[str, Mapping[str, Any]]:  # noqa: ANN401 - any JSON
    """Results by ticket id; Zendesk sends a list or an object, in any order, by id or by index."""
    if isinstance(results, dict):
        keyed = [{"id": key} | each for key, each in results.items() if isinstance(each, dict)]
        results = keyed or [results]
    found: dict[str, Mapping[str, Any]] = {}
    for each in results if isinstance(results, list) else []:
        if not isinstance(each, dict):
            continue
        at = each.get("index")
        if each.get("id") is not None:
            found[str(each["id"])] = each
        elif isinstance(at, int) and 0 <= at < len(changes):
            found[changes[at].seen.id] = each
    return found


def _is_success(result: Mapping[str, Any] | None) -> bool:
    if result is None:
        return False
    return result.get("success") is True or (result.get("status") == "Updated" and "error" not in result)


def _refused(ticket_id: str, result: Mapping[str, Any]) -> Applied:
    """What a failed item means.  Details are prose that may quote a ticket: looked at, never repeated."""
    code, details = str(result.get("error", "")), str(result.get("details", "")).lower()
    if "conflict" in code.lower() or "safe update" in details:
        return Applied(ticket_id, Outcome.CONFLICT, detail="409 in the update job")
    if "notfound" in code.lower():
        return Applied(ticket_id, Outcome.GONE, detail="not found")
    if "closed" in code.lower() or "closed" in details:
        return Applied(ticket_id, Outcome.GONE, detail="closed")
    shown = code if is_error_code(code) else "no error code"
    return Applied(ticket_id, Outcome.REJECTED, detail=f"{shown} in the update job")
