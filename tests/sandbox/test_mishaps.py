"""The mishaps that only one vendor has look as that vendor's do."""

from __future__ import annotations

import base64
import json
import urllib.error
import urllib.request
from collections.abc import Iterator
from typing import Any

import pytest

from connector.clock import ManualClock
from connector.sandbox.claude_api import mishaps as at_claude
from connector.sandbox.faults import Fault
from connector.sandbox.server import Request, json_response, serve
from connector.sandbox.zendesk_api import ZendeskSandbox, mishaps, refusal

EXPORT = "/api/v2/incremental/tickets/cursor.json"


@pytest.fixture
def account(clock: ManualClock) -> Iterator[ZendeskSandbox]:
    with ZendeskSandbox(clock.timestamp, rate_limits=False) as sandbox:
        yield sandbox


def ask(account: ZendeskSandbox, method: str, path: str, body: object = None) -> tuple[int, Any]:
    """Status and body (JSON or text), asked with the legacy login."""
    login = base64.b64encode(b"connector@example.com/token:sandbox-token").decode()
    request = urllib.request.Request(  # noqa: S310 - loopback
        account.url + path,
        method=method,
        data=None if body is None else json.dumps(body).encode(),
        headers={"Authorization": f"Basic {login}", "Content-Type": "application/json"},
    )
    try:
        with urllib.request.urlopen(request) as response:  # noqa: S310 - loopback
            status, content = response.status, response.read()
    except urllib.error.HTTPError as error:
        status, content = error.code, error.read()
    try:
        return status, json.loads(content)
    except ValueError:
        return status, content.decode()


def open_tickets(account: ZendeskSandbox, count: int) -> list[int]:
    return [account.create_ticket("s", "t", created_at=account.world.now() - 300) for _ in range(count)]


@pytest.mark.parametrize("locale", refusal.LOCALES)
def test_a_refusal_has_its_code_in_every_language(account: ZendeskSandbox, locale: str) -> None:
    (ticket,) = open_tickets(account, 1)
    account.faults.add(Fault(mishaps.unassignable(locale), method="PUT"))

    status, body = ask(account, "PUT", f"/api/v2/tickets/{ticket}", {"ticket": {"group_id": 1}})

    assert (status, body["error"]) == (422, "RecordInvalid")
    assert body["details"]["group"][0]["error"] == "InvalidValue"
    assert account.writes() == ()


def test_a_collision_and_a_page_that_is_too_large_write_nothing(account: ZendeskSandbox) -> None:
    (ticket,) = open_tickets(account, 1)
    account.faults.add(Fault(mishaps.collision(), method="PUT"))
    account.faults.add(Fault(mishaps.too_large(), method="PUT", after=1))
    change = {"ticket": {"priority": "high"}}

    answers = [ask(account, "PUT", f"/api/v2/tickets/{ticket}", change) for _ in range(3)]

    assert [status for status, _ in answers] == [409, 413, 200]
    assert answers[0][1]["error"] == "DatabaseConflict"
    assert "413" in answers[1][1]
    assert len(account.writes()) == 1


def test_tickets_can_be_twice_in_a_page(account: ZendeskSandbox) -> None:
    tickets = open_tickets(account, 2)
    account.faults.add(Fault(mishaps.repeat_tickets(), path="/incremental/"))

    _, page = ask(account, "GET", f"{EXPORT}?start_time=0")

    assert sorted(row["id"] for row in page["tickets"]) == sorted(tickets * 2)


def test_a_cursor_can_stay_where_it_was_and_a_page_can_be_one_of_long_ago(account: ZendeskSandbox) -> None:
    tickets = open_tickets(account, 3)
    _, first = ask(account, "GET", f"{EXPORT}?start_time=0&per_page=1")
    account.faults.add(Fault(mishaps.keep_cursor(), path="/incremental/"))
    account.faults.add(Fault(mishaps.earlier_page(0), path="/incremental/", after=1))
    onwards = f"{EXPORT}?cursor={first['after_cursor'].replace('=', '%3D')}&per_page=3"

    _, stuck = ask(account, "GET", onwards)
    _, earlier = ask(account, "GET", onwards)

    assert (stuck["after_cursor"], stuck["end_of_stream"]) == (first["after_cursor"], False)
    assert [row["id"] for row in stuck["tickets"]] == tickets[1:]
    assert [row["id"] for row in earlier["tickets"]] == tickets


def test_a_revoked_token_is_refused_from_then_on(account: ZendeskSandbox) -> None:
    secret = {"grant_type": "client_credentials", "client_id": "connector", "client_secret": "sandbox-secret"}
    _, token = ask(account, "POST", "/oauth/tokens", secret)
    request = urllib.request.Request(  # noqa: S310 - loopback
        f"{account.url}/api/v2/groups", headers={"Authorization": f"Bearer {token['access_token']}"}
    )
    account.faults.add(Fault(mishaps.revoke(account.access), path="/groups"))

    with pytest.raises(urllib.error.HTTPError, match="401"):
        urllib.request.urlopen(request)  # noqa: S310 - loopback


def job_of(account: ZendeskSandbox, tickets: list[int]) -> str:
    changes = [
        {"id": each, "priority": "high", "safe_update": True, "updated_stamp": "2026-11-02T09:00:00Z"}
        for each in tickets
    ]
    _, body = ask(account, "PUT", "/api/v2/tickets/update_many", {"tickets": changes})
    return str(body["job_status"]["id"])


def test_a_job_can_fail_half_way_and_does_not_say_how_far_it_came(account: ZendeskSandbox) -> None:
    tickets = open_tickets(account, 4)
    account.jobs.polls = 0
    account.faults.add(Fault(mishaps.break_job(account.jobs, after=2), method="PUT"))

    _, shown = ask(account, "GET", f"/api/v2/job_statuses/{job_of(account, tickets)}")

    assert (shown["job_status"]["status"], shown["job_status"]["results"]) == ("failed", None)
    assert [write.ticket_id for write in account.writes()] == tickets[:2]


def test_a_job_can_stay_in_the_queue_and_the_next_one_is_done(account: ZendeskSandbox) -> None:
    one, other = open_tickets(account, 2)
    account.faults.add(Fault(mishaps.hold_job(account.jobs), method="PUT"))

    held = job_of(account, [one])
    job_of(account, [other])
    _, shown = ask(account, "GET", f"/api/v2/job_statuses/{held}")

    assert shown["job_status"]["status"] == "queued"
    assert [write.ticket_id for write in account.writes()] == [other]


def test_a_refusal_of_claude_has_the_shape_of_its_errors() -> None:
    behave = at_claude.refuse(529, headers={"retry-after": "3"})

    response = behave(Request("POST", "/v1/messages"), lambda _: json_response({}))

    body = json.loads(response.body)
    assert (response.status, body["error"]["type"]) == (529, "overloaded_error")
    assert response.headers["request-id"] == body["request_id"]
    assert response.headers["retry-after"] == "3"


def test_a_server_that_is_absent_refuses_and_comes_back_at_the_same_address() -> None:
    with serve(lambda _: json_response("here")) as server:
        address = server.url
        with server.absence(), pytest.raises(urllib.error.URLError, match="refused"):
            urllib.request.urlopen(address)  # noqa: S310 - loopback

        with urllib.request.urlopen(address) as response:  # noqa: S310 - loopback
            assert (json.loads(response.read()), server.url) == ("here", address)
