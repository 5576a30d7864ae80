"""The change feed of an emulated Pylon: a search whose order says nothing about when things changed."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from connector.sandbox.faults import Fault
from connector.sandbox.pylon_api import Leeway, PylonSandbox, mishaps
from tests.sandbox.conftest import NOON, condition

if TYPE_CHECKING:
    from tests.sandbox.conftest import Now, PylonCaller

MINUTE, DAY = 60, 86_400
TODAY = condition("updated_at", "time_is_after", "2026-11-02T00:00:00Z")


def issues(pylon: PylonSandbox, count: int) -> list[str]:
    """So many issues, the first one the oldest, a minute apart, the last a minute ago."""
    times = [NOON - MINUTE * (count - place) for place in range(count)]
    return [pylon.create_issue(f"Issue {at:.0f}", "<p>text</p>", created_at=at) for at in times]


def test_a_search_that_finds_nothing_answers_with_a_request_id_alone(desk: PylonCaller) -> None:
    reply = desk.search(TODAY)

    assert reply.status_code == 200
    assert reply.json().keys() == {"request_id"}


def test_results_come_newest_created_first_whenever_they_changed(
    pylon: PylonSandbox, desk: PylonCaller
) -> None:
    oldest, middle, newest = issues(pylon, 3)

    pylon.person_sets(oldest, tags=["late"])

    assert desk.found(TODAY) == [newest, middle, oldest]


def test_an_old_issue_that_changed_is_found_by_its_update(
    pylon: PylonSandbox, desk: PylonCaller, now: Now
) -> None:
    old, _other = (pylon.create_issue("Old", "text", created_at=NOON - 200 * DAY) for _ in range(2))

    pylon.customer_reply(old, "<p>still there</p>")

    assert desk.found(TODAY) == [old]


def test_pages_are_walked_by_a_cursor_in_the_body_until_it_is_empty(
    pylon: PylonSandbox, desk: PylonCaller
) -> None:
    created = issues(pylon, 5)

    first = desk.search(TODAY, limit=2).json()
    second = desk.search(TODAY, limit=2, cursor=first["pagination"]["cursor"]).json()
    third = desk.search(TODAY, limit=2, cursor=second["pagination"]["cursor"]).json()

    pages = [[issue["id"] for issue in page["data"]] for page in (first, second, third)]
    assert [each for page in pages for each in page] == created[::-1]
    assert first["pagination"]["has_next_page"] is True
    assert third["pagination"] == {"cursor": "", "has_next_page": False}


def test_a_change_during_a_scan_moves_no_issue_to_another_page(
    pylon: PylonSandbox, desk: PylonCaller
) -> None:
    first, second, third, fourth = issues(pylon, 4)
    page = desk.search(TODAY, limit=2).json()

    pylon.person_sets(first, state="closed")
    pylon.person_sets(fourth, state="closed")
    rest = desk.search(TODAY, limit=2, cursor=page["pagination"]["cursor"]).json()

    assert [issue["id"] for issue in page["data"]] == [fourth, third]
    assert [issue["id"] for issue in rest["data"]] == [second, first]


def test_issues_created_in_one_moment_are_paged_without_loss_or_repetition(
    pylon: PylonSandbox, desk: PylonCaller
) -> None:
    created = [pylon.create_issue("Twin", "text", created_at=NOON - 1) for _ in range(7)]

    found = desk.found(TODAY, limit=2)

    assert sorted(found) == sorted(created)


@pytest.mark.parametrize("limit", [0, -1, 1000, "10", 1.5, True])
def test_a_limit_must_be_over_0_and_under_1000(desk: PylonCaller, limit: Any) -> None:
    reply = desk.search(TODAY, limit=limit)

    assert reply.status_code == 400
    assert reply.json()["errors"] == ["limit must be greater than 0 and less than 1000"]


def test_a_page_has_a_hundred_issues_unless_told_otherwise(pylon: PylonSandbox, desk: PylonCaller) -> None:
    issues(pylon, 101)

    assert len(desk.search(TODAY).json()["data"]) == 100
    assert len(desk.search(TODAY, limit=999).json()["data"]) == 101


def test_a_cursor_that_is_not_one_is_refused(desk: PylonCaller) -> None:
    assert desk.search(TODAY, cursor="bm8=").status_code == 400


def test_a_window_of_more_than_thirty_days_is_refused_even_without_an_end(desk: PylonCaller) -> None:
    wide = condition("updated_at", "time_range", "2026-09-01T00:00:00Z", "2026-10-02T00:00:00Z")
    open_ended = condition("updated_at", "time_is_after", "2026-10-01T00:00:00Z")
    begin = condition("updated_at", "time_is_after", "2026-09-01T00:00:00Z")
    month, longer = (
        condition("updated_at", "time_is_before", end)
        for end in ("2026-10-01T00:00:00Z", "2026-10-01T00:00:01Z")
    )

    statuses = [
        desk.search(*asked).status_code
        for asked in ([wide], [open_ended], [begin, month], [begin, longer], [begin, longer, month])
    ]

    assert statuses == [400, 400, 200, 400, 200]


def test_an_alternative_without_a_window_lifts_it(desk: PylonCaller) -> None:
    old = condition("updated_at", "time_range", "2026-01-01T00:00:00Z", "2026-10-02T00:00:00Z")
    other = condition("state", "equals", "new")

    statuses = [
        desk.search({"operator": "or", "subfilters": parts}).status_code
        for parts in ([old, old], [old, other])
    ]

    assert statuses == [400, 200]


def test_a_tenant_without_the_cap_takes_any_window(now: Now, ask_pylon: Any) -> None:
    with PylonSandbox(now, leeway=Leeway(search_window_days=None)) as pylon:
        issue = pylon.create_issue("Old", "text", created_at=NOON - 300 * DAY)

        found = ask_pylon(pylon).found(condition("updated_at", "time_is_after", "2025-01-01T00:00:00Z"))

    assert found == [issue]


def test_bounds_are_excluded_unless_the_tenant_includes_them(now: Now, ask_pylon: Any) -> None:
    exact = condition("updated_at", "time_is_after", "2026-11-02T12:00:00Z")
    found = []
    for inclusive in (False, True):
        with PylonSandbox(now, leeway=Leeway(bounds_inclusive=inclusive)) as pylon:
            pylon.create_issue("Now", "text")
            found.append(len(ask_pylon(pylon).found(exact)))

    assert found == [0, 1]


def test_bounds_compare_milliseconds_unless_the_tenant_compares_seconds(now: Now, ask_pylon: Any) -> None:
    exact = condition("updated_at", "time_is_after", "2026-11-02T12:00:00Z")
    now.advance(0.9)
    found = []
    for in_seconds in (False, True):
        with PylonSandbox(now, leeway=Leeway(bounds_in_seconds=in_seconds)) as pylon:
            pylon.create_issue("Now", "text")
            found.append(len(ask_pylon(pylon).found(exact)))

    assert found == [1, 0]


def test_an_index_that_lags_shows_an_issue_as_it_was(now: Now, ask_pylon: Any) -> None:
    with PylonSandbox(now, rate_limits=False, leeway=Leeway(index_lag_seconds=5)) as pylon:
        desk = ask_pylon(pylon)
        issue = pylon.create_issue("One", "text", created_at=NOON - 60)
        pylon.person_sets(issue, tags=["new"])
        pylon.create_issue("Two", "text")

        early = desk.search(TODAY).json()["data"]
        now.advance(5)
        late = desk.search(TODAY).json()["data"]

    assert [shown["tags"] for shown in early] == [None]
    assert [shown["tags"] for shown in late] == [None, ["new"]]


def test_a_deleted_issue_leaves_no_tombstone(pylon: PylonSandbox, desk: PylonCaller) -> None:
    (issue,) = issues(pylon, 1)

    pylon.delete(issue)

    assert desk.found(TODAY) == []
    assert desk.get(f"/issues/{issue}").status_code == 404


def test_other_documented_fields_can_be_asked_for(pylon: PylonSandbox, desk: PylonCaller) -> None:
    team = pylon.add_team("Billing")
    pylon.add_field("plan", kind="select", options=["free", "pro"])
    first, second = issues(pylon, 2)
    pylon.person_sets(
        first, team=team, assignee=pylon.agent, state="closed", tags=["vip", "eu"], fields={"plan": "pro"}
    )

    assert desk.found(condition("team_id", "equals", team)) == [first]
    assert desk.found(condition("team_id", "not_in", team)) == [second]
    assert desk.found(condition("assignee_id", "is_unset")) == [second]
    assert desk.found(condition("state", "in", "new", "on_hold")) == [second]
    assert desk.found(condition("tags", "contains", "vip")) == [first]
    assert desk.found(condition("tags", "does_not_contain", "vip")) == [second]
    assert desk.found(condition("plan", "equals", "pro")) == [first]
    assert desk.found(condition("title", "string_contains", "ISSUE")) == [second, first]
    assert desk.found(condition("resolved_at", "time_is_after", "2026-11-02T00:00:00Z")) == [first]
    assert desk.found(condition("issue_type", "equals", "conversation")) == [second, first]


def test_or_finds_what_either_part_does_and_nests_three_deep(pylon: PylonSandbox, desk: PylonCaller) -> None:
    first, second, _third = issues(pylon, 3)
    pylon.person_sets(first, tags=["a"])
    pylon.person_sets(second, tags=["b"])
    leaves = [condition("tags", "contains", "a"), condition("tags", "contains", "b")]

    either = {"operator": "or", "subfilters": leaves}
    deep = {"operator": "and", "subfilters": [{"operator": "and", "subfilters": [either]}]}

    assert desk.found(either) == [second, first]
    assert desk.post("/issues/search", {"filter": deep}).status_code == 400


@pytest.mark.parametrize(
    "asked",
    [
        condition("number", "equals", "7"),
        condition("id", "equals", "x"),
        condition("source", "equals", "email"),
        condition("priority", "equals", "high"),
        condition("type", "equals", "ticket"),
        condition("latest_message_time", "time_is_after", "2026-11-01T00:00:00Z"),
        condition("team_id", "is_unset"),
        condition("updated_at", "greater_than", "2026-11-01T00:00:00Z"),
        condition("updated_at", "time_is_after", "2026-11-01"),
        condition("updated_at", "time_is_after", "2026-11-01T00:00:00"),
        condition("updated_at", "time_range", "2026-11-01T00:00:00Z"),
        {"field": "state", "operator": "in", "value": "new"},
        {"operator": "and", "subfilters": []},
    ],
)
def test_what_no_document_allows_is_refused(desk: PylonCaller, asked: dict[str, Any]) -> None:
    reply = desk.search(asked)

    assert reply.status_code == 400
    assert reply.json().keys() == {"errors", "request_id"}


def test_search_text_is_intersected_with_the_filter(pylon: PylonSandbox, desk: PylonCaller) -> None:
    wanted = pylon.create_issue("Refund please", "<p>invoice 7</p>")
    pylon.create_issue("Refund please", "<p>order 8</p>", created_at=NOON - 10 * DAY)

    assert desk.found(TODAY, search_text="invoice refund") == [wanted]
    assert desk.found(TODAY, search_text="order") == []


def test_the_list_of_issues_knows_only_when_they_were_created(pylon: PylonSandbox, desk: PylonCaller) -> None:
    old = pylon.create_issue("Old", "text", created_at=NOON - 10 * DAY)
    new = pylon.create_issue("New", "text", created_at=NOON - 60)
    pylon.person_sets(old, tags=["changed"])

    today = desk.get("/issues", start_time="2026-11-02T00:00:00Z", end_time="2026-11-03T00:00:00Z")
    wide = desk.get("/issues", start_time="2026-10-01T00:00:00Z", end_time="2026-11-03T00:00:00Z")
    half = desk.get("/issues", start_time="2026-11-02T00:00:00Z")

    assert [issue["id"] for issue in today.json()["data"]] == [new]
    assert [wide.status_code, half.status_code] == [400, 400]


def test_a_cursor_may_lead_back_to_the_same_page(pylon: PylonSandbox, desk: PylonCaller) -> None:
    issues(pylon, 3)
    pylon.faults.add(Fault(mishaps.keep_cursor(), path="/issues/search", after=1, times=None))
    cursor = desk.search(TODAY, limit=1).json()["pagination"]["cursor"]

    pages = [desk.search(TODAY, limit=1, cursor=cursor).json() for _ in range(2)]

    assert pages[0]["data"] == pages[1]["data"]
    assert pages[1]["pagination"] == {"cursor": cursor, "has_next_page": True}
