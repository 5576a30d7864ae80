"""Pylon by its settings: the token and the region reach the right host, and a dry run is read-only."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING, Any

import pytest
import responses
from pydantic import SecretStr, ValidationError

from connector.bootstrap import find_requesters, open_helpdesk
from connector.clock import ManualClock
from connector.domain.decision import Change, Outcome
from connector.domain.ticket import Ticket
from connector.settings import Settings

if TYPE_CHECKING:
    from tests.helpdesk.pylon.conftest import Organization


def settings_for(**helpdesk: Any) -> Settings:
    chosen = {"kind": "pylon", "api_token": SecretStr("pylon_api_secret")} | helpdesk
    return Settings(helpdesk=chosen)  # type: ignore[arg-type]  # read as a table


def test_the_region_of_the_settings_is_asked_with_the_token_of_the_settings(
    clock: ManualClock, web: responses.RequestsMock
) -> None:
    web.get("https://api.eu.usepylon.com/me", json={"data": {"id": "org", "name": "Acme"}})

    account = open_helpdesk(settings_for(region="eu"), clock).check()

    assert account.name == "Acme"
    assert web.calls[0].request.headers["Authorization"] == "Bearer pylon_api_secret"


def test_an_address_of_the_settings_goes_before_the_region(
    clock: ManualClock, web: responses.RequestsMock
) -> None:
    web.get("http://127.0.0.1:9/me", json={"data": {"id": "org", "name": "Acme"}})

    assert open_helpdesk(settings_for(base_url="http://127.0.0.1:9"), clock).check().name == "Acme"


def test_another_region_is_a_mistake_in_the_settings() -> None:
    with pytest.raises(ValidationError, match="region"):
        settings_for(region="ap")


def test_the_token_is_among_the_secrets() -> None:
    assert "pylon_api_secret" in settings_for().secret_values()


def test_a_dry_run_reads_and_answers_writes_without_a_request(
    clock: ManualClock, organization: Organization
) -> None:
    organization.add("a")
    helpdesk = open_helpdesk(settings_for(), clock, dry_run=True)
    seen = helpdesk.fetch(["a"])["a"]
    assert isinstance(seen, Ticket)

    (applied,) = helpdesk.apply([Change("d-1", seen, "t-1", ("ai_billing",))])

    assert applied.outcome is Outcome.DRY_RUN
    assert organization.sent("PATCH") == []


def test_a_person_is_found_by_an_address(clock: ManualClock, web: responses.RequestsMock) -> None:
    web.post(
        "https://api.usepylon.com/contacts/search", json={"data": [{"id": "c-1", "email": "ann@example.com"}]}
    )

    assert find_requesters(settings_for(), clock, "ann@example.com") == ("c-1",)


def test_the_settings_say_whether_openers_are_confirmed_and_which_teams_are_the_inbox(
    clock: ManualClock, organization: Organization
) -> None:
    organization.add("a")
    organization.add("b", team={"id": "t-1"})
    trusting = open_helpdesk(settings_for(confirm_openers=False), clock)
    careful = open_helpdesk(settings_for(inbox_groups=["Triage"]), clock)

    list(trusting.pages(None, clock.now() - timedelta(days=1)))
    trusted = [path for _, path, _ in organization.requests]
    list(careful.pages(None, clock.now() - timedelta(days=1)))

    assert trusted == ["/issues/search"]
    assert [path for _, path, _ in organization.requests][1:] == [
        "/issues/search",
        "/issues/b/messages",
        "/issues/a/messages",
    ]


def test_a_limit_of_an_endpoint_that_pylon_does_not_have_is_a_mistake_in_the_settings() -> None:
    with pytest.raises(ValidationError, match="requests_per_minute"):
        settings_for(requests_per_minute={"replies": 10})
