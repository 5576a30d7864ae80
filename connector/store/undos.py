"""The writes that are being taken back: chosen, on record before anything is sent, ended once."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from sqlalchemy import ColumnElement, Connection, Select, and_, bindparam, exists, func, or_, select, update

from connector.domain.decision import Applied, Outcome
from connector.domain.ticket import Ticket
from connector.pipeline.undo import Selection, UndoClaim
from connector.ports import Clock
from connector.store import queues, verdicts
from connector.store.columns import AnyRow, to_ms
from connector.store.rows import insert_new
from connector.store.tables import corrections, decisions, undos, writes
from connector.store.transactions import Database, repeated

_UNDONE = (Outcome.APPLIED.value, Outcome.NO_OP.value)
_OURS = update(undos).where(undos.c.write_id == bindparam("of_write"))
_ASK = _OURS.values(pass_id=bindparam("for_pass"))
# Not what another process works on, and not what it has just undone.
_AGAIN = _OURS.where(
    undos.c.state != "leased",
    or_(undos.c.outcome.is_(None), and_(*(undos.c.outcome != each for each in _UNDONE))),
).values(state="pending", outcome=None, reason=None, ended_at=None, run_after=0, attempts=0, lapses=0)


class SqlUndoQueue:
    """An `UndoQueue` for one worker at one helpdesk.  `SqlLedger.release` gives its leases back too."""

    def __init__(
        self, database: Database, clock: Clock, helpdesk: str, worker: str, *, lease_seconds: float = 180.0
    ) -> None:
        self._database = database
        self._clock = clock
        self._helpdesk = helpdesk
        self._worker = worker
        self._lease_ms = round(lease_seconds * 1000)

    def look(self, chosen: Selection) -> Sequence[UndoClaim]:
        """What `enlist` would choose, without leases; changes nothing."""
        which = _choose(self._helpdesk, chosen)
        with self._database.read("look_undos") as tx:
            return _claims(tx, which.subquery("chosen"), {})

    @repeated
    def enlist(self, pass_id: str, chosen: Selection) -> int:
        asked = or_(undos.c.pass_id.is_(None), undos.c.pass_id != pass_id)
        which = _choose(self._helpdesk, chosen).where(asked).order_by(writes.c.id)
        with self._database.write("enlist_undos") as tx:
            found = tx.execute(which).all()
            if found:
                self._ask(tx, pass_id, found)
        return len(found)

    def _ask(self, tx: Connection, pass_id: str, found: Sequence[AnyRow]) -> None:
        new = [
            {
                "write_id": row.id,
                "helpdesk": self._helpdesk,
                "ticket_id": row.ticket_id,
                "pass_id": pass_id,
            }
            for row in found
        ]
        tx.execute(insert_new(tx, undos), new)
        tx.execute(_ASK, [{"of_write": row.id, "for_pass": pass_id} for row in found])
        tx.execute(_AGAIN, [{"of_write": row.id} for row in found])

    @repeated
    def claim(self, pass_id: str, limit: int) -> Sequence[UndoClaim]:
        if limit < 1:
            return ()
        with self._database.write("claim_undos") as tx:
            rows = queues.claim(
                tx,
                queues.CLAIM_UNDOS,
                self._helpdesk,
                self._worker,
                self._lease_ms,
                limit,
                of_pass=pass_id,
            )
            if not rows:
                return ()
            claimed = select(undos.c.write_id.label("id")).where(undos.c.id.in_([row.id for row in rows]))
            return _claims(tx, claimed.subquery("claimed"), {row.write_id: row for row in rows})

    @repeated
    def intend(self, sends: Sequence[tuple[UndoClaim, Ticket]]) -> None:
        with self._database.write("intend_undos") as tx:
            verdicts.intend(tx, queues.INTEND_UNDO, sends, self._lease_ms)

    @repeated
    def end(self, claim: UndoClaim, outcome: Outcome, applied: Applied | None, reason: str) -> None:
        values = verdicts.ending(outcome, applied, reason, to_ms(self._clock.now()))
        with self._database.write("end_undo") as tx:
            queues.change(tx, queues.END_UNDO, claim, values)

    @repeated
    def end_all(self, ended: Sequence[tuple[UndoClaim, Applied]]) -> None:
        at = to_ms(self._clock.now())
        with self._database.write("end_undos") as tx:
            changes = [
                (claim, verdicts.ending(applied.outcome, applied, applied.detail, at))
                for claim, applied in ended
            ]
            queues.change_all(tx, queues.END_UNDO, changes)

    @repeated
    def defer(
        self, claim: UndoClaim, seconds: float, reason: str, *, counts: bool, sent: bool = False
    ) -> None:
        values = {"why": reason, "delay_ms": round(seconds * 1000), "given_back": 0 if counts else 1}
        with self._database.write("defer_undo") as tx:
            queues.change(tx, queues.PUT_BACK_UNDO, claim, values | queues.sent_before(claim, sent=sent))

    def due(self, pass_id: str) -> tuple[int, float | None]:
        with self._database.read("due_undos") as tx:
            mine = undos.c.pass_id == pass_id
            waiting = queues.count_waiting(tx, undos, self._helpdesk, self._worker, mine)
        next_ms = waiting.next_ms
        return waiting.ours + waiting.elsewhere, None if next_ms is None else max(0, next_ms) / 1000


class RehearsedUndos:
    """An `UndoQueue` that hands out what would be undone and keeps nothing; what is deferred comes again."""

    def __init__(self, chosen: Sequence[UndoClaim], clock: Clock) -> None:
        self._unlisted = list(chosen)
        self._clock = clock
        self._waiting: list[tuple[float, UndoClaim]] = []  # when each is due, in seconds of the clock

    def enlist(self, pass_id: str, chosen: Selection) -> int:  # noqa: ARG002 - the port's signature
        found, self._unlisted = self._unlisted, []
        self._waiting += [(self._clock.monotonic(), claim) for claim in found]
        return len(found)

    def claim(self, pass_id: str, limit: int) -> Sequence[UndoClaim]:  # noqa: ARG002 - the port's signature
        now = self._clock.monotonic()
        batch = [each for each in self._waiting if each[0] <= now][:limit]
        self._waiting = [each for each in self._waiting if each not in batch]
        return [claim for _, claim in batch]

    def intend(self, sends: Sequence[tuple[UndoClaim, Ticket]]) -> None: ...

    def end(self, claim: UndoClaim, outcome: Outcome, applied: Applied | None, reason: str) -> None: ...

    def end_all(self, ended: Sequence[tuple[UndoClaim, Applied]]) -> None: ...

    def defer(
        self,
        claim: UndoClaim,
        seconds: float,
        reason: str,  # noqa: ARG002 - the port's signature
        *,
        counts: bool,  # noqa: ARG002 - the port's signature
        sent: bool = False,  # noqa: ARG002 - the port's signature
    ) -> None:
        self._waiting.append((self._clock.monotonic() + seconds, claim))

    def due(self, pass_id: str) -> tuple[int, float | None]:  # noqa: ARG002 - the port's signature
        if not self._waiting:
            return 0, None
        return len(self._waiting), max(0.0, min(due for due, _ in self._waiting) - self._clock.monotonic())


def _choose(helpdesk: str, chosen: Selection) -> Select[Any]:
    """The writes that took effect, were chosen and are not undone, the newest of each ticket."""
    took_effect = func.coalesce(writes.c.after_at, writes.c.ended_at)
    wanted: list[ColumnElement[bool]] = []
    if chosen.since is not None:
        wanted.append(took_effect >= to_ms(chosen.since))
    if chosen.pass_id is not None:
        wanted.append(decisions.c.pass_id == chosen.pass_id)
    if chosen.tickets:
        wanted.append(writes.c.ticket_id.in_(chosen.tickets))
    later, undone = writes.alias("later"), undos.alias("undone")
    still_stands = (
        select(later.c.id)
        .join_from(
            later, undone, and_(undone.c.write_id == later.c.id, undone.c.outcome.in_(_UNDONE)), isouter=True
        )
        .where(
            later.c.helpdesk == writes.c.helpdesk,
            later.c.ticket_id == writes.c.ticket_id,
            later.c.id > writes.c.id,
            later.c.outcome == Outcome.APPLIED.value,
            undone.c.id.is_(None),
        )
    )
    return (
        select(writes.c.id, writes.c.ticket_id)
        .join_from(writes, decisions, writes.c.decision_id == decisions.c.id)
        .join(undos, undos.c.write_id == writes.c.id, isouter=True)
        .where(
            writes.c.helpdesk == helpdesk,
            writes.c.outcome == Outcome.APPLIED.value,
            writes.c.seen.is_not(None),
            or_(undos.c.outcome.is_(None), undos.c.outcome.not_in(_UNDONE)),
            *wanted,
            ~exists(still_stands),
        )
    )


def _claims(tx: Connection, which: Any, leases: dict[int, AnyRow]) -> list[UndoClaim]:  # noqa: ANN401 - a subquery
    """Claims on the writes of a subquery, with their decisions; without a lease where there is none."""
    moved = exists().where(
        corrections.c.helpdesk == writes.c.helpdesk,
        corrections.c.ticket_id == writes.c.ticket_id,
        corrections.c.seen_at >= writes.c.ended_at,
    )
    whole = (
        select(writes, decisions.c.plan, moved.label("is_corrected"))
        .join_from(writes, which, writes.c.id == which.c.id)
        .join(decisions, writes.c.decision_id == decisions.c.id)
        .order_by(writes.c.id)
    )
    return [_claim(row, leases.get(row.id)) for row in tx.execute(whole)]


def _claim(write: AnyRow, lease: AnyRow | None) -> UndoClaim:
    return UndoClaim(
        id=lease.id if lease else 0,
        lease_epoch=lease.lease_epoch if lease else 0,
        ticket_id=write.ticket_id,
        decision_id=write.decision_id,
        route=write.plan,
        before=write.seen,
        left=write.left_as,
        left_group=write.after_group,
        is_corrected=bool(write.is_corrected),
        attempts=lease.attempts if lease else 1,
        sent_to=lease.seen if lease and lease.maybe_sent else None,
    )
