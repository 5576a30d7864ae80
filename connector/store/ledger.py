"""The ledger on a database: the durable queue between the stages and the memory of everything decided."""

from __future__ import annotations

import secrets
import threading
from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any, Protocol

from sqlalchemy import Connection, insert, update

from connector.domain.classification import Answer, Tier
from connector.domain.decision import Applied, Decision, OurRouting, Outcome
from connector.domain.ticket import Arrival, Disposition, History, Ticket, Unreadable
from connector.errors import LeaseLost
from connector.pipeline.role import Lane
from connector.ports import Clock, Due, PaidAnswer, PollLease, Screened, SubmissionClaim, WriteClaim
from connector.store import calls, feed, polling, queues, replies, verdicts
from connector.store.columns import AnyRow, maybe_from_ms, to_ms
from connector.store.spending import Spending
from connector.store.tables import passes, submissions, writes
from connector.store.transactions import Database, repeated


class Memory(Protocol):
    """What another database knows of tickets."""

    def __call__(self, ticket_ids: Sequence[str]) -> Mapping[str, History]: ...

    def routings(self, ticket_ids: Sequence[str]) -> Mapping[str, OurRouting]: ...


class SqlLedger:
    """A `Ledger` for one worker at one helpdesk; safe to share between threads.

    It takes what waits in its ``lane``.  ``memory``, if given, knows tickets that this database does not,
    and wins.  The right to poll is leased for ``poll_lease_seconds``, like any other work unless given.
    ``spending`` refuses calls that the day's budget cannot bear; without one there is no limit.
    """

    def __init__(
        self,
        database: Database,
        clock: Clock,
        helpdesk: str,
        worker: str,
        *,
        lease_seconds: float = 180.0,
        poll_lease_seconds: float | None = None,
        memory: Memory | None = None,
        spending: Spending | None = None,
        lane: Lane = Lane.LIVE,
    ) -> None:
        self._database = database
        self._clock = clock
        self._helpdesk = helpdesk
        self._worker = worker
        self._lease_ms = round(lease_seconds * 1000)
        self._poll_lease_ms = (
            self._lease_ms if poll_lease_seconds is None else round(poll_lease_seconds * 1000)
        )
        self._memory = memory
        self._spending = spending
        self._lane = lane
        self._polling: PollLease | None = None  # our newest lease, with the checkpoint we stored last
        self._pass_id: str | None = None
        self._lock = threading.Lock()
        self._claiming = threading.Lock()  # the stages of a worker must see what the other one holds

    # --- Intake -------------------------------------------------------------------------------------------

    @repeated
    def lease_poll(self, horizon: datetime) -> PollLease | None:
        with self._database.write("lease_poll") as tx:
            lease = polling.lease(tx, self._helpdesk, self._worker, self._poll_lease_ms, horizon)
        with self._lock:
            self._polling = lease
        return lease

    @repeated
    def may_poll(self) -> bool:
        with self._database.read("may_poll") as tx:
            return polling.has_lease(tx, self._helpdesk, self._worker)

    @repeated
    def history(self, ticket_ids: Sequence[str]) -> Mapping[str, History]:
        elder = self._memory(ticket_ids) if self._memory else {}
        with self._database.read("history") as tx:
            return feed.recall(tx, self._helpdesk, ticket_ids) | dict(elder)

    @repeated
    def routings(self, ticket_ids: Sequence[str]) -> Mapping[str, OurRouting]:
        with self._database.read("routings") as tx:
            return self._routings(tx, ticket_ids)

    def _routings(self, tx: Connection, ticket_ids: Sequence[str]) -> Mapping[str, OurRouting]:
        elder = self._memory.routings(ticket_ids) if self._memory else {}
        return replies.routings(tx, self._helpdesk, ticket_ids) | dict(elder)

    @repeated
    def store_page(
        self,
        lease: PollLease,
        checkpoint: str | None,
        revisions: Sequence[Screened],
        unreadable: Sequence[Unreadable],
    ) -> Mapping[Disposition, int]:
        held = self._held(lease)
        stamp = feed.Stamp(self._helpdesk, self._pass_id, self._now_ms())
        with self._database.write("store_page") as tx:
            if not polling.advance(tx, held, checkpoint, self._poll_lease_ms, stamp.seen_at):
                raise LeaseLost(f"another process polls {self._helpdesk} now")
            counts = feed.store(tx, stamp, revisions, unreadable, held.checkpoint or "")
        with self._lock:
            self._polling = replace(held, checkpoint=checkpoint)
        return counts

    @repeated
    def horizon(self) -> datetime | None:
        with self._database.read("horizon") as tx:
            return polling.horizon(tx, self._helpdesk)

    @repeated
    def store_arrivals(
        self, revisions: Sequence[Screened], unreadable: Sequence[Unreadable], arrival: Arrival
    ) -> Mapping[Disposition, int]:
        stamp = feed.Stamp(self._helpdesk, self._pass_id, self._now_ms(), arrival=arrival)
        with self._database.write("store_arrivals") as tx:
            return feed.store(tx, stamp, revisions, unreadable, arrival.value)

    def _held(self, lease: PollLease) -> PollLease:
        """The lease with the checkpoint that its last page stored."""
        with self._lock:
            ours = self._polling
        return ours if ours is not None and ours.epoch == lease.epoch else lease

    # --- Triage -------------------------------------------------------------------------------------------

    @repeated
    def claim_submissions(
        self, limit: int, repeat_within: timedelta = timedelta(0)
    ) -> Sequence[SubmissionClaim]:
        if limit < 1:
            return ()
        with self._claiming, self._database.write("claim_submissions") as tx:
            rows = queues.claim_due(
                tx, queues.SUBMISSIONS, self._helpdesk, self._worker, self._lease_ms, limit, self._lane
            )
            again = [row.id for row in rows if row.lease_epoch > 1]
            past = calls.look_back(tx, again, self._now_ms()) if again else {}
            heard = [row.ticket_id for row in rows if row.heard_since is not None]
            ours = self._routings(tx, heard) if heard else {}
            asking = [row for row in rows if row.heard_since is None]
            earlier = replies.count_earlier(tx, self._helpdesk, asking, repeat_within)
        ordered = sorted(rows, key=lambda row: (row.rank, row.run_after, row.id))
        return [
            _submission_claim(
                row, past.get(row.id, ()), ours.get(row.ticket_id), earlier.get(row.ticket_id, 0)
            )
            for row in ordered
        ]

    @repeated
    def begin_call(self, claim: SubmissionClaim, tier: Tier, model: str, reserve_usd: Decimal) -> int:
        now, enough_ms = self._now_ms(), self._lease_ms * 2 // 3
        with self._database.write("begin_call") as tx:
            if self._spending is not None:
                self._spending.admit(tx, reserve_usd, self._clock.now())
            begun = calls.begin_safely_held(tx, claim, tier, model, reserve_usd, now, enough_ms)
            if begun is None:
                queues.change(tx, queues.RENEW_SUBMISSION, claim, {"lease_ms": self._lease_ms})
                begun = calls.begin(tx, claim, tier, model, reserve_usd, now)
            return begun

    @repeated
    def end_call(self, call_id: int, answer: Answer | None, error: str | None = None) -> None:
        with self._database.write("end_call") as tx:
            calls.end(tx, call_id, answer, error, self._now_ms())

    @repeated
    def decide(self, claim: SubmissionClaim, decision: Decision, paid: PaidAnswer | None = None) -> None:
        with self._database.write("decide") as tx:
            queues.change(tx, queues.END_SUBMISSION, claim, {})
            if paid is not None:
                calls.end(tx, paid.call_id, paid.answer, None, self._now_ms())
            verdicts.record(
                tx, claim.id, claim.ticket.id, decision, self._helpdesk, self._pass_id, self._lane
            )

    @repeated
    def dismiss(self, claim: SubmissionClaim, reason: str) -> None:
        with self._database.write("dismiss") as tx:
            queues.change(tx, queues.DISMISS_SUBMISSION, claim, {"why": reason})

    @repeated
    def defer_submission(self, claim: SubmissionClaim, seconds: float, reason: str, *, counts: bool) -> None:
        values = {**_delay(seconds, reason, counts=counts), "since": None if counts else self._now_ms()}
        with self._database.write("defer_submission") as tx:
            queues.change(tx, queues.PUT_BACK_SUBMISSION, claim, values)

    @repeated
    def return_submission(self, claim: SubmissionClaim) -> None:
        with self._database.write("return_submission") as tx:
            queues.change(tx, queues.RETURN_SUBMISSION, claim, {})

    # --- Write-back ---------------------------------------------------------------------------------------

    @repeated
    def claim_writes(self, limit: int) -> Sequence[WriteClaim]:
        if limit < 1:
            return ()
        with self._claiming, self._database.write("claim_writes") as tx:
            rows = queues.claim_due(
                tx, queues.WRITES, self._helpdesk, self._worker, self._lease_ms, limit, self._lane
            )
            return verdicts.write_claims(tx, rows) if rows else ()

    @repeated
    def intend_writes(self, sends: Sequence[tuple[WriteClaim, Ticket]]) -> None:
        if not sends:
            return
        with self._database.write("intend_writes") as tx:
            verdicts.intend(tx, queues.INTEND_WRITE, sends, self._lease_ms)

    @repeated
    def end_write(
        self,
        claim: WriteClaim,
        outcome: Outcome,
        applied: Applied | None,
        reason: str,
        instead: Decision | None = None,
    ) -> None:
        with self._database.write("end_write") as tx:
            verdicts.finish(tx, claim, outcome, applied, reason, self._now_ms())
            if instead is not None:
                verdicts.replace(tx, claim, instead, self._pass_id, self._lane, self._now_ms())

    @repeated
    def end_writes(self, ended: Sequence[tuple[WriteClaim, Applied]]) -> None:
        with self._database.write("end_writes") as tx:
            verdicts.finish_all(tx, ended, self._now_ms())

    @repeated
    def defer_write(
        self, claim: WriteClaim, seconds: float, reason: str, *, counts: bool, sent: bool = False
    ) -> None:
        values = _delay(seconds, reason, counts=counts) | queues.sent_before(claim, sent=sent)
        with self._database.write("defer_write") as tx:
            queues.change(tx, queues.PUT_BACK_WRITE, claim, values)

    # --- Both ---------------------------------------------------------------------------------------------

    @repeated
    def due(self) -> Due:
        with self._database.read("due") as tx:
            both = [
                queues.count_waiting(
                    tx, table, self._helpdesk, self._worker, table.c.lane == self._lane.value, *only
                )
                for table, only in ((submissions, (queues.NOT_IN_BATCH,)), (writes, ()))
            ]
        soonest = min((each.next_ms for each in both if each.next_ms is not None), default=None)
        return Due(
            submissions=both[0].ours,
            writes=both[1].ours,
            next_in_seconds=None if soonest is None else max(0, soonest) / 1000,
            elsewhere=sum(each.elsewhere for each in both),
        )

    @repeated
    def release(self) -> None:
        with self._database.write("release") as tx:
            queues.release(tx, self._helpdesk, self._worker)

    @repeated
    def start_pass(self, mode: str) -> str:
        now = self._clock.now()
        pass_id = f"{now:%Y%m%dT%H%M%S}-{secrets.token_hex(3)}"
        row = {"id": pass_id, "mode": mode, "worker": self._worker, "started_at": to_ms(now)}
        with self._database.write("start_pass") as tx:
            tx.execute(insert(passes), row)
        self._pass_id = pass_id
        return pass_id

    @repeated
    def note_pass(self, pass_id: str, summary: Mapping[str, Any]) -> None:
        noted = update(passes).where(passes.c.id == pass_id)
        with self._database.write("note_pass") as tx:
            tx.execute(noted.values(finished_at=self._now_ms(), summary=dict(summary)))

    def end_pass(self, pass_id: str, summary: Mapping[str, Any]) -> None:
        self.note_pass(pass_id, summary)
        if self._pass_id == pass_id:
            self._pass_id = None

    def _now_ms(self) -> int:
        return to_ms(self._clock.now())


def _delay(seconds: float, reason: str, *, counts: bool) -> dict[str, object]:
    return {"why": reason, "delay_ms": round(seconds * 1000), "given_back": 0 if counts else 1}


def _submission_claim(
    row: AnyRow, past: Sequence[Any], ours: OurRouting | None, earlier: int
) -> SubmissionClaim:
    return SubmissionClaim(
        id=row.id,
        lease_epoch=row.lease_epoch,
        ticket=row.ticket,
        generation=row.generation,
        attempts=row.attempts + queues.deadly_attempts(row),
        waiting_since=maybe_from_ms(row.waiting_since),
        calls=tuple(past),
        reply=replies.reply_in(row),
        routing=ours,
        earlier=earlier,
    )
