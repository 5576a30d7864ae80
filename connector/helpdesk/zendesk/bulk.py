"""Writing to many tickets at once: Zendesk's update jobs, watched until every ticket's fate is known."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from connector.domain.decision import Applied, Change, Outcome
from connector.domain.ticket import Ticket, Unreadable
from connector.errors import ConnectorError, RateLimited, Unavailable
from connector.helpdesk.failure import AnswerLost
from connector.helpdesk.transport import Transport
from connector.helpdesk.zendesk.intent import bulk_ticket, is_nothing
from connector.helpdesk.zendesk.jobs import Jobs
from connector.helpdesk.zendesk.payload import JobBody, JobStatus, decode
from connector.helpdesk.zendesk.refusal import error_codes, is_error_code
from connector.helpdesk.zendesk.writer import TicketWriter, applied, unchanged
from connector.ports import Clock

BATCH_SIZE = 100  # more is refused (TooManyValues)
MOST_JOBS = 8  # of the 30 that an account may have queued or running
_TOO_MANY_JOBS_SECONDS = 30.0  # an account may have 30 jobs queued or running

REFUSED: Final = JobStatus(id="", status="refused")

Fetch = Callable[[Sequence[str]], Mapping[str, Ticket | Unreadable]]


@dataclass(frozen=True, slots=True)
class _Sent:
    """A batch and its job; None: the answer to it was lost."""

    changes: Sequence[Change]
    job: JobStatus | None


class BulkWriter:
    """``PUT /tickets/update_many``: up to 100 safe updates per request, done by Zendesk in its own time."""

    def __init__(self, transport: Transport, clock: Clock, fetch: Fetch, singles: TicketWriter) -> None:
        self._transport = transport
        self._jobs = Jobs(transport, clock)
        self._fetch = fetch
        self._singles = singles

    def apply(self, changes: Sequence[Change]) -> Iterator[Applied]:
        """The outcome of each change, batch by batch; changes that nobody needs are not sent.

        Several jobs run at the same time: Zendesk takes its time over each.  What was sent has its outcome
        yielded before anything (RateLimited, or what the transport raises) is raised.
        """
        due = []
        for change in changes:
            if is_nothing(change):
                yield unchanged(change)
            else:
                due.append(change)
        batches = [due[at : at + BATCH_SIZE] for at in range(0, len(due), BATCH_SIZE)]
        for at in range(0, len(batches), MOST_JOBS):
            yield from self._together(batches[at : at + MOST_JOBS])

    def _together(self, batches: Sequence[Sequence[Change]]) -> Iterator[Applied]:
        """Start a job per batch and watch them all; a job's outcomes are known when it has ended."""
        sent, error = self._start_all(batches)
        for each in sent:
            if each.job is None:
                yield from self._outcomes(each.changes, {}, str(error))
        running = [each for each in sent if each.job is not None and each.job is not REFUSED]
        for number, job, trouble in self._jobs.watch([each.job for each in running if each.job]):
            changes = running[number].changes
            problem = str(trouble) if trouble else f"the update job is {job.status}"
            yield from self._outcomes(changes, _by_ticket(job.results, changes), problem)
            error = error or trouble
        for each in sent:
            if each.job is REFUSED:
                # Nothing was written; one at a time, a change that Zendesk refuses does not sink the others.
                yield from self._singles.apply(each.changes)
        if error is not None:
            raise error

    def _start_all(self, batches: Sequence[Sequence[Change]]) -> tuple[list[_Sent], ConnectorError | None]:
        """What was sent, and the error that ended the sending."""
        sent: list[_Sent] = []
        for batch in batches:
            try:
                sent.append(_Sent(batch, self._start(batch)))
            except AnswerLost as error:
                return [*sent, _Sent(batch, None)], error
            except ConnectorError as error:
                return sent, error
        return sent, None

    def _start(self, changes: Sequence[Change]) -> JobStatus:
        """The started job, or REFUSED when Zendesk rejects the batch as a whole."""
        reply = self._transport.send(
            "PUT",
            "/api/v2/tickets/update_many",
            {"tickets": [bulk_ticket(change) for change in changes]},
            forbidden_is_answer=True,
        )
        if not reply.is_ok:
            if "TooManyJobs" in error_codes(reply.body):
                raise RateLimited(
                    "Zendesk runs too many jobs for this account", retry_after_seconds=_TOO_MANY_JOBS_SECONDS
                )
            return REFUSED
        try:
            return decode(reply.body, JobBody, "PUT update_many").job_status
        except Unavailable as error:
            problem = str(error)
        raise AnswerLost(problem)

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
            elif isinstance(now := after.get(ticket_id), Ticket):
                yield applied(change, now)
            else:
                yield Applied(
                    ticket_id,
                    Outcome.APPLIED,
                    group=change.group_after,
                    detail="not read back after the write",
                )

    def _read_back(self, ticket_ids: Sequence[str]) -> Mapping[str, Ticket | Unreadable]:
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
