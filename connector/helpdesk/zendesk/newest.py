"""The newest tickets: Zendesk lists them at once, while its export hides them for a minute."""

from __future__ import annotations

from collections.abc import Collection, Iterator
from datetime import datetime

from connector.domain.ticket import Ticket, Unreadable
from connector.errors import Unavailable
from connector.helpdesk.failure import parse_http_date
from connector.helpdesk.transport import Params, Transport
from connector.helpdesk.zendesk.payload import TicketsBody, decode_tickets
from connector.helpdesk.zendesk.reader import TicketReader

_PATH = "/api/v2/tickets"
_PER_PAGE = 25  # whole tickets, every few seconds: where nothing is new the answer should be small
_MOST_PAGES = 4


class NewestTickets:
    """Tickets by descending id, which grows with time (Zendesk, List Tickets: cursor pagination, ``sort``).

    Which of two tickets shows in the list first is promised nowhere, so what was seen is told apart by id and
    not by the highest one.  ``transport`` should be one that waits for nothing.
    """

    def __init__(self, transport: Transport, reader: TicketReader, *, support_type_scope: str) -> None:
        self._transport = transport
        self._reader = reader
        self._support_type_scope = support_type_scope

    def beyond(self, seen: Collection[str]) -> list[Ticket | Unreadable]:
        """As `Helpdesk.newest`."""
        found: list[Ticket | Unreadable] = []
        for body, malformed, server_at in self._pages():
            rows = [row for row in body.tickets if str(row.id) not in seen]
            lost = [each for each in malformed if each.ticket_id not in seen]
            tickets, timeless = self._reader.read(rows, body.users, body.organizations, server_at)
            found += [*tickets, *lost, *timeless]
            if not seen or len(rows) + len(lost) < len(body.tickets) + len(malformed):
                break
        return found

    def _pages(self) -> Iterator[tuple[TicketsBody, tuple[Unreadable, ...], datetime | None]]:
        params: Params = {
            "sort": "-id",
            "page[size]": _PER_PAGE,
            "include": self._reader.includes,
            "support_type_scope": self._support_type_scope,
        }
        after: Params = {}
        for _ in range(_MOST_PAGES):
            reply = self._transport.get(_PATH, {**params, **after})
            if not reply.is_ok:
                raise Unavailable(f"GET {_PATH} answered {reply.status}")
            body, malformed = decode_tickets(reply.body, f"GET {_PATH}")
            yield body, malformed, parse_http_date(reply.headers.get("date"))
            if body.meta is None or not body.meta.has_more or body.meta.after_cursor is None:
                return
            after = {"page[after]": body.meta.after_cursor}
