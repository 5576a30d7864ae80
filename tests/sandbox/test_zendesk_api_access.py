"""Who gets in, and how an emulated Zendesk turns the others away."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import pytest

from connector.sandbox.zendesk_api import ZendeskSandbox

if TYPE_CHECKING:
    from tests.sandbox.conftest import Caller, Now

CLIENT = {"grant_type": "client_credentials", "client_id": "connector", "client_secret": "sandbox-secret"}


def mint(api: Caller, **more: Any) -> dict[str, str]:
    token = api.send("POST", "/oauth/tokens", CLIENT | more).json["access_token"]
    return {"Authorization": f"Bearer {token}"}


def test_the_life_of_a_token_is_told_only_when_it_was_asked_for(api: Caller) -> None:
    plain = api.send("POST", "/oauth/tokens", CLIENT).json
    asked = api.send("POST", "/oauth/tokens", CLIENT | {"expires_in": 3600}).json

    assert plain.keys() == {"access_token", "token_type", "scope"}
    assert asked["expires_in"] == 3600


@pytest.mark.parametrize("seconds", [300, 172_800, "soon"])
def test_a_token_cannot_live_shorter_or_longer_than_the_bounds(api: Caller, seconds: object) -> None:
    reply = api.send("POST", "/oauth/tokens", CLIENT | {"expires_in": seconds})

    assert reply.status == 400
    assert reply.json["error"] == "invalid_request"


def test_a_wrong_client_secret_is_refused_in_oauth_words(api: Caller) -> None:
    reply = api.send("POST", "/oauth/tokens", CLIENT | {"client_secret": "guess"})

    assert (reply.status, reply.json["error"]) == (401, "invalid_client")


def test_other_grants_are_not_supported(api: Caller) -> None:
    reply = api.send("POST", "/oauth/tokens", CLIENT | {"grant_type": "refresh_token"})

    assert (reply.status, reply.json["error"]) == (400, "unsupported_grant_type")


def test_a_token_expires_in_the_middle_of_work(api: Caller, now: Now) -> None:
    api.headers = mint(api)
    before = api.get("/groups").status
    now.advance(1800)

    after = api.get("/groups")

    assert before == 200
    assert (after.status, after.json["error"]) == (401, "invalid_token")


def test_a_revoked_token_is_worth_nothing(zendesk: ZendeskSandbox, api: Caller) -> None:
    api.headers = mint(api)
    zendesk.access.revoke_all()

    assert api.get("/groups").status == 401


def test_the_current_token_tells_when_it_expires(api: Caller) -> None:
    api.headers = mint(api, expires_in=600)

    assert api.get("/oauth/tokens/current").json["token"]["expires_at"] == "2026-11-02T12:10:00Z"


def test_wrong_or_no_credentials_are_an_anonymous_user_with_status_200(
    zendesk: ZendeskSandbox, call_as: Callable[..., Caller]
) -> None:
    nobody = call_as(zendesk, {}).get("/users/me")
    stranger = call_as(zendesk, {"Authorization": "Basic d3Jvbmc="}).get("/users/me")

    assert nobody.status == stranger.status == 200
    assert nobody.json["user"]["name"] == stranger.json["user"]["name"] == "Anonymous user"
    assert nobody.json["user"]["id"] is None


def test_users_me_tells_the_role_and_a_secret(zendesk: ZendeskSandbox, api: Caller) -> None:
    user = api.get("/users/me").json["user"]

    assert (user["id"], user["role"]) == (zendesk.api_user, "admin")
    assert user["authenticity_token"]


def test_everything_else_needs_credentials(zendesk: ZendeskSandbox, call_as: Callable[..., Caller]) -> None:
    reply = call_as(zendesk, {}).get("/groups")

    assert reply.status == 401
    assert reply.json == {"error": "Couldn't authenticate you"}


def test_an_api_token_can_be_switched_off(now: Now, call_as: Callable[..., Caller]) -> None:
    with ZendeskSandbox(now, api_token=None) as zendesk:
        assert call_as(zendesk).get("/groups").status == 401


def test_the_export_is_for_admins_and_refuses_with_an_object(
    now: Now, call_as: Callable[..., Caller]
) -> None:
    with ZendeskSandbox(now, role="agent") as zendesk:
        api = call_as(zendesk)

        export = api.get("/incremental/tickets/cursor", start_time=1)
        tickets = api.get("/tickets")

    assert export.status == 403
    assert export.json["error"]["title"] == "Forbidden"
    assert tickets.status == 200


def test_the_tickets_scope_does_not_suffice_for_audits(zendesk: ZendeskSandbox, api: Caller) -> None:
    ticket = zendesk.create_ticket("One", "text")
    api.headers = mint(api, scope="tickets:read")

    assert api.get(f"/tickets/{ticket}").status == 200
    assert api.get(f"/tickets/{ticket}/audits").status == 403


def test_a_token_that_may_only_read_cannot_write(zendesk: ZendeskSandbox, api: Caller) -> None:
    ticket = zendesk.create_ticket("One", "text")
    api.headers = mint(api, scope="read")

    assert api.update(ticket, priority="high").status == 403


def test_every_response_has_a_request_id_and_the_accounts_time(api: Caller) -> None:
    good, bad = api.get("/groups"), api.get("/nowhere")

    assert good.headers["date"] == bad.headers["date"] == "Mon, 02 Nov 2026 12:00:00 GMT"
    assert good.headers["x-request-id"] != bad.headers["x-request-id"]
    assert bad.status == 404


def test_secrets_are_in_no_representation(zendesk: ZendeskSandbox) -> None:
    assert "sandbox-secret" not in repr(zendesk.access)
    assert "sandbox-token" not in repr(zendesk.credentials)
