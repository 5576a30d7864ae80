"""The whole story of one ticket, from the ledger alone."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal

from sqlalchemy import ColumnElement, Connection, Table, select, union

from connector.domain.classification import Answer, Tier
from connector.domain.decision import Decision, Outcome
from connector.domain.ticket import Arrival, Disposition, Reply, Standing, Ticket
from connector.store.columns import AnyRow, from_micro, from_ms, maybe_from_ms
from connector.store.personal import Erasure
from connector.store.replies import reply_in
from connector.store.tables import corrections, decisions, model_calls, revisions, submissions, undos, writes
from connector.store.verdicts import DECISION, decision_from


@dataclass(frozen=True, slots=True)
class RevisionRow:
    """One version of the ticket and what intake made of it; ``reason`` says why it could not be read."""

    helpdesk: str
    version: str
    fingerprint: str
    disposition: Disposition
    reason: str | None
    seen_at: datetime
    pass_id: str | None


@dataclass(frozen=True, slots=True)
class SubmissionRow:
    """The original, as it was classified, and how it fared in the queue."""

    id: int
    helpdesk: str
    generation: int
    ticket: Ticket | None
    state: str  # pending, leased, decided
    reason: str | None  # of its last deferral
    attempts: int  # claims, those that their worker did not outlive included
    seen_at: datetime
    waiting_since: datetime | None
    run_after: datetime | None  # None: at once
    erased_at: datetime | None = None  # when its words were erased
    erased_because: Erasure | None = None
    reply: Reply | None = None  # of a second look
    arrival: Arrival = Arrival.POLL


@dataclass(frozen=True, slots=True)
class CallRow:
    """One paid call; ``cost_usd`` is None while it is under way, and the reserve when it was lost."""

    id: int
    submission_id: int
    tier: Tier
    try_no: int
    model: str
    state: str  # started, ok, unusable, error, lost
    error: str | None
    reserve_usd: Decimal
    cost_usd: Decimal | None
    answer: Answer | None
    started_at: datetime
    finished_at: datetime | None


@dataclass(frozen=True, slots=True)
class DecidedRow:
    """A decision about one of the submissions."""

    submission_id: int
    decision: Decision
    pass_id: str | None


@dataclass(frozen=True, slots=True)
class WriteRow:
    """What became of a decision at the helpdesk; ``seen`` is the ticket right before, for an undo."""

    decision_id: str
    state: str  # pending, leased, done
    outcome: Outcome | None
    reason: str | None
    attempts: int
    maybe_sent: bool
    seen: Standing | None
    after_version: str | None
    after_at: datetime | None
    after_group: str | None
    ended_at: datetime | None


@dataclass(frozen=True, slots=True)
class UndoRow:
    """What became of taking a write back; ``pass_id`` is the run that asked for it last."""

    decision_id: str
    pass_id: str
    state: str  # pending, leased, done
    outcome: Outcome | None
    reason: str | None
    attempts: int
    after_group: str | None
    ended_at: datetime | None


@dataclass(frozen=True, slots=True)
class CorrectionRow:
    """A person moved the ticket after our write."""

    version: str
    from_group: str | None
    to_group: str | None
    seen_at: datetime


@dataclass(frozen=True, slots=True)
class Story:
    """All that happened to a ticket; each list in the order of time."""

    ticket_id: str
    revisions: tuple[RevisionRow, ...]
    submissions: tuple[SubmissionRow, ...]
    calls: tuple[CallRow, ...]
    decisions: tuple[DecidedRow, ...]
    writes: tuple[WriteRow, ...]
    undos: tuple[UndoRow, ...]
    corrections: tuple[CorrectionRow, ...]

    @property
    def is_empty(self) -> bool:
        """Whether the ticket was never seen."""
        return not (self.revisions or self.submissions)

    @property
    def arrival(self) -> Arrival:
        """By which way the ticket's submission first reached us."""
        return next((each.arrival for each in self.submissions), Arrival.POLL)

    @property
    def cost_usd(self) -> Decimal:
        """What all calls cost; those without a price yet count at their reserve."""
        prices = (call.reserve_usd if call.cost_usd is None else call.cost_usd for call in self.calls)
        return sum(prices, Decimal(0))


def helpdesks_of(tx: Connection, ticket_id: str) -> tuple[str, ...]:
    """The helpdesks that have a ticket with this id, by name."""
    known = [
        select(table.c.helpdesk).where(table.c.ticket_id == ticket_id) for table in (revisions, submissions)
    ]
    return tuple(sorted(tx.scalars(union(*known))))


def tell(tx: Connection, ticket_id: str, helpdesk: str) -> Story:
    """Read the story of one helpdesk's ticket."""

    def its(table: Table) -> tuple[ColumnElement[bool], ...]:
        return table.c.helpdesk == helpdesk, table.c.ticket_id == ticket_id

    seen = select(revisions).where(*its(revisions))
    asked = select(submissions).where(*its(submissions))
    of_ticket = asked.with_only_columns(submissions.c.id)
    called = select(model_calls).where(model_calls.c.submission_id.in_(of_ticket))
    made = select(decisions.c.submission_id, decisions.c.pass_id, *DECISION)
    made = made.where(decisions.c.submission_id.in_(of_ticket))
    written = select(writes).where(*its(writes))
    taken_back = select(undos, writes.c.decision_id).join(writes, undos.c.write_id == writes.c.id)
    taken_back = taken_back.where(*its(undos))
    moved = select(corrections).where(*its(corrections))
    return Story(
        ticket_id,
        tuple(map(_revision, tx.execute(seen.order_by(revisions.c.seen_at, revisions.c.version)))),
        tuple(map(_submission, tx.execute(asked.order_by(submissions.c.id)))),
        tuple(map(_call, tx.execute(called.order_by(model_calls.c.id)))),
        tuple(map(_decided, tx.execute(made.order_by(decisions.c.decided_at)))),
        tuple(map(_write, tx.execute(written.order_by(writes.c.id)))),
        tuple(map(_undo, tx.execute(taken_back.order_by(undos.c.id)))),
        tuple(map(_correction, tx.execute(moved.order_by(corrections.c.id)))),
    )


def _decided(row: AnyRow) -> DecidedRow:
    return DecidedRow(row.submission_id, decision_from(row), row.pass_id)


def _correction(row: AnyRow) -> CorrectionRow:
    return CorrectionRow(row.version, row.from_group, row.to_group, from_ms(row.seen_at))


def _revision(row: AnyRow) -> RevisionRow:
    return RevisionRow(
        row.helpdesk,
        row.version,
        row.fingerprint,
        Disposition(row.disposition),
        row.reason,
        from_ms(row.seen_at),
        row.pass_id,
    )


def _submission(row: AnyRow) -> SubmissionRow:
    return SubmissionRow(
        row.id,
        row.helpdesk,
        row.generation,
        row.ticket,
        row.state,
        row.reason,
        row.attempts + row.lapses,
        from_ms(row.seen_at),
        maybe_from_ms(row.waiting_since),
        from_ms(row.run_after) if row.run_after else None,
        maybe_from_ms(row.erased_at),
        Erasure(row.erased_because) if row.erased_because else None,
        reply_in(row),
        Arrival(row.arrived_by),
    )


def _call(row: AnyRow) -> CallRow:
    return CallRow(
        row.id,
        row.submission_id,
        Tier(row.tier),
        row.try_no,
        row.model,
        row.state,
        row.error,
        from_micro(row.reserve_micro_usd),
        None if row.cost_micro_usd is None else from_micro(row.cost_micro_usd),
        row.answer,
        from_ms(row.started_at),
        maybe_from_ms(row.finished_at),
    )


def _write(row: AnyRow) -> WriteRow:
    return WriteRow(
        row.decision_id,
        row.state,
        Outcome(row.outcome) if row.outcome else None,
        row.reason,
        row.attempts + row.lapses,
        row.maybe_sent,
        row.seen,
        row.after_version,
        maybe_from_ms(row.after_at),
        row.after_group,
        maybe_from_ms(row.ended_at),
    )


def _undo(row: AnyRow) -> UndoRow:
    return UndoRow(
        row.decision_id,
        row.pass_id,
        row.state,
        Outcome(row.outcome) if row.outcome else None,
        row.reason,
        row.attempts,
        row.after_group,
        maybe_from_ms(row.ended_at),
    )
