"""Traces: what a change leaves on a ticket, for whoever has to find out whether it arrived."""

from __future__ import annotations

from dataclasses import replace

from connector.domain.decision import Change
from connector.domain.ticket import Standing, Ticket


def as_it_stood(ticket: Ticket, at: Standing) -> Ticket:
    """``ticket`` with what people and we change of it as it was at an earlier version."""
    return replace(
        ticket,
        version=at.version,
        status=at.status,
        group=at.group,
        assignee=at.assignee,
        priority=at.priority,
        tags=at.tags,
    )


def has_arrived(change: Change, now: Ticket) -> bool | None:
    """Whether ``change``, sent to the ticket as ``change.seen``, shows on it; None: nothing of it would.

    What is written in one request arrives as a whole, so one sign is enough: a tag of ours, which nobody
    else puts on, or the group that we wanted.  What people did afterwards does not hide it, unless they
    took all of it back; and a person who moved the ticket to where we wanted it looks like us, which leaves
    nothing to be done.  A change that only takes away must show as a whole: people take away, too.
    """
    before = change.seen
    moves = change.group_after != before.group
    is_there = now.group == change.group_after
    if new := [tag for tag in change.add_tags if tag not in before.tags]:
        return any(tag in now.tags for tag in new) or (moves and is_there)
    signs = [tag not in now.tags for tag in before.tags if tag in change.remove_tags]
    if moves:
        signs.append(is_there)
    if change.priority_after != before.priority:
        signs.append(now.priority == change.priority_after)
    if not signs or any(signs) != all(signs):
        return None
    return all(signs)
