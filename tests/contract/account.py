"""What the suite needs of a vendor beside its adapter: the hands and eyes of the people at the helpdesk."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from enum import Enum
from typing import Protocol, TypedDict, Unpack

import pytest

from connector.clock import ManualClock
from connector.domain.ticket import Status
from connector.ports import Helpdesk


class Directory(Helpdesk, Protocol):
    """A helpdesk that also knows its people; `forget --requester` needs that."""

    def requesters(self, email: str) -> Sequence[str]:
        """The ids of the people with this address, whatever its case; empty when there is none."""
        ...


class Facts(TypedDict, total=False):
    """What a person can change of a ticket; groups and assignees are ids, ``tags`` replace the old ones."""

    group: str | None
    assignee: str | None
    status: Status
    priority: str | None
    tags: Sequence[str]


@dataclass(frozen=True, slots=True)
class Shown:
    """A ticket as people at the helpdesk see it.  ``writes``: how many of ours took effect."""

    group: str | None
    priority: str | None
    tags: frozenset[str]
    said: tuple[str, ...]  # what everybody can read, the first words too
    notes: tuple[str, ...]  # what only agents can read
    writes: int


class Trouble(Enum):
    """What can go wrong between the adapter and the vendor."""

    LOCKED_OUT = "the credentials no longer count"
    DOWN = "a maintenance page and a status of 503, whatever is asked"
    GIBBERISH = "a page instead of data, and a status of 200"
    ANSWER_LOST = "the next write is done, and its answer does not come through"


class Account(Protocol):
    """An account at a vendor, our adapter logged in to it, and what people do there.

    Nothing here goes through the adapter.  Every id is the adapter's.  Time moves only in `settle`.
    """

    @property
    def helpdesk(self) -> Directory: ...

    @property
    def agent(self) -> str:
        """Somebody whom tickets can be assigned to."""
        ...

    @property
    def unknown_id(self) -> str:
        """An id in the vendor's form that no ticket ever had."""
        ...

    def add_group(self, name: str) -> str: ...

    def delete_group(self, group: str) -> None: ...

    def add_customer(self, email: str) -> str: ...

    def open(
        self,
        subject: str = "Charged twice",
        text: str = "Please refund me.",
        *,
        requester: str | None = None,
        by_agent: bool = False,
        tags: Sequence[str] = (),
    ) -> str:
        """A new ticket in no group; an agent writes its first words if ``by_agent``."""
        ...

    def customer_replies(self, ticket_id: str, text: str) -> None: ...

    def agent_replies(self, ticket_id: str, text: str, *, public: bool = True) -> None: ...

    def person_sets(self, ticket_id: str, **facts: Unpack[Facts]) -> None: ...

    def delete(self, ticket_id: str) -> None: ...

    def garble(self, ticket_id: str) -> None:
        """From now on the API shows this ticket in a shape that nobody can read."""
        ...

    def before_the_next_write(self, happens: Callable[[], None]) -> None:
        """Something happens once, when the adapter's next write is at the vendor's door."""
        ...

    def turn_away_writes_after(self, count: int) -> None:
        """The vendor does ``count`` more writes and turns the others away, saying that it did nothing."""
        ...

    def accept_writes(self) -> None:
        """The vendor does what it is asked again."""
        ...

    def strike(self, trouble: Trouble) -> bool:
        """From now on this goes wrong; False where there is nothing between us that could."""
        ...

    def settle(self) -> None:
        """Time passes until the feed shows everything and versions tell any further change apart."""
        ...

    def shown(self, ticket_id: str) -> Shown: ...


@dataclass(frozen=True, slots=True)
class Terms:
    """How an account is opened: its time, and how many tickets a page of its feed holds at most."""

    clock: ManualClock
    page_size: int = 1000


Open = Callable[[Terms], AbstractContextManager[Account]]


def needs(there: object, what: str) -> None:
    """Skip the test unless ``there``: the promise depends on ``what``, and this helpdesk has none."""
    if not there:
        pytest.skip(f"no {what} here")
