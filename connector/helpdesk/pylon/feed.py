"""The change feed: full scans of Pylon's issue search over what was updated since a moment."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

import msgspec

from connector.domain.ticket import Page, Unreadable
from connector.errors import Unavailable
from connector.helpdesk.failure import AnswerTooLong, parse_http_date
from connector.helpdesk.pylon.pagination import next_cursor
from connector.helpdesk.pylon.payload import IssuesBody, decode_issues, error_code
from connector.helpdesk.pylon.reader import IssueReader
from connector.helpdesk.pylon.times import parse_time, told
from connector.helpdesk.transport import Reply, Transport
from connector.ports import Clock

_PATH = "/issues/search"
_MOST_PER_PAGE = 100
_LEAST_PER_PAGE = 10
_MOST_AT_ONCE = 20  # reading them may cost two requests each, and the right to poll must not run out
_WINDOW = timedelta(days=29)  # at most 30 may be asked for at once; the clocks need not agree
_OVERLAP = timedelta(seconds=120)
_SLACK = timedelta(seconds=2)  # nobody has recorded whether "after" includes the moment itself


class _Checkpoint(msgspec.Struct):
    since: str


_CHECKPOINTS = msgspec.json.Decoder(_Checkpoint)


def parse_watermark(checkpoint: str | None, start_at: datetime) -> datetime:
    """The watermark in ``checkpoint``; ``start_at`` without one, or with one that nobody can read."""
    try:
        return parse_time(_CHECKPOINTS.decode(checkpoint or "").since)
    except (msgspec.MsgspecError, ValueError, OverflowError):
        return start_at


def checkpoint_at(watermark: datetime) -> str:
    """The checkpoint from which every change after ``watermark`` is still to be read."""
    return msgspec.json.encode(_Checkpoint(told(watermark))).decode()


@dataclass(frozen=True, slots=True)
class _Arrival:
    """One answer of the search; ``server_at`` is the server's clock, None where it does not tell."""

    body: IssuesBody
    unreadable: tuple[Unreadable, ...]
    server_at: datetime | None


class IssueFeed:
    """Pages of changed issues, the newest issue first, whenever it was changed.

    Pylon can filter by ``updated_at`` but not sort by it (Pylon, Search for issues), so a page says nothing
    about the next ones: only the last page of a scan has a checkpoint.  The watermark in it is the server's
    own time at the beginning of the scan less an overlap; what changed meanwhile comes with the next scan,
    and what comes twice the ledger knows by its version and fingerprint.
    """

    def __init__(self, transport: Transport, clock: Clock, reader: IssueReader) -> None:
        self._transport = transport
        self._clock = clock
        self._reader = reader

    def pages(self, checkpoint: str | None, start_at: datetime) -> Iterator[Page]:
        """The issues changed since ``checkpoint``; a long past is read in windows, each with a checkpoint.

        Of what was created before ``start_at`` nobody asks who opened it: it is too old to be an original.
        Raises Unavailable before handing a page on whose cursor does not advance; what was handed on before
        is safe to keep, and comes again.
        """
        since = parse_watermark(checkpoint, start_at)
        while True:
            is_last = self._clock.now() - since <= _WINDOW
            until = None if is_last else since + _WINDOW
            began_at: datetime | None = None
            for arrived, ends in self._scan(since, until):
                began_at = began_at or arrived.server_at or self._clock.now()
                watermark = max(since, (until or began_at) - _OVERLAP)
                rows = arrived.body.data or []
                while len(rows) > _MOST_AT_ONCE:
                    rows, first = rows[_MOST_AT_ONCE:], rows[:_MOST_AT_ONCE]
                    tickets, timeless = self._reader.read(first, arrived.server_at, start_at=start_at)
                    yield Page(tickets, None, complete=False, unreadable=timeless)
                tickets, timeless = self._reader.read(rows, arrived.server_at, start_at=start_at)
                yield Page(
                    tickets,
                    checkpoint_at(watermark) if ends else None,
                    complete=ends and is_last,
                    unreadable=arrived.unreadable + timeless,
                )
            if until is None:
                return
            since = until - _OVERLAP

    def _scan(self, since: datetime, until: datetime | None) -> Iterator[tuple[_Arrival, bool]]:
        """Every answer of one search, and whether it is the last."""
        cursor: str | None = None
        seen: set[str] = set()
        limit = _MOST_PER_PAGE
        while True:
            reply, limit = self._ask(since, until, cursor, limit)
            if not reply.is_ok:
                answered = f"the issue search answered {reply.status} {error_code(reply.body)}"
                raise Unavailable(answered.rstrip())
            body, unreadable = decode_issues(reply.body, f"POST {_PATH}")
            cursor = next_cursor(body.pagination, seen, f"POST {_PATH}")
            server_at = parse_http_date(reply.headers.get("date"))
            yield _Arrival(body, unreadable, server_at), cursor is None
            if cursor is None:
                return

    def _ask(
        self, since: datetime, until: datetime | None, cursor: str | None, limit: int
    ) -> tuple[Reply, int]:
        """One page; asks for half as many issues after each answer that took too long, down to ten."""
        while True:
            try:
                return self._transport.ask(_PATH, _question(since, until, cursor, limit)), limit
            except AnswerTooLong:
                if limit == _LEAST_PER_PAGE:
                    raise
            limit = max(_LEAST_PER_PAGE, limit // 2)


def _question(since: datetime, until: datetime | None, cursor: str | None, limit: int) -> dict[str, Any]:
    bounds = [{"field": "updated_at", "operator": "time_is_after", "value": told(since - _SLACK)}]
    if until is not None:
        bounds.append({"field": "updated_at", "operator": "time_is_before", "value": told(until + _SLACK)})
    question: dict[str, Any] = {"filter": {"operator": "and", "subfilters": bounds}, "limit": limit}
    return question if cursor is None else question | {"cursor": cursor}
