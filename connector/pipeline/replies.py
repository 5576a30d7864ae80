"""Replies: which revisions of tickets that we routed bring new words of their requesters."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace

from connector.domain.decision import OurRouting
from connector.domain.ticket import Disposition, History, Reply, Status, Ticket
from connector.pipeline.write_back import untouched
from connector.ports import Ledger, Screened

_LATER = frozenset({Disposition.UPDATE, Disposition.ECHO})
_OVER = frozenset({Status.SOLVED, Status.CLOSED, Status.DELETED})


def with_replies(
    screened: Sequence[Screened], known: Mapping[str, History], ledger: Ledger
) -> list[Screened]:
    """The same revisions, each with its reply if it has one; the ledger is asked where that may be."""
    hopeful = {
        each.ticket.id
        for each in screened
        if each.disposition in _LATER and may_have_spoken(each.ticket, known[each.ticket.id])
    }
    ours = ledger.routings(sorted(hopeful)) if hopeful else {}
    return [
        replace(each, reply=reply_in(each.ticket, each.disposition, ours[each.ticket.id]))
        if each.disposition in _LATER and each.ticket.id in ours
        else each
        for each in screened
    ]


def may_have_spoken(ticket: Ticket, known: History) -> bool:
    """Whether it is worth asking how we left this ticket: we wrote to it, and it may hold new words."""
    if known.written_version is None or ticket.status in _OVER or known.awaited_groups:
        return False
    spoke_at = ticket.requester_spoke_at
    return ticket.group == known.written_group and (spoke_at is None or spoke_at > ticket.created_at)


def reply_in(ticket: Ticket, disposition: Disposition, ours: OurRouting) -> Reply | None:
    """The words that nobody has looked at yet, where the ticket still stands as we left it.

    Where the helpdesk does not tell when the requester spoke, any change that is not our own may be theirs.
    """
    spoke_at = ticket.requester_spoke_at
    if spoke_at is None:
        is_new = disposition is Disposition.UPDATE and ticket.updated_at > ours.heard_until
    else:
        is_new = spoke_at > ours.heard_until
    if not is_new or not _stands(ticket, ours):
        return None
    # Not `spoke_at`: a metric need not be stamped in the very second of the message that it counts.
    return Reply(ours.heard_until, max(ticket.updated_at, spoke_at or ticket.updated_at))


def _stands(ticket: Ticket, ours: OurRouting) -> bool:
    """Whether nobody touched the ticket since our write, as far as this revision shows."""
    left = ours.left
    before = replace(ticket, group=ours.left_group)
    if left is None:  # read later, when somebody may have been there: no assignee is a sign that nobody was
        before = replace(before, assignee=None)
    else:
        before = replace(before, status=left.status, assignee=left.assignee, priority=left.priority)
    tags = set(ours.decision.route.tags) & set(left.tags) if left else ours.decision.route.tags
    return untouched(before, ticket, tags) is None
