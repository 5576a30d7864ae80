"""What the ledger tells people: lists, totals, and the whole story of one ticket."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any

from sqlalchemy import Connection, and_, func, select

from connector.domain.decision import Cause, Decision, Kind, Outcome
from connector.pipeline.retry import Parked
from connector.store.columns import AnyRow, from_micro, from_ms, maybe_from_ms, to_ms
from connector.store.overview import Overview, look
from connector.store.processes import Sign, last_sign
from connector.store.shadows import ShadowTotal, count
from connector.store.shelf import find
from connector.store.spending import spent_since
from connector.store.story import Story, helpdesks_of, tell
from connector.store.tables import (
    checkpoints,
    corrections,
    decisions,
    model_calls,
    passes,
    submissions,
    undos,
    writes,
)
from connector.store.transactions import Database
from connector.store.verdicts import DECISION, decision_from

_WITH_WRITE = (
    select(
        decisions.c.helpdesk,
        decisions.c.ticket_id,
        decisions.c.pass_id,
        *DECISION,
        writes.c.outcome,
        writes.c.reason.label("write_reason"),
        submissions.c.generation,
        undos.c.ended_at.label("undone_at"),
    )
    .join_from(decisions, writes, writes.c.decision_id == decisions.c.id)
    .join(submissions, decisions.c.submission_id == submissions.c.id)
    .join(
        undos, and_(undos.c.write_id == writes.c.id, undos.c.outcome == Outcome.APPLIED.value), isouter=True
    )
    .order_by(decisions.c.decided_at.desc(), decisions.c.id)
)


@dataclass(frozen=True, slots=True)
class DecisionRow:
    """One decision and what became of its write; ``outcome`` is None while the write waits.

    ``undone_at`` is when the write was taken back, None as long as it stands; ``generation`` counts how often
    the ticket was decided about.
    """

    helpdesk: str
    ticket_id: str
    decision: Decision
    pass_id: str | None
    outcome: Outcome | None
    write_reason: str | None
    undone_at: datetime | None = None
    generation: int = 1


@dataclass(frozen=True, slots=True)
class PassRow:
    """One run of all stages; one without an end was cut off, or still runs.

    ``finished_at`` of a service's pass is moved on at every interval while nothing happens in it.
    """

    id: str
    mode: str
    worker: str
    started_at: datetime
    finished_at: datetime | None
    summary: Mapping[str, Any] | None


@dataclass(frozen=True, slots=True)
class ModelTotal:
    """What one model was asked and what it cost; ``lost`` calls count at their reserve."""

    model: str
    tier: str
    calls: int
    lost: int
    input_tokens: int
    output_tokens: int
    cache_write_tokens: int
    cache_read_tokens: int
    cost_usd: Decimal


@dataclass(frozen=True, slots=True)
class Totals:
    """Counts since a moment, by the names that the ledger uses; tier "none": no tier was asked."""

    decisions: int
    by_kind: Mapping[str, int]
    by_cause: Mapping[str, int]
    by_tier: Mapping[str, int]
    by_team: Mapping[str, int]
    by_outcome: Mapping[str, int]
    models: tuple[ModelTotal, ...]
    corrections: int  # tickets that people moved after our write
    undone: int  # writes that were taken back
    waiting_submissions: int
    waiting_writes: int
    cost_usd: Decimal


class Reports:
    """The read side of a store, over all of its helpdesks; errors as for the ledger."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def decisions(
        self,
        limit: int | None = 50,
        since: datetime | None = None,
        team: str | None = None,
        kind: Kind | str | None = None,
        cause: Cause | str | None = None,
        outcome: Outcome | str | None = None,
        ticket: str | None = None,
        helpdesk: str | None = None,
    ) -> list[DecisionRow]:
        """The newest decisions, newest first; every filter narrows."""
        wanted = {
            decisions.c.team: team,
            decisions.c.kind: kind,
            decisions.c.cause: cause,
            writes.c.outcome: outcome,
            decisions.c.ticket_id: ticket,
            decisions.c.helpdesk: helpdesk,
        }
        filters = [column == str(value) for column, value in wanted.items() if value is not None]
        if since is not None:
            filters = [*filters, decisions.c.decided_at >= to_ms(since)]
        with self._database.read("decisions") as tx:
            return [_decision_row(row) for row in tx.execute(_WITH_WRITE.where(*filters).limit(limit))]

    def parked(
        self, limit: int | None = 50, since: datetime | None = None, helpdesk: str | None = None
    ) -> list[Parked]:
        """What failed and waits for a person's word, at one helpdesk or at all; newest first."""
        with self._database.read("parked") as tx:
            return find(tx, since, helpdesk=helpdesk)[::-1][:limit]

    def helpdesks_of(self, ticket_id: str) -> tuple[str, ...]:
        """The names of the helpdesks that have a ticket with this id, as far as the ledger knows."""
        with self._database.read("helpdesks_of") as tx:
            return helpdesks_of(tx, ticket_id)

    def story(self, ticket_id: str, helpdesk: str | None = None) -> Story:
        """Everything about one ticket, in the order it happened; empty when it was never seen.

        Ids of two helpdesks may be equal: without ``helpdesk`` it is the first of `helpdesks_of`.
        """
        with self._database.read("story") as tx:
            known_to = (helpdesk,) if helpdesk is not None else helpdesks_of(tx, ticket_id)
            return tell(tx, ticket_id, next(iter(known_to), ""))

    def totals(self, since: datetime | None = None) -> Totals:
        """Counts and cost since a moment, or of all time."""
        start = 0 if since is None else to_ms(since)
        with self._database.read("totals") as tx:
            return _totals(tx, start)

    def shadows(self, since: datetime | None = None, helpdesk: str | None = None) -> tuple[ShadowTotal, ...]:
        """How often each shadow class was answered since a moment, the most frequent first."""
        with self._database.read("shadows") as tx:
            return count(tx, 0 if since is None else to_ms(since), helpdesk)

    def spent_usd(self, since: datetime) -> Decimal:
        """What the model calls since a moment cost; one in flight, or lost, counts at its reserve."""
        with self._database.read("spent") as tx:
            return spent_since(tx, since)

    def last_poll(self, helpdesk: str) -> datetime | None:
        """When a page of this helpdesk was last stored, be it an empty one; None: never."""
        with self._database.read("last_poll") as tx:
            at = tx.scalar(select(checkpoints.c.polled_at).where(checkpoints.c.helpdesk == helpdesk))
        return maybe_from_ms(at)

    def last_pass(self) -> PassRow | None:
        """The pass that began last."""
        with self._database.read("last_pass") as tx:
            row = tx.execute(select(passes).order_by(passes.c.started_at.desc()).limit(1)).one_or_none()
        if row is None:
            return None
        return PassRow(
            row.id, row.mode, row.worker, from_ms(row.started_at), maybe_from_ms(row.finished_at), row.summary
        )

    def last_sign(self, now: datetime, within: timedelta) -> Sign | None:
        """When a process last began, ended or noted a pass, and the trouble of all that did so ``within``.

        What seems to happen in the future was written before the clock was set back.  None: nobody ever.
        """
        with self._database.read("last_sign") as tx:
            return last_sign(tx, now, within)

    def overview(self, since: datetime, now: datetime, within: timedelta) -> Overview:
        """What waits, who is at work, and how it went since a moment.

        A process that showed no life ``within`` counts as ended.
        """
        with self._database.read("overview") as tx:
            return look(tx, since, now, within)


def _decision_row(row: AnyRow) -> DecisionRow:
    return DecisionRow(
        helpdesk=row.helpdesk,
        ticket_id=row.ticket_id,
        decision=decision_from(row),
        pass_id=row.pass_id,
        outcome=Outcome(row.outcome) if row.outcome else None,
        write_reason=row.write_reason,
        undone_at=maybe_from_ms(row.undone_at),
        generation=row.generation,
    )


def _totals(tx: Connection, start: int) -> Totals:
    recent = decisions.c.decided_at >= start

    # One look at the decisions for all four counts: their rows are long.
    axes = {name: func.coalesce(decisions.c[name], "none") for name in ("kind", "cause", "tier", "team")}
    counted = tx.execute(select(*axes.values(), func.count()).where(recent).group_by(*axes.values())).all()

    def by(name: str) -> dict[str, int]:
        found: Counter[str] = Counter()
        for row in counted:
            found[row[list(axes).index(name)]] += row[-1]
        return dict(sorted(found.items()))

    outcomes = (
        select(writes.c.outcome, func.count())
        .join_from(writes, decisions, writes.c.decision_id == decisions.c.id)
        .where(recent, writes.c.outcome.is_not(None))
        .group_by(writes.c.outcome)
        .order_by(writes.c.outcome)
    )
    kinds = by("kind")
    models = _model_totals(tx, start)
    moved = select(func.count()).where(corrections.c.seen_at >= start)
    taken_back = select(func.count()).where(
        undos.c.outcome == Outcome.APPLIED.value, undos.c.ended_at >= start
    )
    undecided = select(func.count()).where(submissions.c.state != "decided")
    return Totals(
        decisions=sum(kinds.values()),
        by_kind=kinds,
        by_cause=by("cause"),
        by_tier=by("tier"),
        by_team=by("team"),
        by_outcome={row[0]: row[1] for row in tx.execute(outcomes)},
        models=models,
        corrections=tx.scalar(moved) or 0,
        undone=tx.scalar(taken_back) or 0,
        waiting_submissions=tx.scalar(undecided) or 0,
        waiting_writes=tx.scalar(select(func.count()).where(writes.c.state != "done")) or 0,
        cost_usd=sum((each.cost_usd for each in models), Decimal(0)),
    )


def _model_totals(tx: Connection, start: int) -> tuple[ModelTotal, ...]:
    calls = model_calls.c
    tokens = ("input_tokens", "output_tokens", "cache_write_tokens", "cache_read_tokens")
    # A call under way counts like a lost one: at what it may cost.
    price = func.coalesce(calls.cost_micro_usd, calls.reserve_micro_usd)
    rows = tx.execute(
        select(
            calls.model,
            calls.tier,
            func.count().label("calls"),
            func.count().filter(calls.state == "lost").label("lost"),
            *(func.coalesce(func.sum(calls[name]), 0).label(name) for name in tokens),
            func.sum(price).label("cost"),
        )
        .where(calls.started_at >= start)
        .group_by(calls.model, calls.tier)
        .order_by(calls.model, calls.tier)
    )
    return tuple(
        ModelTotal(
            model=row.model,
            tier=row.tier,
            calls=row.calls,
            lost=row.lost,
            input_tokens=int(row.input_tokens),  # PostgreSQL sums whole numbers to a Decimal
            output_tokens=int(row.output_tokens),
            cache_write_tokens=int(row.cache_write_tokens),
            cache_read_tokens=int(row.cache_read_tokens),
            cost_usd=from_micro(int(row.cost)),
        )
        for row in rows
    )
