"""A Zendesk account on this machine, and everything one can do to it from outside its API."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import replace
from typing import Any, Final, Self

from connector.sandbox.faults import FaultPlan
from connector.sandbox.postman import Postman
from connector.sandbox.server import Request, Response, serve
from connector.sandbox.zendesk_api import people
from connector.sandbox.zendesk_api.access import Access, Credentials
from connector.sandbox.zendesk_api.account import Account
from connector.sandbox.zendesk_api.export import Export
from connector.sandbox.zendesk_api.jobs import JobBoard
from connector.sandbox.zendesk_api.limits import RateLimits, choose_limits
from connector.sandbox.zendesk_api.people import NewTicket
from connector.sandbox.zendesk_api.records import (
    NOTHING,
    Audit,
    Comment,
    Group,
    Json,
    Organization,
    Role,
    Served,
    Ticket,
    User,
    Write,
)
from connector.sandbox.zendesk_api.routes import Api
from connector.sandbox.zendesk_api.world import Rule, Trigger, World

KEEP: Final = object()  # "leave it as it is", where None is a value


class ZendeskSandbox:
    """``with ZendeskSandbox() as zendesk: zendesk.url``; an account with an admin, an agent and a customer.

    ``now`` is the account's clock in epoch seconds.  ``blind_seconds``: how long the export hides a change
    (0: not at all, and then one of two changes in a second may be missed).  ``rate_limits``: True as
    documented, False none, or a mapping that replaces some.  Credentials set to None are not accepted.
    """

    def __init__(
        self,
        now: Callable[[], float] = time.time,
        *,
        port: int = 0,
        blind_seconds: float = 60,
        rate_limits: bool | Mapping[str, int] = True,
        role: Role = "admin",
        client_id: str | None = "connector",
        client_secret: str | None = "sandbox-secret",  # noqa: S107 -- a made-up secret of a made-up account
        email: str | None = "connector@example.com",
        api_token: str | None = "sandbox-token",  # noqa: S107 -- a made-up secret of a made-up account
        token_seconds: float = 1800,
        locale: str = "en",
    ) -> None:
        self.credentials = Credentials(client_id, client_secret, email, api_token)
        self.faults = FaultPlan()
        self.world = World(now, locale=locale)
        self.access = Access(now, self.credentials, token_seconds)
        self.limits = RateLimits(now, choose_limits(rate_limits))
        self.export = Export(self.world, blind_seconds)
        self.jobs = JobBoard(now)
        self.webhooks = Postman()
        people.furnish(self.world)
        self.api_user = self.add_user("Connector", role=role, email=email)
        self.agent = self.add_user("Ann Agent", role="agent")
        self.customer = self.add_user("Carl Customer")
        account = Account(self.world, self.access, self.limits, self.export, self.jobs, self.api_user)
        self._app = self.faults.wrap(Api(account))
        self.server = serve(self._record, port, now)
        self.url = self.world.url = self.server.url

    def __enter__(self) -> Self:
        self.server.start()
        return self

    def __exit__(self, *_exc: object) -> None:
        self.webhooks.stop()
        self.server.stop()

    def _record(self, request: Request) -> Response:
        response = self._app(request)
        status = 0 if response.wire.is_mute else response.status
        served = Served(request.method, request.path, status, self.world.now(), dict(request.query))
        with self.world.lock:
            self.world.requests.append(served)
        return response

    # --- the account's people -----------------------------------------------------------------------------

    def add_group(self, name: str, *, deleted: bool = False) -> int:
        """A group; two may have one name."""
        with self.world.lock:
            group = Group(self.world.new_id(), name, self.world.second, deleted=deleted)
            self.world.groups[group.id] = group
            return group.id

    def delete_group(self, group_id: int) -> None:
        with self.world.lock:
            self.world.groups[group_id] = replace(self.world.groups[group_id], deleted=True)

    def add_organization(
        self, name: str, *, fields: Json = NOTHING, tags: Sequence[str] = (), group_id: int | None = None
    ) -> int:
        """An organization; its tags and its group are handed down to new tickets."""
        with self.world.lock:
            new = Organization(self.world.new_id(), name, self.world.second, group_id, fields, tuple(tags))
            self.world.organizations[new.id] = new
            return new.id

    def add_user(
        self,
        name: str,
        *,
        role: Role = "end-user",
        email: str | None = None,
        organization_id: int | None = None,
        group_ids: Iterable[int] | None = None,
        tags: Sequence[str] = (),
        light: bool = False,
    ) -> int:
        """A person; an agent without ``group_ids`` is in every group."""
        with self.world.lock:
            user_id = self.world.new_id()
            self.world.users[user_id] = User(
                user_id,
                name,
                email or f"user{user_id}@example.com",
                self.world.second,
                role,
                organization_id,
                None if group_ids is None else frozenset(group_ids),
                tuple(tags),
                light=light,
            )
            return user_id

    # --- what happens to tickets --------------------------------------------------------------------------

    def create_ticket(
        self,
        subject: str | None,
        description: str,
        *,
        requester: int | None = None,
        submitter: int | None = None,
        organization: int | None = None,
        group: int | None = None,
        assignee: int | None = None,
        tags: Sequence[str] = (),
        status: str = "new",
        priority: str | None = None,
        channel: str | int = "email",
        via_source: Json = NOTHING,
        is_public: bool = True,
        from_messaging: bool = False,
        support_type: str = "agent",
        created_at: float | None = None,
        attachments: Sequence[str] = (),
    ) -> int:
        """Open a ticket and return its id.  A ``created_at`` in the past is also its place in the export."""
        new = NewTicket(
            subject,
            description,
            requester or self.customer,
            self.world.now() if created_at is None else created_at,
            submitter_id=submitter,
            organization_id=organization,
            group_id=group,
            assignee_id=assignee,
            status=status,
            priority=priority,
            tags=tuple(tags),
            channel=channel,
            source=via_source,
            is_public=is_public,
            from_messaging=from_messaging,
            support_type=support_type,
            attachments=tuple(attachments),
        )
        return self.create_tickets([new])[0]

    def create_tickets(self, drafts: Iterable[NewTicket]) -> list[int]:
        """Open many, quickly."""
        with self.world.lock:
            opened = people.open_tickets(self.world, drafts)
            self.webhooks.tell(self.world.tickets[ticket_id] for ticket_id in opened)
            return opened

    def customer_reply(self, ticket_id: int, body: str, *, by: int | None = None) -> int:
        """The requester (or ``by``) writes again; the id of the comment."""
        with self.world.lock:
            author = by or self.world.tickets[ticket_id].requester_id
            return people.comment(self.world, ticket_id, body, author).id

    def agent_reply(
        self,
        ticket_id: int,
        body: str,
        *,
        public: bool = True,
        by: int | None = None,
        assigns: bool = False,
    ) -> int:
        """An agent writes, and takes the ticket if ``assigns``; the id of the comment."""
        with self.world.lock:
            agent = by or self.agent
            if assigns:
                people.edit(self.world, ticket_id, {"assignee_id": agent}, agent)
            return people.comment(self.world, ticket_id, body, agent, public=public).id

    def person_sets(
        self,
        ticket_id: int,
        *,
        group: object = KEEP,
        assignee: object = KEEP,
        status: object = KEEP,
        priority: object = KEEP,
        tags: object = KEEP,
        by: int | None = None,
    ) -> None:
        """An agent changes these; ``tags`` replace the old ones."""
        asked = {
            "group_id": group,
            "assignee_id": assignee,
            "status": status,
            "priority": priority,
            "tags": tags,
        }
        self._edit(ticket_id, {name: value for name, value in asked.items() if value is not KEEP}, by)

    def edit_subject(self, ticket_id: int, subject: str | None, *, by: int | None = None) -> None:
        self._edit(ticket_id, {"subject": subject}, by)

    def _edit(self, ticket_id: int, patch: Mapping[str, Any], by: int | None) -> None:
        with self.world.lock:
            people.edit(self.world, ticket_id, patch, by or self.agent)

    def merge(self, source: int, target: int) -> None:
        with self.world.lock:
            people.merge(self.world, source, target, self.agent)

    def delete(self, ticket_id: int) -> None:
        with self.world.lock:
            people.delete(self.world, ticket_id, self.agent)

    def restore(self, ticket_id: int) -> None:
        with self.world.lock:
            people.restore(self.world, ticket_id, self.agent)

    def scrub(self, ticket_id: int) -> None:
        with self.world.lock:
            people.scrub(self.world, ticket_id)

    def system_touch(self, ticket_id: int, changes: Mapping[str, Any] = NOTHING) -> None:
        """Delivered anew with an unchanged ``updated_at``, perhaps with other values."""
        with self.world.lock:
            people.touch(self.world, ticket_id, changes)

    def run_jobs(self) -> int:
        """Do the bulk updates that ``jobs.held`` kept waiting; how many."""
        with self.world.lock:
            return self.jobs.run()

    def add_trigger(self, title: str, rule: Rule) -> int:
        """``rule(before, after)`` runs inside each update: {"group_id": …} or {"notify": […]} or None."""
        with self.world.lock:
            trigger = Trigger(self.world.new_id(), title, rule)
            self.world.triggers.append(trigger)
            return trigger.id

    # --- what a test or a demo looks at -------------------------------------------------------------------

    @property
    def requests(self) -> tuple[Served, ...]:
        with self.world.lock:
            return tuple(self.world.requests)

    def writes(self, ticket_id: int | None = None) -> tuple[Write, ...]:
        """The updates by the API user that changed something, of one ticket or of all, in order."""
        with self.world.lock:
            return tuple(each for each in self.world.writes if ticket_id in {None, each.ticket_id})

    def notes(self, ticket_id: int) -> tuple[Comment, ...]:
        """The private comments that the API user wrote."""
        return tuple(note for write in self.writes(ticket_id) for note in write.notes)

    def tickets(self) -> dict[int, Ticket]:
        """All tickets as they are now, deleted ones too."""
        with self.world.lock:
            return dict(self.world.tickets)

    def comments(self, ticket_id: int) -> tuple[Comment, ...]:
        with self.world.lock:
            return tuple(self.world.thread(self.world.tickets[ticket_id]))

    def audits(self, ticket_id: int) -> tuple[Audit, ...]:
        with self.world.lock:
            return tuple(self.world.history(self.world.tickets[ticket_id]))
