"""The HTTP client: where it goes, what it refuses, what each answer means."""

from __future__ import annotations

from pathlib import Path
from random import Random

import pytest
import requests
import responses

from connector.clock import ManualClock
from connector.errors import AuthRefused, RateLimited, SettingsError, Unavailable
from connector.helpdesk.address import parse_origin
from connector.helpdesk.failure import AnswerLost, AnswerTooLong, judge_exception
from connector.helpdesk.transport import Transport

BASE = "https://acme.zendesk.com"


class FixedAuth:
    """An Authorization header that may be renewed ``renewals`` times."""

    def __init__(self, renewals: int = 0) -> None:
        self.renewals = renewals
        self.number = 0

    def header(self) -> str:
        return f"Bearer secret-{self.number}"

    def renew(self, refused: str) -> bool:
        if self.number == self.renewals:
            return False
        self.number += 1
        return True


@pytest.fixture
def transport(clock: ManualClock) -> Transport:
    return Transport(parse_origin(BASE), clock, auth=FixedAuth(), random=Random(1))  # noqa: S311 - jitter, not secrets


def test_the_credentials_and_the_accepted_type_are_sent(
    transport: Transport, web: responses.RequestsMock
) -> None:
    web.get(f"{BASE}/x", json={})

    transport.get("/x", {"q": "a b"})

    sent = web.calls[0].request
    assert sent.headers["Authorization"] == "Bearer secret-0"
    assert sent.headers["Accept"] == "application/json"
    assert sent.url == f"{BASE}/x?q=a+b"


@pytest.mark.parametrize("path", ["@evil.test/x", ".evil.test/x", ":81/x"])
def test_an_address_that_is_not_the_configured_one_gets_no_request(
    transport: Transport, web: responses.RequestsMock, path: str
) -> None:
    with pytest.raises(SettingsError):
        transport.get(path)

    assert len(web.calls) == 0


def test_a_redirect_is_a_settings_error_that_names_its_target_and_is_not_followed(
    transport: Transport, web: responses.RequestsMock
) -> None:
    web.get(f"{BASE}/x", status=302, headers={"Location": "https://user:pw@evil.test/steal?token=1"})

    with pytest.raises(SettingsError, match=r"evil\.test") as raised:
        transport.get("/x")

    assert len(web.calls) == 1
    assert "pw" not in str(raised.value)
    assert "token" not in str(raised.value)


def test_netrc_and_proxy_variables_are_ignored(
    transport: Transport,
    web: responses.RequestsMock,
    monkeypatch: pytest.MonkeyPatch,
    tmp_path: Path,
) -> None:
    netrc = tmp_path / "netrc"
    netrc.write_text("machine acme.zendesk.com login thief password thief\n")
    monkeypatch.setenv("NETRC", str(netrc))
    monkeypatch.setenv("HTTPS_PROXY", "http://evil.test:1")
    web.get(f"{BASE}/x", json={})

    transport.get("/x")

    assert web.calls[0].request.headers["Authorization"] == "Bearer secret-0"
    assert not web.calls[0].request.req_kwargs["proxies"]  # type: ignore[attr-defined]  # added by responses


def test_cookies_are_not_kept(transport: Transport, web: responses.RequestsMock) -> None:
    web.get(f"{BASE}/x", json={}, headers={"Set-Cookie": "session=1; Path=/"})

    transport.get("/x")
    transport.get("/x")

    assert "Cookie" not in web.calls[1].request.headers


@pytest.mark.parametrize("status", [500, 502, 503, 504, 520, 524, 408, 425])
def test_a_server_error_is_unavailable_after_three_tries(
    transport: Transport, web: responses.RequestsMock, clock: ManualClock, status: int
) -> None:
    web.get(f"{BASE}/x", status=status, body="<html>busy</html>", headers={"X-Request-Id": "abc-1"})

    with pytest.raises(AnswerLost, match=rf"GET /x answered {status} \(x-request-id abc-1\)"):
        transport.get("/x", {"cursor": "hidden"})

    assert len(web.calls) == 3
    assert clock.monotonic() <= 30


@pytest.mark.parametrize("body", ["", "<html>Please log in</html>", "\n\nOK", '{"tickets": [1,', "null"])
def test_a_200_that_is_not_json_is_unavailable_and_never_an_empty_answer(
    transport: Transport, web: responses.RequestsMock, body: str
) -> None:
    web.get(f"{BASE}/x", body=body)

    with pytest.raises(Unavailable, match="not JSON"):
        transport.get("/x")


def test_a_byte_order_mark_is_not_part_of_the_body(transport: Transport, web: responses.RequestsMock) -> None:
    web.get(f"{BASE}/x", body=b'\xef\xbb\xbf{"a": 1}')

    reply = transport.get("/x")

    assert reply.body == b'{"a": 1}'


@pytest.mark.parametrize("status", [400, 404, 409, 413, 422])
def test_a_refusal_of_this_very_request_is_handed_to_the_caller_unparsed(
    transport: Transport, web: responses.RequestsMock, status: int
) -> None:
    web.put(f"{BASE}/x", status=status, body="<html>")

    reply = transport.send("PUT", "/x", {})

    assert (reply.status, reply.body) == (status, b"<html>")


@pytest.mark.parametrize("status", [401, 403])
def test_refused_credentials_are_not_tried_again(
    transport: Transport, web: responses.RequestsMock, status: int
) -> None:
    web.get(f"{BASE}/x", status=status)

    with pytest.raises(AuthRefused):
        transport.get("/x")

    assert len(web.calls) == 1


def test_after_a_401_the_credentials_are_renewed_once(
    clock: ManualClock, web: responses.RequestsMock
) -> None:
    web.put(f"{BASE}/x", status=401)
    web.put(f"{BASE}/x", json={})
    transport = Transport(parse_origin(BASE), clock, auth=FixedAuth(renewals=1))

    transport.send("PUT", "/x", {})

    assert [call.request.headers["Authorization"] for call in web.calls] == [
        "Bearer secret-0",
        "Bearer secret-1",
    ]


def test_a_second_401_is_final(clock: ManualClock, web: responses.RequestsMock) -> None:
    web.get(f"{BASE}/x", status=401)
    transport = Transport(parse_origin(BASE), clock, auth=FixedAuth(renewals=9))

    with pytest.raises(AuthRefused):
        transport.get("/x")

    assert len(web.calls) == 2


def test_a_short_retry_after_is_waited_for(
    transport: Transport, web: responses.RequestsMock, clock: ManualClock
) -> None:
    web.get(f"{BASE}/x", status=429, headers={"Retry-After": "2"})
    web.get(f"{BASE}/x", json={})

    transport.get("/x")

    assert 2 <= clock.monotonic() <= 3


def test_a_429_without_retry_after_is_waited_for_too(
    transport: Transport, web: responses.RequestsMock, clock: ManualClock
) -> None:
    web.get(f"{BASE}/x", status=429, body="<html>slow down</html>")
    web.get(f"{BASE}/x", json={})

    transport.get("/x")

    assert 5 <= clock.monotonic() <= 10


def test_a_long_retry_after_is_not_slept_here(
    transport: Transport, web: responses.RequestsMock, clock: ManualClock
) -> None:
    web.get(f"{BASE}/x", status=429, headers={"Retry-After": "93"})

    with pytest.raises(RateLimited) as raised:
        transport.get("/x")

    assert raised.value.retry_after_seconds == 93
    assert clock.monotonic() == 0
    assert len(web.calls) == 1


def test_a_write_is_never_repeated(transport: Transport, web: responses.RequestsMock) -> None:
    web.put(f"{BASE}/x", status=500)

    with pytest.raises(AnswerLost):
        transport.send("PUT", "/x", {})

    assert len(web.calls) == 1


def test_asked_to_stop_it_does_not_try_again(
    transport: Transport, web: responses.RequestsMock, clock: ManualClock
) -> None:
    web.get(f"{BASE}/x", status=500)
    clock.stop()

    with pytest.raises(Unavailable, match="asked to stop"):
        transport.get("/x")

    assert len(web.calls) == 1


def test_read_only_refuses_every_write_before_it_is_sent(
    clock: ManualClock, web: responses.RequestsMock
) -> None:
    transport = Transport(parse_origin(BASE), clock, read_only=True)
    web.put(f"{BASE}/x", json={})

    with pytest.raises(SettingsError, match="dry run"):
        transport.send("PUT", "/x", {})

    assert len(web.calls) == 0


def test_an_error_carries_no_header_query_or_body(transport: Transport, web: responses.RequestsMock) -> None:
    web.get(f"{BASE}/x", body=requests.ConnectionError("Bearer secret-0 ?cursor=hidden"))

    with pytest.raises(Unavailable) as raised:
        transport.get("/x", {"cursor": "hidden"})

    assert "secret" not in str(raised.value)
    assert "hidden" not in str(raised.value)
    assert raised.value.__cause__ is None
    assert raised.value.__context__ is None


@pytest.mark.parametrize(
    ("error", "expected"),
    [
        (requests.ConnectTimeout(), Unavailable),
        (requests.exceptions.ProxyError(), Unavailable),
        (requests.ReadTimeout(), AnswerTooLong),
        (requests.ConnectionError(), AnswerLost),
        (requests.exceptions.SSLError(), AnswerLost),
        (requests.exceptions.InvalidSchema(), SettingsError),
        (requests.exceptions.InvalidURL(), SettingsError),
    ],
)
def test_each_exception_of_requests_has_one_meaning(error: Exception, expected: type[Exception]) -> None:
    assert type(judge_exception("GET /x", error)) is expected
