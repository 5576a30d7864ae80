"""The change feed: Zendesk's cursor-based incremental export of tickets."""

from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from datetime import datetime

import msgspec

from connector.domain.ticket import Page, Unreadable
from connector.errors import Unavailable
from connector.helpdesk.failure import AnswerTooLong, parse_http_date
from connector.helpdesk.transport import Params, Reply, Transport
from connector.helpdesk.zendesk.payload import TicketsBody, decode_tickets
from connector.helpdesk.zendesk.reader import TicketReader
from connector.helpdesk.zendesk.refusal import error_codes
from connector.ports import Clock

_PATH = "/api/v2/incremental/tickets/cursor.json"
_MOST_PER_PAGE = 1000
_LEAST_PER_PAGE = 100
_YOUNGEST_START_SECONDS = 90  # a start_time less than a minute ago is refused (StartTimeTooRecent)
_OVERLAP_SECONDS = 300
_LOST_CURSOR = frozenset({400, 404, 422})


@dataclass(frozen=True, slots=True)
class Position:
    """Where the feed goes on: Zendesk's opaque cursor, and the epoch second to restart from without it."""

    cursor: str | None
    since: int

    def checkpoint(self) -> str:
        return msgspec.json.encode({"cursor": self.cursor, "since": self.since}).decode()


class _Checkpoint(msgspec.Struct):
    cursor: str | None
    since: int


_CHECKPOINTS = msgspec.json.Decoder(_Checkpoint)


def parse_position(checkpoint: str | None, start_at: datetime) -> Position:
    """The position that ``checkpoint`` stores; ``start_at`` without one, or with one that nobody can read."""
    try:
        stored = _CHECKPOINTS.decode(checkpoint or "")
    except msgspec.MsgspecError:
        return Position(None, max(0, int(start_at.timestamp())))
    return Position(stored.cursor, max(0, stored.since))


@dataclass(frozen=True, slots=True)
class _Arrival:
    """One answer of the export; ``after`` is where the feed goes on behind it."""

    body: TicketsBody
    unreadable: tuple[Unreadable, ...]
    after: Position
    server_at: datetime | None


class TicketFeed:
    """Pages of changed tickets in the order of Zendesk's own clock, each with a checkpoint that is safe.

    The export never shows the last minute (Zendesk, Incremental Exports).
    """

    def __init__(
        self, transport: Transport, clock: Clock, reader: TicketReader, *, support_type_scope: str
    ) -> None:
        self._transport = transport
        self._clock = clock
        self._reader = reader
        self._support_type_scope = support_type_scope

    def pages(self, checkpoint: str | None, start_at: datetime) -> Iterator[Page]:
        """The pages after ``checkpoint`` until the end of the stream.

        Raises Unavailable before handing a page on whose cursor does not advance; what was handed on before
        is safe to keep.  While a page is being read and stored, the next one is on its way.
        """
        for arrived in _one_ahead(self._arrivals(parse_position(checkpoint, start_at))):
            body = arrived.body
            tickets, timeless = self._reader.read(
                body.tickets, body.users, body.organizations, arrived.server_at
            )
            unreadable = arrived.unreadable + timeless
            yield Page(tickets, arrived.after.checkpoint(), bool(body.end_of_stream), unreadable)

    def _arrivals(self, position: Position) -> Iterator[_Arrival]:
        """Answers of the export, decoded and known to lead on."""
        seen: set[str | None] = {position.cursor}
        per_page = _MOST_PER_PAGE
        restarted = False
        while True:
            reply, per_page = self._ask(position, per_page)
            if reply.status in _LOST_CURSOR and not restarted:
                restarted = True
                position = Position(None, max(0, position.since - _OVERLAP_SECONDS))
                seen = {None}
                continue
            if not reply.is_ok:
                codes = ", ".join(error_codes(reply.body))
                raise Unavailable(f"the ticket export answered {reply.status} {codes}".rstrip())
            body, unreadable = decode_tickets(reply.body, f"GET {_PATH}")
            position = _advance(body, position, seen)
            yield _Arrival(body, unreadable, position, parse_http_date(reply.headers.get("date")))
            if body.end_of_stream:
                return

    def _ask(self, position: Position, per_page: int) -> tuple[Reply, int]:
        """One page; asks for half as many tickets after each answer that took too long, down to 100."""
        while True:
            try:
                return self._transport.get(_PATH, self._params(position, per_page)), per_page
            except AnswerTooLong:
                if per_page == _LEAST_PER_PAGE:
                    raise
            per_page = max(_LEAST_PER_PAGE, per_page // 2)

    def _params(self, position: Position, per_page: int) -> Params:
        # Everything is sent again on each page: nobody has recorded that the cursor remembers it.
        params: dict[str, str | int] = {
            "per_page": per_page,
            "include": self._reader.feed_includes,
            "support_type_scope": self._support_type_scope,
        }
        if position.cursor is not None:
            return params | {"cursor": position.cursor}
        youngest = int(self._clock.now().timestamp()) - _YOUNGEST_START_SECONDS
        return params | {"start_time": max(0, min(position.since, youngest))}


def _one_ahead(arrivals: Iterator[_Arrival]) -> Iterator[_Arrival]:
    """The same; the next one is fetched by another thread while the caller works on this one."""
    with ThreadPoolExecutor(1, thread_name_prefix="export") as pool:
        coming = pool.submit(next, arrivals, None)
        while (arrived := coming.result()) is not None:
            coming = pool.submit(next, arrivals, None)
            yield arrived


def _advance(body: TicketsBody, position: Position, seen: set[str | None]) -> Position:
    """The position after ``body``.  Raises Unavailable when the feed would go in circles."""
    if body.end_of_stream is None:
        raise Unavailable(f"GET {_PATH} answered without end_of_stream")
    if not body.end_of_stream and (body.after_cursor is None or body.after_cursor in seen):
        raise Unavailable(f"GET {_PATH}: the cursor does not advance although the stream has not ended")
    seen.add(body.after_cursor)
    latest = max((row.generated_timestamp or 0 for row in body.tickets), default=0)
    return replace(
        position,
        cursor=body.after_cursor or position.cursor,  # null would lose the place
        since=max(position.since, int(latest)),
    )
