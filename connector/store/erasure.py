"""Erasing: words of customers leave the ledger, and what is decided about their tickets stays."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence
from typing import TypeVar

from sqlalchemy import (
    ColumnElement,
    Connection,
    Table,
    bindparam,
    case,
    delete,
    exists,
    func,
    null,
    or_,
    select,
    update,
)

from connector.pipeline.role import Lane
from connector.store.personal import TRACES, WORDS, Erasure, without_reasons, without_words
from connector.store.tables import decisions, labels, model_calls, revisions, submissions, undos, writes

Item = TypeVar("Item")

_AT_ONCE = 500  # rows of one statement

_ITS_WRITE = (decisions.c.submission_id == submissions.c.id, writes.c.decision_id == decisions.c.id)
_UNWRITTEN = exists().where(*_ITS_WRITE, writes.c.state != "done")
_AT_REST = (submissions.c.state == "decided", ~_UNWRITTEN)


def erase(tx: Connection, submission_ids: Sequence[int], because: Erasure, at: int) -> None:
    """Erase the words of these submissions, and who wrote them.

    Work that waits goes on with facts alone: triage finds nothing to read and leaves the ticket to a person.
    Whoever is triaging one of them loses the lease, so nothing about it can be stored any more.
    """
    for ids in _in_parts(sorted(submission_ids)):
        # First: on PostgreSQL a decision under way is either stored before this, or refused after it.
        _erase_submissions(tx, ids, because, at)
        mine = model_calls.c.submission_id.in_(ids)
        _blank(tx, model_calls, mine, WORDS["model_calls"])
        _rewrite_evidence(tx, ids)
        if because is not Erasure.RETENTION:
            _erase_traces(tx, ids)
        _end_calls(tx, mine, at)


def _erase_submissions(tx: Connection, ids: Sequence[int], because: Erasure, at: int) -> None:
    chosen = submissions.c.id.in_(ids)
    waits = select(submissions.c.id, submissions.c.ticket).where(
        chosen, submissions.c.ticket.is_not(None), or_(submissions.c.state != "decided", _UNWRITTEN)
    )
    facts = [{"of_id": row.id, "facts": without_words(row.ticket)} for row in tx.execute(waits)]
    taken_away = case((submissions.c.state == "leased", "pending"), else_=submissions.c.state)
    tx.execute(
        update(submissions)
        .where(chosen)
        .values(
            dict.fromkeys(WORDS["submissions"], null())
            | {
                "erased_at": at,
                "erased_because": because.value,
                "state": taken_away,
                "lease_owner": null(),
                "lease_epoch": submissions.c.lease_epoch + 1,
                "lease_until": 0,
                "run_after": 0,  # nothing is left to ask an upstream about
                "batch": null(),  # nor to wait for
                "lane": Lane.LIVE.value,  # whoever is at work first brings it to a person
            }
        )
    )
    if facts:
        kept = bindparam("facts", type_=submissions.c.ticket.type)
        tx.execute(
            update(submissions).where(submissions.c.id == bindparam("of_id")).values(ticket=kept), facts
        )


def _end_calls(tx: Connection, mine: ColumnElement[bool], at: int) -> None:
    """Calls under way end at their reserve: an answer that comes later is not stored."""
    calls = model_calls.c
    tx.execute(
        update(model_calls)
        .where(mine, calls.state.in_(["started", "lost"]))
        .values(
            state="error",
            error="its text was erased meanwhile",
            cost_micro_usd=func.coalesce(calls.cost_micro_usd, calls.reserve_micro_usd),
            finished_at=func.coalesce(calls.finished_at, at),
        )
    )


def _rewrite_evidence(tx: Connection, ids: Sequence[int]) -> None:
    held = select(decisions.c.id, decisions.c.cause, decisions.c.evidence).where(
        decisions.c.submission_id.in_(ids), decisions.c.evidence.is_not(None)
    )
    kept = [{"of_id": row.id, "kept": without_reasons(row.evidence, row.cause)} for row in tx.execute(held)]
    if kept:
        value = bindparam("kept", type_=decisions.c.evidence.type)
        tx.execute(update(decisions).where(decisions.c.id == bindparam("of_id")).values(evidence=value), kept)


def _erase_traces(tx: Connection, ids: Sequence[int]) -> None:
    """What could at worst name somebody; what a waiting write has seen is needed to carry it out."""
    chosen = submissions.c.id.in_(ids)
    _blank(tx, submissions, chosen, TRACES["submissions"])
    _blank(tx, model_calls, model_calls.c.submission_id.in_(ids), TRACES["model_calls"])
    theirs = select(decisions.c.id).where(decisions.c.submission_id.in_(ids))
    done = (writes.c.state == "done") & writes.c.decision_id.in_(theirs)
    _blank(tx, writes, done, TRACES["writes"])
    undone = (undos.c.state == "done") & undos.c.write_id.in_(select(writes.c.id).where(done))
    _blank(tx, undos, undone, TRACES["undos"])


def erase_labels(tx: Connection, helpdesk: str, theirs: ColumnElement[bool]) -> frozenset[str]:
    """Delete labels whole; returns the ids of their tickets, without the label that names none."""
    gone = delete(labels).where(labels.c.helpdesk == helpdesk, theirs).returning(labels.c.ticket_id)
    return frozenset(tx.scalars(gone)) - {""}


def erase_unreadable(tx: Connection, helpdesk: str, ticket_ids: Sequence[str]) -> None:
    """Erase why revisions of these tickets could not be read."""
    for ids in _in_parts(ticket_ids):
        mine = (revisions.c.helpdesk == helpdesk) & revisions.c.ticket_id.in_(ids)
        _blank(tx, revisions, mine, TRACES["revisions"])


def _blank(tx: Connection, table: Table, where: ColumnElement[bool], columns: Collection[str]) -> None:
    """Empty these columns, touching no row in which they are empty already."""
    some = or_(*(table.c[name].is_not(None) for name in columns))
    tx.execute(update(table).where(where, some).values(dict.fromkeys(columns, null())))


# --- Whose words ------------------------------------------------------------------------------------------


def of_deleted(helpdesk: str, ticket_ids: Sequence[str]) -> list[ColumnElement[bool]]:
    """The submissions of tickets that the helpdesk deleted, unless they were erased before at a wish."""
    before = submissions.c.erased_because
    return [
        submissions.c.helpdesk == helpdesk,
        submissions.c.ticket_id.in_(ticket_ids),
        or_(before.is_(None), before == Erasure.RETENTION.value),
    ]


def older_than(helpdesk: str, before: int) -> list[ColumnElement[bool]]:
    """The submissions that were written back for good before a moment, and still have their words."""
    return [
        submissions.c.helpdesk == helpdesk,
        submissions.c.ticket.is_not(None),
        submissions.c.seen_at < before,  # as the index has it; nothing is written before it was seen
        submissions.c.erased_at.is_(None),
        *_AT_REST,
        ~exists().where(*_ITS_WRITE, writes.c.ended_at >= before),
    ]


def erase_deleted(tx: Connection, helpdesk: str, ticket_ids: Sequence[str], at: int) -> None:
    """Erase our copies of tickets that the helpdesk deleted."""
    for some in _in_parts(ticket_ids):
        erase(tx, locked(tx, *of_deleted(helpdesk, some)), Erasure.DELETED, at)
        erase_labels(tx, helpdesk, labels.c.ticket_id.in_(some))
    erase_unreadable(tx, helpdesk, ticket_ids)


def erase_older(tx: Connection, helpdesk: str, before: int, limit: int, at: int) -> int:
    """Erase the oldest words whose last write ended before a moment; returns how many submissions."""
    ids = locked(tx, *older_than(helpdesk, before), limit=limit)
    erase(tx, ids, Erasure.RETENTION, at)
    return len(ids)


def erase_remains(tx: Connection, helpdesk: str, limit: int) -> int:
    """Erase the facts that were left for work which has ended meanwhile; returns of how many submissions."""
    left = (
        submissions.c.helpdesk == helpdesk,
        submissions.c.ticket.is_not(None),
        submissions.c.erased_at.is_not(None),
        *_AT_REST,
    )
    ids = locked(tx, *left, limit=limit)
    if ids:
        tx.execute(update(submissions).where(submissions.c.id.in_(ids)).values(ticket=null()))
        _rewrite_evidence(tx, ids)
        _erase_traces(tx, ids)
    return len(ids)


def locked(tx: Connection, *where: ColumnElement[bool], limit: int | None = None) -> Sequence[int]:
    """The ids of submissions, locked until the end of the transaction.

    With a ``limit`` it is a job for many workers, and rows that others work on are left out.
    """
    chosen = select(submissions.c.id).where(*where)
    chosen = chosen.order_by(submissions.c.seen_at) if limit else chosen.order_by(submissions.c.id)
    return tx.scalars(
        chosen.limit(limit).with_for_update(of=submissions, skip_locked=limit is not None)
    ).all()


def mark_erased(tx: Connection, helpdesk: str, ticket_ids: Collection[str], at: int) -> None:
    """Say of submissions that were stored without their words why they have none."""
    mine = submissions.c.helpdesk == helpdesk, submissions.c.ticket_id.in_(ticket_ids)
    said = {"erased_at": at, "erased_because": Erasure.REQUEST.value}
    tx.execute(update(submissions).where(*mine, submissions.c.erased_at.is_(None)).values(said))


def _in_parts(items: Sequence[Item]) -> Iterator[Sequence[Item]]:
    for at in range(0, len(items), _AT_ONCE):
        yield items[at : at + _AT_ONCE]
