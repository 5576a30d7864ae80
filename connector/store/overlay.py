"""A rehearsal: a ledger that knows what the real database knows and writes only to memory."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from sqlalchemy import Connection, Select, Table, func, insert, or_, select

from connector.domain.budget import DailyBudget
from connector.domain.decision import OurRouting
from connector.domain.ticket import History
from connector.pipeline.role import Lane
from connector.ports import Event
from connector.store.feed import recall
from connector.store.ledger import SqlLedger
from connector.store.replies import routings
from connector.store.rows import insert_new
from connector.store.spending import Spending, spent_since
from connector.store.store import Store
from connector.store.tables import (
    WAITING,
    checkpoints,
    corrections,
    decisions,
    model_calls,
    revisions,
    submissions,
    tombstones,
    writes,
)

_FREE = {"lease_owner": None, "lease_until": 0}  # nobody else works on the copy


def overlay(
    base: Store,
    scratch: Store,
    helpdesk: str,
    worker: str,
    *,
    most: int = 10_000,
    budget: DailyBudget | None = None,
    own: DailyBudget | None = None,
    tell: Callable[[Event], None] = lambda _: None,
) -> SqlLedger:
    """A ledger on ``scratch``, an empty store in memory, that begins where ``base`` is now.

    Copies the checkpoint, the tombstones, what waits (at most ``most`` submissions and as many writes) and,
    for each page, what is known of its tickets.  ``base`` is only read.  Against ``budget`` counts what
    ``base`` has on record now, and what is paid for here; against ``own`` what of it is this helpdesk's.
    """
    _copy_waiting(base, scratch, helpdesk, most)
    memory = _Memory(base, scratch, helpdesk)
    spending: Spending | None = None
    for limit, whose in ((budget, None), (own, helpdesk)):
        if limit is not None:
            spending = _spending(base, scratch, Spending(limit, tell, whose, spending), limit, whose)
    return scratch.ledger(helpdesk, worker, memory=memory, spending=spending)


def _spending(
    base: Store, scratch: Store, spending: Spending, budget: DailyBudget, helpdesk: str | None
) -> Spending:
    """``spending``, which begins with what is on record in ``base``."""
    now = base.clock.now()
    with base.database.read("spent") as tx:
        spent = spent_since(tx, budget.day_began(now), helpdesk)
    with scratch.database.read("copied_calls") as tx:
        copied = tx.scalar(select(func.max(model_calls.c.id)))
    spending.begin_with(spent, copied or 0, now)
    return spending


class _Memory:
    """What the real database knows of tickets; their revisions are copied so that duplicates are noticed."""

    def __init__(self, base: Store, scratch: Store, helpdesk: str) -> None:
        self._base = base
        self._scratch = scratch
        self._helpdesk = helpdesk

    def routings(self, ticket_ids: Sequence[str]) -> Mapping[str, OurRouting]:
        with self._base.database.read("routings") as tx:
            return routings(tx, self._helpdesk, ticket_ids)

    def __call__(self, ticket_ids: Sequence[str]) -> Mapping[str, History]:
        with self._base.database.read("history") as tx:
            known = recall(tx, self._helpdesk, ticket_ids)
            copies = [
                (table, _rows(tx, _about(table, self._helpdesk, ticket_ids)))
                for table in (revisions, corrections)
            ]
        with self._scratch.database.write("remember") as tx:
            for table, rows in copies:
                if rows:
                    tx.execute(insert_new(tx, table), rows)
        return known


def _about(table: Table, helpdesk: str, ticket_ids: Sequence[str]) -> Select[Any]:
    # Without its number, or a correction could meet one that was numbered here.
    columns = [column for column in table.c if column.name != "id"]
    chosen = select(*columns).where(table.c.helpdesk == helpdesk, table.c.ticket_id.in_(ticket_ids))
    return chosen.order_by(table.c.seen_at)


def _copy_waiting(base: Store, scratch: Store, helpdesk: str, most: int) -> None:
    sources = _waiting(helpdesk, most)
    with base.database.read("copy_waiting") as tx:
        copies = [(table, _rows(tx, source)) for table, source in sources]
    with scratch.database.write("copy_waiting") as tx:
        for table, rows in copies:
            if rows:
                free = _FREE if "lease_owner" in table.c else {}
                tx.execute(insert(table), [row | free for row in rows])


def _waiting(helpdesk: str, most: int) -> list[tuple[Table, Select[Any]]]:
    """What to copy from each table, parents first."""

    def first(table: Table) -> Select[Any]:
        live = table.c.lane == Lane.LIVE.value
        due = select(table.c.id).where(table.c.helpdesk == helpdesk, WAITING, live)
        return due.order_by(table.c.run_after, table.c.id).limit(most)

    undecided, unwritten = first(submissions), first(writes)
    decided = select(decisions.c.submission_id).join(writes).where(writes.c.id.in_(unwritten))
    carried_out = select(writes.c.decision_id).where(writes.c.id.in_(unwritten))
    return [
        (checkpoints, select(checkpoints).where(checkpoints.c.helpdesk == helpdesk)),
        (tombstones, select(tombstones).where(tombstones.c.helpdesk == helpdesk)),
        (
            submissions,
            select(submissions).where(or_(submissions.c.id.in_(undecided), submissions.c.id.in_(decided))),
        ),
        (model_calls, select(model_calls).where(model_calls.c.submission_id.in_(undecided))),
        (decisions, select(decisions).where(decisions.c.id.in_(carried_out))),
        (writes, select(writes).where(writes.c.id.in_(unwritten))),
    ]


def _rows(tx: Connection, source: Select[Any]) -> list[dict[str, Any]]:
    return [dict(row) for row in tx.execute(source).mappings()]
