"""Looking up single issues as they are now."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from urllib.parse import quote

from connector.domain.ticket import Ticket, Unreadable
from connector.errors import Unavailable
from connector.helpdesk.failure import parse_http_date
from connector.helpdesk.pylon.messages import first_words
from connector.helpdesk.pylon.payload import decode_issue, error_code
from connector.helpdesk.pylon.reader import IssueReader, with_words
from connector.helpdesk.transport import Reply, Transport


class IssueLookup:
    """Reads issues outside the feed, one request each."""

    def __init__(self, transport: Transport, reader: IssueReader) -> None:
        self._transport = transport
        self._reader = reader

    def current(self, issue_id: str, *, looks_up: bool = True) -> Ticket | Unreadable | None:
        """The issue as it is now; None when it is gone.  Without ``looks_up`` it is one request."""
        path = issue_path(issue_id)
        reply = self._transport.get(path)
        if is_gone(reply):
            return None
        if not reply.is_ok:
            raise Unavailable(f"GET {path} answered {reply.status} {error_code(reply.body)}".rstrip())
        return self.read(reply, f"GET {path}", looks_up=looks_up)

    def read(self, reply: Reply, what: str, *, looks_up: bool) -> Ticket | Unreadable:
        """The issue in an answer.  Raises Unavailable when there is none in it."""
        body, malformed = decode_issue(reply.body, what)
        server_at = parse_http_date(reply.headers.get("date"))
        tickets, timeless = self._reader.read(body.data or (), server_at, looks_up=looks_up)
        return tickets[0] if tickets else (malformed + timeless)[0]

    def with_text(self, issue_ids: Sequence[str]) -> Mapping[str, Ticket | Unreadable]:
        """The issues that are there; where the words are not in the issue they are read from its messages."""
        found: dict[str, Ticket | Unreadable] = {}
        for each in issue_ids:
            issue = self.current(each)
            if isinstance(issue, Ticket) and issue.text is None:
                issue = with_words(issue, *first_words(self._transport, each))
            if issue is not None:
                found[each] = issue
        return found


def issue_path(issue_id: str) -> str:
    return f"/issues/{quote(issue_id, safe='')}"


def is_gone(reply: Reply) -> bool:
    """Pylon keeps nothing of a deleted issue but its absence."""
    return reply.status == 404 or (reply.status == 400 and error_code(reply.body) == "not_found")
