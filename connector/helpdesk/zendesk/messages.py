"""What was written on a ticket for all to see, newest pages first, until a moment is reached."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from itertools import islice
from urllib.parse import quote

from connector.domain.ticket import Author, Message, Ticket
from connector.helpdesk.decoding import without_nul
from connector.helpdesk.transport import Transport
from connector.helpdesk.zendesk.pagination import walk
from connector.helpdesk.zendesk.payload import CommentRow, CommentsBody

_MOST_PAGES = 5  # of 100 comments; nobody writes 500 between two of our looks
_AUTO_GENERATED = 4  # a comment's flag: "the comment was created by an automated process"


def public_messages(transport: Transport, ticket: Ticket, since: datetime) -> Sequence[Message]:
    """The public comments after ``since``, oldest first; empty where the ticket is gone or may not be read.

    What a mail program sent by itself (Zendesk, Comment flags) is nobody's message.  Raises Unavailable.
    """
    path = f"/api/v2/tickets/{quote(ticket.id, safe='')}/comments"
    pages = walk(transport, path, {"sort": "-created_at", "include": "users"}, CommentsBody)
    found: list[Message] = []
    for page in islice(pages or (), _MOST_PAGES):
        roles = {str(user.id): user.role for user in page.users or ()}
        for comment in page.comments:
            at = _time(comment.created_at)
            if at is None:
                continue
            if at <= since:
                return found[::-1]
            if comment.public and not _is_automatic(comment):
                text = without_nul(comment.plain_body or comment.body or "")
                found.append(Message(at, _author(comment, ticket, roles), text))
    return found[::-1]


def _author(comment: CommentRow, ticket: Ticket, roles: Mapping[str, str | None]) -> Author:
    """An agent who is the requester speaks as an agent: colleagues know how to reach each other."""
    author = str(comment.author_id)
    if roles.get(author) in ("agent", "admin"):
        return Author.AGENT
    return Author.CUSTOMER if author == ticket.requester else Author.UNKNOWN


def _is_automatic(comment: CommentRow) -> bool:
    flags = comment.metadata.get("flags") if isinstance(comment.metadata, dict) else None
    return isinstance(flags, list) and _AUTO_GENERATED in flags


def _time(told: str | None) -> datetime | None:
    """An RFC 3339 time as aware UTC; None where it makes no sense."""
    try:
        at = datetime.fromisoformat(told or "")
        return at.replace(tzinfo=UTC) if at.tzinfo is None else at.astimezone(UTC)
    except (ValueError, OverflowError):
        return None
