"""What an operator looks at first: what waits, who is at work, and how it went lately."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Literal

from sqlalchemy import (
    ColumnElement,
    Connection,
    Select,
    Table,
    and_,
    distinct,
    exists,
    false,
    func,
    not_,
    select,
)

from connector.domain.decision import Cause, Kind, Outcome
from connector.pipeline.retry import Plight
from connector.pipeline.role import Lane
from connector.store.assignment import Assignment, time_to_assignment
from connector.store.columns import NowMs, from_ms, maybe_from_ms, to_ms
from connector.store.processes import Process, living
from connector.store.shelf import count_parked
from connector.store.tables import WAITING, corrections, decisions, submissions, undos, writes

Stage = Literal["triage", "write_back"]


@dataclass(frozen=True, slots=True)
class Queue:
    """What waits for one stage in one lane; ``oldest_at`` is since when the first of it has."""

    stage: Stage
    lane: Lane
    ready: int  # for the next worker that looks
    put_off: int  # until an upstream is better, or a version has settled
    in_hand: int  # of a worker
    in_batch: int  # at the model's vendor
    oldest_at: datetime

    @property
    def total(self) -> int:
        return self.ready + self.put_off + self.in_hand + self.in_batch


@dataclass(frozen=True, slots=True)
class Overview:
    """One look at a ledger.  Of what was decided since a moment: what failed and waits for a person's word,
    how many tickets we routed, and how many of these people moved elsewhere, so far.
    """

    queues: tuple[Queue, ...]  # those in which anything waits
    processes: tuple[Process, ...]
    newest_at: datetime | None  # when an original was last taken in
    parked: Mapping[Plight, int]
    routed: int
    rerouted: int
    assignment: Assignment


def look(tx: Connection, since: datetime, now: datetime, within: timedelta) -> Overview:
    """All of it; a process that showed no life ``within`` counts as ended."""
    newest = tx.scalar(select(submissions.c.seen_at).order_by(submissions.c.id.desc()).limit(1))
    routed, rerouted = _routed(tx, since, now + within)
    return Overview(
        queues=tuple(_queues(tx)),
        processes=tuple(each for each in living(tx, now, within) if not each.is_ended),
        newest_at=maybe_from_ms(newest),
        parked=count_parked(tx, since),
        routed=routed,
        rerouted=rerouted,
        assignment=time_to_assignment(tx, since),
    )


def _queues(tx: Connection) -> Iterator[Queue]:
    for stage, waiting in _WAITING.items():
        for row in tx.execute(waiting):
            yield Queue(
                stage,
                Lane(row.lane),
                ready=row.number - row.put_off - row.in_hand - row.in_batch,
                put_off=row.put_off,
                in_hand=row.in_hand,
                in_batch=row.in_batch,
                oldest_at=from_ms(row.oldest),
            )


def _waiting(table: Table, since: ColumnElement[int], in_batch: ColumnElement[bool]) -> Select[Any]:
    """The rows of a queue counted by lane and by what they wait for."""
    put_off = and_(table.c.state == "pending", table.c.run_after > NowMs(), not_(in_batch))
    in_hand = and_(table.c.state == "leased", table.c.lease_until >= NowMs())
    return (
        select(
            table.c.lane,
            func.count().label("number"),
            func.count().filter(put_off).label("put_off"),
            func.count().filter(in_hand).label("in_hand"),
            func.count().filter(in_batch).label("in_batch"),
            func.min(since).label("oldest"),
        )
        .select_from(table)
        .where(WAITING)
        .group_by(table.c.lane)
        .order_by(table.c.lane.desc())
    )


_WAITING: Mapping[Stage, Select[Any]] = {
    "triage": _waiting(submissions, submissions.c.seen_at, submissions.c.batch.is_not(None)),
    "write_back": _waiting(writes, decisions.c.decided_at, false()).join(
        decisions, decisions.c.id == writes.c.decision_id
    ),
}


def _routed(tx: Connection, since: datetime, until: datetime) -> tuple[int, int]:
    """How many tickets we put into a team's group, and how many of them people moved after our write.

    What was undone is not held against the machine.  ``until`` is the future: with both bounds SQLite begins
    with the decisions, and not with every write there is.
    """
    ours = (
        select(func.count(distinct(writes.c.id)))
        .join_from(decisions, writes, writes.c.decision_id == decisions.c.id)
        .where(
            decisions.c.decided_at.between(to_ms(since), to_ms(until)),
            decisions.c.kind == Kind.ROUTED.value,
            decisions.c.cause != Cause.MATERIAL_CHANGE.value,  # it moves nothing
            writes.c.outcome == Outcome.APPLIED.value,
            ~exists().where(undos.c.write_id == writes.c.id, undos.c.outcome == Outcome.APPLIED.value),
        )
    )
    of_ticket = and_(
        corrections.c.helpdesk == writes.c.helpdesk, corrections.c.ticket_id == writes.c.ticket_id
    )
    moved = ours.join(corrections, of_ticket).where(
        corrections.c.seen_at >= to_ms(since), corrections.c.seen_at >= writes.c.ended_at
    )
    return tx.execute(ours).scalar_one(), tx.execute(moved).scalar_one()
