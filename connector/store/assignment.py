"""Time to assignment: how long tickets waited from their creation until our write took effect."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import CTE, Connection, Select, bindparam, case, func, select

from connector.domain.decision import Outcome
from connector.domain.ticket import Arrival
from connector.pipeline.role import Lane
from connector.store.columns import AnyRow, to_ms
from connector.store.tables import decisions, passes, submissions, writes

_SERVICE, _ONCE = "live", "once"  # how the passes of a service are named, and those of `run --once`
_KNOWN_BEFORE_MS = 7 * 86_400_000  # how far back to look for who was at work when the period began
_BACKLOG, _UNTIMED = "backlog", "untimed"


@dataclass(frozen=True, slots=True)
class AssignmentTime:
    """How long the tickets waited that first reached us one way; percentiles by nearest rank."""

    arrived_by: Arrival
    tickets: int
    p50_seconds: float
    p95_seconds: float
    longest_seconds: float


@dataclass(frozen=True, slots=True)
class Assignment:
    """The time from a ticket's creation to the write that gave it its group, and what was left out of it.

    Both ends are the helpdesk's own stamps on the ticket, ``created_at`` and the ``updated_at`` that our
    write left: by one clock, so ours may be wrong.  Helpdesks stamp whole seconds: a single time may be off
    by almost one, either way.  Where the write was read back later, somebody's change in between counts as
    ours, so that the time is rather too long than too short.

    It counts the first write to an original that took effect.  Not backfills, and not ``backlog``: what had
    been opened before anybody was there to see it, be it before the first poll ever or while nothing ran.
    A service is there from the start of the process that took the ticket in, by our clock; a `run --once`
    stands for the time since the pass before it.  ``untimed`` took effect, but the ticket was not read after.
    """

    times: tuple[AssignmentTime, ...]
    backlog: int
    untimed: int


def time_to_assignment(tx: Connection, start: datetime) -> Assignment:
    """The times of what was decided since a moment.

    The database ranks them, so that memory does not grow with their number.
    """
    values = {"start": to_ms(start), "known_from": to_ms(start) - _KNOWN_BEFORE_MS}
    found: dict[str, AnyRow] = {row.what: row for row in tx.execute(_PERCENTILES, values)}
    return Assignment(
        times=tuple(_time(each, found[each.value]) for each in Arrival if each.value in found),
        backlog=found[_BACKLOG].tickets if _BACKLOG in found else 0,
        untimed=found[_UNTIMED].tickets if _UNTIMED in found else 0,
    )


def _time(arrived_by: Arrival, row: AnyRow) -> AssignmentTime:
    return AssignmentTime(arrived_by, row.tickets, row.p50 / 1000, row.p95 / 1000, row.longest / 1000)


def _watches() -> CTE:
    """Since when the tickets that a process took in were waited for: from its start, or the pass before."""
    first = (
        select(passes.c.worker, passes.c.mode, func.min(passes.c.started_at).label("began"))
        .where(passes.c.started_at >= bindparam("known_from"), passes.c.mode.in_([_SERVICE, _ONCE]))
        .group_by(passes.c.worker, passes.c.mode)
        .cte("first_passes")
    )
    before = func.lag(first.c.began).over(order_by=first.c.began)
    since = case((first.c.mode == _SERVICE, first.c.began), else_=before)
    return select(first.c.worker, since.label("since")).cte("watches")


def _taken() -> CTE:
    """Every first write that took effect, with its milliseconds and what it counts as."""
    watches = _watches()
    took = writes.c.after_at - submissions.c.opened_at
    what = case(
        (took.is_(None), _UNTIMED),
        (submissions.c.opened_at >= watches.c.since, submissions.c.arrived_by),
        else_=_BACKLOG,
    )
    return (
        select(what.label("what"), func.coalesce(took, 0).label("took"))
        .join_from(decisions, writes, writes.c.decision_id == decisions.c.id)
        .join(submissions, decisions.c.submission_id == submissions.c.id)
        .join(passes, passes.c.id == submissions.c.pass_id, isouter=True)
        .join(watches, watches.c.worker == passes.c.worker, isouter=True)
        .where(
            decisions.c.decided_at >= bindparam("start"),
            writes.c.outcome == Outcome.APPLIED.value,
            submissions.c.generation == 1,
            submissions.c.lane == Lane.LIVE.value,
        )
        .cte("taken")
    )


def _percentiles() -> Select[tuple[str, int, int, int, int]]:
    taken = _taken()
    ranked = select(
        taken.c.what,
        taken.c.took,
        func.row_number().over(partition_by=taken.c.what, order_by=taken.c.took).label("rank"),
        func.count().over(partition_by=taken.c.what).label("number"),
    ).cte("ranked")
    smallest = func.min(ranked.c.took)
    return select(
        ranked.c.what,
        func.count().label("tickets"),
        smallest.filter(ranked.c.rank * 100 >= ranked.c.number * 50).label("p50"),
        smallest.filter(ranked.c.rank * 100 >= ranked.c.number * 95).label("p95"),
        func.max(ranked.c.took).label("longest"),
    ).group_by(ranked.c.what)


_PERCENTILES = _percentiles()
