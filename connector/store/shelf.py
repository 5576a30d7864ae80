"""The shelf: what failed and was parked, found again and put back."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from datetime import datetime

from sqlalchemy import ColumnElement, Connection, Select, and_, func, or_, select, update

from connector.domain.decision import Cause, Kind, Outcome
from connector.domain.ticket import Disposition, Ticket
from connector.pipeline.retry import Parked, Plight
from connector.pipeline.role import Lane
from connector.ports import Clock, Screened
from connector.store.columns import AnyRow, from_ms, to_ms
from connector.store.feed import Stamp, recall, store
from connector.store.queues import deadly_attempts
from connector.store.tables import checkpoints, corrections, decisions, revisions, submissions, writes
from connector.store.transactions import Database, repeated
from connector.store.verdicts import next_generation

_IDS_AT_A_TIME = 500  # a statement takes a limited number of values
_PLIGHTS = {Outcome.FAILED.value: Plight.WRITE_FAILED, Outcome.REJECTED.value: Plight.WRITE_REJECTED}
_GIVEN_UP = tuple(_PLIGHTS)
_LEFT_TO_PEOPLE = (Outcome.SUPERSEDED.value, Outcome.GONE.value)  # nothing remains to be done

_AT = func.coalesce(writes.c.ended_at, decisions.c.decided_at)
_later = submissions.alias("later")
_HAS_SUCCESSOR = (
    select(_later.c.id)
    .where(
        _later.c.helpdesk == submissions.c.helpdesk,
        _later.c.ticket_id == submissions.c.ticket_id,
        _later.c.generation > submissions.c.generation,
        _later.c.heard_since.is_(None),  # a second look takes nothing over
    )
    .exists()
)
_WAS_MOVED = (
    select(corrections.c.id)
    .where(
        corrections.c.helpdesk == writes.c.helpdesk,
        corrections.c.ticket_id == writes.c.ticket_id,
        corrections.c.seen_at >= writes.c.ended_at,
    )
    .exists()
)
_FAILED_OPEN = and_(
    decisions.c.kind == Kind.FAILED_OPEN.value,
    or_(writes.c.outcome.is_(None), writes.c.outcome.not_in(_LEFT_TO_PEOPLE)),
)
_DECIDED = (
    select(
        submissions.c.id.label("submission_id"),
        submissions.c.ticket,
        decisions.c.helpdesk,
        decisions.c.ticket_id,
        decisions.c.cause,
        decisions.c.evidence,
        _AT.label("at"),
        writes.c.id.label("write_id"),
        writes.c.outcome,
        writes.c.reason,
        writes.c.after_group,
        writes.c.lapses,
    )
    .join_from(submissions, decisions, decisions.c.submission_id == submissions.c.id)
    .join(writes, writes.c.decision_id == decisions.c.id)
    .where(or_(writes.c.outcome.in_(_GIVEN_UP), _FAILED_OPEN), ~_HAS_SUCCESSOR, ~_WAS_MOVED)
)
_UNREADABLE = (
    select(
        revisions.c.helpdesk,
        revisions.c.ticket_id,
        revisions.c.reason,
        revisions.c.seen_at,
    )
    .where(revisions.c.disposition == Disposition.UNREADABLE.value)
    .order_by(revisions.c.seen_at, revisions.c.fingerprint)
)


class SqlShelf:
    """The parked tickets of one helpdesk, for `connector.pipeline.retry`; errors as for the ledger."""

    def __init__(self, database: Database, clock: Clock, helpdesk: str) -> None:
        self._database = database
        self._clock = clock
        self._helpdesk = helpdesk

    def parked(self, since: datetime | None, ticket_ids: Sequence[str] | None) -> Sequence[Parked]:
        with self._database.read("parked") as tx:
            if ticket_ids is None:
                return find(tx, since, helpdesk=self._helpdesk)
            wanted = list(dict.fromkeys(ticket_ids))
            return [
                each
                for at in range(0, len(wanted), _IDS_AT_A_TIME)
                for each in find(
                    tx, since, helpdesk=self._helpdesk, ticket_ids=wanted[at : at + _IDS_AT_A_TIME]
                )
            ]

    def horizon(self) -> datetime:
        with self._database.read("horizon") as tx:
            at = tx.scalar(select(checkpoints.c.horizon).where(checkpoints.c.helpdesk == self._helpdesk))
        return from_ms(at or 0)

    @repeated
    def write_again(self, parked: Parked) -> bool:
        again = (
            update(writes)
            .where(writes.c.id == parked.key, writes.c.state == "done", writes.c.outcome.in_(_GIVEN_UP))
            .values(
                state="pending",
                outcome=None,
                reason=f"put back; before: {parked.reason}",
                run_after=0,
                lane=Lane.LIVE.value,  # whoever asked for it does not want to wait for the next backfill
                attempts=0,
                lapses=0,
                after_version=None,
                after_at=None,
                after_group=None,
                ended_at=None,
            )
        )
        with self._database.write("write_again") as tx:
            return tx.execute(again).rowcount == 1

    @repeated
    def ask_again(self, parked: Parked, now: Ticket) -> bool:
        with self._database.write("ask_again") as tx:
            row = tx.execute(select(submissions).where(submissions.c.id == parked.key)).one()
            if row.erased_at is not None:
                return False  # just now: what was read before must not come back
            asked = {"ticket": now, "requester": now.requester, "seen_at": to_ms(self._clock.now())}
            return next_generation(tx, row, asked) is not None

    @repeated
    def screen_again(self, screened: Screened) -> bool:
        ours = select(checkpoints.c.helpdesk).where(checkpoints.c.helpdesk == self._helpdesk)
        with self._database.write("screen_again") as tx:
            tx.execute(ours.with_for_update())  # whoever stores a page holds this row: one after the other
            if recall(tx, self._helpdesk, [screened.ticket.id]):
                return False
            stamp = Stamp(self._helpdesk, None, to_ms(self._clock.now()))
            return store(tx, stamp, [screened], (), "")[screened.disposition] == 1


def find(
    tx: Connection,
    since: datetime | None,
    *,
    helpdesk: str | None = None,
    ticket_ids: Sequence[str] | None = None,
) -> list[Parked]:
    """What is parked since a moment, of one helpdesk or of these tickets; the oldest first."""
    decided = _narrowed(_DECIDED, submissions.c.helpdesk, submissions.c.ticket_id, helpdesk, ticket_ids)
    lost = _narrowed(_UNREADABLE, revisions.c.helpdesk, revisions.c.ticket_id, helpdesk, ticket_ids)
    if since is not None:
        decided, lost = decided.where(to_ms(since) <= _AT), lost.where(revisions.c.seen_at >= to_ms(since))
    found = [_decided(row) for row in tx.execute(decided.order_by(submissions.c.id))]
    return sorted([*found, *_still_unreadable(tx, tx.execute(lost))], key=lambda each: each.at)


def count_parked(tx: Connection, since: datetime) -> dict[Plight, int]:
    """How many are parked of what was decided, or could not be read, since a moment; without their words."""
    recent = _DECIDED.where(decisions.c.decided_at >= to_ms(since))
    outcomes = recent.with_only_columns(writes.c.outcome, func.count()).group_by(writes.c.outcome)
    found: Counter[Plight] = Counter()
    for outcome, number in tx.execute(outcomes):
        found[_PLIGHTS.get(outcome, Plight.FAILED_OPEN)] += number
    lost = tx.execute(_UNREADABLE.where(revisions.c.seen_at >= to_ms(since)))
    found[Plight.UNREADABLE] = len(_still_unreadable(tx, lost))
    return {plight: found[plight] for plight in Plight if found[plight]}


def _narrowed(
    statement: Select[tuple[object, ...]],
    of_helpdesk: ColumnElement[str],
    of_ticket: ColumnElement[str],
    helpdesk: str | None,
    ticket_ids: Sequence[str] | None,
) -> Select[tuple[object, ...]]:
    if helpdesk is not None:
        statement = statement.where(of_helpdesk == helpdesk)
    return statement if ticket_ids is None else statement.where(of_ticket.in_(ticket_ids))


def _decided(row: AnyRow) -> Parked:
    given_up = row.outcome in _GIVEN_UP
    deadly = deadly_attempts(row) > 0 if given_up else row.cause == Cause.TOO_MANY_ATTEMPTS
    return Parked(
        key=row.write_id if given_up else row.submission_id,
        helpdesk=row.helpdesk,
        ticket_id=row.ticket_id,
        plight=_PLIGHTS.get(row.outcome, Plight.FAILED_OPEN),
        at=from_ms(row.at),
        reason=(row.reason or "") if given_up else row.evidence.reason,
        cause=row.cause,
        outcome=Outcome(row.outcome) if row.outcome else None,
        ticket=row.ticket,
        left_in=row.after_group,
        is_deadly=deadly,
    )


def _still_unreadable(tx: Connection, rows: Iterable[AnyRow]) -> list[Parked]:
    """Each ticket once, by the last time it could not be read, unless a later revision could be."""
    parked: dict[tuple[str, str], Parked] = {}
    for number, row in enumerate(rows):
        lost = Parked(
            key=number,
            helpdesk=row.helpdesk,
            ticket_id=row.ticket_id,
            plight=Plight.UNREADABLE,
            at=from_ms(row.seen_at),
            reason=row.reason or "",
        )
        parked[row.helpdesk, row.ticket_id or f"\0{number}"] = lost
    known: set[tuple[str, str]] = set()
    for helpdesk in {each.helpdesk for each in parked.values()}:
        ids = [each.ticket_id for each in parked.values() if each.helpdesk == helpdesk and each.ticket_id]
        for at in range(0, len(ids), _IDS_AT_A_TIME):
            known |= {(helpdesk, each) for each in recall(tx, helpdesk, ids[at : at + _IDS_AT_A_TIME])}
    return [each for key, each in parked.items() if key not in known]
