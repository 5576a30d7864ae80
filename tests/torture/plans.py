"""What can go wrong in a scenario: deaths, deeds of people, troubles, lost answers, missing precautions."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from connector.clock import ManualClock
from connector.domain.ticket import Nature, Status
from connector.helpdesk.memory import MemoryHelpdesk
from connector.ports import Helpdesk, Ledger
from tests.torture.business import GROUPS, SECURITY
from tests.torture.mortality import Death


class Deed(StrEnum):
    """What people do to a ticket."""

    ROUTE = "route"
    ASSIGN = "assign"
    SOLVE = "solve"
    CLOSE = "close"
    DELETE = "delete"
    MERGE = "merge"
    REVERT = "revert"  # take back our group; nothing before we wrote
    REPLY = "reply"  # of the customer: claims nothing
    TAG = "tag"  # claims nothing either, and must survive
    OVERWRITE = "overwrite"  # write a list of tags from before ours; nothing before we wrote


DEEDS = tuple(deed for deed in Deed if deed is not Deed.OVERWRITE)  # where tags are added, not replaced
CLAIMS: dict[Deed, dict[str, Any]] = {
    Deed.ROUTE: {"group": SECURITY.id},
    Deed.ASSIGN: {"assignee": "5"},
    Deed.SOLVE: {"status": Status.SOLVED},
    Deed.CLOSE: {"status": Status.CLOSED},
    Deed.DELETE: {"status": Status.DELETED},
    Deed.MERGE: {"status": Status.CLOSED, "nature": Nature.MERGED},
    Deed.REVERT: {"group": None},
}


@dataclass(frozen=True, slots=True)
class Move:
    """A deed done to a ticket the first time that a moment passes; ``down`` is while the process is dead."""

    moment: str
    ticket_id: str
    deed: Deed


@dataclass(frozen=True, slots=True)
class Trouble:
    """The ``nth`` time that a moment passes, the upstream gives no answer, or asks to slow down."""

    moment: str
    nth: int
    slow_down: bool = False


class Delivery(StrEnum):
    """What becomes of a change on its way to the helpdesk."""

    ANSWERED = "answered"
    LOST = "lost"  # never arrives; nobody knows
    UNANSWERED = "unanswered"  # takes effect; nobody knows
    LATE = "late"  # takes effect when ``late_at`` passes; nobody knows


def _guarded(clock: ManualClock) -> MemoryHelpdesk:
    return MemoryHelpdesk(clock, GROUPS, page_size=2)


@dataclass(frozen=True, slots=True)
class Weakness:
    """What is taken away from the connector, to see whether the audit notices; or from the helpdesk."""

    helpdesk: Callable[[MemoryHelpdesk], Helpdesk] = lambda helpdesk: helpdesk
    ledger: Callable[[Ledger, Helpdesk], Ledger] = lambda ledger, _: ledger
    world: Callable[[ManualClock], MemoryHelpdesk] = _guarded


SOUND = Weakness()


@dataclass(frozen=True, slots=True)
class Plan:
    """All that goes wrong in a scenario: the end of each life, people's moves, the fate of each write."""

    deaths: tuple[Death, ...] = ()
    moves: tuple[Move, ...] = ()
    deliveries: tuple[Delivery, ...] = ()
    late_at: str = "intend_writes.committed"  # in a later life, or in a later batch of the same
    troubles: tuple[Trouble, ...] = ()
    stray: bool = False  # a change whose sender died right before sending was under way all the same
