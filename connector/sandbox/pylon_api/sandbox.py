"""A Pylon tenant on this machine, and everything one can do to it from outside its API."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from typing import Any, Final, Literal, Self

from connector.sandbox.faults import FaultPlan
from connector.sandbox.postman import Postman
from connector.sandbox.pylon_api import people
from connector.sandbox.pylon_api.access import Access
from connector.sandbox.pylon_api.limits import RateLimits, choose_limits
from connector.sandbox.pylon_api.people import NewIssue
from connector.sandbox.pylon_api.records import (
    NOTHING,
    Account,
    Contact,
    CustomField,
    Issue,
    Message,
    ObjectType,
    Served,
    Status,
    Team,
    Thread,
    User,
    Values,
    Write,
)
from connector.sandbox.pylon_api.routes import Api
from connector.sandbox.pylon_api.tenant import Leeway, Tenant
from connector.sandbox.pylon_api.world import Rule, World
from connector.sandbox.server import Request, Response, serve

KEEP: Final = object()  # "leave it as it is", where None is a value


class PylonSandbox:
    """``with PylonSandbox() as pylon: pylon.url, pylon.token``; a tenant with an agent and a customer.

    ``now`` is the tenant's clock in epoch seconds.  ``rate_limits``: True as documented, False none, or a
    mapping that replaces some ("PATCH /issues/{id}": 5).  ``leeway``: what the documentation leaves open.
    ``other_region_token`` is good too, at the other region's host.
    """

    def __init__(
        self,
        now: Callable[[], float] = time.time,
        *,
        port: int = 0,
        rate_limits: bool | Mapping[str, int] = True,
        leeway: Leeway | None = None,
        token: str = "pylon-sandbox-token",  # noqa: S107 -- a made-up secret of a made-up tenant
        other_region_token: str = "pylon-sandbox-token-elsewhere",  # noqa: S107 -- the same
    ) -> None:
        self.token, self.other_region_token = token, other_region_token
        self.faults = FaultPlan()
        self.world = World(now)
        self.access = Access(token, other_region_token)
        self.limits = RateLimits(now, choose_limits(rate_limits))
        self.webhooks = Postman()
        people.furnish(self.world)
        organization_id = self.world.new_id()
        self.api_user = self.add_user("Connector", email=None)
        self.agent = self.add_user("Ann Agent")
        self.customer = self.add_contact("Carl Customer")
        self.leeway = leeway or Leeway()
        tenant = Tenant(
            self.world, self.access, self.limits, self.leeway, organization_id, user_id=self.api_user
        )
        self._app = self.faults.wrap(Api(tenant))
        self.server = serve(self._record, port, now)
        self.url = self.server.url

    def __enter__(self) -> Self:
        self.server.start()
        return self

    def __exit__(self, *_exc: object) -> None:
        self.webhooks.stop()
        self.server.stop()

    def _record(self, request: Request) -> Response:
        response = self._app(request)
        status = 0 if response.wire.is_mute else response.status
        at = self.world.now()
        served = Served(request.method, request.path, status, at, dict(request.query), request.body)
        with self.world.lock:
            self.world.requests.append(served)
        return response

    # --- the tenant's people and settings -----------------------------------------------------------------

    def add_team(self, name: str, *, members: Sequence[str] = ()) -> str:
        """A team; two may have one name."""
        with self.world.lock:
            team = Team(self.world.new_id(), name, tuple(members))
            self.world.teams[team.id] = team
            return team.id

    def delete_team(self, team_id: str) -> None:
        """Issues that are in it stay so, as nothing else is documented."""
        with self.world.lock:
            del self.world.teams[team_id]

    def add_user(self, name: str, *, email: str | None = "agent@example.com") -> str:
        with self.world.lock:
            user = User(self.world.new_id(), name, email)
            self.world.users[user.id] = user
            return user.id

    def add_account(
        self,
        name: str,
        *,
        external_id: str | None = None,
        tags: Sequence[str] = (),
        fields: Values = NOTHING,
        domains: Sequence[str] = (),
        owner: str | None = None,
    ) -> str:
        """A customer's company; its tier, if any, is one of ``fields`` or ``tags``."""
        with self.world.lock:
            new = Account(
                self.world.new_id(),
                name,
                self.world.now(),
                external_id,
                domains=tuple(domains),
                owner_id=owner,
                tags=tuple(tags),
                values=fields,
            )
            self.world.accounts[new.id] = new
            return new.id

    def add_contact(self, name: str, *, email: str | None = None, account: str | None = None) -> str:
        """A customer's person."""
        with self.world.lock:
            contact_id = self.world.new_id()
            address = email or f"{contact_id[:8]}@example.com"
            self.world.contacts[contact_id] = Contact(contact_id, name, address, account)
            return contact_id

    def add_field(
        self,
        slug: str,
        *,
        kind: Literal["text", "select", "multiselect"] = "text",
        options: Sequence[str] = (),
        object_type: ObjectType = "issue",
        read_only: bool = False,
    ) -> None:
        """A custom field, beside "priority" of issues."""
        with self.world.lock:
            label = slug.replace("_", " ").title()
            self.world.fields[object_type, slug] = CustomField(
                self.world.new_id(),
                slug,
                label,
                self.world.now(),
                kind,
                tuple(options),
                object_type,
                read_only,
            )

    def add_status(self, slug: str, category: str) -> None:
        """A state of the tenant's own, which counts as the base state ``category``."""
        with self.world.lock:
            self.world.statuses[slug] = Status(slug, slug.replace("_", " ").capitalize(), category)

    def add_tag(self, value: str) -> None:
        with self.world.lock:
            self.world.add_tag(value)

    def add_trigger(self, rule: Rule) -> None:
        """``rule(before, after)`` runs once after each change: a patch in the API's words, or None."""
        with self.world.lock:
            self.world.rules.append(rule)

    # --- what happens to issues ---------------------------------------------------------------------------

    def create_issue(
        self,
        title: str,
        body_html: str,
        *,
        author: Literal["customer", "agent"] = "customer",
        requester: str | None = None,
        account: str | None = None,
        team: str | None = None,
        assignee: str | None = None,
        state: str = "new",
        tags: Sequence[str] = (),
        fields: Values = NOTHING,
        source: str = "email",
        type: Literal["conversation", "ticket"] = "conversation",
        created_at: float | None = None,
        opened_public: bool | None = None,
        attachments: Sequence[str] = (),
        slack_channel_id: str | None = None,
    ) -> str:
        """Open an issue and return its id.  One by an agent begins with a note, unless ``opened_public``."""
        with self.world.lock:
            contact = self.world.contacts[requester or self.customer]
            draft = NewIssue(
                title,
                body_html,
                self.world.now() if created_at is None else created_at,
                contact.id,
                agent_id=self.agent if author == "agent" else None,
                opened_public=author == "customer" if opened_public is None else opened_public,
                account_id=account or contact.account_id,
                assignee_id=assignee,
                team_id=team,
                state=state,
                type=type,
                source=source,
                tags=tuple(tags),
                values=fields,
                attachments=tuple(attachments),
                slack_channel_id=slack_channel_id,
            )
            opened = people.open_issue(self.world, draft)
            self.webhooks.tell([opened])
            return opened.id

    def customer_reply(self, issue_id: str, html: str, *, by: str | None = None) -> str:
        """The requester (or the contact ``by``) writes again; the id of the message."""
        with self.world.lock:
            return people.customer_writes(self.world, issue_id, html, by).id

    def agent_reply(self, issue_id: str, html: str, *, public: bool = True, by: str | None = None) -> str:
        """An agent answers, or leaves a note; the id of the message."""
        with self.world.lock:
            return people.agent_writes(self.world, issue_id, html, by or self.agent, public=public).id

    def person_sets(
        self,
        issue_id: str,
        *,
        team: object = KEEP,
        assignee: object = KEEP,
        state: object = KEEP,
        title: object = KEEP,
        tags: Sequence[str] | None = None,
        fields: Mapping[str, str] | None = None,
    ) -> None:
        """An agent changes these; no team, nobody: None.  ``tags`` replace all, ``fields`` the named ones."""
        patch: dict[str, Any] = {"team_id": team, "assignee_id": assignee, "state": state, "title": title}
        patch = {name: "" if value is None else value for name, value in patch.items() if value is not KEEP}
        if tags is not None:
            patch["tags"] = list(tags)
        if fields is not None:
            patch["custom_fields"] = [{"slug": slug, "value": value} for slug, value in fields.items()]
        with self.world.lock:
            people.edit(self.world, issue_id, patch)

    def close(self, issue_id: str) -> None:
        self.person_sets(issue_id, state="closed")

    def snooze(self, issue_id: str, until: float) -> None:
        """On hold until then."""
        with self.world.lock:
            people.snooze(self.world, issue_id, until)

    def group(self, parent: str, children: Sequence[str]) -> None:
        """Make ``children`` part of an issue group; the API documents no other way to merge."""
        with self.world.lock:
            people.group(self.world, parent, children)

    def delete(self, issue_id: str) -> None:
        """Gone without a trace."""
        with self.world.lock:
            self.world.remove(issue_id)

    def touch(self, issue_id: str, **changes: Any) -> None:  # noqa: ANN401 -- attributes of an issue
        """The system changes an issue (SLA times and such); ``updated_at`` moves."""
        with self.world.lock:
            self.world.put(replace(self.world.issues[issue_id], **changes))

    def add_slack_thread(self, issue_id: str, channel: str = "C0TRIAGE") -> str:
        """The tenant's own people discuss the issue in Slack; the id of the thread."""
        with self.world.lock:
            return people.open_thread(self.world, issue_id, "Slack", channel).id

    # --- what a test or a demo looks at -------------------------------------------------------------------

    @property
    def requests(self) -> tuple[Served, ...]:
        with self.world.lock:
            return tuple(self.world.requests)

    def writes(self, issue_id: str | None = None) -> tuple[Write, ...]:
        """What arrived by PATCH and was accepted, for one issue or for all, in order."""
        with self.world.lock:
            return tuple(each for each in self.world.writes if issue_id in {None, each.issue_id})

    def notes(self, issue_id: str | None = None) -> tuple[Message, ...]:
        """The notes that arrived by the API; one whose source is "slack" went to the tenant's Slack too."""
        with self.world.lock:
            return tuple(each for each in self.world.api_notes if issue_id in {None, each.issue_id})

    def issues(self) -> dict[str, Issue]:
        """All issues as they are now."""
        with self.world.lock:
            return dict(self.world.issues)

    def messages(self, issue_id: str) -> tuple[Message, ...]:
        with self.world.lock:
            return tuple(self.world.messages[issue_id])

    def threads(self, issue_id: str) -> tuple[Thread, ...]:
        with self.world.lock:
            return tuple(self.world.threads[issue_id])
