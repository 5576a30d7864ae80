"""Looking up single tickets: as they are now, with their first words, and what we wrote to them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from itertools import islice
from urllib.parse import quote

from connector.domain.ticket import Ticket, Unreadable
from connector.errors import Unavailable
from connector.helpdesk.decoding import without_nul
from connector.helpdesk.failure import parse_http_date
from connector.helpdesk.html_text import html_to_text, plain_text
from connector.helpdesk.transport import Params, Reply, Transport
from connector.helpdesk.zendesk.pagination import walk
from connector.helpdesk.zendesk.payload import (
    AuditRow,
    AuditsBody,
    CommentRow,
    CommentsBody,
    TicketsBody,
    decode,
    decode_ticket,
    decode_tickets,
)
from connector.helpdesk.zendesk.reader import TicketReader

_MOST_IDS = 100
_MOST_AUDIT_PAGES = 10  # of 100; a ticket with more than 1000 audits keeps its secret


Found = Mapping[str, Ticket | Unreadable]


class TicketLookup:
    """Reads tickets outside the feed."""

    def __init__(self, transport: Transport, reader: TicketReader) -> None:
        self._transport = transport
        self._reader = reader

    def current(self, ticket_ids: Sequence[str]) -> Found:
        """The tickets as they are now; those that are missing are gone."""
        if len(ticket_ids) == 1:
            return self._one(ticket_ids[0])
        found: dict[str, Ticket | Unreadable] = {}
        for at in range(0, len(ticket_ids), _MOST_IDS):
            found |= self._many(ticket_ids[at : at + _MOST_IDS])
        return found

    def with_text(self, ticket_ids: Sequence[str]) -> Found:
        """The same, and where the text is not in the ticket (messaging) it is read from its comments."""
        found = self.current(ticket_ids)
        return {
            each: self._with_first_words(ticket)
            if isinstance(ticket, Ticket) and ticket.text is None
            else ticket
            for each, ticket in found.items()
        }

    def has_write(self, ticket_id: str, decision_id: str) -> bool | None:
        """Whether an audit carries ``decision_id``; None when the audits cannot be read, or are too many.

        (Zendesk, Ticket Audits: needs the global ``read`` scope; a write's metadata is in ``custom``.)
        """
        path = f"/api/v2/tickets/{quote(ticket_id, safe='')}/audits"
        pages = walk(self._transport, path, {"sort": "-created_at"}, AuditsBody)
        if pages is None:
            return None
        for page in islice(pages, _MOST_AUDIT_PAGES):
            if any(_decision_of(audit) == decision_id for audit in page.audits):
                return True
            if page.meta is None or not page.meta.has_more:
                return False
        return None

    def _one(self, ticket_id: str) -> Found:
        path = f"/api/v2/tickets/{quote(ticket_id, safe='')}"
        reply = self._transport.get(path, {"include": self._reader.includes}, forbidden_is_answer=True)
        if not reply.is_ok:
            return _gone_or_raise(reply, path)
        body, malformed = decode_ticket(reply.body, f"GET {path}")
        return self._read(body, malformed, reply)

    def _many(self, ticket_ids: Sequence[str]) -> Found:
        path = "/api/v2/tickets/show_many"
        params: Params = {"ids": ",".join(ticket_ids), "include": self._reader.includes}
        reply = self._transport.get(path, params)
        if not reply.is_ok:
            return _gone_or_raise(reply, path)
        body, malformed = decode_tickets(reply.body, f"GET {path}")
        return self._read(body, malformed, reply)

    def _read(self, body: TicketsBody, malformed: tuple[Unreadable, ...], reply: Reply) -> Found:
        server_at = parse_http_date(reply.headers.get("date"))
        tickets, timeless = self._reader.read(body.tickets, body.users, body.organizations, server_at)
        lost = {each.ticket_id: each for each in malformed + timeless if each.ticket_id is not None}
        return lost | {ticket.id: ticket for ticket in tickets}

    def _with_first_words(self, ticket: Ticket) -> Ticket:
        """Those of the first public comment of the requester or of another end user; empty without one."""
        path = f"/api/v2/tickets/{quote(ticket.id, safe='')}/comments"
        reply = self._transport.get(path, {"sort": "created_at", "include": "users", "page[size]": 100})
        if not reply.is_ok:
            return replace(ticket, text="")
        body = decode(reply.body, CommentsBody, f"GET {path}")
        customers = {str(user.id) for user in body.users or () if user.role == "end-user"}
        if not body.users and ticket.requester is not None:
            customers = {ticket.requester}
        for comment in body.comments:
            if not (comment.public and str(comment.author_id) in customers):
                continue
            if (text := _text_of(comment)).strip():
                return replace(ticket, text=without_nul(text), attachments=_attachments_of(comment))
        return replace(ticket, text="")


def _text_of(comment: CommentRow) -> str:
    return plain_text(comment.plain_body or comment.body or "") or html_to_text(comment.html_body or "")


def _attachments_of(comment: CommentRow) -> tuple[str, ...]:
    """Names and types; nothing is downloaded."""
    files = [each for each in comment.attachments or () if each.file_name and not each.inline]
    return tuple(
        without_nul(f"{each.file_name} ({each.content_type})" if each.content_type else str(each.file_name))
        for each in files
    )


def _gone_or_raise(reply: Reply, path: str) -> Found:
    if reply.status == 404:
        return {}
    raise Unavailable(f"GET {path} answered {reply.status}")


def _decision_of(audit: AuditRow) -> object:
    metadata = audit.metadata
    custom = metadata.get("custom") if isinstance(metadata, dict) else None
    return custom.get("decision_id") if isinstance(custom, dict) else None
