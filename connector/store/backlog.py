"""The backlog of a backfill: tickets of the past, taken into the ledger beside the feed's checkpoint."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from sqlalchemy import delete, distinct, func, select, update

from connector.domain.ticket import Disposition, Ticket, Unreadable
from connector.pipeline.backfill import Experience
from connector.pipeline.role import Lane
from connector.ports import Clock, Screened
from connector.store.columns import from_micro, to_ms
from connector.store.feed import Stamp, recall, store
from connector.store.tables import WAITING, checkpoints, model_calls, revisions, submissions, writes
from connector.store.transactions import Database, repeated


class SqlBacklog:
    """A `Backlog` of the pipeline; errors as for the ledger."""

    def __init__(self, database: Database, clock: Clock, helpdesk: str) -> None:
        self._database = database
        self._clock = clock
        self._helpdesk = helpdesk

    @repeated
    def admit(self, pass_id: str, tickets: Sequence[Ticket], unreadable: Sequence[Unreadable]) -> int:
        ours = select(checkpoints.c.helpdesk).where(checkpoints.c.helpdesk == self._helpdesk)
        stamp = Stamp(self._helpdesk, pass_id, to_ms(self._clock.now()), Lane.BACKFILL)
        with self._database.write("admit") as tx:
            tx.execute(ours.with_for_update())  # whoever stores a page holds this row: one after the other
            known = recall(tx, self._helpdesk, [ticket.id for ticket in tickets])
            too_old = [each for each, past in known.items() if past.verdict is Disposition.TOO_OLD]
            # They were too old for the service and nothing was done with them: their story begins now.
            tx.execute(
                delete(revisions).where(
                    revisions.c.helpdesk == self._helpdesk, revisions.c.ticket_id.in_(too_old)
                )
            )
            new = [
                Screened(ticket, Disposition.ORIGINAL)
                for ticket in tickets
                if ticket.id not in known or ticket.id in too_old
            ]
            return store(tx, stamp, new, unreadable, "")[Disposition.ORIGINAL]

    @repeated
    def take_over(self) -> None:
        with self._database.write("take_over_backlog") as tx:
            for table in (submissions, writes):
                held = (table.c.state == "leased") & (table.c.lane == Lane.BACKFILL.value)
                mine = update(table).where(table.c.helpdesk == self._helpdesk, WAITING, held)
                tx.execute(mine.values(lease_until=0))

    @repeated
    def left(self) -> int:
        mine = [
            select(func.count()).where(
                table.c.helpdesk == self._helpdesk, WAITING, table.c.lane == Lane.BACKFILL.value
            )
            for table in (submissions, writes)
        ]
        with self._database.read("left") as tx:
            return sum(int(tx.scalar(each) or 0) for each in mine)

    @repeated
    def experience(self, since: datetime) -> Experience | None:
        calls = model_calls.c
        asked = (
            select(
                func.sum(calls.cost_micro_usd),
                func.count(distinct(calls.submission_id)),
                func.sum(calls.finished_at - calls.started_at),
            )
            .join_from(model_calls, submissions, calls.submission_id == submissions.c.id)
            .where(
                submissions.c.helpdesk == self._helpdesk,
                calls.state.in_(["ok", "unusable"]),
                calls.started_at >= to_ms(since),
                calls.batch.is_(None),
            )
        )
        with self._database.read("experience") as tx:
            cost, tickets, milliseconds = tx.execute(asked).one()
        if not tickets:
            return None
        return Experience(tickets, from_micro(int(cost)) / tickets, float(milliseconds) / 1000 / tickets)
