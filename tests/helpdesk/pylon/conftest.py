"""A Pylon organization played by `responses` from the payloads that Pylon documents."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from email.utils import format_datetime
from random import Random
from typing import Any

import pytest
import requests
import responses

from connector.clock import ManualClock
from connector.domain.decision import Change
from connector.domain.ticket import Ticket
from connector.helpdesk.pylon import PylonHelpdesk, connect_pylon

BASE = "https://api.usepylon.com"
Answer = tuple[int, dict[str, str], str]
Request = requests.PreparedRequest


def by_the_requester() -> dict[str, Any]:
    """A public message, as most issues begin."""
    author = {"name": "Ann", "contact": {"id": "con-1"}, "user": None}
    shown = {"message_html": "<p>Hi</p>", "timestamp": "2026-11-02T09:00:00Z"}
    return shown | {"is_private": False, "author": author}


@dataclass
class Organization:
    """Issues and what may be asked about them; ``before`` lets the world move right before a request."""

    clock: ManualClock
    issues: dict[str, dict[str, Any]] = field(default_factory=dict)
    messages: dict[str, list[dict[str, Any]]] = field(default_factory=dict)
    accounts: dict[str, dict[str, Any]] = field(default_factory=dict)
    requests: list[tuple[str, str, Any]] = field(default_factory=list)
    page_size: int = 100
    before: Callable[[str, str, int], Answer | None] = lambda *_: None

    def add(self, issue_id: str, **fields: Any) -> dict[str, Any]:
        """An issue as the search shows it: lists and objects without content are null."""
        now = self.now()
        self.issues[issue_id] = {
            "id": issue_id,
            "number": len(self.issues) + 1,
            "title": "Charged twice",
            "body_html": "<p>You charged my card <b>twice</b> this month.</p>",
            "state": "new",
            "type": "conversation",
            "source": "email",
            "account": {"id": "acc-1", "external_ids": None},
            "requester": {"id": "con-1", "email": "ann@example.com"},
            "assignee": None,
            "team": None,
            "tags": None,
            "custom_fields": {},
            "created_at": now,
            "updated_at": now,
            "latest_message_time": now,
        } | fields
        return self.issues[issue_id]

    def change(self, issue_id: str, **fields: Any) -> None:
        """Somebody else changes an issue."""
        self.issues[issue_id] |= {"updated_at": self.now()} | fields

    def sent(self, method: str) -> list[Any]:
        """The bodies of the requests with this method, in order."""
        return [body for used, _, body in self.requests if used == method]

    def now(self) -> str:
        return f"{self.clock.now():%Y-%m-%dT%H:%M:%SZ}"

    def answer(self, request: Request) -> Answer:
        path = str(request.path_url).partition("?")[0]
        body = json.loads(request.body or "null")
        self.requests.append((str(request.method), path, body))
        nth = sum(each[:2] == (request.method, path) for each in self.requests)
        if (answer := self.before(str(request.method), path, nth)) is not None:
            return answer
        if path == "/issues/search":
            return self._search(body)
        if found := re.fullmatch(r"/issues/([^/]+)", path):
            return self._issue(str(request.method), found[1], body)
        if found := re.fullmatch(r"/issues/([^/]+)/messages", path):
            return self.ok(self.messages.get(found[1], [by_the_requester()]))
        if found := re.fullmatch(r"/accounts/([^/]+)", path):
            account = self.accounts.get(found[1])
            return self.ok(account) if account else self.refuse(404, "not_found")
        return self.refuse(404, "not_found")

    def ok(self, data: Any, **more: Any) -> Answer:
        shown = {"request_id": "req-1"} | ({} if data is None else {"data": data}) | more
        return 200, {"Date": format_datetime(self.clock.now(), usegmt=True)}, json.dumps(shown)

    def refuse(self, status: int, code: str, **headers: str) -> Answer:
        shown = {"errors": ["some prose about Charged twice"], "code": code, "request_id": "req-2"}
        return status, headers, json.dumps(shown)

    def _search(self, body: dict[str, Any]) -> Answer:
        """The newest issue first; all that were updated within the bounds."""
        after = [b["value"] for b in body["filter"]["subfilters"] if b["operator"] == "time_is_after"]
        before = [b["value"] for b in body["filter"]["subfilters"] if b["operator"] == "time_is_before"]
        fitting = [
            each
            for each in self.issues.values()
            if all(each["updated_at"] >= at for at in after) and all(each["updated_at"] < at for at in before)
        ]
        fitting.sort(key=lambda each: (each["created_at"], each["id"]), reverse=True)
        if "cursor" in body:
            fitting = [each for each in fitting if f"{each['created_at']}|{each['id']}" < body["cursor"]]
        page, rest = fitting[: self.page_size], fitting[self.page_size :]
        if not page:
            return self.ok(None)  # an empty result has neither data nor pagination
        last = f"{page[-1]['created_at']}|{page[-1]['id']}"
        return self.ok(page, pagination={"cursor": last if rest else "", "has_next_page": bool(rest)})

    def _issue(self, method: str, issue_id: str, body: dict[str, Any]) -> Answer:
        issue = self.issues.get(issue_id)
        if issue is None:
            return self.refuse(404, "not_found")
        if method == "PATCH":
            issue = self._patch(issue, body)
        return self.ok(issue)

    def _patch(self, issue: dict[str, Any], body: dict[str, Any]) -> dict[str, Any]:
        if "team_id" in body:
            issue["team"] = {"id": body["team_id"]} if body["team_id"] else None
        if "tags" in body:
            issue["tags"] = body["tags"] or None
        for custom in body.get("custom_fields", ()):
            slug = custom["slug"]
            fields = {key: value for key, value in issue["custom_fields"].items() if key != slug}
            issue["custom_fields"] = fields | ({slug: custom} if "value" in custom else {})
        issue["updated_at"] = self.now()
        return issue


@pytest.fixture
def organization(web: responses.RequestsMock, clock: ManualClock) -> Organization:
    played = Organization(clock)
    for method in ("GET", "POST", "PATCH"):
        web.add_callback(method, re.compile(f"{BASE}/.*"), played.answer)
    return played


ConnectPylon = Callable[..., PylonHelpdesk]


@pytest.fixture
def connect_to_pylon(clock: ManualClock) -> Iterator[ConnectPylon]:
    opened: list[PylonHelpdesk] = []

    def make(**options: Any) -> PylonHelpdesk:
        defaults: dict[str, Any] = {
            "name": "pylon",
            "clock": clock,
            "api_token": "pylon_api_secret",
            "random": Random(7),  # noqa: S311 - jitter, not secrets
        }
        opened.append(connect_pylon(**(defaults | options)))
        return opened[-1]

    yield make
    for each in opened:
        each.close()


@pytest.fixture
def pylon(connect_to_pylon: ConnectPylon) -> PylonHelpdesk:
    return connect_to_pylon()


@pytest.fixture
def change_of(pylon: PylonHelpdesk) -> Callable[..., Change]:
    """A change of an issue as it is read now: to team t-1 with one tag, unless a test says otherwise."""

    def make(issue_id: str, **facts: Any) -> Change:
        seen = pylon.fetch([issue_id])[issue_id]
        assert isinstance(seen, Ticket)
        defaults: dict[str, Any] = {"decision_id": "d-1", "group": "t-1", "add_tags": ("ai_billing",)}
        return Change(seen=seen, **(defaults | facts))

    return make
