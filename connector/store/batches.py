"""Batches on record: intended before they are handed in, named afterwards, ended with all that came back."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from sqlalchemy import Connection, bindparam, insert, select, update

from connector.domain.classification import Answer, Tier
from connector.errors import LeaseLost
from connector.pipeline.batching import OpenBatch, Question, Unanswered
from connector.ports import Clock
from connector.store import calls, queues
from connector.store.columns import from_micro, from_ms, to_micro, to_ms
from connector.store.spending import Spending
from connector.store.tables import batches, model_calls, submissions
from connector.store.transactions import Database, repeated

_POST = queues.fenced(submissions).values(
    state="pending",
    lease_owner=None,
    batch=bindparam("of_batch"),
    attempts=submissions.c.attempts - 1,  # it is not tried but by its batch
    lapses=0,
)
_CHARGE = (
    update(submissions)
    .where(submissions.c.id == bindparam("of_submission"), submissions.c.batch == bindparam("of_batch"))
    .values(attempts=submissions.c.attempts + 1)
)
_LOST = (
    update(model_calls)
    .where(model_calls.c.id == bindparam("of_call"), model_calls.c.state == "started")
    .values(state="lost", cost_micro_usd=model_calls.c.reserve_micro_usd)
)


class SqlBatchBook:
    """A `BatchBook` of the pipeline; errors as for the ledger."""

    def __init__(
        self, database: Database, clock: Clock, helpdesk: str, spending: Spending | None = None
    ) -> None:
        self._spending = spending
        self._database = database
        self._clock = clock
        self._helpdesk = helpdesk

    @repeated
    def intend(self, pass_id: str, mark: str, questions: Sequence[Question]) -> tuple[OpenBatch, list[int]]:
        now, reserve = self._clock.now(), sum(to_micro(each.most_usd) for each in questions)
        row = {
            "helpdesk": self._helpdesk,
            "mark": mark,
            "questions": len(questions),
            "reserve_micro_usd": reserve,
            "pass_id": pass_id,
            "intended_at": to_ms(now),
        }
        with self._database.write("intend_batch") as tx:
            if self._spending is not None:
                self._spending.admit(tx, from_micro(reserve), now)
            batch_id = int(tx.execute(insert(batches).returning(batches.c.id), row).scalar_one())
            claims = sorted((each.claim for each in questions), key=lambda claim: claim.id)
            posted = [
                {"of_id": claim.id, "of_epoch": claim.lease_epoch, "of_batch": batch_id} for claim in claims
            ]
            if tx.execute(_POST, posted).rowcount != len(posted):
                raise LeaseLost(f"the lease on one of {len(posted)} tickets was taken over")
            ids = [
                calls.begin(tx, each.claim, each.tier, each.model, each.most_usd, to_ms(now), batch_id)
                for each in questions
            ]
        return OpenBatch(batch_id, mark, None, len(questions), now), ids

    @repeated
    def handed_in(self, batch_id: int, vendor_id: str) -> None:
        named = update(batches).where(batches.c.id == batch_id, batches.c.state == "intended")
        values = {"state": "submitted", "vendor_id": vendor_id, "submitted_at": self._now_ms()}
        with self._database.write("batch_handed_in") as tx:
            tx.execute(named.values(values))

    @repeated
    def open(self) -> Sequence[OpenBatch]:
        found = select(batches).where(batches.c.helpdesk == self._helpdesk, batches.c.state != "ended")
        with self._database.read("open_batches") as tx:
            return [
                OpenBatch(row.id, row.mark, row.vendor_id, row.questions, from_ms(row.intended_at))
                for row in tx.execute(found.order_by(batches.c.id))
            ]

    @repeated
    def knows(self, vendor_id: str) -> bool:
        with self._database.read("knows_batch") as tx:
            found = tx.execute(select(batches.c.id).where(batches.c.vendor_id == vendor_id))
            return found.one_or_none() is not None

    @repeated
    def tiers(self, batch_id: int) -> Mapping[int, tuple[str, Tier]]:
        mine = (
            select(model_calls.c.id, submissions.c.ticket_id, model_calls.c.tier)
            .join_from(model_calls, submissions, model_calls.c.submission_id == submissions.c.id)
            .where(model_calls.c.batch == batch_id)
        )
        with self._database.read("batch_tiers") as tx:
            return {row.id: (row.ticket_id, Tier(row.tier)) for row in tx.execute(mine)}

    @repeated
    def end(
        self,
        batch_id: int,
        answers: Mapping[int, Answer | str],
        unanswered: Unanswered,
        reason: str | None = None,
    ) -> bool:
        ended = update(batches).where(batches.c.id == batch_id, batches.c.state != "ended")
        now = self._now_ms()
        with self._database.write("end_batch") as tx:
            if tx.execute(ended.values(state="ended", ended_at=now, reason=reason)).rowcount != 1:
                return False
            failed = self._end_calls(tx, batch_id, answers, unanswered, now)
            if failed:
                tx.execute(_CHARGE, [{"of_submission": each, "of_batch": batch_id} for each in failed])
            tx.execute(update(submissions).where(submissions.c.batch == batch_id).values(batch=None))
        return True

    def _end_calls(
        self,
        tx: Connection,
        batch_id: int,
        answers: Mapping[int, Answer | str],
        unanswered: Unanswered,
        at: int,
    ) -> list[int]:
        """End every call of a batch; returns the submissions whose attempt failed."""
        failed = []
        mine = select(model_calls.c.id, model_calls.c.submission_id).where(model_calls.c.batch == batch_id)
        for row in tx.execute(mine).all():
            answer = answers.get(row.id)
            if isinstance(answer, Answer):
                calls.end(tx, row.id, answer, None, at)
                continue
            if answer is not None:
                calls.end(tx, row.id, None, f"batch_{answer}", at)
            elif unanswered is Unanswered.NEVER_ASKED:
                calls.end(tx, row.id, None, "batch_never_handed_in", at)
                continue
            else:
                tx.execute(_LOST, {"of_call": row.id, "finished_at": at})
            failed.append(int(row.submission_id))
        return failed

    def _now_ms(self) -> int:
        return to_ms(self._clock.now())
