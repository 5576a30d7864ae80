"""How a Pylon issue becomes a ticket of the connector."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from hashlib import blake2b

from connector.domain.ticket import Author, Nature, Status, Ticket, Unreadable
from connector.helpdesk.decoding import without_nul
from connector.helpdesk.html_text import html_to_text
from connector.helpdesk.pylon.accounts import NOBODY, Accounts, field_value
from connector.helpdesk.pylon.inbox import Inbox
from connector.helpdesk.pylon.openers import Openers
from connector.helpdesk.pylon.payload import IssueRow, Named
from connector.helpdesk.pylon.states import States
from connector.helpdesk.pylon.times import maybe_time, parse_time, to_the_second, told

PRIORITY = "priority"  # the slug of the custom field that Pylon keeps the priority in
_NEW = "new"
_BY_HAND = "manual"
_WORDS_ELSEWHERE = frozenset({_BY_HAND, "form"})  # their body need not be what the customer wrote
_PRIORITIES = {"medium": "normal"}
_SETTLES_AFTER_SECONDS = 2.0
_MOST_AHEAD = timedelta(seconds=10)


class IssueReader:
    """Reads issues; ``hears_replies`` asks when the requester may last have spoken.

    Who opened an issue costs a request, so it is asked only of what may be an original.  Without
    ``confirms_openers`` not even there, if the issue is new, unanswered and not made by hand or by a form:
    then it counts as its requester's, which Pylon nowhere promises.
    """

    def __init__(
        self,
        states: States,
        accounts: Accounts,
        openers: Openers,
        inbox: Inbox,
        *,
        hears_replies: bool = False,
        confirms_openers: bool = True,
    ) -> None:
        self._states = states
        self._accounts = accounts
        self._openers = openers
        self._inbox = inbox
        self._hears_replies = hears_replies
        self._confirms_openers = confirms_openers

    def read(
        self,
        rows: Sequence[IssueRow],
        server_at: datetime | None,
        *,
        looks_up: bool = True,
        start_at: datetime | None = None,
    ) -> tuple[tuple[Ticket, ...], tuple[Unreadable, ...]]:
        """The tickets in their order, and those whose times make no sense.

        ``server_at`` is the server's clock at the answer: Pylon tells times to the second, so a version
        younger than two seconds may still be overtaken by a change within the same second.  What was created
        before ``start_at`` is no original.  Raises Unavailable or AuthRefused where a state, an account or an
        opener has to be looked up; without ``looks_up`` nobody asks: nothing may come between the last look
        at an issue and its write.
        """
        tickets: list[Ticket] = []
        unreadable: list[Unreadable] = []
        for row in rows:
            try:
                times = parse_time(row.created_at), parse_time(row.updated_at)
            except (ValueError, OverflowError):
                unreadable.append(Unreadable(row.id, "created_at or updated_at is not a time"))
                continue
            is_old = start_at is not None and times[0] < start_at
            tickets.append(self._read(row, *times, server_at, looks_up=looks_up, is_old=is_old))
        return tuple(tickets), tuple(unreadable)

    def _read(
        self,
        row: IssueRow,
        created_at: datetime,
        updated_at: datetime,
        server_at: datetime | None,
        *,
        looks_up: bool,
        is_old: bool,
    ) -> Ticket:
        customer = self._accounts.customer(_id(row.account)) if looks_up else NOBODY
        tags = tuple(without_nul(tag) for tag in row.tags or ())
        status = self._states.status(row.state, asks=looks_up)
        text = None if row.source in _WORDS_ELSEWHERE else html_to_text(row.body_html or "").strip()
        author = _presumed_author(row)
        if looks_up and not is_old and self._may_be_original(row, status) and self._opener_is_open(row, text):
            opener, words = self._openers.opening(row.id)
            author = author if opener is Author.UNKNOWN else opener
            text = text or words
        return Ticket(
            id=row.id,
            version=told(updated_at),
            fingerprint=_fingerprint(row),
            created_at=created_at,
            updated_at=updated_at,
            status=status,
            # Part of an issue group: people answer it there, together with the others.
            nature=Nature.ORDINARY if row.parent_issue_group is None else Nature.MERGED,
            author=author,
            is_public=True,
            subject=without_nul(row.title or ""),
            text=without_nul(text) if text else None,
            channel=row.source or "",
            group=_id(row.team),
            assignee=_id(row.assignee),
            priority=read_priority(row),
            tags=tags,
            requester=_id(row.requester),
            organization=customer.name,
            tier=customer.tier or self._accounts.tier_of_tags(tags),
            arr_usd=customer.arr_usd,
            settles_in_seconds=_settles_in(updated_at, server_at),
            requester_spoke_at=maybe_time(row.latest_message_time) if self._hears_replies else None,
        )

    def _may_be_original(self, row: IssueRow, status: Status) -> bool:
        """Whether it depends on its opener if the issue is triaged."""
        is_untouched = _id(row.assignee) is None and self._inbox.may_hold(_id(row.team))
        is_whole = row.source != _BY_HAND and row.parent_issue_group is None
        return is_untouched and is_whole and status is not Status.SOLVED

    def _opener_is_open(self, row: IssueRow, text: str | None) -> bool:
        """Whether the opener is still an open question."""
        is_fresh = row.state == _NEW and not row.first_response_time
        return self._confirms_openers or not (is_fresh and text and _id(row.requester))


def _presumed_author(row: IssueRow) -> Author:
    """An issue made by hand is an agent's or a program's; another one, as a rule, its requester's."""
    if row.source == _BY_HAND:
        return Author.AGENT
    return Author.CUSTOMER if _id(row.requester) else Author.UNKNOWN


def with_words(ticket: Ticket, text: str, author: Author) -> Ticket:
    """``ticket`` with its first words, and who wrote them if that is known, as its messages have them."""
    wrote = ticket.author if author is Author.UNKNOWN else author
    return replace(ticket, text=without_nul(text), author=wrote)


def read_priority(row: IssueRow) -> str | None:
    """Pylon's urgent, high, medium and low; medium is called normal here."""
    value = field_value(row.custom_fields, PRIORITY)
    return None if value is None else _PRIORITIES.get(value, value)


def _id(named: Named | None) -> str | None:
    """An empty id is how Pylon says that there is none."""
    return (named.id or None) if named else None


def _fingerprint(row: IssueRow) -> str:
    """A digest of what people can change.  Counters, SLA times and signed addresses change by themselves."""
    content = (
        row.title,
        row.body_html,
        row.state,
        _id(row.team),
        _id(row.assignee),
        sorted(row.tags or ()),
        to_the_second(row.latest_message_time),
        to_the_second(row.first_response_time),
        row.custom_fields or None,
        row.parent_issue_group is not None,
    )
    encoded = json.dumps(content, sort_keys=True).encode("utf-8", "replace")
    return blake2b(encoded, digest_size=8).hexdigest()


def _settles_in(updated_at: datetime, server_at: datetime | None) -> float:
    """How long until a version settles; one from the future means that the clocks disagree: no wait."""
    if server_at is None:
        return 0.0
    left = (updated_at - server_at).total_seconds() + _SETTLES_AFTER_SECONDS
    is_odd = updated_at - server_at > _MOST_AHEAD
    return 0.0 if is_odd else min(max(0.0, left), _SETTLES_AFTER_SECONDS)
