"""The helpdesk in memory, and its people."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import Unpack

from connector.clock import ManualClock
from connector.domain.decision import Change
from connector.domain.ticket import Author, Group, Nature, Status, Ticket
from connector.errors import RateLimited
from connector.helpdesk.memory import MemoryHelpdesk
from tests.contract.account import Facts, Shown, Terms, Trouble


class MemoryAccount:
    """Versions are numbers and the feed hides nothing, so settling takes no time at all."""

    agent = "agent-1"
    unknown_id = "t0"

    def __init__(self, terms: Terms) -> None:
        self._clock: ManualClock = terms.clock
        self.helpdesk = MemoryHelpdesk(terms.clock, [], page_size=terms.page_size)
        self._opened = self._founded = 0

    def add_group(self, name: str) -> str:
        self._founded += 1
        group = Group(f"g{self._founded}", name)
        self.helpdesk.add_group(group)
        return group.id

    def delete_group(self, group: str) -> None:
        self.helpdesk.delete_group(group)

    def add_customer(self, email: str) -> str:
        person = f"u{len(self.helpdesk.people) + 1}"
        self.helpdesk.people[person] = email
        return person

    def open(
        self,
        subject: str = "Charged twice",
        text: str = "Please refund me.",
        *,
        requester: str | None = None,
        by_agent: bool = False,
        tags: Sequence[str] = (),
    ) -> str:
        self._opened += 1
        now = self._clock.now()
        ticket = Ticket(
            id=f"t{self._opened}",
            version="",
            fingerprint="",
            created_at=now,
            updated_at=now,
            status=Status.NEW,
            nature=Nature.ORDINARY,
            author=Author.AGENT if by_agent else Author.CUSTOMER,
            is_public=True,
            subject=subject,
            text=text,
            channel="email",
            group=None,
            assignee=None,
            priority=None,
            tags=tuple(tags),
            requester=requester or "customer-1",
        )
        return self.helpdesk.put(ticket).id

    def customer_replies(self, ticket_id: str, text: str) -> None:
        self.helpdesk.says(ticket_id, text)

    def agent_replies(self, ticket_id: str, text: str, *, public: bool = True) -> None:
        if public:
            self.helpdesk.says(ticket_id, text, Author.AGENT)
            return
        self.helpdesk.notes.setdefault(ticket_id, []).append(text)
        self.helpdesk.person(ticket_id)

    def person_sets(self, ticket_id: str, **facts: Unpack[Facts]) -> None:
        self.helpdesk.person(
            ticket_id, **(facts | {"tags": tuple(facts["tags"])} if "tags" in facts else facts)
        )

    def delete(self, ticket_id: str) -> None:
        self.helpdesk.person(ticket_id, status=Status.DELETED)

    def garble(self, ticket_id: str) -> None:
        self.helpdesk.garbled.add(ticket_id)

    def before_the_next_write(self, happens: Callable[[], None]) -> None:
        first = iter([happens])

        def move(_: Change) -> None:
            next(first, lambda: None)()

        self.helpdesk.on_apply = move

    def turn_away_writes_after(self, count: int) -> None:
        done = iter(range(count))

        def turn_away(_: Change) -> None:
            if next(done, None) is None:
                raise RateLimited("too many writes", retry_after_seconds=7)

        self.helpdesk.on_apply = turn_away

    def accept_writes(self) -> None:
        self.helpdesk.on_apply = lambda _: None

    def strike(self, trouble: Trouble) -> bool:
        return False

    def settle(self) -> None:
        self._clock.advance(1)

    def shown(self, ticket_id: str) -> Shown:
        ticket = self.helpdesk.tickets[ticket_id]
        spoken = self.helpdesk.spoken.get(ticket_id, ())
        return Shown(
            group=ticket.group,
            priority=ticket.priority,
            tags=frozenset(ticket.tags),
            said=(ticket.text or "", *(each.text for each in spoken)),
            notes=tuple(self.helpdesk.notes.get(ticket_id, ())),
            writes=sum(write.seen.id == ticket_id for write in self.helpdesk.writes),
        )


@contextmanager
def open_memory(terms: Terms) -> Iterator[MemoryAccount]:
    yield MemoryAccount(terms)
