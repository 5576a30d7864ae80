"""What requesters wrote later: which routings of ours still count, and the second looks that wait."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import replace
from datetime import timedelta

from sqlalchemy import BindParameter, Connection, bindparam, exists, func, or_, select

from connector.domain.decision import Cause, Kind, OurRouting, Outcome
from connector.domain.ticket import Reply, Ticket
from connector.ports import Screened
from connector.store.columns import AnyRow, from_ms, to_ms
from connector.store.queues import rank_of
from connector.store.rows import insert_new
from connector.store.tables import corrections, decisions, submissions, undos, writes
from connector.store.tombstones import barred
from connector.store.verdicts import DECISION, decision_from

_IDS_AT_A_TIME = 500  # a statement takes a limited number of values
_IDS: BindParameter[Sequence[str]] = bindparam("ids", expanding=True)
_OF: BindParameter[str] = bindparam("of_helpdesk")

_newest = (
    select(func.max(writes.c.id))
    .where(writes.c.helpdesk == _OF, writes.c.ticket_id.in_(_IDS), writes.c.outcome == Outcome.APPLIED.value)
    .group_by(writes.c.ticket_id)
)
_other = writes.alias("other")
_changed = decisions.alias("changed")
_ours = (writes.c.helpdesk, writes.c.ticket_id)
_is_unfinished = exists().where(
    _other.c.helpdesk == _ours[0], _other.c.ticket_id == _ours[1], _other.c.state != "done"
)
_is_changed = exists().where(
    _changed.c.helpdesk == _ours[0],
    _changed.c.ticket_id == _ours[1],
    _changed.c.cause == Cause.MATERIAL_CHANGE.value,
)
_is_corrected = exists().where(corrections.c.helpdesk == _ours[0], corrections.c.ticket_id == _ours[1])
_is_undone = exists().where(
    undos.c.helpdesk == _ours[0],
    undos.c.ticket_id == _ours[1],
    or_(undos.c.outcome.is_(None), undos.c.outcome == Outcome.APPLIED.value),
)
_ROUTINGS = (
    select(
        writes.c.ticket_id,
        writes.c.left_as,
        writes.c.after_group,
        func.coalesce(writes.c.after_at, writes.c.ended_at).label("written_at"),
        *DECISION,
    )
    .join_from(writes, decisions, writes.c.decision_id == decisions.c.id)
    .where(
        writes.c.id.in_(_newest),
        decisions.c.kind == Kind.ROUTED.value,
        ~_is_unfinished,
        ~_is_changed,
        ~_is_corrected,
        ~_is_undone,
    )
)
_HEARD = (
    select(
        submissions.c.ticket_id,
        func.min(func.coalesce(submissions.c.heard_since, submissions.c.heard_until)).label("first"),
        func.max(submissions.c.heard_until).label("last"),
    )
    .where(submissions.c.helpdesk == _OF, submissions.c.ticket_id.in_(_IDS))
    .group_by(submissions.c.ticket_id)
)
_GENERATIONS = (
    select(submissions.c.ticket_id, func.max(submissions.c.generation))
    .where(submissions.c.helpdesk == _OF, submissions.c.ticket_id.in_(_IDS))
    .group_by(submissions.c.ticket_id)
)
_MOST_EARLIER = 20  # a requester may be a machine with thousands of tickets, each of which would count all
_first = submissions.alias("first")
_EARLIER = select(
    _first.c.ticket_id,
    select(func.count())
    .select_from(
        select(submissions.c.id)
        .where(
            submissions.c.helpdesk == _first.c.helpdesk,
            submissions.c.requester == _first.c.requester,
            submissions.c.opened_at >= _first.c.opened_at - bindparam("within_ms"),
            submissions.c.opened_at <= _first.c.opened_at,
            submissions.c.ticket_id != _first.c.ticket_id,
        )
        .limit(_MOST_EARLIER)
        .correlate(_first)
        .subquery()
    )
    .scalar_subquery()
    .label("earlier"),
).where(
    # By number: by ticket, PostgreSQL would read every ticket while it has no statistics of a new table.
    _first.c.id.in_(_IDS),
    _first.c.requester.is_not(None),
)
_FIRST_GENERATIONS = select(submissions.c.id).where(
    submissions.c.helpdesk == _OF, submissions.c.ticket_id.in_(_IDS), submissions.c.generation == 1
)


def routings(tx: Connection, helpdesk: str, ticket_ids: Sequence[str]) -> dict[str, OurRouting]:
    """As `Ledger.routings`."""
    found: dict[str, OurRouting] = {}
    for at in range(0, len(ticket_ids), _IDS_AT_A_TIME):
        values = {"of_helpdesk": helpdesk, "ids": list(ticket_ids[at : at + _IDS_AT_A_TIME])}
        rows = tx.execute(_ROUTINGS, values).all()
        if rows:
            heard = {row.ticket_id: row for row in tx.execute(_HEARD, values)}
            found |= {row.ticket_id: _routing(row, heard[row.ticket_id]) for row in rows}
    return found


def _routing(row: AnyRow, heard: AnyRow) -> OurRouting:
    """What was stored before replies were listened to had heard everything up to its write."""
    return OurRouting(
        decision=decision_from(row),
        left=row.left_as,
        left_group=row.after_group,
        since=from_ms(row.written_at if heard.first is None else heard.first),
        heard_until=from_ms(row.written_at if heard.last is None else heard.last),
    )


def spoken_in(
    screened: Sequence[Screened], stored: Collection[tuple[str, str, str]]
) -> dict[str, tuple[Ticket, Reply]]:
    """The last reply of each ticket that new revisions bring; it reaches back as far as the others."""
    return {
        each.ticket.id: (each.ticket, each.reply)
        for each in screened
        if each.reply and (each.ticket.id, each.ticket.version, each.ticket.fingerprint) in stored
    }


def queue_replies(
    tx: Connection, stamp: Mapping[str, object], spoken: Mapping[str, tuple[Ticket, Reply]]
) -> None:
    """Queue a second look at each of these tickets; what somebody wished to be forgotten is not looked at.

    Their words stay at the helpdesk until then.
    """
    helpdesk = str(stamp["helpdesk"])
    forgotten = barred(tx, helpdesk, [ticket for ticket, _ in spoken.values()])
    wanted = {each: told for each, told in spoken.items() if each not in forgotten}
    if not wanted:
        return
    newest = {row[0]: row[1] for row in tx.execute(_GENERATIONS, {"of_helpdesk": helpdesk, "ids": [*wanted]})}
    rows = [
        {
            **stamp,
            "ticket_id": ticket.id,
            "generation": newest.get(ticket.id, 0) + 1,
            "requester": ticket.requester,
            "ticket": _without_text(ticket),
            "rank": rank_of(ticket),
            "heard_since": to_ms(reply.since),
            "heard_until": to_ms(reply.until),
        }
        for ticket, reply in wanted.values()
    ]
    tx.execute(insert_new(tx, submissions), rows)


def reply_in(row: AnyRow) -> Reply | None:
    """The reply that a row of ``submissions`` is about."""
    if row.heard_since is None:
        return None
    return Reply(from_ms(row.heard_since), from_ms(row.heard_until))


def count_earlier(
    tx: Connection, helpdesk: str, claimed: Sequence[AnyRow], within: timedelta
) -> dict[str, int]:
    """How many other originals the requester of each ticket opened so shortly before it, counted up to 20.

    Nobody knows of a requester whose words were erased.
    """
    if not (claimed and within):
        return {}
    ids = [row.id for row in claimed if row.generation == 1]  # only these know when the ticket was opened
    if later := [row.ticket_id for row in claimed if row.generation > 1]:
        ids += tx.scalars(_FIRST_GENERATIONS, {"of_helpdesk": helpdesk, "ids": later})
    values = {"ids": ids, "within_ms": within // timedelta(milliseconds=1)}
    return {row.ticket_id: row.earlier for row in tx.execute(_EARLIER, values)}


def _without_text(ticket: Ticket) -> Ticket:
    """The classified words were stored once; keeping them again would keep them longer."""
    return replace(ticket, text=None)
