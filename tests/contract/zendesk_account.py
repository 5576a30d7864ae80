"""Zendesk: the adapter in front of the emulated account, and the people in that account."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import replace
from itertools import chain, repeat
from random import Random
from typing import Any, Unpack

from connector.clock import ManualClock
from connector.helpdesk.zendesk import ZendeskHelpdesk, connect_zendesk
from connector.sandbox.faults import (
    Behaviour,
    Fault,
    answer_json,
    html,
    lose_response,
    too_many_requests,
)
from connector.sandbox.server import App, Request, Response
from connector.sandbox.zendesk_api import ZendeskSandbox
from tests.contract.account import Facts, Shown, Terms, Trouble

_BLIND_MINUTE_AND_A_SECOND = 62  # the export hides the last minute, and versions are whole seconds


_TROUBLES: Mapping[Trouble, Behaviour] = {
    Trouble.LOCKED_OUT: answer_json(401, {"error": "Couldn't authenticate you"}),
    Trouble.DOWN: html(503),
    Trouble.GIBBERISH: html(200),
}


class Door:
    """What every request meets on its way in: small pages, garbled rows, and the trouble of the hour."""

    def __init__(self, page_size: int) -> None:
        self.garbled: set[str] = set()
        self.trouble: Behaviour | None = None
        self.writes: Iterator[Behaviour] = repeat(pass_on)  # what happens to each write
        self._page_size = str(page_size)

    def __call__(self, request: Request, app: App) -> Response:
        if self.trouble and request.path.startswith("/api/"):
            return self.trouble(request, app)
        if request.method == "PUT":
            return next(self.writes)(request, app)
        if "/incremental/" in request.path:
            request = replace(request, query=dict(request.query) | {"per_page": self._page_size})
        return self._garble(app(request))

    def _garble(self, response: Response) -> Response:
        if not self.garbled or response.status != 200:
            return response
        body = json.loads(response.body)
        if "tickets" in body:
            body["tickets"] = [self._spoilt(row) for row in body["tickets"]]
        if "ticket" in body:
            body["ticket"] = self._spoilt(body["ticket"])
        return replace(response, body=json.dumps(body).encode())

    def _spoilt(self, row: dict[str, Any]) -> dict[str, Any]:
        return row | {"created_at": {"no": "time"}} if str(row["id"]) in self.garbled else row


def pass_on(request: Request, app: App) -> Response:
    return app(request)


class ZendeskAccount:
    """The export serves at most ``page_size`` tickets per page, as an account under load may."""

    unknown_id = "99999999999999"

    def __init__(self, sandbox: ZendeskSandbox, helpdesk: ZendeskHelpdesk, terms: Terms) -> None:
        self.helpdesk = helpdesk
        self.agent = str(sandbox.agent)
        self._sandbox = sandbox
        self._clock: ManualClock = terms.clock
        self._door = Door(terms.page_size)
        sandbox.faults.add(Fault(self._door, times=None))

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
        self._door.garbled.add(ticket_id)

    def before_the_next_write(self, happens: Callable[[], None]) -> None:
        def serve_too_late(request: Request, app: App) -> Response:
            happens()
            return app(request)

        self._door.writes = chain([serve_too_late], repeat(pass_on))

    def turn_away_writes_after(self, count: int) -> None:
        self._door.writes = chain(repeat(pass_on, count), repeat(too_many_requests("7")))

    def accept_writes(self) -> None:
        self._door.writes = repeat(pass_on)

    def strike(self, trouble: Trouble) -> bool:
        if trouble is Trouble.ANSWER_LOST:
            self._door.writes = chain([lose_response()], repeat(pass_on))
        else:
            self._door.trouble = _TROUBLES[trouble]
        return True

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
