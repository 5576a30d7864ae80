"""A hook: how deliveries of one helpdesk are proven, what they may say, and who takes the ticket's id."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime
from enum import Enum


@dataclass(frozen=True, slots=True)
class Accepted:
    """A delivery signed by the helpdesk; ``mark`` is the same when it is repeated, and never otherwise."""

    mark: bytes


@dataclass(frozen=True, slots=True)
class Refused:
    """A delivery that nobody proved to be the helpdesk's; ``reason`` holds nothing of the request."""

    reason: str


class Unfit(Enum):
    """Why the body of a proven delivery names no ticket to read."""

    IRRELEVANT = "tells of something else than a new ticket"
    NO_TICKET = "there is no ticket id in the body"


@dataclass(frozen=True, slots=True)
class Hook:
    """``verify`` gets the headers, with lookups in lower case, the body as it arrived, and the time.

    ``take`` remembers a ticket to read and never waits; False when there is no room.
    """

    verify: Callable[[Mapping[str, str], bytes, datetime], Accepted | Refused]
    ticket_in: Callable[[bytes], str | Unfit]
    take: Callable[[str], bool]
