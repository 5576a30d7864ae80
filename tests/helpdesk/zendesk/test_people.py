"""Who is behind an e-mail address at Zendesk, asked of the emulator over real HTTP."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from connector.clock import SystemClock
from connector.errors import AuthRefused
from connector.helpdesk.zendesk import ZendeskHelpdesk, connect_zendesk
from connector.sandbox.zendesk_api import ZendeskSandbox


@pytest.fixture
def sandbox() -> Iterator[ZendeskSandbox]:
    with ZendeskSandbox(rate_limits=False) as running:
        yield running


@pytest.fixture
def zendesk(sandbox: ZendeskSandbox) -> Iterator[ZendeskHelpdesk]:
    helpdesk = connect_zendesk(
        name="zendesk",
        base_url=sandbox.url,
        clock=SystemClock(),
        client_id=sandbox.credentials.client_id,
        client_secret=sandbox.credentials.client_secret,
        read_only=True,
    )
    yield helpdesk
    helpdesk.close()


def test_an_address_is_found_whatever_its_case(sandbox: ZendeskSandbox, zendesk: ZendeskHelpdesk) -> None:
    jane = sandbox.add_user("Jane", email="Jane@Example.com")

    assert zendesk.requesters(" jane@example.COM ") == (str(jane),)


def test_an_address_that_merely_contains_another_is_somebody_else(
    sandbox: ZendeskSandbox, zendesk: ZendeskHelpdesk
) -> None:
    sandbox.add_user("Mary", email="mary-jane@example.com")
    jane = sandbox.add_user("Jane", email="jane@example.com")

    assert zendesk.requesters("jane@example.com") == (str(jane),)


def test_nobody_has_an_unknown_address(zendesk: ZendeskHelpdesk) -> None:
    assert zendesk.requesters("nobody@example.com") == ()


def test_a_quote_in_an_address_does_not_leave_the_query(
    sandbox: ZendeskSandbox, zendesk: ZendeskHelpdesk
) -> None:
    sandbox.add_user("Jane", email="jane@example.com")

    assert zendesk.requesters('x" OR email:"jane@example.com') == ()


def test_a_user_who_may_not_search_is_told_what_to_do_instead() -> None:
    with ZendeskSandbox(rate_limits=False, role="end-user") as sandbox:
        helpdesk = connect_zendesk(
            name="zendesk",
            base_url=sandbox.url,
            clock=SystemClock(),
            client_id=sandbox.credentials.client_id,
            client_secret=sandbox.credentials.client_secret,
        )
        with pytest.raises(AuthRefused, match="name the requester's id instead"):
            helpdesk.requesters("jane@example.com")
        helpdesk.close()
