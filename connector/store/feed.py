"""What arrived: what is known of a ticket, and how its revisions are stored, by whatever way they came."""

from __future__ import annotations

import hashlib
from collections import Counter, defaultdict, deque
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from sqlalchemy import Connection, bindparam, or_, select, text

from connector.domain.decision import Outcome
from connector.domain.ticket import Arrival, Disposition, History, Status, Ticket, Unreadable
from connector.pipeline.role import Lane
from connector.ports import Screened
from connector.store.columns import AnyRow, as_json, maybe_from_ms, to_ms
from connector.store.erasure import erase_deleted, mark_erased
from connector.store.personal import without_words
from connector.store.queues import rank_of
from connector.store.replies import queue_replies, spoken_in
from connector.store.rows import insert_new, insert_rows
from connector.store.tables import corrections, revisions, submissions, undos, writes
from connector.store.tombstones import barred

# A restored ticket, or one that can be read again, gets a new chance: these say nothing about what it is.
_UNSETTLED = frozenset({Disposition.DELETED, Disposition.UNREADABLE})
_LATER = frozenset({Disposition.DUPLICATE, Disposition.ECHO, Disposition.UPDATE, Disposition.CORRECTION})
_SETTLING = frozenset(Disposition) - _UNSETTLED - _LATER

_KEY = (revisions.c.ticket_id, revisions.c.version, revisions.c.fingerprint)
_SUBMISSION = tuple(
    submissions.c[name]
    for name in ("ticket_id", "generation", "requester", "ticket", "rank", "opened_at", "heard_until")
)
_VERDICTS = select(revisions.c.ticket_id, revisions.c.disposition).where(
    revisions.c.helpdesk == bindparam("helpdesk"),
    revisions.c.ticket_id.in_(bindparam("ids", expanding=True)),
    revisions.c.disposition.in_(sorted(_SETTLING)),
)
_APPLIED = (
    select(writes.c.ticket_id, writes.c.after_version, writes.c.after_at, writes.c.after_group, writes.c.id)
    .where(
        writes.c.helpdesk == bindparam("helpdesk"),
        writes.c.ticket_id.in_(bindparam("ids", expanding=True)),
        writes.c.outcome == Outcome.APPLIED.value,
    )
    .order_by(writes.c.id)
)
_UNDOS = (
    select(
        undos.c.ticket_id,
        undos.c.after_version,
        undos.c.after_at,
        undos.c.after_group,
        undos.c.write_id,
        undos.c.outcome,
        writes.c.seen,
    )
    .join_from(undos, writes, undos.c.write_id == writes.c.id)
    .where(
        undos.c.helpdesk == bindparam("helpdesk"),
        undos.c.ticket_id.in_(bindparam("ids", expanding=True)),
        or_(undos.c.outcome == Outcome.APPLIED.value, undos.c.outcome.is_(None) & undos.c.maybe_sent),
    )
    .order_by(undos.c.ended_at)
)
_MOVED = (
    select(corrections.c.ticket_id, corrections.c.to_group, corrections.c.moved_at)
    .where(
        corrections.c.helpdesk == bindparam("helpdesk"),
        corrections.c.ticket_id.in_(bindparam("ids", expanding=True)),
    )
    .order_by(corrections.c.id)
)
_ONE_AT_A_TIME = text(
    "SELECT pg_advisory_xact_lock(hashtextextended(current_schema() || ' intake ' || :helpdesk, 0))"
)


# --- What is known ----------------------------------------------------------------------------------------


def recall(tx: Connection, helpdesk: str, ticket_ids: Sequence[str]) -> dict[str, History]:
    """The verdict of each ticket that has one, and what our write made of it."""
    if not ticket_ids:
        return {}
    found = tx.execute(_VERDICTS, {"helpdesk": helpdesk, "ids": ticket_ids}).all()
    known = {ticket_id: History(Disposition(verdict)) for ticket_id, verdict in found}
    ours = [ticket_id for ticket_id, verdict in found if verdict == Disposition.ORIGINAL]
    if ours:
        effective, awaited = _effects(tx, helpdesk, ours)
        for row in effective.values():
            known[row.ticket_id] = History(
                Disposition.ORIGINAL,
                row.after_version,
                maybe_from_ms(row.after_at),
                row.after_group,
                awaited[row.ticket_id],
            )
    return known


def _effects(
    tx: Connection, helpdesk: str, ticket_ids: Sequence[str]
) -> tuple[dict[str, AnyRow], defaultdict[str, frozenset[str | None]]]:
    """What we did last to each ticket, a write or its undo, and the groups that undos under way lead to."""
    values = {"helpdesk": helpdesk, "ids": ticket_ids}
    effective: dict[str, AnyRow] = {row.ticket_id: row for row in tx.execute(_APPLIED, values)}
    newest = {ticket_id: row.id for ticket_id, row in effective.items()}
    awaited: defaultdict[str, frozenset[str | None]] = defaultdict(frozenset)
    undone: set[int] = set()
    for row in tx.execute(_UNDOS, values):
        if row.outcome is None:
            awaited[row.ticket_id] |= {row.seen.group}
            continue
        undone.add(row.write_id)
        # Writes are undone newest first: while the newest stands, an older undo was before it.
        if newest[row.ticket_id] in undone:
            effective[row.ticket_id] = row
    return effective, awaited


# --- Pages ------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Stamp:
    """What every row of a page has in common."""

    helpdesk: str
    pass_id: str | None
    seen_at: int
    lane: Lane = Lane.LIVE
    arrival: Arrival = Arrival.POLL

    @property
    def columns(self) -> Mapping[str, object]:
        return {"helpdesk": self.helpdesk, "pass_id": self.pass_id, "seen_at": self.seen_at}

    @property
    def of_submissions(self) -> Mapping[str, object]:
        return {**self.columns, "arrived_by": self.arrival.value}


_Key = tuple[str, str, str]


@dataclass(frozen=True, slots=True)
class _Place:
    """The group that a ticket was in last, and since when a person has it there, in milliseconds."""

    group: str | None
    since: int | None = None

    def stands_against(self, ticket: Ticket) -> bool:
        """Whether a move that this revision shows is none, or is older than the one that we know."""
        return self.group == ticket.group or (
            self.since is not None and to_ms(ticket.updated_at) < self.since
        )


def store(
    tx: Connection, stamp: Stamp, screened: Sequence[Screened], unreadable: Sequence[Unreadable], at: str
) -> Counter[Disposition]:
    """Store what is new of a page that began at ``at``, and count it as `Ledger.store_page` promises.

    Intake judged by what was known before; whoever stored the same tickets since then was here first.
    """
    one_at_a_time(tx, stamp.helpdesk)
    page, moves = _within(screened, _places(tx, stamp.helpdesk, screened), _settled(tx, stamp, screened))
    stored = _insert_revisions(tx, stamp, page)
    new = [(key, *page[key]) for key in page if key in stored]  # in the order of delivery
    counts = Counter(verdict for _, _, verdict in new)
    originals = [ticket for _, ticket, verdict in new if verdict is Disposition.ORIGINAL]
    if originals:
        _insert_submissions(tx, stamp, originals)
    corrected = [_correction(stamp, page[key][0], move) for key, move in moves.items() if key in stored]
    if corrected:
        tx.execute(insert_new(tx, corrections), corrected)
    if spoken := spoken_in(screened):
        queue_replies(tx, stamp.of_submissions, spoken)
    if unreadable:
        counts += Counter({Disposition.UNREADABLE: _insert_unreadable(tx, stamp, unreadable, at)})
    if deleted := _deleted_last(new):
        erase_deleted(tx, stamp.helpdesk, deleted, stamp.seen_at)
    repeated = len(screened) + len(unreadable) - counts.total()
    return counts + Counter({Disposition.DUPLICATE: repeated})


def one_at_a_time(tx: Connection, helpdesk: str) -> None:
    """Until the transaction ends, nobody else stores what arrives from this helpdesk.

    On SQLite a transaction has the whole database to itself anyway.
    """
    if tx.dialect.name == "postgresql":
        tx.execute(_ONE_AT_A_TIME, {"helpdesk": helpdesk})


def _within(
    screened: Sequence[Screened], places: dict[str, _Place], settled: set[str]
) -> tuple[dict[_Key, tuple[Ticket, Disposition]], dict[_Key, tuple[str | None, str | None]]]:
    """Each revision of a page once, and the moves among them.

    Intake judged every revision by what was known before the page: of a ticket that comes twice only the
    first keeps its verdict, and a ticket that stays where a person moved it is not moved again.  Nor is one
    by a revision from before that move, which came late.  ``settled`` have their verdict already.
    """
    page: dict[_Key, tuple[Ticket, Disposition]] = {}
    moves: dict[_Key, tuple[str | None, str | None]] = {}
    for each in screened:
        ticket, disposition = each.ticket, each.disposition
        key = (ticket.id, ticket.version, ticket.fingerprint)
        if key in page:
            continue
        if disposition is Disposition.CORRECTION:
            place = places.get(ticket.id)
            if place is not None and place.stands_against(ticket):
                disposition = Disposition.UPDATE
            else:
                moves[key] = (place.group if place else None, ticket.group)
                places[ticket.id] = _Place(ticket.group, to_ms(ticket.updated_at))
        elif disposition in _SETTLING:
            if ticket.id in settled:
                disposition = Disposition.UPDATE
            settled.add(ticket.id)
        page[key] = (ticket, disposition)
    return page, moves


def _places(tx: Connection, helpdesk: str, screened: Iterable[Screened]) -> dict[str, _Place]:
    """Where the tickets that come back corrected were last: after our write, or after a person moved them."""
    ids = [each.ticket.id for each in screened if each.disposition is Disposition.CORRECTION]
    if not ids:
        return {}
    effective, _ = _effects(tx, helpdesk, ids)
    places = {row.ticket_id: _Place(row.after_group) for row in effective.values()}
    moved = tx.execute(_MOVED, {"helpdesk": helpdesk, "ids": ids})
    return places | {row.ticket_id: _Place(row.to_group, row.moved_at) for row in moved}


def _settled(tx: Connection, stamp: Stamp, screened: Iterable[Screened]) -> set[str]:
    """Which of the tickets that would get their verdict now have got it from somebody else meanwhile."""
    ids = [each.ticket.id for each in screened if each.disposition in _SETTLING]
    if not ids:
        return set()
    return {row.ticket_id for row in tx.execute(_VERDICTS, {"helpdesk": stamp.helpdesk, "ids": ids})}


def _insert_revisions(
    tx: Connection, stamp: Stamp, page: Mapping[_Key, tuple[Ticket, Disposition]]
) -> set[_Key]:
    """Insert all of a page; returns the keys that were not there before."""
    rows = [(*key, verdict.value) for key, (_, verdict) in page.items()]
    stored = insert_rows(
        tx, revisions, (*_KEY, revisions.c.disposition), rows, same=stamp.columns, returning=_KEY
    )
    return {(row[0], row[1], row[2]) for row in stored}  # type: ignore[misc]  # three TEXT columns


def _insert_submissions(tx: Connection, stamp: Stamp, originals: Sequence[Ticket]) -> None:
    """Queue the originals; words that may not come back are left out, so a person gets the ticket."""
    forgotten = barred(tx, stamp.helpdesk, originals)
    originals = [without_words(each) if each.id in forgotten else each for each in originals]
    rows = [
        (
            ticket.id,
            1,
            ticket.requester,
            as_json(ticket),
            rank_of(ticket),
            to_ms(ticket.created_at),
            to_ms(ticket.updated_at),
        )
        for ticket in originals
    ]
    same = {**stamp.of_submissions, "lane": stamp.lane.value}
    deque(insert_rows(tx, submissions, _SUBMISSION, rows, same=same), maxlen=0)
    if forgotten:
        mark_erased(tx, stamp.helpdesk, forgotten, stamp.seen_at)


def _deleted_last(new: Sequence[tuple[_Key, Ticket, Disposition]]) -> list[str]:
    """The tickets that are deleted by the last of their new revisions: an earlier one may be taken back."""
    last = {key[0]: ticket.status for key, ticket, _ in new}
    return [ticket_id for ticket_id, status in last.items() if status is Status.DELETED]


def _correction(stamp: Stamp, ticket: Ticket, move: tuple[str | None, str | None]) -> dict[str, object]:
    return {
        **stamp.columns,
        "ticket_id": ticket.id,
        "version": ticket.version,
        "fingerprint": ticket.fingerprint,
        "from_group": move[0],
        "to_group": move[1],
        "moved_at": to_ms(ticket.updated_at),
    }


def _insert_unreadable(tx: Connection, stamp: Stamp, unreadable: Sequence[Unreadable], at: str) -> int:
    """What could not be read has no version: its reason tells it apart or, without an id, its place."""
    rows = []
    for place, lost in enumerate(unreadable):
        mark = lost.reason if lost.ticket_id else f"{lost.reason}\n{at}\n{place}"
        rows.append(
            {
                "helpdesk": stamp.helpdesk,
                "ticket_id": lost.ticket_id or "",
                "version": "",
                "fingerprint": hashlib.blake2b(mark.encode("utf-8", "replace"), digest_size=8).hexdigest(),
                "disposition": Disposition.UNREADABLE.value,
                "reason": lost.reason,
                "pass_id": stamp.pass_id,
                "seen_at": stamp.seen_at,
            }
        )
    return len(tx.execute(insert_new(tx, revisions).returning(revisions.c.fingerprint), rows).all())
