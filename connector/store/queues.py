"""Rows that wait to be worked on: claimed by one worker, fenced against every other, and given back."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

from sqlalchemy import (
    ColumnElement,
    Connection,
    Select,
    Table,
    Update,
    and_,
    bindparam,
    case,
    func,
    not_,
    or_,
    select,
    union_all,
    update,
)

from connector.domain.ticket import Ticket
from connector.errors import LeaseLost
from connector.pipeline.role import Lane
from connector.pipeline.undo import UndoClaim
from connector.ports import SubmissionClaim, WriteClaim
from connector.store.columns import AnyRow, NowMs
from connector.store.tables import LEASED, WAITING, checkpoints, submissions, undos, writes

_RANKS = {"urgent": 0, "high": 1, "low": 3}
_ORDINARY = 2
_LONGEST_DELAY_MS = 3_600_000  # the longest that a stage defers anything

ALONE_FROM = 2
"""A row of which so many leases in a row ran out is a suspect: it is worked on alone.

Whoever works on a batch and dies leaves every row of it with one lapse, guilty or not.  The first time all of
them are claimed as usual: most processes are killed by a restart.  The second time each goes alone, and while
it does its worker holds nothing else; only what kills its worker even then is charged with its lapses.
"""


def rank_of(ticket: Ticket) -> int:
    """The place of its submission in the queue; the lower, the sooner."""
    return _RANKS.get(ticket.priority or "", _ORDINARY)


def _lapsed(table: Table) -> ColumnElement[bool]:
    """Whether nobody ended what a worker had claimed: it is dead, or slept for too long."""
    return and_(table.c.state == "leased", table.c.lease_until < NowMs())


def _waits(table: Table) -> ColumnElement[bool]:
    return and_(table.c.state == "pending", table.c.run_after <= NowMs())


def _is_suspect(table: Table) -> ColumnElement[bool]:
    return and_(_lapsed(table), table.c.lapses >= ALONE_FROM - 1)


def claim_statement(
    table: Table,
    order: Sequence[ColumnElement[Any]],
    due: ColumnElement[bool] | None = None,
    *only: ColumnElement[bool],
) -> Update:
    """Lease the first ``:limit`` due rows to ``:worker`` for ``:lease_ms``; returns the rows, in no order.

    The rows are picked in a materialised CTE: inlined, PostgreSQL may run it again for each row and update
    more than the limit (github.com/oban-bg/oban, engines/basic.ex).  Attempts and lapses count here, so that
    work which kills the process is counted too.  SQLite has no row locks and needs none: one writer at a
    time.

    Without a ``due`` of its own it takes what waits and what lapsed, but no suspects.
    """
    if due is None:
        due = or_(_waits(table), and_(_lapsed(table), table.c.lapses < ALONE_FROM - 1))
    picked = (
        select(table.c.id)
        .where(table.c.helpdesk == bindparam("of_helpdesk"), WAITING, due, *only)
        .order_by(*order)
        .limit(bindparam("limit"))
        .with_for_update(skip_locked=True)
        .cte("picked")
        .prefix_with("MATERIALIZED", dialect="postgresql")
    )
    return (
        update(table)
        .where(table.c.id.in_(select(picked.c.id)))
        .values(
            state="leased",
            lease_owner=bindparam("worker"),
            lease_epoch=table.c.lease_epoch + 1,
            lease_until=NowMs() + bindparam("lease_ms"),
            attempts=table.c.attempts + case((table.c.state == "pending", 1), else_=0),
            lapses=table.c.lapses + case((table.c.state == "leased", 1), else_=0),
        )
        .returning(*table.c)
    )


def _in_lane(table: Table) -> ColumnElement[bool]:
    return table.c.lane == bindparam("of_lane")


def _standing(table: Table) -> Select[Any]:
    """How much this worker holds, the most lapses of any of it, and whether ``table`` has suspects."""
    held = union_all(
        *(
            select(each.c.lapses).where(
                each.c.helpdesk == bindparam("of_helpdesk"),
                LEASED,
                each.c.lease_owner == bindparam("worker"),
                each.c.lease_until >= NowMs(),
            )
            for each in (submissions, writes)
        )
    ).subquery("held")
    suspects = select(table.c.id).where(
        table.c.helpdesk == bindparam("of_helpdesk"), LEASED, _is_suspect(table), _in_lane(table)
    )
    return select(
        func.count().label("held"),
        func.coalesce(func.max(held.c.lapses), 0).label("lapses"),
        suspects.exists().label("suspects"),
    ).select_from(held)


@dataclass(frozen=True, slots=True)
class Queue:
    """The statements that claim from one table: as many as wanted, or one suspect alone."""

    together: Update
    alone: Update
    standing: Select[Any]


def _queue(table: Table, *order: ColumnElement[Any], only: Sequence[ColumnElement[bool]] = ()) -> Queue:
    chosen = (_in_lane(table), *only)
    # The suspects that have lapsed least go first: one that kills again does not hold up the innocent.
    alone = claim_statement(table, (table.c.lapses, *order), and_(LEASED, _is_suspect(table)), *chosen)
    return Queue(claim_statement(table, order, None, *chosen), alone, _standing(table))


NOT_IN_BATCH = submissions.c.batch.is_(None)
SUBMISSIONS = _queue(
    submissions, submissions.c.rank, submissions.c.run_after, submissions.c.id, only=(NOT_IN_BATCH,)
)
WRITES = _queue(writes, writes.c.run_after, writes.c.id)

# A person waits for an undo and sees it fail: nobody need be found out.
CLAIM_UNDOS = claim_statement(
    undos,
    (undos.c.run_after, undos.c.id),
    or_(_waits(undos), _lapsed(undos)),
    undos.c.pass_id == bindparam("of_pass"),
)


def claim_due(
    tx: Connection, queue: Queue, helpdesk: str, worker: str, lease_ms: int, limit: int, lane: Lane
) -> Sequence[AnyRow]:
    """Claim what is due: suspects first and one at a time, everything else together.

    Nothing is claimed beside a suspect, and no suspect beside anything, by the same worker from any queue.
    """
    worker_of = {"of_helpdesk": helpdesk, "worker": worker, "of_lane": lane.value}
    standing = tx.execute(queue.standing, worker_of).one()
    if standing.lapses >= ALONE_FROM or (standing.suspects and standing.held):
        return []
    if standing.suspects:
        return claim(tx, queue.alone, helpdesk, worker, lease_ms, 1, of_lane=lane.value)
    return claim(tx, queue.together, helpdesk, worker, lease_ms, limit, of_lane=lane.value)


def deadly_attempts(row: AnyRow) -> int:
    """How often a row outlived its worker, if it did so alone; otherwise others may have been to blame."""
    return int(row.lapses) if row.lapses > ALONE_FROM else 0


def claim(
    tx: Connection, statement: Update, helpdesk: str, worker: str, lease_ms: int, limit: int, **only: object
) -> Sequence[AnyRow]:
    """Claim rows with one of the statements above."""
    values = {"of_helpdesk": helpdesk, "worker": worker, "lease_ms": lease_ms, "limit": limit, **only}
    return tx.execute(statement, values).all()


def fenced(table: Table) -> Update:
    """An UPDATE that reaches row ``:of_id`` only under the lease ``:of_epoch``."""
    return update(table).where(
        table.c.id == bindparam("of_id"),
        table.c.lease_epoch == bindparam("of_epoch"),
        table.c.state == "leased",
    )


def _put_back(table: Table) -> Update:
    return fenced(table).values(
        state="pending",
        lease_owner=None,
        reason=bindparam("why"),
        run_after=NowMs() + bindparam("delay_ms"),
        attempts=table.c.attempts - bindparam("given_back"),
        lapses=0,  # its worker is alive
    )


# Built once: building a statement costs as much as running it.
RENEW_SUBMISSION = fenced(submissions).values(lease_until=NowMs() + bindparam("lease_ms"))
END_SUBMISSION = fenced(submissions).values(state="decided", lease_owner=None)
DISMISS_SUBMISSION = END_SUBMISSION.values(reason=bindparam("why"))
PUT_BACK_SUBMISSION = _put_back(submissions).values(
    waiting_since=func.coalesce(submissions.c.waiting_since, bindparam("since"))
)
RETURN_SUBMISSION = fenced(submissions).values(
    state="pending", lease_owner=None, attempts=submissions.c.attempts - 1, lapses=0
)
PUT_BACK_WRITE = _put_back(writes).values(maybe_sent=bindparam("was_sent"))
INTEND_WRITE = fenced(writes).values(maybe_sent=True, lease_until=NowMs() + bindparam("lease_ms"))
END_WRITE = fenced(writes).values(state="done", lease_owner=None)
PUT_BACK_UNDO = _put_back(undos).values(maybe_sent=bindparam("was_sent"))
INTEND_UNDO = fenced(undos).values(maybe_sent=True, lease_until=NowMs() + bindparam("lease_ms"))
END_UNDO = fenced(undos).values(state="done", lease_owner=None)


def change(
    tx: Connection,
    statement: Update,
    held: SubmissionClaim | WriteClaim | UndoClaim,
    values: Mapping[str, object],
) -> None:
    """Change a claimed row with one of the statements above; always the first statement of its transaction.

    Raises LeaseLost when the claim is no longer ours; nothing is changed then.
    """
    changed = tx.execute(statement, {"of_id": held.id, "of_epoch": held.lease_epoch, **values})
    if changed.rowcount != 1:
        raise LeaseLost(f"the lease on ticket {held.ticket_id} was taken over")


def change_all(
    tx: Connection,
    statement: Update,
    changes: Sequence[tuple[WriteClaim | UndoClaim, Mapping[str, object]]],
) -> None:
    """The same for several rows, whose values have the same names; LeaseLost when any is not ours."""
    # By id: two workers that lock rows in one order cannot block each other.
    in_order = sorted(changes, key=lambda change: change[0].id)
    rows = [{"of_id": held.id, "of_epoch": held.lease_epoch, **values} for held, values in in_order]
    if tx.execute(statement, rows).rowcount != len(rows):
        raise LeaseLost(f"the lease on one of {len(rows)} tickets was taken over")


def sent_before(held: WriteClaim | UndoClaim, *, sent: bool) -> dict[str, object]:
    """Whether a write that is put back may ever have been sent: in this attempt, or in an earlier one.

    What was announced and then certainly not sent leaves no doubt to the worker that goes on with it.
    """
    return {"was_sent": sent or held.sent_to is not None}


class Waiting(NamedTuple):
    """What waits in a queue; ``next_ms`` until the next of our own rows is due, None when there is none."""

    ours: int
    next_ms: int | None
    elsewhere: int  # held by others, under a lease that has not run out


def count_waiting(
    tx: Connection, table: Table, helpdesk: str, worker: str, *only: ColumnElement[bool]
) -> Waiting:
    """Count what waits, what ``worker`` works on, and what others work on."""
    others = and_(table.c.state == "leased", table.c.lease_owner != worker, table.c.lease_until >= NowMs())
    due_at = case((table.c.state == "pending", table.c.run_after), else_=table.c.lease_until)
    counted = select(
        func.count().filter(not_(others)),
        func.min(due_at).filter(not_(others)) - NowMs(),
        func.count().filter(others),
    )
    row = tx.execute(counted.where(table.c.helpdesk == helpdesk, WAITING, *only)).one()
    return Waiting(*row)


def release(tx: Connection, helpdesk: str, worker: str) -> None:
    """Give back every lease of a worker; the attempts do not count."""
    for table in (submissions, writes, undos):
        tx.execute(
            update(table)
            .where(table.c.helpdesk == helpdesk, WAITING, table.c.state == "leased")
            .where(table.c.lease_owner == worker)
            .values(state="pending", lease_owner=None, attempts=table.c.attempts - 1, lapses=0)
        )
    tx.execute(
        update(checkpoints)
        .where(checkpoints.c.helpdesk == helpdesk, checkpoints.c.lease_owner == worker)
        .values(lease_owner=None, lease_until=0)
    )


def take_over(tx: Connection) -> None:
    """End every lease in a file that was just locked: whoever held one is dead.

    Delays longer than any stage asks for come from a clock that was wrong; they end too.
    """
    tx.execute(update(checkpoints).values(lease_owner=None, lease_until=0))
    for table in (submissions, writes, undos):
        tx.execute(update(table).where(WAITING, table.c.state == "leased").values(lease_until=0))
        too_late = table.c.run_after > NowMs() + _LONGEST_DELAY_MS
        tx.execute(update(table).where(WAITING, too_late).values(run_after=0))
