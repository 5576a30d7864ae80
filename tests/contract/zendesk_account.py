"""Zendesk: the adapter in front of the emulated account, and the people in that account."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from random import Random
from typing import Any, Unpack

from connector.clock import ManualClock
from connector.helpdesk.zendesk import ZendeskHelpdesk, connect_zendesk
from connector.sandbox.faults import Fault
from connector.sandbox.server import App, Request, Response
from connector.sandbox.zendesk_api import ZendeskSandbox
from tests.contract.account import Facts, Shown, Terms

_BLIND_MINUTE_AND_A_SECOND = 62  # the export hides the last minute, and versions are whole seconds


class ZendeskAccount:
    """The export serves at most ``page_size`` tickets per page, as an account under load may."""

    def __init__(self, sandbox: ZendeskSandbox, helpdesk: ZendeskHelpdesk, terms: Terms) -> None:
        self.helpdesk = helpdesk
        self.agent = str(sandbox.agent)
        self._sandbox = sandbox
        self._clock: ManualClock = terms.clock
        self._page_size = terms.page_size
        self._garbled: set[str] = set()
        sandbox.faults.add(Fault(self._serve, method="GET", path=r"/tickets", times=None))

    def _serve(self, request: Request, app: App) -> Response:
        if "/incremental/" in request.path:
            request = replace(request, query=dict(request.query) | {"per_page": str(self._page_size)})
        response = app(request)
        if not self._garbled or response.status != 200:
            return response
        body = json.loads(response.body)
        if "tickets" in body:
            body["tickets"] = [self._spoilt(row) for row in body["tickets"]]
        if "ticket" in body:
            body["ticket"] = self._spoilt(body["ticket"])
        return replace(response, body=json.dumps(body).encode())

    def _spoilt(self, row: dict[str, Any]) -> dict[str, Any]:
        return row | {"created_at": {"no": "time"}} if str(row["id"]) in self._garbled else row

    def add_group(self, name: str) -> str:
        return str(self._sandbox.add_group(name))

    def delete_group(self, group: str) -> None:
        self._sandbox.delete_group(int(group))

    def add_customer(self, email: str) -> str:
        return str(self._sandbox.add_user("Customer", email=email))

    def open(
        self,
        subject: str = "Charged twice",
        text: str = "Please refund me.",
        *,
        requester: str | None = None,
        by_agent: bool = False,
        tags: Sequence[str] = (),
    ) -> str:
        customer = int(requester) if requester else None
        writer = self._sandbox.agent if by_agent else None
        opened = self._sandbox.create_ticket(subject, text, requester=customer, submitter=writer, tags=tags)
        return str(opened)

    def customer_replies(self, ticket_id: str, text: str) -> None:
        self._sandbox.customer_reply(int(ticket_id), text)

    def agent_replies(self, ticket_id: str, text: str, *, public: bool = True) -> None:
        self._sandbox.agent_reply(int(ticket_id), text, public=public)

    def person_sets(self, ticket_id: str, **facts: Unpack[Facts]) -> None:
        asked: dict[str, Any] = dict(facts)
        for name in ("group", "assignee"):
            if asked.get(name) is not None:
                asked[name] = int(asked[name])
        if "tags" in facts:
            asked["tags"] = list(facts["tags"])
        if "status" in facts:
            asked["status"] = facts["status"].value
        self._sandbox.person_sets(int(ticket_id), **asked)

    def delete(self, ticket_id: str) -> None:
        self._sandbox.delete(int(ticket_id))

    def garble(self, ticket_id: str) -> None:
        self._garbled.add(ticket_id)

    def before_the_next_write(self, happens: Callable[[], None]) -> None:
        def serve_too_late(request: Request, app: App) -> Response:
            happens()
            return app(request)

        self._sandbox.faults.add(Fault(serve_too_late, method="PUT", path=r"/tickets/"))

    def settle(self) -> None:
        self._clock.advance(_BLIND_MINUTE_AND_A_SECOND)

    def shown(self, ticket_id: str) -> Shown:
        ticket = self._sandbox.tickets()[int(ticket_id)]
        comments = self._sandbox.comments(ticket.id)
        return Shown(
            group=None if ticket.group_id is None else str(ticket.group_id),
            priority=ticket.priority,
            tags=frozenset(ticket.tags),
            said=tuple(each.body for each in comments if each.public),
            notes=tuple(each.body for each in comments if not each.public),
            writes=len(self._sandbox.writes(ticket.id)),
        )


@contextmanager
def open_zendesk(terms: Terms) -> Iterator[ZendeskAccount]:
    clock = terms.clock
    with ZendeskSandbox(clock.timestamp, rate_limits=False) as sandbox:
        helpdesk = connect_zendesk(
            name="zendesk",
            base_url=sandbox.url,
            clock=clock,
            client_id=sandbox.credentials.client_id,
            client_secret=sandbox.credentials.client_secret,
            random=Random(7),  # noqa: S311 - jitter, not secrets
        )
        try:
            yield ZendeskAccount(sandbox, helpdesk, terms)
        finally:
            helpdesk.close()
