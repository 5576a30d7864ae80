"""The check before anything starts, and the list of groups."""

from __future__ import annotations

import pytest
import responses

from connector.domain.ticket import Group
from connector.errors import AuthRefused, SettingsError, Unavailable
from connector.helpdesk.zendesk import ZendeskHelpdesk
from connector.ports import Account

BASE = "https://acme.zendesk.com"
ME = f"{BASE}/api/v2/users/me"
GROUPS = f"{BASE}/api/v2/groups"


def test_an_admin_passes(zendesk: ZendeskHelpdesk, web: responses.RequestsMock) -> None:
    web.get(
        ME, json={"user": {"id": 7, "role": "admin", "name": "Triage\x1b[31m", "authenticity_token": "x"}}
    )

    assert zendesk.check() == Account("Triage [31m", "admin")


def test_an_anonymous_200_means_wrong_credentials(
    zendesk: ZendeskHelpdesk, web: responses.RequestsMock
) -> None:
    web.get(ME, json={"user": {"id": None, "name": "Anonymous user", "role": "end-user"}})

    with pytest.raises(AuthRefused, match="anonymous"):
        zendesk.check()


@pytest.mark.parametrize("role", ["agent", "end-user"])
def test_any_role_but_admin_is_refused_with_advice(
    zendesk: ZendeskHelpdesk, web: responses.RequestsMock, role: str
) -> None:
    web.get(ME, json={"user": {"id": 7, "role": role}})

    with pytest.raises(AuthRefused, match="make it an admin"):
        zendesk.check()


def test_an_address_without_an_account_is_a_settings_error(
    zendesk: ZendeskHelpdesk, web: responses.RequestsMock
) -> None:
    web.get(ME, status=404, body="<html>No help desk at acme.zendesk.com</html>")

    with pytest.raises(SettingsError, match="no Zendesk account"):
        zendesk.check()


def test_groups_end_where_has_more_says_so_although_a_next_link_is_there(
    zendesk: ZendeskHelpdesk, web: responses.RequestsMock
) -> None:
    more = {"links": {"next": f"{BASE}/elsewhere"}}
    web.get(
        GROUPS,
        json={"groups": [{"id": 1, "name": "A"}], "meta": {"has_more": True, "after_cursor": "c1="}} | more,
    )
    web.get(
        GROUPS,
        json={"groups": [{"id": 2, "name": "A"}], "meta": {"has_more": False, "after_cursor": "c2"}} | more,
    )

    groups = zendesk.groups()

    assert groups == [Group("1", "A"), Group("2", "A")]
    assert [call.request.params for call in web.calls] == [  # type: ignore[attr-defined]  # added by responses
        {"page[size]": "100", "exclude_deleted": "true"},
        {"page[size]": "100", "exclude_deleted": "true", "page[after]": "c1="},
    ]


def test_deleted_groups_are_left_out_even_if_sent(
    zendesk: ZendeskHelpdesk, web: responses.RequestsMock
) -> None:
    web.get(GROUPS, json={"groups": [{"id": 1, "name": "A", "deleted": True}, {"id": 2, "name": "B"}]})

    assert zendesk.groups() == [Group("2", "B")]


@pytest.mark.parametrize("cursor", ["same", None])
def test_groups_that_go_in_circles_are_unavailable(
    zendesk: ZendeskHelpdesk, web: responses.RequestsMock, cursor: str | None
) -> None:
    web.get(GROUPS, json={"groups": [], "meta": {"has_more": True, "after_cursor": cursor}})

    with pytest.raises(Unavailable, match="does not advance"):
        zendesk.groups()


def test_groups_of_an_unexpected_shape_are_unavailable(
    zendesk: ZendeskHelpdesk, web: responses.RequestsMock
) -> None:
    web.get(GROUPS, json={"groups": None})

    with pytest.raises(Unavailable, match="unexpected shape"):
        zendesk.groups()
