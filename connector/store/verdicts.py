"""Decisions and their writes: committed together, read back whole."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from sqlalchemy import Connection, Update, bindparam, insert, select

from connector.domain.decision import Applied, Cause, Decision, Kind, Outcome
from connector.domain.ticket import Ticket
from connector.pipeline.role import Lane
from connector.pipeline.undo import UndoClaim
from connector.ports import WriteClaim
from connector.store import queues
from connector.store.columns import AnyRow, from_ms, to_micro, to_ms
from connector.store.documents import evidence_of
from connector.store.rows import insert_new
from connector.store.tables import decisions, submissions, writes

_INSERT_DECISION = insert(decisions)
_INSERT_WRITE = insert(writes).inline()  # nobody asks for its id
_SUBMISSION_OF = (
    select(submissions)
    .join(decisions, decisions.c.submission_id == submissions.c.id)
    .where(decisions.c.id == bindparam("of_decision"))
)


def record(
    tx: Connection,
    submission_id: int,
    ticket_id: str,
    decision: Decision,
    helpdesk: str,
    pass_id: str | None,
    lane: Lane,
) -> None:
    """Insert a decision and the write that carries it out."""
    values = {
        "id": decision.id,
        "submission_id": submission_id,
        "helpdesk": helpdesk,
        "ticket_id": ticket_id,
        "kind": decision.kind.value,
        "cause": decision.cause.value,
        "tier": decision.tier.value if decision.tier else None,
        "team": decision.route.team,
        "queue": decision.route.queue,
        "plan": decision.route,
        "evidence": evidence_of(decision),
        "prompt_version": decision.prompt_version,
        "cost_micro_usd": to_micro(decision.cost_usd),
        "pass_id": pass_id,
        "decided_at": to_ms(decision.decided_at),
    }
    if decision.cause is Cause.MATERIAL_CHANGE:
        # It has one id per ticket: of two looks that change a ticket at the same time, the first counts.
        if tx.scalar(insert_new(tx, decisions).returning(decisions.c.id), values) is None:
            return
    else:
        tx.execute(_INSERT_DECISION, values)
    pending = {"decision_id": decision.id, "helpdesk": helpdesk, "ticket_id": ticket_id, "lane": lane.value}
    tx.execute(_INSERT_WRITE, pending)


def replace(
    tx: Connection, held: WriteClaim, decision: Decision, pass_id: str | None, lane: Lane, at: int
) -> None:
    """Commit a decision in place of one that the helpdesk refused: a new generation, decided at once."""
    refused = tx.execute(_SUBMISSION_OF, {"of_decision": held.decision.id}).one()
    state = {"state": "decided", "pass_id": pass_id, "seen_at": at}
    submission_id = next_generation(tx, refused, state)
    if submission_id is not None:
        record(tx, submission_id, refused.ticket_id, decision, refused.helpdesk, pass_id, lane)


def next_generation(tx: Connection, of: AnyRow, values: Mapping[str, object]) -> int | None:
    """Insert a submission that follows on the row ``of``; its id, or None when it has a successor already."""
    names = ("helpdesk", "ticket_id", "requester", "ticket", "rank", "heard_until", "arrived_by")
    copied = {name: of._mapping[name] for name in names}
    row = {**copied, "generation": of.generation + 1, **values}
    inserted: int | None = tx.scalar(insert_new(tx, submissions).returning(submissions.c.id), row)
    return inserted


def decision_from(row: AnyRow) -> Decision:
    """The decision in a row that has the columns of ``decisions``, ``id`` as ``decision_id``."""
    evidence = row.evidence
    return Decision(
        id=row.decision_id,
        kind=Kind(row.kind),
        cause=Cause(row.cause),
        reason=evidence.reason,
        route=row.plan,
        classification=evidence.classification,
        steps=evidence.steps,
        guardrail=evidence.guardrail,
        thresholds=evidence.thresholds,
        prompt_version=row.prompt_version,
        decided_at=from_ms(row.decided_at),
        cost_usd=evidence.cost_usd,
        reading=evidence.reading,
        examples=evidence.examples,
        signals=evidence.signals,
    )


DECISION = (
    decisions.c.id.label("decision_id"),
    *(
        decisions.c[name]
        for name in ("kind", "cause", "plan", "evidence", "prompt_version", "cost_micro_usd", "decided_at")
    ),
)


_CLAIMED_WHOLE = (
    select(writes.c.id, submissions.c.ticket, *DECISION)
    .join_from(writes, decisions, writes.c.decision_id == decisions.c.id)
    .join(submissions, decisions.c.submission_id == submissions.c.id)
    .where(writes.c.id.in_(bindparam("ids", expanding=True)))
    .order_by(writes.c.run_after, writes.c.id)
)


def write_claims(tx: Connection, claimed: Sequence[AnyRow]) -> list[WriteClaim]:
    """The claimed writes with their decisions and the tickets as they were classified."""
    leases: Mapping[int, AnyRow] = {row.id: row for row in claimed}
    return [_write_claim(row, leases[row.id]) for row in tx.execute(_CLAIMED_WHOLE, {"ids": list(leases)})]


def _write_claim(row: AnyRow, lease: AnyRow) -> WriteClaim:
    return WriteClaim(
        id=row.id,
        lease_epoch=lease.lease_epoch,
        ticket=row.ticket,
        decision=decision_from(row),
        attempts=lease.attempts + queues.deadly_attempts(lease),
        sent_to=lease.seen if lease.maybe_sent else None,
    )


def intend(
    tx: Connection, statement: Update, sends: Sequence[tuple[WriteClaim | UndoClaim, Ticket]], lease_ms: int
) -> None:
    """Mark writes as maybe sent, with what they may overwrite.  Raises LeaseLost when any is not ours."""
    queues.change_all(
        tx, statement, [(held, {"lease_ms": lease_ms, "seen": seen.standing}) for held, seen in sends]
    )


def finish(
    tx: Connection, held: WriteClaim, outcome: Outcome, applied: Applied | None, reason: str, at: int
) -> None:
    """End a write for good."""
    queues.change(tx, queues.END_WRITE, held, _finished(outcome, applied, reason, at))


def finish_all(tx: Connection, ended: Sequence[tuple[WriteClaim, Applied]], at: int) -> None:
    """End writes that were done.  Raises LeaseLost when any is not ours."""
    changes = [(held, _finished(applied.outcome, applied, applied.detail, at)) for held, applied in ended]
    queues.change_all(tx, queues.END_WRITE, changes)


def _finished(outcome: Outcome, applied: Applied | None, reason: str, at: int) -> dict[str, object]:
    return ending(outcome, applied, reason, at) | {"left_as": applied.left if applied else None}


def ending(outcome: Outcome, applied: Applied | None, reason: str, at: int) -> dict[str, object]:
    """The columns that tell how a write, or its undo, ended."""
    return {
        "outcome": outcome.value,
        "reason": reason,
        "after_version": applied.version if applied else None,
        "after_at": to_ms(applied.at) if applied and applied.at else None,
        "after_group": applied.group if applied else None,
        "ended_at": at,
    }
