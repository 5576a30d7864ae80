"""How a Zendesk ticket becomes a ticket of the connector."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from decimal import Decimal, InvalidOperation
from hashlib import blake2b

from connector.domain.ticket import Author, Nature, Status, Ticket, Unreadable
from connector.helpdesk.decoding import without_nul
from connector.helpdesk.html_text import plain_text
from connector.helpdesk.settling import SETTLES_AFTER, settles_in
from connector.helpdesk.zendesk.payload import Id, OrganizationRow, TicketRow, UserRow
from connector.ports import Clock

_STATUSES: Mapping[str | None, Status] = {status.value: status for status in Status}
_AUTHORS: Mapping[str | None, Author] = {
    "agent": Author.AGENT,
    "admin": Author.AGENT,
    "end-user": Author.CUSTOMER,
}
_MERGE_CHANNELS = frozenset({"merge", 19, "19"})  # Zendesk writes channels as names or as numbers


@dataclass(frozen=True, slots=True)
class _Customer:
    """An organization, as far as triage cares."""

    name: str | None = None
    tier: str | None = None
    arr_usd: Decimal | None = None


_NOBODY = _Customer()


@dataclass(frozen=True, slots=True)
class SideLoads:
    """What came along with the tickets: roles by user; name, tier and revenue by organization."""

    roles: Mapping[Id | None, str | None]
    customers: Mapping[Id | None, _Customer]


class TicketReader:
    """Reads rows; ``tier_field`` and ``arr_field`` are organization field keys, ``tier_tags`` maps tags.

    ``clock`` guesses how far into its second the server is (`settles_in`).
    """

    def __init__(
        self,
        *,
        tier_field: str | None,
        arr_field: str | None,
        tier_tags: Mapping[str, str] | None,
        hears_replies: bool = False,
        clock: Clock | None = None,
    ) -> None:
        self._clock = clock
        self._tier_field = tier_field
        self._arr_field = arr_field
        self._tier_tags = dict(tier_tags or {})
        self._hears_replies = hears_replies

    @property
    def includes(self) -> str:
        """The side-loads it needs, so that no ticket costs a request of its own."""
        return "users,organizations"

    @property
    def feed_includes(self) -> str:
        """The same for the export; ``metric_sets`` says when the requester last spoke."""
        return f"{self.includes},metric_sets" if self._hears_replies else self.includes

    def read(
        self,
        rows: Sequence[TicketRow],
        users: Iterable[UserRow] | None,
        organizations: Iterable[OrganizationRow] | None,
        server_at: datetime | None,
    ) -> tuple[tuple[Ticket, ...], tuple[Unreadable, ...]]:
        """The tickets in their order, and those whose times make no sense.

        ``server_at`` is the server's clock at the answer: a version younger than two seconds may still be
        overtaken by a change within the same second.
        """
        loads = self._side_loads(users, organizations)
        settled = server_at - SETTLES_AFTER if server_at else None
        tickets: list[Ticket] = []
        unreadable: list[Unreadable] = []
        for row in rows:
            try:
                tickets.append(self._read(row, loads, settled))
            except (ValueError, OverflowError):
                unreadable.append(Unreadable(str(row.id), "created_at or updated_at is not a time"))
        return tuple(tickets), tuple(unreadable)

    def _read(self, row: TicketRow, loads: SideLoads, settled: datetime | None) -> Ticket:
        tags = tuple(row.tags) if row.tags else ()
        subject, text, status = row.subject or "", row.description or "", row.status
        group, assignee = row.group_id, row.assignee_id
        customer = loads.customers.get(row.organization_id, _NOBODY)
        tier = customer.tier
        updated_at = _time(row.updated_at)
        if tier is None and self._tier_tags:
            tier = next((self._tier_tags[tag] for tag in tags if tag in self._tier_tags), None)
        content = (
            f"{status}\x1f{group}\x1f{assignee}\x1f{row.priority}\x1f{' '.join(tags)}\x1f{subject}\x1f{text}"
        )
        via = row.via
        channel = via.channel if via is not None else None
        ticket = Ticket(
            id=str(row.id),
            version=row.updated_at,
            fingerprint=blake2b(content.encode(), digest_size=8).hexdigest(),
            created_at=_time(row.created_at),
            updated_at=updated_at,
            status=_STATUSES.get(status, Status.OTHER),
            nature=_nature(row, tags, channel),
            author=_author(row, loads.roles),
            is_public=row.is_public is not False,
            subject=subject,
            # The description is the plain body, unless whoever made the ticket by API put HTML there.
            text=None if row.from_messaging_channel else plain_text(text),
            channel="" if channel is None else str(channel),
            group=None if group is None else str(group),
            assignee=None if assignee is None else str(assignee),
            priority=row.priority,
            tags=tags,
            requester=None if row.requester_id is None else str(row.requester_id),
            organization=customer.name,
            tier=tier,
            arr_usd=customer.arr_usd,
            settles_in_seconds=0.0
            if settled is None or updated_at <= settled
            else settles_in(updated_at, settled + SETTLES_AFTER, self._clock.now() if self._clock else None),
            requester_spoke_at=_maybe_time(row.metric_set.requester_updated_at) if row.metric_set else None,
        )
        return ticket if "\0" not in content else _without_nul(ticket)

    def _side_loads(
        self, users: Iterable[UserRow] | None, organizations: Iterable[OrganizationRow] | None
    ) -> SideLoads:
        return SideLoads(
            {user.id: user.role for user in users or ()},
            {each.id: self._customer(each) for each in organizations or ()},
        )

    def _customer(self, row: OrganizationRow) -> _Customer:
        fields = row.organization_fields or {}
        tier = fields.get(self._tier_field) if self._tier_field else None
        revenue = fields.get(self._arr_field) if self._arr_field else None
        told = str(tier) if isinstance(tier, str | int) and tier != "" else None
        return _Customer(without_nul(row.name) if row.name else None, told, _money(revenue))


def _time(told: str) -> datetime:
    """An RFC 3339 time as aware UTC.  Raises ValueError or OverflowError."""
    at = datetime.fromisoformat(told)
    if at.tzinfo is UTC:
        return at
    return at.replace(tzinfo=UTC) if at.tzinfo is None else at.astimezone(UTC)


def _maybe_time(told: str | None) -> datetime | None:
    """The same, or None: a metric that makes no sense does not make a ticket unreadable."""
    try:
        return _time(told) if told else None
    except (ValueError, OverflowError):
        return None


def _author(row: TicketRow, roles: Mapping[Id | None, str | None]) -> Author:
    """Who wrote the first comment: the submitter is always its author (Zendesk, Tickets: submitter_id)."""
    known = _AUTHORS.get(roles.get(row.submitter_id))
    if known is not None:
        return known
    wrote_it = row.submitter_id is not None and row.submitter_id == row.requester_id
    return Author.CUSTOMER if wrote_it else Author.UNKNOWN


def _nature(row: TicketRow, tags: tuple[str, ...], channel: str | int | None) -> Nature:
    relation = row.via.source.rel if row.via is not None and row.via.source is not None else None
    if channel == "sample_ticket":
        return Nature.SAMPLE
    if channel == "side_conversation" or "created_for_side_conversation" in tags:
        return Nature.SIDE_CONVERSATION
    if channel in _MERGE_CHANNELS or relation == "merge" or "closed_by_merge" in tags:
        return Nature.MERGED
    if channel == "closed_ticket" or relation == "follow_up":
        return Nature.FOLLOW_UP
    return Nature.ORDINARY


def _money(told: object) -> Decimal | None:
    if isinstance(told, bool) or not isinstance(told, int | float | str):
        return None
    try:
        amount = Decimal(str(told).strip())
    except InvalidOperation:
        return None
    return amount if amount.is_finite() else None


def _without_nul(ticket: Ticket) -> Ticket:
    return replace(
        ticket,
        subject=without_nul(ticket.subject),
        text=None if ticket.text is None else without_nul(ticket.text),
        tags=tuple(without_nul(tag) for tag in ticket.tags),
        priority=None if ticket.priority is None else without_nul(ticket.priority),
    )
