"""Logging in: what is proven before anything starts, and what a refusal means in plain words."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest
import responses

from connector.clock import ManualClock
from connector.domain.ticket import Group
from connector.errors import AuthRefused, SettingsError, Unavailable, WrongRegion
from connector.helpdesk.pylon import PylonHelpdesk, connect_pylon
from connector.helpdesk.pylon.limits import limit_policy
from connector.ports import Account

if TYPE_CHECKING:
    from tests.helpdesk.pylon.conftest import ConnectPylon

US = "https://api.usepylon.com"
EU = "https://api.eu.usepylon.com"
ME = {"data": {"id": "org-1", "name": "Acme\x1b[31m", "user": {"id": "u-1"}}, "request_id": "r"}


def refusal(code: str) -> dict[str, Any]:
    return {"errors": ["no"], "code": code, "request_id": "r"}


@pytest.mark.parametrize(("region", "host"), [("us", US), ("eu", EU)])
def test_each_region_has_its_host_and_gets_the_token_as_bearer(
    connect_to_pylon: ConnectPylon, web: responses.RequestsMock, region: str, host: str
) -> None:
    web.get(f"{host}/me", json=ME)

    assert connect_to_pylon(region=region).check() == Account("Acme [31m", "API token")
    assert web.calls[0].request.headers["Authorization"] == "Bearer pylon_api_secret"


def test_a_token_of_the_other_region_is_told_in_plain_words(
    pylon: PylonHelpdesk, web: responses.RequestsMock
) -> None:
    web.get(f"{US}/me", status=401, json=refusal("wrong_region_token"))

    with pytest.raises(WrongRegion, match=r'other region; set \[helpdesk\] region = "eu"'):
        pylon.check()


@pytest.mark.parametrize(
    ("status", "code", "told"),
    [
        (401, "invalid_api_token", "does not know this API token"),
        (401, "invalid_authorization_header", "was all of it copied"),
        (403, "permission_denied", "may not do this"),
        (401, "something_new", "refuses the credentials"),
        (401, None, "refuses the credentials"),
    ],
)
def test_a_refusal_is_told_by_its_code_and_never_holds_the_token(
    pylon: PylonHelpdesk, web: responses.RequestsMock, status: int, code: str | None, told: str
) -> None:
    body = refusal(code) if code else {"errors": ["no"], "request_id": "r"}
    web.get(f"{US}/me", status=status, json=body)

    with pytest.raises(AuthRefused, match=told) as refused:
        pylon.check()

    assert "pylon_api_secret" not in str(refused.value)


def test_an_address_that_is_not_pylon_is_a_settings_error(
    connect_to_pylon: ConnectPylon, web: responses.RequestsMock
) -> None:
    web.get("https://example.com/me", status=404, body="<html>not here</html>")

    with pytest.raises(SettingsError, match="no Pylon"):
        connect_to_pylon(base_url="https://example.com").check()


def test_a_maintenance_page_is_an_outage(pylon: PylonHelpdesk, web: responses.RequestsMock) -> None:
    web.get(f"{US}/me", body="<html>back soon</html>")

    with pytest.raises(Unavailable, match="not JSON"):
        pylon.check()


def test_a_body_with_nothing_but_a_request_id_proves_nothing(
    pylon: PylonHelpdesk, web: responses.RequestsMock
) -> None:
    web.get(f"{US}/me", json={"request_id": "r"})

    with pytest.raises(AuthRefused, match="belongs to none"):
        pylon.check()


def test_without_a_token_nothing_is_connected(clock: ManualClock) -> None:
    with pytest.raises(SettingsError, match="api_token"):
        connect_pylon(name="pylon", clock=clock, api_token=None)


def test_the_groups_are_pylons_teams(pylon: PylonHelpdesk, web: responses.RequestsMock) -> None:
    web.get(
        f"{US}/teams",
        json={"data": [{"id": "t-1", "name": "Billing", "users": None}, {"id": "t-2", "name": None}]},
    )

    assert pylon.groups() == [Group("t-1", "Billing"), Group("t-2", "")]


def test_an_organization_without_teams_has_no_groups(
    pylon: PylonHelpdesk, web: responses.RequestsMock
) -> None:
    web.get(f"{US}/teams", json={"request_id": "r"})

    assert pylon.groups() == []


def test_contacts_are_found_by_their_whole_address_whatever_its_case(
    pylon: PylonHelpdesk, web: responses.RequestsMock
) -> None:
    first = [{"id": "c-1", "email": "Ann@Example.com"}, {"id": "c-2", "email": "joann@example.com"}]
    second = [{"id": "c-3", "email": None, "emails": ["old@example.com", "ann@example.com"]}]
    web.post(
        f"{US}/contacts/search",
        json={"data": first, "pagination": {"cursor": "n", "has_next_page": True}},
    )
    web.post(f"{US}/contacts/search", json={"data": second, "pagination": None})

    assert pylon.requesters(" ann@example.com ") == ("c-1", "c-3")
    assert json.loads(web.calls[1].request.body or "")["cursor"] == "n"


@pytest.mark.parametrize(
    ("method", "path", "per_minute"),
    [
        ("POST", "/issues/search", 20),
        ("GET", "/issues/5f3c", 60),
        ("PATCH", "/issues/5f3c", 20),
        ("GET", "/issues/5f3c/messages", 20),
        ("GET", "/teams", 60),
        ("GET", "/me", 60),
        ("GET", "/accounts/77", 60),
        ("POST", "/contacts/search", 20),
        ("GET", "/issue-statuses", 10),
    ],
)
def test_every_endpoint_has_the_lower_of_its_published_limits(
    method: str, path: str, per_minute: int
) -> None:
    policy = limit_policy()

    (bucket,) = policy.buckets_of(method, path)

    assert policy.documented[bucket] == per_minute
