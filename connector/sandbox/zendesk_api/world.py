"""The account: its people, its tickets and what happened to them."""

from __future__ import annotations

import threading
from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from itertools import chain
from typing import Any, TypeVar

from connector.sandbox.zendesk_api.chronicle import Chronicle
from connector.sandbox.zendesk_api.records import (
    Audit,
    Comment,
    CustomField,
    Group,
    Organization,
    Served,
    Ticket,
    User,
    Write,
)

Rule = Callable[[Ticket, Ticket], Mapping[str, Any] | None]
Record = TypeVar("Record")

FIRST_TICKET = 35_436_000_001  # real accounts have ids far above 2^31
FIRST_PERSON = 33_144_692_244_001
FIRST_EVENT = 41_200_000_000_001


@dataclass(frozen=True, slots=True)
class Trigger:
    """A business rule: given the ticket before and after an update, the further changes it makes, or None."""

    id: int
    title: str
    rule: Rule


@dataclass(slots=True)
class World:
    """Everything the account knows.  Whoever reads or changes it holds ``lock``."""

    now: Callable[[], float]
    url: str = ""
    locale: str = "en"
    lock: threading.RLock = field(default_factory=threading.RLock)
    groups: dict[int, Group] = field(default_factory=dict)
    organizations: dict[int, Organization] = field(default_factory=dict)
    users: dict[int, User] = field(default_factory=dict)
    custom_fields: dict[str, CustomField] = field(default_factory=dict)
    tickets: dict[int, Ticket] = field(default_factory=dict)
    chronicle: Chronicle = field(default_factory=Chronicle)
    comments: defaultdict[int, list[Comment]] = field(default_factory=lambda: defaultdict(list))
    audits: defaultdict[int, list[Audit]] = field(default_factory=lambda: defaultdict(list))
    triggers: list[Trigger] = field(default_factory=list)
    writes: list[Write] = field(default_factory=list)
    requests: list[Served] = field(default_factory=list)
    rendered: dict[tuple[str, int], bytes] = field(
        default_factory=dict
    )  # JSON by kind and id, until it changes
    _next_ticket: int = FIRST_TICKET
    _next_person: int = FIRST_PERSON
    _next_event: int = FIRST_EVENT

    @property
    def second(self) -> int:
        """The time as the account stamps it."""
        return int(self.now())

    def new_ticket_id(self) -> int:
        self._next_ticket += 1
        return self._next_ticket

    def new_id(self) -> int:
        """For a person, group, organization, field or rule."""
        self._next_person += 1
        return self._next_person

    def new_event_id(self) -> int:
        self._next_event += 1
        return self._next_event

    def new_opening_id(self) -> int:
        """For a ticket's first comment; the next three ids are its first audit and that audit's events."""
        self._next_event += 4
        return self._next_event - 3

    # --- tickets ---

    def add_tickets(self, tickets: Iterable[Ticket]) -> None:
        new = list(tickets)
        self.tickets.update((ticket.id, ticket) for ticket in new)
        if len(new) == 1:
            self.chronicle.add((new[0].generated_at, new[0].id))
        else:
            self.chronicle.add_many((ticket.generated_at, ticket.id) for ticket in new)

    def put(self, ticket: Ticket) -> Ticket:
        """Store a changed ticket; it moves to now in the export."""
        old = self.tickets[ticket.id]
        stored = replace(ticket, generated_at=self.second)
        self.tickets[ticket.id] = stored
        self.rendered.pop(("ticket", ticket.id), None)
        self.chronicle.move((old.generated_at, old.id), (stored.generated_at, stored.id))
        return stored

    def visible(self, ticket_id: int) -> Ticket | None:
        """The ticket, unless it is deleted: those are only in the incremental export."""
        ticket = self.tickets.get(ticket_id)
        return None if ticket is None or ticket.status == "deleted" else ticket

    def thread(self, ticket: Ticket) -> list[Comment]:
        """All comments, the description first."""
        return [opening_comment(ticket), *self.comments.get(ticket.id, ())]

    def history(self, ticket: Ticket) -> list[Audit]:
        """All audits, the creation first."""
        return [opening_audit(ticket), *self.audits.get(ticket.id, ())]

    # --- people ---

    def members(self, group_id: int) -> list[User]:
        return [user for user in self.users.values() if is_member(user, group_id)]

    def live_groups(self) -> list[Group]:
        return [group for group in self.groups.values() if not group.deleted]

    def people_of(self, tickets: Sequence[Ticket]) -> list[User]:
        """Requesters, submitters and assignees, once each."""
        ids = chain.from_iterable(
            (each.requester_id, each.submitter_id, each.assignee_id) for each in tickets
        )
        return found(self.users, ids)


def found(records: Mapping[int, Record], ids: Iterable[int | None]) -> list[Record]:
    """The records with these ids that exist, once each, in order."""
    return [records[each] for each in dict.fromkeys(ids) if each is not None and each in records]


def is_member(user: User, group_id: int) -> bool:
    """Whether tickets of the group can be assigned to the user."""
    is_agent = user.role != "end-user" and not user.light
    return is_agent and (user.group_ids is None or group_id in user.group_ids)


def opening_comment(ticket: Ticket) -> Comment:
    """The description as the first comment, written by the submitter (vendor page "Tickets")."""
    return Comment(
        id=ticket.opening_id,
        audit_id=ticket.opening_id + 1,
        ticket_id=ticket.id,
        author_id=ticket.submitter_id,
        body=ticket.description,
        public=ticket.opened_public,
        created_at=ticket.created_at,
        channel=ticket.channel,
        attachments=ticket.attachments,
    )


def opening_audit(ticket: Ticket) -> Audit:
    first = opening_comment(ticket)
    created = {"type": "Create", "field_name": "requester_id", "value": str(ticket.requester_id)}
    return Audit(
        id=first.audit_id,
        ticket_id=ticket.id,
        author_id=first.author_id,
        created_at=ticket.created_at,
        events=(comment_event(first), {"id": first.audit_id + 1} | created),
        channel=ticket.channel,
        source=ticket.source,
    )


def comment_event(comment: Comment) -> dict[str, Any]:
    """The comment as an audit shows it; its author may differ from the audit's."""
    return {
        "id": comment.id,
        "type": "Comment",
        "author_id": comment.author_id,
        "body": comment.body,
        "plain_body": comment.body,
        "public": comment.public,
        "attachments": [],
        "audit_id": comment.audit_id,
    }


def as_value(value: object) -> object:
    """Audits show ids and other scalars as text, tags as a list."""
    if isinstance(value, (tuple, list)):
        return list(value)
    return value if value is None or isinstance(value, bool) else str(value)
