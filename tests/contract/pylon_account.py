"""Pylon: the adapter in front of the emulated tenant, and the people in that tenant."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import replace
from html import escape
from random import Random
from typing import Any, Unpack

from connector.domain.ticket import Status
from connector.helpdesk.html_text import html_to_text
from connector.helpdesk.pylon import PylonHelpdesk, connect_pylon
from connector.sandbox.faults import Behaviour, answer_json, html
from connector.sandbox.pylon_api import PylonSandbox
from connector.sandbox.server import Request
from tests.contract.account import Facts, Shown, Terms, Trouble
from tests.contract.remote import Door, RemoteAccount

_STATES: Mapping[Status, str] = {
    Status.NEW: "new",
    Status.OPEN: "waiting_on_you",
    Status.PENDING: "waiting_on_customer",
    Status.HOLD: "on_hold",
    Status.SOLVED: "closed",
    Status.CLOSED: "closed",
}
_TROUBLES: Mapping[Trouble, Behaviour] = {
    Trouble.LOCKED_OUT: answer_json(401, {"errors": ["unauthorized"]}),
    Trouble.DOWN: html(503),
    Trouble.GIBBERISH: html(200),
}


def _body(text: str) -> str:
    return f"<p>{escape(text)}</p>"


class PylonAccount(RemoteAccount):
    """The search shows at most ``page_size`` issues per page."""

    unknown_id = "00000000-0000-4000-8000-00000000dead"

    def __init__(self, sandbox: PylonSandbox, helpdesk: PylonHelpdesk, terms: Terms) -> None:
        def asks_for_less(request: Request) -> Request:
            if not request.path.endswith("/issues/search"):
                return request
            asked = json.loads(request.body)
            asked["limit"] = min(asked["limit"], terms.page_size)
            return replace(request, body=json.dumps(asked).encode())

        super().__init__(sandbox.faults, Door("PATCH", asks_for_less), _TROUBLES)
        self.helpdesk = helpdesk
        self.agent = sandbox.agent
        self._sandbox = sandbox
        self._clock = terms.clock

    def add_group(self, name: str) -> str:
        return self._sandbox.add_team(name)

    def delete_group(self, group: str) -> None:
        self._sandbox.delete_team(group)

    def add_customer(self, email: str) -> str:
        return self._sandbox.add_contact("Customer", email=email)

    def open(
        self,
        subject: str = "Charged twice",
        text: str = "Please refund me.",
        *,
        requester: str | None = None,
        by_agent: bool = False,
        tags: Sequence[str] = (),
    ) -> str:
        return self._sandbox.create_issue(
            subject,
            _body(text),
            author="agent" if by_agent else "customer",
            requester=requester,
            tags=tags,
            source="manual" if by_agent else "email",
        )

    def customer_replies(self, ticket_id: str, text: str) -> None:
        self._sandbox.customer_reply(ticket_id, _body(text))

    def agent_replies(self, ticket_id: str, text: str, *, public: bool = True) -> None:
        self._sandbox.agent_reply(ticket_id, _body(text), public=public)

    def person_sets(self, ticket_id: str, **facts: Unpack[Facts]) -> None:
        asked: dict[str, Any] = {}
        if "group" in facts:
            asked["team"] = facts["group"]
        if "assignee" in facts:
            asked["assignee"] = facts["assignee"]
        if "status" in facts:
            asked["state"] = _STATES[facts["status"]]
        if "priority" in facts:
            asked["fields"] = {"priority": facts["priority"] or ""}
        if "tags" in facts:
            asked["tags"] = list(facts["tags"])
        self._sandbox.person_sets(ticket_id, **asked)

    def delete(self, ticket_id: str) -> None:
        self._sandbox.delete(ticket_id)

    def settle(self) -> None:
        self._clock.advance(2)  # times are told in whole seconds

    def shown(self, ticket_id: str) -> Shown:
        issue = self._sandbox.issues()[ticket_id]
        messages = self._sandbox.messages(ticket_id)
        return Shown(
            group=issue.team_id or None,
            priority=str(issue.values["priority"]) if issue.values.get("priority") else None,
            tags=frozenset(issue.tags),
            said=tuple(html_to_text(each.html) for each in messages if not each.private),
            notes=tuple(html_to_text(each.html) for each in messages if each.private),
            writes=len(self._sandbox.writes(ticket_id)),
        )


@contextmanager
def open_pylon(terms: Terms) -> Iterator[PylonAccount]:
    clock = terms.clock
    with PylonSandbox(clock.timestamp, rate_limits=False) as sandbox:
        helpdesk = connect_pylon(
            name="pylon",
            base_url=sandbox.url,
            clock=clock,
            api_token=sandbox.token,
            random=Random(7),  # noqa: S311 - jitter, not secrets
        )
        try:
            yield PylonAccount(sandbox, helpdesk, terms)
        finally:
            helpdesk.close()
