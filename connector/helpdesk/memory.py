"""A helpdesk in memory: the port's promises without a network, for tests and simulations."""

from __future__ import annotations

import hashlib
import threading
from collections import deque
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from dataclasses import replace
from datetime import datetime
from itertools import islice, takewhile
from typing import Any

from connector.domain.decision import Applied, Change, Outcome
from connector.domain.ticket import Author, Group, Message, Page, Status, Ticket, Unreadable
from connector.ports import Account, Capabilities, Clock


class MemoryHelpdesk:
    """Tickets in a dictionary and a change log; ``person`` is what people do to them.

    Versions are the number of the change, so two changes are always told apart.
    """

    def __init__(
        self, clock: Clock, groups: Sequence[Group], *, page_size: int = 100, bulk_size: int = 100
    ) -> None:
        self.capabilities = Capabilities(
            sorted_feed=True,
            conditional_write=True,
            atomic_write=True,
            bulk_size=bulk_size,
            bulk_from=20,
            notes=True,
            newest=True,
        )
        self.tickets: dict[str, Ticket] = {}
        self.writes: list[Change] = []  # those that took effect
        self.notes: dict[str, list[str]] = {}
        self.spoken: dict[str, list[Message]] = {}  # public messages after the first
        self.people: dict[str, str] = {}  # e-mail addresses by id
        self.garbled: set[str] = set()  # tickets that arrive in a shape that nobody can read
        self.on_apply: Callable[[Change], None] = lambda _: None  # the world moves right before a write
        self._clock = clock
        self._groups = tuple(groups)
        self._page_size = page_size
        self._log: deque[Ticket] = deque()
        self._forgotten = 0  # changes that were once before those in the log
        self._lock = threading.RLock()

    def check(self) -> Account:
        return Account("memory", "admin")

    def groups(self) -> Sequence[Group]:
        return self._groups

    def pages(self, checkpoint: str | None, start_at: datetime) -> Iterator[Page]:
        position = self._position_at(start_at) if checkpoint is None else int(checkpoint)
        while True:
            with self._lock:
                first = max(0, position - self._forgotten)
                rows = tuple(islice(self._log, first, first + self._page_size))
                position = self._forgotten + first + len(rows)
                complete = first + len(rows) >= len(self._log)
                tickets = tuple(row for row in rows if row.id not in self.garbled)
                unreadable = tuple(_set_aside(row.id) for row in rows if row.id in self.garbled)
            yield Page(tickets, str(position), complete, unreadable)
            if complete:
                return

    def _position_at(self, moment: datetime) -> int:
        """How many changes there were before a moment."""
        with self._lock:
            return self._forgotten + sum(1 for _ in takewhile(lambda row: row.updated_at < moment, self._log))

    def newest(self, seen: Collection[str]) -> Sequence[Ticket | Unreadable]:
        with self._lock:
            there = [each for each in self.tickets.values() if each.status is not Status.DELETED]
            latest = islice(reversed(there), self._page_size)
            return [self._told(each) for each in latest if each.id not in seen]

    def fetch(self, ticket_ids: Sequence[str]) -> Mapping[str, Ticket | Unreadable]:
        with self._lock:
            there = [
                self.tickets[each]
                for each in ticket_ids
                if each in self.tickets and self.tickets[each].status is not Status.DELETED
            ]
            return {each.id: self._told(each) for each in there}

    def _told(self, ticket: Ticket) -> Ticket | Unreadable:
        return _set_aside(ticket.id) if ticket.id in self.garbled else ticket

    def requesters(self, email: str) -> tuple[str, ...]:
        """The ids of the people with this address, whatever its case; empty when there is none."""
        wanted = email.strip().casefold()
        return tuple(person for person, address in self.people.items() if address.casefold() == wanted)

    def messages(self, ticket: Ticket, since: datetime) -> Sequence[Message]:
        with self._lock:
            return [each for each in self.spoken.get(ticket.id, ()) if each.at > since]

    def apply(self, changes: Sequence[Change]) -> Iterator[Applied]:
        for change in changes:
            self.on_apply(change)
            yield self._apply(change)

    def find_write(self, seen: Ticket, change_id: str) -> bool | None:
        with self._lock:
            return any(write.decision_id == change_id and write.seen.id == seen.id for write in self.writes)

    def _apply(self, change: Change) -> Applied:
        with self._lock:
            now = self.tickets.get(change.seen.id)
            if now is None or now.status in (Status.DELETED, Status.CLOSED):
                return Applied(change.seen.id, Outcome.GONE)
            if now.version != change.seen.version:
                return Applied(now.id, Outcome.CONFLICT)
            if isinstance(change.group, str) and change.group not in {group.id for group in self._groups}:
                return Applied(now.id, Outcome.REJECTED, detail="422")
            kept = (tag for tag in now.tags if tag not in change.remove_tags)
            tags = tuple(dict.fromkeys((*kept, *change.add_tags)))
            after = replace(now, group=change.group_after, tags=tags, priority=change.priority_after)
            if after == now and change.note is None:
                return Applied(now.id, Outcome.NO_OP, now.version, now.updated_at, now.group)
            self.writes.append(change)
            if change.note is not None:
                self.notes.setdefault(now.id, []).append(change.note)
            stored = self.put(after)
            facts = (stored.version, stored.updated_at, stored.group)
            return Applied(stored.id, Outcome.APPLIED, *facts, left=stored.standing)

    def put(self, ticket: Ticket) -> Ticket:
        """Create or change a ticket as the outside world does; returns it as stored."""
        with self._lock:
            number = self._forgotten + len(self._log) + 1
            stored = replace(
                ticket,
                version=str(number),
                updated_at=self._clock.now(),
                fingerprint=hashlib.blake2b(str(number).encode(), digest_size=8).hexdigest(),
            )
            self.tickets[ticket.id] = stored
            self._log.append(stored)
            return stored

    def add_group(self, group: Group) -> None:
        self._groups += (group,)

    def delete_group(self, group_id: str) -> None:
        """The group is gone; writes that lead there are refused from now on."""
        self._groups = tuple(group for group in self._groups if group.id != group_id)

    def person(self, ticket_id: str, **facts: Any) -> Ticket:  # noqa: ANN401 - any fact of a ticket
        """A person changes facts of a ticket."""
        with self._lock:
            return self.put(replace(self.tickets[ticket_id], **facts))

    def says(self, ticket_id: str, text: str, author: Author = Author.CUSTOMER, **facts: Any) -> Ticket:  # noqa: ANN401 - any fact of a ticket
        """Somebody writes on a ticket for all to see; the requester's words reopen what waited for them."""
        with self._lock:
            now = self._clock.now()
            self.spoken.setdefault(ticket_id, []).append(Message(now, author, text))
            ticket = self.tickets[ticket_id]
            if author is Author.CUSTOMER:
                facts = {"requester_spoke_at": now} | facts
                if ticket.status in (Status.PENDING, Status.HOLD, Status.SOLVED):
                    facts = {"status": Status.OPEN} | facts
            return self.put(replace(ticket, **facts))

    def forget(self, changes_before: datetime, tickets_before: datetime) -> None:
        """Drop old changes from the feed, and tickets that have not changed for long, with all about them.

        A simulation of months needs neither, and its memory is what it measures.
        """
        with self._lock:
            while self._log and self._log[0].updated_at < changes_before:
                self._log.popleft()
                self._forgotten += 1
            kept = {each.id: each for each in self.tickets.values() if each.updated_at >= tickets_before}
            self.tickets = kept
            self.notes = {each: notes for each, notes in self.notes.items() if each in kept}
            self.spoken = {each: said for each, said in self.spoken.items() if each in kept}
            self.writes = [write for write in self.writes if write.seen.id in kept]


def _set_aside(ticket_id: str) -> Unreadable:
    return Unreadable(ticket_id, "garbled")
