"""The search for contacts of an emulated Pylon (its OpenAPI document: POST /contacts/search)."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from connector.sandbox.pylon_api import PylonSandbox

if TYPE_CHECKING:
    from tests.sandbox.conftest import PylonCaller


def search(desk: PylonCaller, operator: str, value: str, **more: Any) -> dict[str, Any]:
    condition = {"field": "email", "operator": operator, "value": value}
    answer: dict[str, Any] = desk.post("/contacts/search", {"filter": condition} | more).json()
    return answer


@pytest.fixture
def ann(pylon: PylonSandbox) -> str:
    return pylon.add_contact("Ann", email="Ann@acme.example", account=pylon.add_account("Acme"))


def test_a_contact_is_found_by_a_part_of_its_address_whatever_the_case(desk: PylonCaller, ann: str) -> None:
    (found,) = search(desk, "string_contains", "ANN@acme")["data"]

    assert (found["id"], found["email"], found["emails"]) == (ann, "Ann@acme.example", ["Ann@acme.example"])
    assert found["account"]["id"]


@pytest.mark.parametrize(("value", "hits"), [("Ann@acme.example", 1), ("ann@acme.example", 0)])
@pytest.mark.usefixtures("ann")
def test_equal_is_equal_in_case_too(desk: PylonCaller, value: str, hits: int) -> None:
    assert len(search(desk, "equals", value).get("data", [])) == hits


def test_nobody_found_is_a_body_with_nothing_but_a_request_id(desk: PylonCaller) -> None:
    assert search(desk, "equals", "nobody@example.com").keys() == {"request_id"}


def test_pages_lead_to_every_contact_once(pylon: PylonSandbox, desk: PylonCaller) -> None:
    made = {pylon.add_contact(f"Jo {number}", email=f"jo{number}@page.example") for number in range(5)}
    found: list[str] = []
    page = search(desk, "string_contains", "@page.example", limit=2)
    found += [each["id"] for each in page["data"]]
    while page["pagination"]["has_next_page"]:
        page = search(desk, "string_contains", "@page.example", limit=2, cursor=page["pagination"]["cursor"])
        found += [each["id"] for each in page["data"]]

    assert (len(found), set(found)) == (5, made)


@pytest.mark.parametrize(
    "body",
    [
        {"filter": {"field": "shoe_size", "operator": "equals", "value": "9"}},
        {"filter": {"field": "email", "operator": "time_is_after", "value": "9"}},
        {"limit": 1000},
        {"cursor": "not one of ours"},
    ],
)
def test_what_is_not_documented_is_refused(desk: PylonCaller, body: dict[str, Any]) -> None:
    assert desk.post("/contacts/search", body).status_code == 400
