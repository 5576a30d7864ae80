"""Writing to issues: read again, merge, write, and look whether it stayed."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace

from connector.domain.decision import Applied, Change, Outcome
from connector.domain.ticket import Ticket
from connector.errors import ConnectorError, RateLimited
from connector.helpdesk.budget import LONGEST_WAIT_SECONDS
from connector.helpdesk.failure import AnswerLost
from connector.helpdesk.pylon.intent import is_nothing, issue_fields, lost_tags, merged_tags, new_tags
from connector.helpdesk.pylon.lookup import IssueLookup, is_gone, issue_path
from connector.helpdesk.pylon.notes import leave_note
from connector.helpdesk.pylon.payload import error_code
from connector.helpdesk.single_file import in_single_file
from connector.helpdesk.transport import Reply, Transport


class IssueWriter:
    """``PATCH /issues/{id}``: team, tags and custom fields in one request.

    Pylon has no conditional write, and a list of tags replaces the one before (Pylon, Update an issue).  So
    each issue is read once more right before it is written, with the place in the rate limit already taken:
    between both lies one round trip.  Whoever writes the whole list of tags a moment later, as we do, may
    take ours off without knowing: that is looked for afterwards, and mended once.
    """

    def __init__(self, transport: Transport, lookup: IssueLookup) -> None:
        self._transport = transport
        self._lookup = lookup

    def apply(self, changes: Sequence[Change]) -> Iterator[Applied]:
        """The outcome of each change, as soon as it is known.

        Raises Unavailable instead of sending more when two answers in a row were lost.
        """
        return in_single_file(
            changes, lambda change: _unchanged(change) if is_nothing(change) else self._write_when_let(change)
        )

    def _write_when_let(self, change: Change) -> Applied:
        """What a rate limit refuses was not executed: it is begun anew, once, when the limit lets it."""
        try:
            return self._write(change)
        except RateLimited as refused:
            if (refused.retry_after_seconds or 0.0) > LONGEST_WAIT_SECONDS:
                raise
            return self._write(change)

    def _write(self, change: Change) -> Applied:
        issue_id = change.seen.id
        self._transport.reserve("PATCH", issue_path(issue_id))
        now = self._lookup.current(issue_id, looks_up=False)
        if now is None:
            return Applied(issue_id, Outcome.GONE, detail="not found")
        if not isinstance(now, Ticket) or not _is_same(now, change.seen):
            return Applied(issue_id, Outcome.CONFLICT, detail="changed since it was read")
        fields = issue_fields(change)
        if not fields:
            return self._noted(change, _applied(change, now))
        try:
            return self._judge(change, self._patch(issue_id, fields, is_reserved=True))
        except AnswerLost as error:
            return Applied(issue_id, Outcome.UNCLEAR, detail=str(error))

    def _patch(self, issue_id: str, fields: dict[str, object], *, is_reserved: bool = False) -> Reply:
        return self._transport.send("PATCH", issue_path(issue_id), fields, is_reserved=is_reserved)

    def _judge(self, change: Change, reply: Reply) -> Applied:
        issue_id = change.seen.id
        if is_gone(reply):
            return Applied(issue_id, Outcome.GONE, detail="not found")
        if not reply.is_ok:
            detail = f"{reply.status} {error_code(reply.body)}".rstrip()
            return Applied(issue_id, Outcome.REJECTED, detail=detail)
        return self._noted(change, self._verified(change, self._after(reply)))

    def _noted(self, change: Change, applied: Applied) -> Applied:
        """The outcome, with the note behind it: a note that fails is told, and costs nobody the write."""
        if not change.note:
            return applied
        told = leave_note(self._transport, issue_path(change.seen.id), change.note)
        return replace(applied, detail=_joined(applied.detail, told)) if told else applied

    def _verified(self, change: Change, after: Ticket) -> Applied:
        """The outcome of a write that took effect; tags that somebody's list has taken off are put back.

        Nothing that goes wrong here makes the write itself unclear.
        """
        applied = _applied(change, after)
        if not new_tags(change) or not set(new_tags(change)) <= set(after.tags):
            return applied  # a tag that Pylon did not take is not going to be taken by asking again
        try:
            if self._with_tags_lost(change, after) is None:
                return applied
            self._transport.reserve("PATCH", issue_path(after.id))
            now = self._with_tags_lost(change, after)  # the wait for the rate limit may have been long
            if now is None:
                return applied
            reply = self._patch(after.id, {"tags": merged_tags(change, now)}, is_reserved=True)
            mended = self._after(reply) if reply.is_ok else None
        except ConnectorError as error:
            return replace(applied, detail=_joined(applied.detail, f"not verified: {type(error).__name__}"))
        if mended is None:
            return replace(applied, detail=_joined(applied.detail, "our tags were lost to another writer"))
        told = _joined(applied.detail, "another writer's tags had replaced ours; both are there now")
        return replace(_applied(change, mended), detail=told)

    def _with_tags_lost(self, change: Change, after: Ticket) -> Ticket | None:
        """The issue as it is now, if a stale list of tags has replaced ours; else None."""
        now = self._lookup.current(after.id, looks_up=False)
        return now if isinstance(now, Ticket) and _has_lost_our_tags(change, after, now) else None

    def _after(self, reply: Reply) -> Ticket:
        """The issue after the write.  Raises AnswerLost when the answer does not tell."""
        try:
            after = self._lookup.read(reply, "PATCH issue", looks_up=False)
        except ConnectorError as error:
            problem = str(error)
        else:
            if isinstance(after, Ticket):
                return after
            problem = f"PATCH issue answered with an issue that cannot be read: {after.reason}"
        raise AnswerLost(problem)


def _is_same(now: Ticket, seen: Ticket) -> bool:
    """Whether nothing has changed since, also within the second that Pylon's versions last."""
    return (now.version, now.fingerprint) == (seen.version, seen.fingerprint)


def _has_lost_our_tags(change: Change, after: Ticket, now: Ticket) -> bool:
    """Whether a stale list of tags has replaced ours: all of them are gone, and nothing else of ours is.

    A person who takes off one of several tags, or moves the issue, meant it.
    """
    is_ours = (now.group, now.assignee, now.status) == (after.group, after.assignee, after.status)
    return is_ours and not set(new_tags(change)) & set(now.tags)


def _unchanged(change: Change) -> Applied:
    seen = change.seen
    return Applied(seen.id, Outcome.NO_OP, seen.version, seen.updated_at, seen.group)


def _applied(change: Change, after: Ticket) -> Applied:
    """The outcome of a write that took effect; a trigger may have had the last word: the detail says so."""
    told = []
    if change.group is not None and after.group != change.group_after:
        wanted = change.group_after or "none"
        told.append(f"the issue is in team {after.group or 'none'}, not in {wanted}: a trigger?")
    if missing := set(new_tags(change)) - set(after.tags):
        told.append(f"tags missing after the write: {', '.join(sorted(missing))}")
    if kept := set(lost_tags(change)) & set(after.tags):
        told.append(f"tags still there after the write: {', '.join(sorted(kept))}")
    if after.priority != change.priority_after:
        told.append("the priority was not taken")
    return Applied(
        after.id,
        Outcome.APPLIED,
        after.version,
        after.updated_at,
        after.group,
        detail="; ".join(told),
        left=after.standing,
    )


def _joined(told: str, more: str) -> str:
    return f"{told}; {more}" if told else more
