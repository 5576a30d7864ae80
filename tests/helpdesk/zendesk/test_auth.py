"""Logging in: short-lived tokens, minted once, renewed in time, never shown."""

from __future__ import annotations

import base64
import json
import threading
from collections.abc import Callable

import pytest
import responses

from connector.clock import ManualClock
from connector.errors import AuthRefused, SettingsError, Unavailable
from connector.helpdesk.failure import AnswerLost
from connector.helpdesk.zendesk import ZendeskHelpdesk

BASE = "https://acme.zendesk.com"
ME = {"user": {"id": 1, "role": "admin", "name": "Triage"}}
OAUTH = {"client_id": "triage", "client_secret": "s3cret", "email": None, "api_token": None}

Connect = Callable[..., ZendeskHelpdesk]


def mints(web: responses.RequestsMock) -> int:
    return sum(call.request.url == f"{BASE}/oauth/tokens" for call in web.calls)


def test_the_legacy_login_is_basic_with_the_token_suffix(
    zendesk: ZendeskHelpdesk, web: responses.RequestsMock
) -> None:
    web.get(f"{BASE}/api/v2/users/me", json=ME)

    zendesk.check()

    expected = base64.b64encode(b"triage@acme.com/token:tok-secret").decode()
    assert web.calls[0].request.headers["Authorization"] == f"Basic {expected}"


def test_a_token_is_minted_once_and_asked_for_with_a_lifetime(
    connect: Connect, web: responses.RequestsMock
) -> None:
    web.post(f"{BASE}/oauth/tokens", json={"access_token": "t1", "token_type": "bearer", "expires_in": 3600})
    web.get(f"{BASE}/api/v2/users/me", json=ME)
    zendesk = connect(**OAUTH)

    zendesk.check()
    zendesk.check()

    assert mints(web) == 1
    assert json.loads(web.calls[0].request.body or b"") == {
        "grant_type": "client_credentials",
        "client_id": "triage",
        "client_secret": "s3cret",
        "scope": "read write",
        "expires_in": 3600,
    }
    assert "Authorization" not in web.calls[0].request.headers
    assert web.calls[1].request.headers["Authorization"] == "Bearer t1"


@pytest.mark.parametrize(
    ("told", "still_good_after", "renewed_after"),
    [({"expires_in": 600}, 539, 541), ({}, 1739, 1741), ({"expires_in": 60}, 29, 31)],
)
def test_a_token_is_renewed_before_it_ends(
    connect: Connect,
    web: responses.RequestsMock,
    clock: ManualClock,
    told: dict[str, int],
    still_good_after: float,
    renewed_after: float,
) -> None:
    web.post(f"{BASE}/oauth/tokens", json={"access_token": "t1"} | told)
    web.get(f"{BASE}/api/v2/users/me", json=ME)
    zendesk = connect(**OAUTH)

    zendesk.check()
    clock.advance(still_good_after)
    zendesk.check()
    early = mints(web)
    clock.advance(renewed_after - still_good_after)
    zendesk.check()

    assert (early, mints(web)) == (1, 2)


def test_a_token_that_ends_early_is_renewed_once_after_a_401(
    connect: Connect, web: responses.RequestsMock
) -> None:
    web.post(f"{BASE}/oauth/tokens", json={"access_token": "t1"})
    web.post(f"{BASE}/oauth/tokens", json={"access_token": "t2"})
    web.get(f"{BASE}/api/v2/users/me", status=401, json={"error": "invalid_token"})
    web.get(f"{BASE}/api/v2/users/me", json=ME)

    connect(**OAUTH).check()

    assert web.calls[-1].request.headers["Authorization"] == "Bearer t2"


def test_refused_tokens_end_in_auth_refused_and_not_in_a_loop(
    connect: Connect, web: responses.RequestsMock
) -> None:
    web.post(f"{BASE}/oauth/tokens", json={"access_token": "t1"})
    web.get(f"{BASE}/api/v2/users/me", status=401)

    with pytest.raises(AuthRefused):
        connect(**OAUTH).check()

    assert mints(web) == 2


@pytest.mark.parametrize("status", [400, 401, 403])
def test_a_refused_client_is_auth_refused_without_its_secret(
    connect: Connect, web: responses.RequestsMock, status: int
) -> None:
    web.post(
        f"{BASE}/oauth/tokens",
        status=status,
        json={"error": "invalid_client", "error_description": "client triage with s3cret is unknown"},
    )

    with pytest.raises(AuthRefused, match=r"refuses the OAuth client \(invalid_client\)") as raised:
        connect(**OAUTH).check()

    assert "s3cret" not in str(raised.value)
    assert mints(web) == 1


@pytest.mark.parametrize(
    "answer", [{}, {"access_token": None}, {"access_token": "a b\n"}, {"access_token": ""}]
)
def test_an_answer_without_a_usable_token_is_unavailable(
    connect: Connect, web: responses.RequestsMock, answer: dict[str, str | None]
) -> None:
    web.post(f"{BASE}/oauth/tokens", json=answer)

    with pytest.raises(Unavailable, match="usable access token"):
        connect(**OAUTH).check()


def test_a_lost_token_does_not_make_a_write_unclear(
    connect: Connect, web: responses.RequestsMock, make_change: Callable[..., object]
) -> None:
    web.post(f"{BASE}/oauth/tokens", status=500)
    zendesk = connect(**OAUTH)

    with pytest.raises(Unavailable) as raised:
        next(iter(zendesk.apply([make_change()])))  # type: ignore[list-item]  # a Change

    assert not isinstance(raised.value, AnswerLost)


def test_many_threads_share_one_token(connect: Connect, web: responses.RequestsMock) -> None:
    web.post(f"{BASE}/oauth/tokens", json={"access_token": "t1"})
    web.get(f"{BASE}/api/v2/users/me", json=ME)
    zendesk = connect(**OAUTH)
    threads = [threading.Thread(target=zendesk.check) for _ in range(8)]

    for each in threads:
        each.start()
    for each in threads:
        each.join()

    assert mints(web) == 1
    assert len(web.calls) == 9


def test_a_dry_run_may_mint_a_token(connect: Connect, web: responses.RequestsMock) -> None:
    web.post(f"{BASE}/oauth/tokens", json={"access_token": "t1"})
    web.get(f"{BASE}/api/v2/users/me", json=ME)

    assert connect(**OAUTH, read_only=True).check().role == "admin"


def test_no_secret_is_in_a_repr(connect: Connect) -> None:
    zendesk = connect(**OAUTH)

    assert "s3cret" not in repr(zendesk) + repr(vars(zendesk))


def test_without_a_login_nothing_is_connected(connect: Connect) -> None:
    with pytest.raises(SettingsError, match="client_id"):
        connect(email=None)
