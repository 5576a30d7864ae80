"""Pylon behind the helpdesk port."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime
from functools import partial
from random import Random
from typing import Literal

from connector.breaker import Breaker
from connector.domain.decision import Applied, Change
from connector.domain.ticket import Group, Message, Page, Ticket, Unreadable
from connector.errors import AuthRefused, SettingsError, Unavailable
from connector.helpdesk.address import parse_origin
from connector.helpdesk.budget import LONGEST_WAIT_SECONDS, RateBudget
from connector.helpdesk.pylon.accounts import Accounts
from connector.helpdesk.pylon.auth import BearerToken, refusal
from connector.helpdesk.pylon.feed import IssueFeed
from connector.helpdesk.pylon.inbox import Inbox
from connector.helpdesk.pylon.limits import limit_policy
from connector.helpdesk.pylon.lookup import IssueLookup
from connector.helpdesk.pylon.messages import public_messages
from connector.helpdesk.pylon.openers import Openers
from connector.helpdesk.pylon.pagination import next_cursor
from connector.helpdesk.pylon.payload import MeBody, TeamsBody, decode, error_code
from connector.helpdesk.pylon.people import find_contacts
from connector.helpdesk.pylon.reader import IssueReader
from connector.helpdesk.pylon.readiness import Needs, readiness
from connector.helpdesk.pylon.states import States
from connector.helpdesk.pylon.writer import IssueWriter
from connector.helpdesk.quota import Quota
from connector.helpdesk.remark import Remark
from connector.helpdesk.transport import Bounds, Params, Transport
from connector.ports import Account, Capabilities, Clock

Region = Literal["us", "eu"]
_HOSTS: Mapping[Region, str] = {"us": "https://api.usepylon.com", "eu": "https://api.eu.usepylon.com"}


class PylonHelpdesk:
    """A Pylon organization: changes from scans of the issue search, writes without a condition.

    A version is ``updated_at``, which Pylon tells to the second; the fingerprint of what people can change
    tells two changes within one second apart.  A checkpoint is safe after a whole scan.  With
    ``has_notes`` there are notes, each in a thread of its own.  Thread-safe.
    """

    def __init__(
        self,
        name: str,
        transport: Transport,
        clock: Clock,
        reader: IssueReader,
        inbox: Inbox,
        *,
        has_notes: bool = False,
    ) -> None:
        self.name = name
        self._has_notes = has_notes
        self._inbox = inbox
        self._transport = transport
        self._clock = clock
        self._lookup = IssueLookup(transport, reader)
        self._feed = IssueFeed(transport, clock, reader)
        self._writer = IssueWriter(transport, self._lookup)

    @property
    def capabilities(self) -> Capabilities:
        return Capabilities(
            sorted_feed=False,
            conditional_write=False,
            atomic_write=True,
            bulk_size=1,  # the less there is between reading an issue and writing it, the better
            bulk_from=1,
            notes=self._has_notes,
        )

    def check(self) -> Account:
        path = "/me"
        reply = self._transport.get(path)
        if reply.status == 404:
            raise SettingsError("there is no Pylon at the helpdesk's base_url")
        if not reply.is_ok:
            raise Unavailable(f"GET {path} answered {reply.status} {error_code(reply.body)}".rstrip())
        me = decode(reply.body, MeBody, f"GET {path}").data
        if me is None or not me.id:
            raise AuthRefused("Pylon answers without an organization: the API token belongs to none")
        return Account(_shown(me.name or me.id), "API token")

    def groups(self) -> Sequence[Group]:
        """Pylon's teams."""
        path = "/teams"
        params: Params = {}
        found: list[Group] = []
        seen: set[str] = set()
        while True:
            reply = self._transport.get(path, params)
            if not reply.is_ok:
                raise Unavailable(f"GET {path} answered {reply.status} {error_code(reply.body)}".rstrip())
            body = decode(reply.body, TeamsBody, f"GET {path}")
            found += [Group(row.id, row.name or "") for row in body.data or ()]
            cursor = next_cursor(body.pagination, seen, f"GET {path}")
            if cursor is None:
                self._inbox.learn(found)
                return found
            params = {"cursor": cursor}

    def pages(self, checkpoint: str | None, start_at: datetime) -> Iterator[Page]:
        return self._feed.pages(checkpoint, start_at)

    def fetch(self, ticket_ids: Sequence[str]) -> Mapping[str, Ticket | Unreadable]:
        return self._lookup.with_text(ticket_ids)

    def messages(self, ticket: Ticket, since: datetime) -> Sequence[Message]:
        return public_messages(self._transport, ticket, since)

    def apply(self, changes: Sequence[Change]) -> Iterator[Applied]:
        """One request each, right after reading the issue again."""
        return self._writer.apply(changes)

    def find_write(self, seen: Ticket, change_id: str) -> bool | None:  # noqa: ARG002 - the port's signature
        """Nobody can tell: Pylon takes no mark of ours along with a write (Pylon, Update an issue)."""
        return None

    def requesters(self, email: str) -> tuple[str, ...]:
        """The ids of the contacts with this e-mail address, whatever its case; empty when there is none."""
        return find_contacts(self._transport, email)

    def readiness(self, needs: Needs) -> Iterator[Remark]:
        """What an operator should know before going live; changes nothing."""
        return readiness(self._transport, self._clock, needs)

    def close(self) -> None:
        """Close the connections."""
        self._transport.close()


def connect_pylon(
    *,
    name: str,
    clock: Clock,
    api_token: str | None,
    region: Region = "us",
    base_url: str | None = None,
    read_only: bool = False,
    tier_field: str | None = None,
    arr_field: str | None = None,
    tier_tags: Mapping[str, str] | None = None,
    hears_replies: bool = False,
    has_notes: bool = False,
    inbox_groups: Sequence[str] = (),
    confirms_openers: bool = True,
    requests_per_minute: Mapping[str, int] | None = None,
    ca_bundle: str | None = None,
    proxy: str | None = None,
    rate_share: float = 0.8,
    quota: Quota | None = None,
    breaker: Breaker | None = None,
    bounds: Bounds | None = None,
    random: Random | None = None,
) -> PylonHelpdesk:
    """A Pylon organization in ``region``, or at ``base_url`` if that is given; nothing is sent yet.

    ``read_only`` refuses every write; an open ``breaker`` refuses every request; ``quota`` counts them, for
    this process alone unless it is given.  ``requests_per_minute`` are limits known better than those that
    Pylon published; given, they hold at any address.  Raises SettingsError for an address or a token that
    cannot work.
    """
    if not api_token:
        raise SettingsError("Pylon needs api_token: an admin creates one in Settings, API tokens")
    origin = parse_origin(base_url or _HOSTS[region])
    budget = RateBudget(
        clock,
        limit_policy(requests_per_minute),
        share=rate_share,
        assume_documented=origin.has_domain("usepylon.com") or bool(requests_per_minute),
        quota=quota,
    )
    transport = Transport(
        origin,
        clock,
        auth=BearerToken(api_token),
        budget=budget,
        breaker=breaker,
        read_only=read_only,
        bounds=bounds,
        ca_bundle=ca_bundle,
        proxy=proxy,
        random=random,
        refusal=partial(refusal, region=None if base_url else region),
        longest_limit_seconds=LONGEST_WAIT_SECONDS,  # Pylon's limits are low, and every window is a minute
    )
    accounts = Accounts(transport, clock, tier_field=tier_field, arr_field=arr_field, tier_tags=tier_tags)
    inbox = Inbox(inbox_groups)
    reader = IssueReader(
        States(transport, clock),
        accounts,
        Openers(transport),
        inbox,
        hears_replies=hears_replies,
        confirms_openers=confirms_openers,
    )
    return PylonHelpdesk(name, transport, clock, reader, inbox, has_notes=has_notes)


def _shown(told: str) -> str:
    """A name from outside, fit for a terminal."""
    return "".join(each if each.isprintable() else " " for each in told)[:100]
