"""Tombstones: whose erased words may not come back, known by marks that do not say who it was."""

from __future__ import annotations

import hmac
import secrets
from collections.abc import Iterable, Mapping, Sequence

from sqlalchemy import Connection, select, update

from connector.domain.ticket import Ticket
from connector.store.columns import to_ms
from connector.store.rows import insert_new
from connector.store.tables import tombstones

_AT_ONCE = 500  # marks of one statement

# A mark keeps dumps and curious readers from an id.  It is no secret from whoever has the database: the salt
# lies beside it, and ids can be tried one by one.


def requester_mark(salt: str, requester: str) -> str:
    return _mark(salt, f"requester {requester}")


def ticket_mark(salt: str, ticket_id: str) -> str:
    return _mark(salt, f"ticket {ticket_id}")


def _mark(salt: str, what: str) -> str:
    return hmac.new(bytes.fromhex(salt), what.encode("utf-8", "replace"), "sha256").hexdigest()[:32]


def entomb(
    tx: Connection, helpdesk: str, requesters: Iterable[str], ticket_ids: Iterable[str], at: int
) -> None:
    """Set a tombstone for each requester and ticket; one that is there already is renewed."""
    salt = next(iter(_salts(tx, helpdesk)), None) or secrets.token_hex(16)
    marks = [
        *(requester_mark(salt, each) for each in requesters),
        *(ticket_mark(salt, each) for each in ticket_ids),
    ]
    rows = [{"helpdesk": helpdesk, "mark": mark, "salt": salt, "erased_at": at} for mark in marks]
    if rows:
        tx.execute(insert_new(tx, tombstones), rows)
        mine = tombstones.c.helpdesk == helpdesk, tombstones.c.mark.in_(marks)
        tx.execute(update(tombstones).where(*mine).values(erased_at=at))


def barred(tx: Connection, helpdesk: str, tickets: Sequence[Ticket]) -> frozenset[str]:
    """The ids of the tickets whose words may not be stored.

    That is a ticket with a tombstone, and what a requester with one wrote before it was set.  What they write
    later is a new request.
    """
    salts = _salts(tx, helpdesk)
    if not salts or not tickets:
        return frozenset()
    by_ticket: Mapping[str, Ticket] = {ticket_mark(s, t.id): t for s in salts for t in tickets}
    by_requester = [(requester_mark(s, t.requester), t) for s in salts for t in tickets if t.requester]
    marks = [*by_ticket, *dict.fromkeys(mark for mark, _ in by_requester)]
    found = select(tombstones.c.mark, tombstones.c.erased_at).where(
        tombstones.c.helpdesk == helpdesk, tombstones.c.mark.in_(marks)
    )
    set_at = {row.mark: row.erased_at for row in tx.execute(found)}
    named = {ticket.id for mark, ticket in by_ticket.items() if mark in set_at}
    earlier = {t.id for mark, t in by_requester if mark in set_at and to_ms(t.created_at) <= set_at[mark]}
    return frozenset(named | earlier)


def buried(tx: Connection, helpdesk: str, ticket_ids: Sequence[str]) -> frozenset[str]:
    """Those of the tickets that have a tombstone of their own."""
    by_mark = {ticket_mark(salt, each): each for salt in _salts(tx, helpdesk) for each in ticket_ids}
    marks = list(by_mark)
    found: set[str] = set()
    for at in range(0, len(marks), _AT_ONCE):
        wanted = tombstones.c.mark.in_(marks[at : at + _AT_ONCE])
        set_for = select(tombstones.c.mark).where(tombstones.c.helpdesk == helpdesk, wanted)
        found |= {by_mark[mark] for mark in tx.scalars(set_for)}
    return frozenset(found)


def _salts(tx: Connection, helpdesk: str) -> Sequence[str]:
    """Usually none or one; two when the first two erasures happened at once."""
    salts = select(tombstones.c.salt).where(tombstones.c.helpdesk == helpdesk).distinct()
    return tx.scalars(salts.order_by(tombstones.c.salt)).all()
