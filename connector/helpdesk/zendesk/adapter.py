"""Zendesk Support behind the helpdesk port."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from datetime import datetime
from functools import partial
from random import Random

from connector.breaker import Breaker, Bystander
from connector.domain.decision import Applied, Change
from connector.domain.ticket import Group, Message, Page, Ticket, Unreadable
from connector.errors import AuthRefused, SettingsError, Unavailable
from connector.helpdesk.address import parse_origin
from connector.helpdesk.budget import RateBudget
from connector.helpdesk.quota import MemoryQuota, Quota
from connector.helpdesk.spare import SpareBudget
from connector.helpdesk.transport import Auth, Bounds, Transport
from connector.helpdesk.zendesk.auth import ApiToken, OAuthClientCredentials, refused_client
from connector.helpdesk.zendesk.bulk import BATCH_SIZE, MOST_JOBS, BulkWriter
from connector.helpdesk.zendesk.feed import TicketFeed
from connector.helpdesk.zendesk.limits import limit_policy
from connector.helpdesk.zendesk.lookup import TicketLookup
from connector.helpdesk.zendesk.messages import public_messages
from connector.helpdesk.zendesk.newest import NewestTickets
from connector.helpdesk.zendesk.pagination import walk
from connector.helpdesk.zendesk.payload import GroupsBody, UserBody, decode
from connector.helpdesk.zendesk.people import find_users
from connector.helpdesk.zendesk.reader import TicketReader
from connector.helpdesk.zendesk.writer import TicketWriter
from connector.ports import Account, Capabilities, Clock

_BULK_FROM = 8  # fewer are sooner done with one request each than with a job and its reading back


class ZendeskHelpdesk:
    """A Zendesk account: changes from the incremental export, writes as safe updates.

    ``name`` is what the ledger calls it.  The newest tickets are asked for by ``spare``, a transport that
    gives way to the other one.  Thread-safe.
    """

    def __init__(
        self,
        name: str,
        transport: Transport,
        spare: Transport,
        clock: Clock,
        reader: TicketReader,
        *,
        support_type_scope: str,
    ) -> None:
        self.name = name
        self._transport = transport
        self._spare = spare
        self._newest = NewestTickets(spare, reader, support_type_scope=support_type_scope)
        self._lookup = TicketLookup(transport, reader)
        self._feed = TicketFeed(transport, clock, reader, support_type_scope=support_type_scope)
        self._writer = TicketWriter(transport, clock, reader)
        self._bulk = BulkWriter(transport, clock, self._lookup.current, self._writer)

    @property
    def capabilities(self) -> Capabilities:
        return Capabilities(
            sorted_feed=True,
            conditional_write=True,
            atomic_write=True,
            bulk_size=BATCH_SIZE * MOST_JOBS,
            bulk_from=_BULK_FROM,
            notes=True,
            newest=True,
        )

    def check(self) -> Account:
        """Raises AuthRefused for credentials that Zendesk takes for an anonymous visitor, and for non-admins.

        With wrong credentials ``/users/me`` answers 200 and "Anonymous user"; the export is for admins.
        """
        path = "/api/v2/users/me"
        reply = self._transport.get(path)
        if reply.status == 404:
            raise SettingsError("there is no Zendesk account at the helpdesk's base_url")
        if not reply.is_ok:
            raise Unavailable(f"GET {path} answered {reply.status}")
        user = decode(reply.body, UserBody, f"GET {path}").user
        if user.id is None or user.role is None:
            raise AuthRefused("Zendesk does not know these credentials (it answers as to an anonymous user)")
        if user.role != "admin":
            raise AuthRefused(
                f"the Zendesk user of these credentials is {_shown(user.role)!r}, but the ticket export is "
                "for admins: make it an admin, or give the OAuth client an admin user"
            )
        return Account(_shown(user.name or str(user.id)), user.role)

    def groups(self) -> Sequence[Group]:
        pages = walk(self._transport, "/api/v2/groups", {"exclude_deleted": "true"}, GroupsBody)
        if pages is None:
            raise AuthRefused("Zendesk does not let us list the groups: the user must be an admin")
        return [Group(str(row.id), row.name) for page in pages for row in page.groups if not row.deleted]

    def pages(self, checkpoint: str | None, start_at: datetime) -> Iterator[Page]:
        return self._feed.pages(checkpoint, start_at)

    def newest(self, seen: Collection[str]) -> Sequence[Ticket | Unreadable]:
        """One request for 25 tickets, and up to three more while none of them was seen before."""
        return self._newest.beyond(seen)

    def fetch(self, ticket_ids: Sequence[str]) -> Mapping[str, Ticket | Unreadable]:
        return self._lookup.with_text(ticket_ids) if ticket_ids else {}

    def messages(self, ticket: Ticket, since: datetime) -> Sequence[Message]:
        return public_messages(self._transport, ticket, since)

    def apply(self, changes: Sequence[Change]) -> Iterator[Applied]:
        """One safe update each; eight or more go through an update job."""
        writer = self._bulk if len(changes) >= _BULK_FROM else self._writer
        return writer.apply(changes)

    def find_write(self, seen: Ticket, change_id: str) -> bool | None:
        return self._lookup.has_write(seen.id, change_id)

    def requesters(self, email: str) -> tuple[str, ...]:
        """The ids of the users with this main e-mail address, whatever its case; empty when there is none."""
        return find_users(self._transport, email)

    def close(self) -> None:
        """Close the connections."""
        self._transport.close()
        self._spare.close()


def connect_zendesk(
    *,
    name: str,
    base_url: str,
    clock: Clock,
    client_id: str | None = None,
    client_secret: str | None = None,
    email: str | None = None,
    api_token: str | None = None,
    read_only: bool = False,
    support_type_scope: str = "agent",
    tier_field: str | None = None,
    arr_field: str | None = None,
    tier_tags: Mapping[str, str] | None = None,
    hears_replies: bool = False,
    ca_bundle: str | None = None,
    proxy: str | None = None,
    rate_share: float = 0.8,
    spare_share: float = 0.2,
    quota: Quota | None = None,
    breaker: Breaker | None = None,
    bounds: Bounds | None = None,
    random: Random | None = None,
) -> ZendeskHelpdesk:
    """A Zendesk account at ``base_url``; nothing is sent yet.

    Logs in with ``client_id`` and ``client_secret`` (OAuth), or with ``email`` and ``api_token`` (legacy).
    ``hears_replies`` asks the export when requesters last spoke.
    ``read_only`` refuses every write; an open ``breaker`` refuses every request; ``quota`` counts them, for
    this process alone unless it is given.  While all requests together use more than ``spare_share`` of a
    limit, nobody asks for the newest tickets.  Raises SettingsError for an address or a login that cannot
    work.
    """
    origin = parse_origin(base_url)
    open_transport = partial(
        Transport,
        origin,
        clock,
        bounds=bounds,
        ca_bundle=ca_bundle,
        proxy=proxy,
        random=random,
    )
    auth: Auth
    if client_id and client_secret:
        # Tokens have a transport of their own: asking for one is no write, even in a dry run.
        tokens = open_transport(breaker=breaker, refusal=refused_client)
        auth = OAuthClientCredentials(tokens, clock, client_id, client_secret)
    elif email and api_token:
        auth = ApiToken(email, api_token)
    else:
        raise SettingsError("Zendesk needs client_id and client_secret, or email and api_token")
    policy, quota = limit_policy(), quota or MemoryQuota(clock)
    budget = RateBudget(
        clock, policy, share=rate_share, assume_documented=origin.has_domain("zendesk.com"), quota=quota
    )
    transport = open_transport(auth=auth, budget=budget, breaker=breaker, read_only=read_only)
    spare = open_transport(
        auth=auth,
        budget=SpareBudget(clock, policy, budget, quota, share=min(spare_share, rate_share)),
        breaker=Bystander(breaker) if breaker else None,
        read_only=True,
        tries=1,
    )
    reader = TicketReader(
        tier_field=tier_field,
        arr_field=arr_field,
        tier_tags=tier_tags,
        hears_replies=hears_replies,
        clock=clock,
    )
    return ZendeskHelpdesk(name, transport, spare, clock, reader, support_type_scope=support_type_scope)


def _shown(told: str) -> str:
    """A name from outside, fit for a terminal."""
    return "".join(each if each.isprintable() else " " for each in told)[:100]
