"""Emulated accounts of Zendesk and Pylon whose clock stands still, and plain HTTP clients that call them."""

from __future__ import annotations

import base64
import http.client
import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import urlencode, urlsplit

import pytest
import requests

from connector.sandbox.pylon_api import PylonSandbox
from connector.sandbox.zendesk_api import ZendeskSandbox

NOON = 1_793_620_800.0  # 2026-11-02 12:00:00 UTC


@dataclass
class Now:
    """The account's clock; it moves when told."""

    at: float = NOON

    def __call__(self) -> float:
        return self.at

    def advance(self, seconds: float) -> None:
        self.at += seconds


@dataclass(frozen=True)
class Reply:
    status: int
    headers: Mapping[str, str]  # names in lower case
    body: bytes

    @property
    def json(self) -> Any:
        return json.loads(self.body)


@dataclass
class Caller:
    """Calls ``/api/v2`` of an account on one connection, as the API user."""

    url: str
    headers: dict[str, str] = field(default_factory=dict)

    def __post_init__(self) -> None:
        address = urlsplit(self.url)
        assert address.hostname
        self.connection = http.client.HTTPConnection(address.hostname, address.port, timeout=10)

    def get(self, path: str, **query: Any) -> Reply:
        """``per_page=1`` and such; ``page_size``, ``page_after`` become ``page[size]``, ``page[after]``."""
        named = {name.replace("page_", "page[") + "]" if name.startswith("page_") else name: value
                 for name, value in query.items()}  # fmt: skip
        return self.send("GET", f"/api/v2{path}" + ("?" + urlencode(named) if named else ""))

    def put(self, path: str, body: object) -> Reply:
        return self.send("PUT", f"/api/v2{path}", body)

    def update(self, ticket_id: int, **changes: Any) -> Reply:
        return self.put(f"/tickets/{ticket_id}", {"ticket": changes})

    def send(
        self, method: str, path: str, body: object = None, headers: Mapping[str, str] | None = None
    ) -> Reply:
        sent = None if body is None else json.dumps(body).encode()
        kind = {} if body is None else {"Content-Type": "application/json"}
        self.connection.request(
            method, path, sent, kind | (self.headers if headers is None else dict(headers))
        )
        response = self.connection.getresponse()
        return Reply(response.status, {k.lower(): v for k, v in response.headers.items()}, response.read())

    def export(self, **query: Any) -> list[dict[str, Any]]:
        """Every ticket that the incremental export shows, from the beginning."""
        rows: list[dict[str, Any]] = []
        reply = self.get("/incremental/tickets/cursor", start_time=1, **query).json
        rows += reply["tickets"]
        while not reply["end_of_stream"]:
            reply = self.get("/incremental/tickets/cursor", cursor=reply["after_cursor"], **query).json
            rows += reply["tickets"]
        return rows


def basic(email: str, token: str) -> dict[str, str]:
    pair = base64.b64encode(f"{email}/token:{token}".encode()).decode()
    return {"Authorization": f"Basic {pair}"}


@pytest.fixture
def now() -> Now:
    return Now()


@pytest.fixture
def zendesk(now: Now) -> Iterator[ZendeskSandbox]:
    """No rate limits, so that a test may call as often as it likes."""
    with ZendeskSandbox(now, rate_limits=False) as running:
        yield running


@pytest.fixture
def api(zendesk: ZendeskSandbox) -> Iterator[Caller]:
    caller = Caller(zendesk.url, basic("connector@example.com", "sandbox-token"))
    yield caller
    caller.connection.close()


@pytest.fixture
def call_as() -> Iterator[Any]:
    """``call_as(zendesk, headers)``: a caller for another account or with other credentials."""
    callers: list[Caller] = []

    def make(sandbox: ZendeskSandbox, headers: dict[str, str] | None = None) -> Caller:
        default = basic("connector@example.com", "sandbox-token")
        callers.append(Caller(sandbox.url, default if headers is None else headers))
        return callers[-1]

    yield make
    for caller in callers:
        caller.connection.close()


@pytest.fixture
def old(now: Now) -> float:
    """A time that the export shows already."""
    return now.at - 3600


@dataclass
class PylonCaller:
    """Calls the API of a Pylon tenant, with its token unless another header is given."""

    tenant: PylonSandbox
    authorization: str | None = None
    session: requests.Session = field(default_factory=requests.Session)

    def get(self, path: str, **query: Any) -> requests.Response:
        return self.send("GET", path, params=query)

    def post(self, path: str, body: object) -> requests.Response:
        return self.send("POST", path, json=body)

    def patch(self, issue_id: str, **changes: Any) -> requests.Response:
        return self.send("PATCH", f"/issues/{issue_id}", json=changes)

    def send(self, method: str, path: str, **rest: Any) -> requests.Response:
        token = f"Bearer {self.tenant.token}" if self.authorization is None else self.authorization
        headers = {"Authorization": token}
        return self.session.request(method, self.tenant.url + path, headers=headers, timeout=10, **rest)

    def search(self, *conditions: Mapping[str, Any], **rest: Any) -> requests.Response:
        """A search for issues that fulfil all conditions."""
        asked = {"operator": "and", "subfilters": list(conditions)} if conditions else None
        return self.post("/issues/search", rest | ({"filter": asked} if asked else {}))

    def found(self, *conditions: Mapping[str, Any], **rest: Any) -> list[str]:
        """The ids of all pages, in order."""
        ids: list[str] = []
        body = self.search(*conditions, **rest).json()
        ids += [issue["id"] for issue in body.get("data") or []]
        while (page := body.get("pagination") or {}).get("has_next_page"):
            body = self.search(*conditions, **rest | {"cursor": page["cursor"]}).json()
            ids += [issue["id"] for issue in body.get("data") or []]
        return ids


def condition(field: str, operator: str, *values: str) -> dict[str, Any]:
    """One condition of a Pylon search; several values become a list."""
    asked: dict[str, Any] = {"field": field, "operator": operator}
    many = operator in {"in", "not_in", "time_range"}
    return asked | ({"values": list(values)} if many else {"value": values[0]} if values else {})


@pytest.fixture
def pylon(now: Now) -> Iterator[PylonSandbox]:
    """No rate limits, so that a test may call as often as it likes."""
    with PylonSandbox(now, rate_limits=False) as running:
        yield running


@pytest.fixture
def ask_pylon() -> Iterator[Any]:
    """``ask_pylon(tenant, authorization)``: a caller for a tenant."""
    callers: list[PylonCaller] = []

    def make(tenant: PylonSandbox, authorization: str | None = None) -> PylonCaller:
        callers.append(PylonCaller(tenant, authorization))
        return callers[-1]

    yield make
    for caller in callers:
        caller.session.close()


@pytest.fixture
def desk(pylon: PylonSandbox, ask_pylon: Any) -> PylonCaller:
    """A caller for ``pylon``, with its token."""
    caller: PylonCaller = ask_pylon(pylon)
    return caller
