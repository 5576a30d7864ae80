"""Paid model calls: on record before they start, with their answer and price after."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from decimal import Decimal

from sqlalchemy import Connection, bindparam, func, insert, literal, select, update

from connector.domain.classification import Answer, Tier
from connector.ports import PastCall, SubmissionClaim
from connector.store.columns import NowMs, to_micro
from connector.store.tables import model_calls, submissions

_calls = model_calls.c
_NEXT_TRY = (
    select(func.count() + 1)  # none is ever deleted; `max` would be planned anew for each call, as costly
    .where(_calls.submission_id == bindparam("of_submission"), _calls.tier == bindparam("of_tier"))
    .scalar_subquery()
)
_BEGIN = insert(model_calls).values(try_no=_NEXT_TRY).returning(_calls.id)
_SAFELY_HELD = {
    "submission_id": submissions.c.id,
    "tier": bindparam("of_tier", type_=_calls.tier.type),
    "try_no": _NEXT_TRY,
    "lease_epoch": submissions.c.lease_epoch,
    "state": literal("started"),
    "model": bindparam("by_model", type_=_calls.model.type),
    "reserve_micro_usd": bindparam("reserve", type_=_calls.reserve_micro_usd.type),
    "started_at": bindparam("at", type_=_calls.started_at.type),
}
_BEGIN_SAFELY_HELD = (
    insert(model_calls)
    .from_select(
        list(_SAFELY_HELD),
        select(*_SAFELY_HELD.values()).where(
            submissions.c.id == bindparam("of_submission"),
            submissions.c.lease_epoch == bindparam("of_epoch"),
            submissions.c.state == "leased",
            submissions.c.lease_until >= NowMs() + bindparam("least_ms"),
        ),
    )
    .returning(_calls.id)
)
# A call that was given up for lost may still come back; what it really cost then replaces the reserve.
_END = (
    update(model_calls)
    .where(_calls.id == bindparam("of_id"), _calls.state.in_(["started", "lost"]))
    .values(cost_micro_usd=func.coalesce(bindparam("price"), _calls.reserve_micro_usd))
)


def begin(
    tx: Connection,
    held: SubmissionClaim,
    tier: Tier,
    model: str,
    reserve_usd: Decimal,
    at: int,
    batch: int | None = None,
) -> int:
    """Record the intent; returns the call's id."""
    values = {
        "of_submission": held.id,
        "of_tier": tier.value,
        "submission_id": held.id,
        "tier": tier.value,
        "lease_epoch": held.lease_epoch,
        "state": "started",
        "model": model,
        "reserve_micro_usd": to_micro(reserve_usd),
        "started_at": at,
        "batch": batch,
    }
    return int(tx.execute(_BEGIN, values).scalar_one())


def begin_safely_held(
    tx: Connection,
    held: SubmissionClaim,
    tier: Tier,
    model: str,
    reserve_usd: Decimal,
    at: int,
    least_ms: int,
) -> int | None:
    """The same where the claim has at least so much of its lease left; None, with nothing done, where not.

    Nobody can take such a claim over, so one statement does; renewing a lease writes a whole row anew.
    """
    values = {
        "of_submission": held.id,
        "of_epoch": held.lease_epoch,
        "of_tier": tier.value,
        "by_model": model,
        "reserve": to_micro(reserve_usd),
        "at": at,
        "least_ms": least_ms,
    }
    found: int | None = tx.scalar(_BEGIN_SAFELY_HELD, values)
    return found


def end(tx: Connection, call_id: int, answer: Answer | None, error: str | None, at: int) -> None:
    """Record what came back.  Without a known price an answer costs its reserve; an error costs nothing."""
    if answer is None:
        values = {"state": "error", "error": error or "unknown", "price": 0}
    else:
        values = _outcome(answer)
    tx.execute(_END, {"of_id": call_id, "finished_at": at, **values})


def _outcome(answer: Answer) -> dict[str, object]:
    usage = answer.usage
    return {
        "state": "unusable" if answer.classification is None else "ok",
        "model": answer.model,
        "price": None if usage.cost_usd is None else to_micro(usage.cost_usd),
        "input_tokens": usage.input_tokens,
        "output_tokens": usage.output_tokens,
        "cache_write_tokens": usage.cache_write_tokens,
        "cache_read_tokens": usage.cache_read_tokens,
        "request_id": answer.request_id,
        "stop_reason": answer.stop_reason,
        "error": answer.unusable,
        "answer": answer,
    }


def look_back(tx: Connection, submission_ids: Sequence[int], at: int) -> Mapping[int, tuple[PastCall, ...]]:
    """What earlier claims of these submissions asked; calls that never ended are lost from now on.

    A lost call may have been paid, so it costs its reserve.
    """
    mine = _calls.submission_id.in_(submission_ids)
    tx.execute(
        update(model_calls)
        .where(mine, _calls.state == "started")
        .values(state="lost", cost_micro_usd=_calls.reserve_micro_usd, finished_at=at)
    )
    past: dict[int, tuple[PastCall, ...]] = {}
    for row in tx.execute(
        select(_calls.submission_id, _calls.tier, _calls.answer, _calls.error).where(mine).order_by(_calls.id)
    ):
        past[row.submission_id] = (
            *past.get(row.submission_id, ()),
            PastCall(Tier(row.tier), row.answer, row.error),
        )
    return past
