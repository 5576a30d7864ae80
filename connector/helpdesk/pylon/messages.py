"""The messages of an issue: its first public words, and what was written later for all to see."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import datetime
from itertools import islice
from urllib.parse import quote

from connector.domain.ticket import Author, Message, Ticket
from connector.errors import Unavailable
from connector.helpdesk.decoding import without_nul
from connector.helpdesk.html_text import html_to_text
from connector.helpdesk.pylon.pagination import next_cursor
from connector.helpdesk.pylon.payload import AuthorRow, MessageRow, MessagesBody, decode
from connector.helpdesk.pylon.times import maybe_time
from connector.helpdesk.transport import Params, Transport

_FIRST = 20  # issues made by a program or an agent may begin with internal notes
_MOST_PER_PAGE = 500
_MOST_PAGES = 10


def first_words(transport: Transport, issue_id: str) -> tuple[str, Author]:
    """The text and the author of the first public message; empty and UNKNOWN where there is none."""
    for page in islice(_pages(transport, issue_id, _FIRST), 1):
        for row in page:
            if not row.is_private:
                author = row.author
                by_agent = author is not None and author.user is not None and author.contact is None
                by_customer = author is not None and author.contact is not None
                wrote = Author.AGENT if by_agent else Author.CUSTOMER if by_customer else Author.UNKNOWN
                return _text(row), wrote
    return "", Author.UNKNOWN


def public_messages(transport: Transport, ticket: Ticket, since: datetime) -> Sequence[Message]:
    """The public messages after ``since``, oldest first; empty where the issue is gone.

    Pylon tells them oldest first (Pylon, Get the messages of an issue).  Raises Unavailable.
    """
    found: list[Message] = []
    for page in islice(_pages(transport, ticket.id, _MOST_PER_PAGE), _MOST_PAGES):
        for row in page:
            at = maybe_time(row.timestamp)
            if at is not None and at > since and not row.is_private:
                found.append(Message(at, _author(row.author, ticket), without_nul(_text(row))))
    return sorted(found, key=lambda each: each.at)


def _pages(transport: Transport, issue_id: str, limit: int) -> Iterator[list[MessageRow]]:
    path = f"/issues/{quote(issue_id, safe='')}/messages"
    params: Params = {"limit": limit}
    seen: set[str] = set()
    while True:
        reply = transport.get(path, params)
        if reply.status == 404:
            return
        if not reply.is_ok:
            raise Unavailable(f"GET {path} answered {reply.status}")
        body = decode(reply.body, MessagesBody, f"GET {path}")
        cursor = next_cursor(body.pagination, seen, f"GET {path}")
        yield body.data or []
        if cursor is None:
            return
        params = {"limit": limit, "cursor": cursor}


def _author(author: AuthorRow | None, ticket: Ticket) -> Author:
    if author is not None and author.user is not None:
        return Author.AGENT
    spoke = author.contact.id if author is not None and author.contact is not None else None
    return Author.CUSTOMER if spoke is not None and spoke == ticket.requester else Author.UNKNOWN


def _text(row: MessageRow) -> str:
    return html_to_text(row.message_html or "").strip()
