"""Zendesk: the adapter in front of the emulated account, and the people in that account."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import replace
from random import Random
from typing import Any, Unpack

from connector.helpdesk.zendesk import ZendeskHelpdesk, connect_zendesk
from connector.sandbox.faults import Behaviour, answer_json, html
from connector.sandbox.server import Request
from connector.sandbox.zendesk_api import ZendeskSandbox
from tests.contract.account import Facts, Shown, Terms, Trouble
from tests.contract.remote import Door, RemoteAccount

_BLIND_MINUTE_AND_A_SECOND = 62  # the export hides the last minute, and versions are whole seconds
_TROUBLES: Mapping[Trouble, Behaviour] = {
    Trouble.LOCKED_OUT: answer_json(401, {"error": "Couldn't authenticate you"}),
    Trouble.DOWN: html(503),
    Trouble.GIBBERISH: html(200),
}


class ZendeskAccount(RemoteAccount):
    """The export serves at most ``page_size`` tickets per page, as an account under load may."""

    unknown_id = "99999999999999"

    def __init__(self, sandbox: ZendeskSandbox, helpdesk: ZendeskHelpdesk, terms: Terms) -> None:
        def asks_for_less(request: Request) -> Request:
            if "/incremental/" not in request.path:
                return request
            return replace(request, query=dict(request.query) | {"per_page": str(terms.page_size)})

        super().__init__(sandbox.faults, Door("PUT", asks_for_less, api="/api/"), _TROUBLES)
        self.helpdesk = helpdesk
        self.agent = str(sandbox.agent)
        self._sandbox = sandbox
        self._clock = terms.clock

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
