"""The door of an emulated Pylon, its rate limits, and the names that it gives out."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from connector.sandbox.faults import Fault
from connector.sandbox.pylon_api import Leeway, PylonSandbox, mishaps, refusal

if TYPE_CHECKING:
    from tests.sandbox.conftest import Now, PylonCaller

SEARCH = {"limit": 1}


@pytest.mark.parametrize(
    ("authorization", "code"),
    [
        ("", "invalid_authorization_header"),
        ("Basic abc", "invalid_authorization_header"),
        ("Bearer nonsense", "invalid_api_token"),
        ("Bearer pylon-sandbox-token-elsewhere", "wrong_region_token"),
    ],
)
def test_without_a_good_token_of_this_region_all_is_refused(
    pylon: PylonSandbox, ask_pylon: Any, authorization: str, code: str
) -> None:
    reply = ask_pylon(pylon, authorization).get("/me")

    assert reply.status_code == 401
    assert reply.json()["code"] == code
    assert len(reply.json()["errors"]) == 1
    assert reply.json()["request_id"]


def test_a_revoked_token_is_refused(pylon: PylonSandbox, desk: PylonCaller) -> None:
    pylon.access.revoked = True

    assert desk.get("/me").json()["code"] == "invalid_api_token"


def test_a_token_that_may_only_read_is_denied_a_write(pylon: PylonSandbox, desk: PylonCaller) -> None:
    issue = pylon.create_issue("One", "text")
    pylon.access.read_only = True

    refused = desk.patch(issue, tags=["ai"])

    assert (refused.status_code, refused.json()["code"]) == (403, "permission_denied")
    assert desk.get(f"/issues/{issue}").status_code == 200
    assert pylon.writes() == ()


def test_older_answers_have_no_code(now: Now, ask_pylon: Any) -> None:
    with PylonSandbox(now, leeway=Leeway(error_codes=False)) as pylon:
        reply = ask_pylon(pylon).get("/issues/nothing")

    assert reply.status_code == 404
    assert reply.json().keys() == {"errors", "request_id"}


def test_me_is_the_organization_and_a_user_without_an_email(pylon: PylonSandbox, desk: PylonCaller) -> None:
    me = desk.get("/me").json()["data"]

    assert me["name"] == "Sandbox Inc."
    assert me["user"] == {"id": pylon.api_user}
    assert me["id"] != pylon.api_user


def test_teams_come_all_at_once_and_two_may_share_a_name(pylon: PylonSandbox, desk: PylonCaller) -> None:
    first = pylon.add_team("Billing", members=[pylon.agent])
    second = pylon.add_team("Billing")

    reply = desk.get("/teams").json()

    assert "pagination" not in reply
    assert [team["id"] for team in reply["data"]] == [first, second]
    assert reply["data"][0]["users"] == [{"id": pylon.agent, "email": "agent@example.com"}]
    assert reply["data"][1]["users"] is None


def test_a_tenant_without_teams_answers_without_data(desk: PylonCaller) -> None:
    assert desk.get("/teams").json().keys() == {"request_id"}


def test_an_account_is_found_by_id_and_by_external_id_and_has_no_tier(
    pylon: PylonSandbox, desk: PylonCaller
) -> None:
    account = pylon.add_account("Northwind", external_id="crm-7", fields={"tier": "gold"})

    by_id, by_external = (desk.get(f"/accounts/{each}").json()["data"] for each in (account, "crm-7"))

    assert by_id == by_external
    assert "tier" not in by_id
    assert by_id["custom_fields"]["tier"]["value"] == "gold"
    assert (by_id["owner"], by_id["tags"]) == (None, None)
    assert desk.get("/accounts/unknown").json()["code"] == "not_found"


def test_an_issue_has_the_account_of_its_requester_by_id_only(pylon: PylonSandbox, desk: PylonCaller) -> None:
    account = pylon.add_account("Northwind")
    person = pylon.add_contact("Pia", account=account)

    shown = desk.get(f"/issues/{pylon.create_issue('One', 'text', requester=person)}").json()["data"]

    assert shown["account"] == {"id": account, "external_ids": None}
    assert shown["requester"]["id"] == person


def test_fields_are_listed_for_one_kind_of_object_which_must_be_named(
    pylon: PylonSandbox, desk: PylonCaller
) -> None:
    pylon.add_field("tier", object_type="account")

    (priority,) = desk.get("/custom-fields", object_type="issue").json()["data"]

    assert [option["slug"] for option in priority["select_metadata"]["options"]] == [
        "urgent",
        "high",
        "medium",
        "low",
    ]
    assert desk.get("/custom-fields").status_code == 400


def test_statuses_are_the_five_base_ones_and_the_tenants_own(pylon: PylonSandbox, desk: PylonCaller) -> None:
    pylon.add_status("escalated", "on_hold")

    shown = desk.get("/issue-statuses").json()["data"]

    assert [each["slug"] for each in shown][-2:] == ["closed", "escalated"]
    assert (len(shown), shown[-1]["category"]) == (6, "on_hold")


def test_the_date_header_is_the_tenants_clock(desk: PylonCaller) -> None:
    assert desk.get("/me").headers["Date"] == "Mon, 02 Nov 2026 12:00:00 GMT"


# --- Rate limits ------------------------------------------------------------------------------------------


@pytest.fixture
def limited(now: Now, ask_pylon: Any) -> Any:
    """A caller for a tenant with the documented limits."""
    with PylonSandbox(now) as pylon:
        yield ask_pylon(pylon)


def test_the_twenty_first_search_within_a_minute_is_refused(limited: PylonCaller, now: Now) -> None:
    served = [limited.post("/issues/search", SEARCH).status_code for _ in range(20)]
    now.advance(12.5)

    refused = limited.post("/issues/search", SEARCH)
    now.advance(47.5)
    later = limited.post("/issues/search", SEARCH)

    assert served == [200] * 20
    assert refused.status_code == 429
    assert refused.json().keys() == {"errors", "request_id"}
    assert (refused.headers["X-Retry-After"], refused.headers["Retry-After"]) == ("48", "48")
    assert later.status_code == 200


def test_each_endpoint_has_a_limit_of_its_own_and_tells_nothing_of_it(limited: PylonCaller) -> None:
    issue = limited.tenant.create_issue("One", "text")
    patched = [limited.patch(issue, tags=["ai"]).status_code for _ in range(21)]
    noted = [limited.post(f"/issues/{issue}/note", {"body_html": "x"}).status_code for _ in range(11)]
    read = limited.get(f"/issues/{issue}")

    assert patched == [200] * 20 + [429]
    assert noted == [200] * 10 + [429]
    assert read.status_code == 200
    assert not [name for name in read.headers if "limit" in name.lower()]
    assert len(limited.tenant.writes()) == 20
    assert len(limited.tenant.notes()) == 10


@pytest.mark.parametrize("spelling", ["Retry-After", "X-Retry-After"])
def test_a_refusal_may_know_one_spelling_only(now: Now, ask_pylon: Any, spelling: str) -> None:
    with PylonSandbox(now, rate_limits={"GET /me": 1}) as pylon:
        pylon.limits.spellings = (spelling,)
        desk = ask_pylon(pylon)
        desk.get("/me")

        refused = desk.get("/me")

    told = [name for name in refused.headers if "retry" in name.lower()]
    assert (refused.status_code, told) == (429, [spelling])


# --- Odd answers ------------------------------------------------------------------------------------------


def test_an_answer_may_be_a_request_id_alone_though_the_work_is_done(
    pylon: PylonSandbox, desk: PylonCaller
) -> None:
    issue = pylon.create_issue("One", "text")
    pylon.faults.add(Fault(mishaps.without_data(), "PATCH"))

    reply = desk.patch(issue, tags=["ai"])

    assert reply.json().keys() == {"request_id"}
    assert pylon.issues()[issue].tags == ("ai",)


def test_times_may_come_with_fractions(pylon: PylonSandbox, desk: PylonCaller) -> None:
    issue = pylon.create_issue("One", "text")
    pylon.faults.add(Fault(mishaps.with_fractions(), "GET"))

    shown = desk.get(f"/issues/{issue}").json()["data"]

    assert shown["updated_at"] == "2026-11-02T12:00:00.000000Z"
    assert shown["snoozed_until_time"] is None


def test_a_refusal_can_be_had_at_will(pylon: PylonSandbox, desk: PylonCaller) -> None:
    pylon.faults.add(Fault(mishaps.refuse(refusal.wrong_region()), path="/me"))

    codes = [desk.get("/me").json().get("code") for _ in range(2)]

    assert codes == ["wrong_region_token", None]
