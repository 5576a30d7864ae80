"""The incremental export: every ticket that changed, in order, but never the most recent minute."""

from __future__ import annotations

import base64
import binascii
import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from itertools import islice
from typing import Any
from urllib.parse import quote

from connector.sandbox.server import Request, Response
from connector.sandbox.zendesk_api import refusal
from connector.sandbox.zendesk_api.chronicle import Position
from connector.sandbox.zendesk_api.records import Ticket
from connector.sandbox.zendesk_api.rendering import encode, listing, show_metrics, sideloads, ticket_json
from connector.sandbox.zendesk_api.world import World

MAX_PER_PAGE = 1000
_PATH = "/api/v2/incremental/tickets/cursor.json"


@dataclass(slots=True)
class Export:
    """The cursor export.  No recorded response settles ``null_cursor_when_empty``: both are possible."""

    world: World
    blind_seconds: float = 60
    null_cursor_when_empty: bool = False
    _given_out: set[str] = field(default_factory=set)
    _forgotten: set[str] = field(default_factory=set)

    def forget_cursors(self) -> None:
        """Every cursor given out so far is refused from now on."""
        self._forgotten |= self._given_out
        self._given_out.clear()

    def serve(self, request: Request) -> Response:
        """``GET /api/v2/incremental/tickets/cursor``."""
        query = request.query
        size = min(_whole(query.get("per_page", str(MAX_PER_PAGE)), "per_page"), MAX_PER_PAGE)
        if size < 1:
            raise refusal.refused(400, "InvalidValue", "per_page must be positive")
        start = self._start(request)
        wanted = self._matching(start, query)
        page = list(islice(wanted, size))
        more = next(wanted, None) is not None
        return self._respond(request, size, page, start, more)

    def _start(self, request: Request) -> Position:
        cursor, since = request.query.get("cursor"), request.query.get("start_time")
        if cursor is not None and since is not None:
            raise refusal.refused(400, "InvalidValue", "start_time and cursor cannot be used together")
        if cursor is not None:
            if cursor in self._forgotten:
                raise refusal.refused(422, "InvalidCursor", "The cursor is no longer valid")
            return decode_position(cursor)
        if since is None:
            raise refusal.refused(400, "InvalidValue", "start_time is required")
        seconds = _whole(since, "start_time")
        if seconds > self.world.now() - self.blind_seconds:
            reason = "Too recent start_time. Use a start_time older than 60 seconds"
            raise refusal.refused(400, "StartTimeTooRecent", reason)
        return (seconds, -1)

    def _matching(self, start: Position, query: Any) -> Iterator[Ticket]:  # noqa: ANN401 -- see Request.query
        no_deleted = query.get("exclude_deleted", "").lower() in {"true", "1"}
        scope = support_type_scope(query)
        newest = int(self.world.now() - self.blind_seconds)
        for _, ticket_id in self.world.chronicle.after(start, newest):
            ticket = self.world.tickets[ticket_id]
            hidden = no_deleted and ticket.status == "deleted"
            if not hidden and scope in {"all", ticket.support_type}:
                yield ticket

    def _respond(
        self, request: Request, size: int, page: list[Ticket], start: Position, more: bool
    ) -> Response:
        include = request.query.get("include", "").split(",")
        cursor = self._cursor_after(request, page, start)
        after = f"{self.world.url}{_PATH}?cursor={quote(cursor, safe='')}&per_page={size}" if cursor else None
        parts = {"tickets": [self._row(ticket, include) for ticket in page]}
        rest = {"after_url": after, "before_url": None, "after_cursor": cursor, "before_cursor": None}
        return listing(parts | sideloads(self.world, page, include), rest | {"end_of_stream": not more})

    def _cursor_after(self, request: Request, page: list[Ticket], start: Position) -> str | None:
        """Stays what it was when nothing is new: it is never null at the end of the stream."""
        if page:
            cursor = encode_position((page[-1].generated_at, page[-1].id))
        elif self.null_cursor_when_empty:
            return None
        else:
            cursor = request.query.get("cursor") or encode_position((start[0], max(0, start[1])))
        self._given_out.add(cursor)
        return cursor

    def _row(self, ticket: Ticket, include: list[str]) -> bytes:
        row = ticket_json(self.world, ticket)[:-1] + b',"generated_timestamp":%d' % ticket.generated_at
        if "comment_count" in include:
            row += b',"comment_count":%d' % ticket.comment_count
        if "metric_sets" in include:
            row += b',"metric_set":' + encode(show_metrics(self.world, ticket))
        return row + b"}"


def support_type_scope(query: Any) -> str:  # noqa: ANN401 -- see Request.query
    """Whose tickets are wanted; by default agents' (vendor pages "Incremental Exports", "List Tickets")."""
    scope: str = query.get("support_type_scope", "agent")
    if scope not in {"all", "agent", "ai_agent"}:
        raise refusal.refused(400, "InvalidValue", "support_type_scope must be all, agent or ai_agent")
    return scope


def encode_position(position: Position) -> str:
    """The form of the cursors in recorded responses; opaque to clients."""
    return base64.b64encode(f"{position[0]}.0||{position[1]}|".encode()).decode()


def decode_position(cursor: str) -> Position:
    try:
        text = base64.b64decode(cursor, validate=True).decode()
    except (binascii.Error, UnicodeDecodeError, ValueError):
        text = ""
    match = re.fullmatch(r"(\d+)\.0\|\|(\d+)\|", text)
    if match is None:
        raise refusal.refused(400, "InvalidCursor", "The cursor is malformed")
    return int(match[1]), int(match[2])


def _whole(given: str, name: str) -> int:
    if not re.fullmatch(r"\d{1,18}", given):
        raise refusal.refused(400, "InvalidValue", f"{name} must be a whole number")
    return int(given)
