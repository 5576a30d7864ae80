"""Writing to tickets one at a time: each write is a safe update that loses against any person."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace
from urllib.parse import quote

from connector.domain.decision import Applied, Change, Outcome
from connector.domain.ticket import Ticket
from connector.errors import Unavailable
from connector.helpdesk.failure import AnswerLost
from connector.helpdesk.single_file import in_single_file
from connector.helpdesk.transport import Reply, Transport
from connector.helpdesk.zendesk.intent import is_nothing, lost_tags, new_tags, single_ticket
from connector.helpdesk.zendesk.payload import TicketBody, decode
from connector.helpdesk.zendesk.reader import TicketReader
from connector.helpdesk.zendesk.refusal import error_codes, is_closed_error
from connector.ports import Clock

_COLLISION_PAUSE_SECONDS = 0.5
_MOST_WARNING_CHARS = 120


def unchanged(change: Change) -> Applied:
    """The outcome of a change that the ticket does not need."""
    seen = change.seen
    return Applied(seen.id, Outcome.NO_OP, seen.version, seen.updated_at, seen.group)


def applied(change: Change, after: Ticket, warning: str = "") -> Applied:
    """The outcome of a write that took effect; a trigger may have had the last word: the detail says so."""
    missing = set(new_tags(change)) - set(after.tags)
    told = []
    if change.group is not None and after.group != change.group_after:
        wanted = change.group_after or "none"
        told.append(f"the ticket is in group {after.group or 'none'}, not in {wanted}: a trigger?")
    if missing:
        told.append(f"tags missing after the write: {', '.join(sorted(missing))}")
    if kept := set(lost_tags(change)) & set(after.tags):
        told.append(f"tags still there after the write: {', '.join(sorted(kept))}")
    if warning:
        told.append(f"Zendesk warns: {warning}")
    return Applied(
        after.id, Outcome.APPLIED, after.version, after.updated_at, after.group, detail="; ".join(told)
    )


class TicketWriter:
    """``PUT /tickets/{id}`` with ``safe_update``: group, tags, priority, fields and note in one audit."""

    def __init__(self, transport: Transport, clock: Clock, reader: TicketReader) -> None:
        self._transport = transport
        self._clock = clock
        self._reader = reader

    def apply(self, changes: Sequence[Change]) -> Iterator[Applied]:
        """The outcome of each change, as soon as it is known.

        Raises Unavailable instead of sending more when two answers in a row were lost.
        """
        return in_single_file(
            changes, lambda change: unchanged(change) if is_nothing(change) else self._write(change)
        )

    def _write(self, change: Change) -> Applied:
        try:
            reply = self._put(change)
            if _is_collision(reply) and not self._clock.sleep(_COLLISION_PAUSE_SECONDS):
                reply = self._put(change)  # nothing was written (DatabaseConflict), so once more is safe
            return self._judge(change, reply)
        except AnswerLost as error:
            return Applied(change.seen.id, Outcome.UNCLEAR, detail=str(error))

    def _put(self, change: Change) -> Reply:
        path = f"/api/v2/tickets/{quote(change.seen.id, safe='')}"
        return self._transport.send("PUT", path, {"ticket": single_ticket(change)}, forbidden_is_answer=True)

    def _judge(self, change: Change, reply: Reply) -> Applied:
        if reply.is_ok:
            after = self._after(reply)
            return replace(applied(change, after, _warning(reply)), left=after.standing)
        codes = ", ".join(error_codes(reply.body))
        detail = f"{reply.status} {codes}".rstrip()
        match reply.status:
            case 409:
                return Applied(change.seen.id, Outcome.CONFLICT, detail=detail)
            case 404:
                return Applied(change.seen.id, Outcome.GONE, detail="not found")
            case 422 if is_closed_error(reply.body):
                return Applied(change.seen.id, Outcome.GONE, detail="closed")
            case _:
                return Applied(change.seen.id, Outcome.REJECTED, detail=detail)

    def _after(self, reply: Reply) -> Ticket:
        """The ticket after the write.  Raises AnswerLost when the answer does not tell."""
        try:
            body = decode(reply.body, TicketBody, "PUT ticket")
        except Unavailable as error:
            problem = str(error)
        else:
            tickets, _ = self._reader.read([body.ticket], body.users, body.organizations, None)
            if tickets:
                return tickets[0]
            problem = "PUT ticket answered with a ticket without usable times"
        raise AnswerLost(problem)


def _is_collision(reply: Reply) -> bool:
    return reply.status == 409 and "DatabaseConflict" in error_codes(reply.body)


def _warning(reply: Reply) -> str:
    """Zendesk's only hint that it dropped keys of a request; it names keys, not values."""
    told = reply.headers.get("x-zendesk-api-warn", "")
    return "".join(each if each.isprintable() else " " for each in told)[:_MOST_WARNING_CHARS]
