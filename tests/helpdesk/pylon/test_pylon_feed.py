"""The change feed: whole scans, a checkpoint only behind the last page, nothing lost in between."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any

import pytest

from connector.clock import ManualClock
from connector.domain.ticket import Page
from connector.errors import ConnectorError, RateLimited, Unavailable
from connector.helpdesk.pylon import PylonHelpdesk

if TYPE_CHECKING:
    from tests.helpdesk.pylon.conftest import ConnectPylon, Organization

Drain = Callable[[Iterable[Page]], tuple[list[Page], ConnectorError | None]]


def poll(pylon: PylonHelpdesk, clock: ManualClock, checkpoint: str | None = None) -> list[Page]:
    return list(pylon.pages(checkpoint, clock.now() - timedelta(hours=24)))


def ids_of(pages: list[Page]) -> list[str]:
    return [ticket.id for page in pages for ticket in page.tickets]


def watermark(page: Page) -> datetime:
    return datetime.fromisoformat(json.loads(page.checkpoint or "")["since"])


def test_only_the_last_page_of_a_scan_has_a_checkpoint(
    pylon: PylonHelpdesk, organization: Organization, clock: ManualClock
) -> None:
    organization.page_size = 2
    for each in ("a", "b", "c", "d", "e"):
        organization.add(each)

    pages = poll(pylon, clock)

    assert ids_of(pages) == ["e", "d", "c", "b", "a"]
    assert [page.checkpoint is None for page in pages] == [True, True, False]
    assert [page.complete for page in pages] == [False, False, True]


def test_a_long_answer_is_handed_on_in_small_pages_so_that_the_right_to_poll_does_not_run_out(
    pylon: PylonHelpdesk, organization: Organization, clock: ManualClock
) -> None:
    for number in range(45):
        organization.add(f"{number:02}")

    shown_at = [clock.monotonic() for _ in pylon.pages(None, clock.now() - timedelta(hours=1))]

    assert len(organization.sent("POST")) == 1
    assert max(later - at for at, later in zip([0.0, *shown_at], shown_at, strict=False)) <= 120


def test_the_watermark_is_the_servers_time_at_the_beginning_of_the_scan_less_two_minutes(
    pylon: PylonHelpdesk, organization: Organization, clock: ManualClock
) -> None:
    organization.page_size = 1
    organization.add("a")
    organization.add("b")
    began_at = clock.now()

    def time_passes(*_: object) -> None:
        if len(organization.requests) > 1:
            clock.advance(50)

    organization.before = time_passes

    *_, last = poll(pylon, clock)

    assert watermark(last) == began_at - timedelta(seconds=120)


def test_our_own_clock_does_not_move_the_watermark(
    pylon: PylonHelpdesk, organization: Organization, clock: ManualClock
) -> None:
    organization.clock = ManualClock(clock.now() - timedelta(minutes=10))

    (page,) = poll(pylon, clock)

    assert watermark(page) == organization.clock.now() - timedelta(seconds=120)


def test_an_empty_result_is_a_complete_scan(
    pylon: PylonHelpdesk, organization: Organization, clock: ManualClock
) -> None:
    (page,) = poll(pylon, clock)

    assert (page.tickets, page.complete) == ((), True)
    assert page.checkpoint is not None


def test_a_later_poll_asks_from_the_watermark_on_and_brings_what_changed_during_the_scan(
    pylon: PylonHelpdesk, organization: Organization, clock: ManualClock
) -> None:
    organization.page_size = 1
    organization.add("old")
    clock.advance(3600)
    organization.add("new")

    def somebody_writes(method: str, path: str, nth: int) -> None:
        if (path, nth) == ("/issues/search", 2):
            clock.advance(1)
            organization.change("new", state="waiting_on_you")
            organization.add("newest")

    organization.before = somebody_writes
    first = poll(pylon, clock)

    later = poll(pylon, clock, first[-1].checkpoint)

    assert ids_of(first) == ["new", "old"]
    assert ids_of(later) == ["newest", "new"]
    bound = organization.sent("POST")[-1]["filter"]["subfilters"][0]
    assert (bound["field"], bound["operator"]) == ("updated_at", "time_is_after")
    assert datetime.fromisoformat(bound["value"]) < watermark(first[-1])


def test_the_watermark_never_moves_back(
    pylon: PylonHelpdesk, organization: Organization, clock: ManualClock
) -> None:
    since = clock.now() - timedelta(seconds=30)

    (page,) = pylon.pages(None, since)

    assert watermark(page) == since


def test_two_changes_within_one_second_have_the_same_version_and_different_fingerprints(
    pylon: PylonHelpdesk, organization: Organization, clock: ManualClock
) -> None:
    organization.add("a")
    ((first,), *_) = [page.tickets for page in poll(pylon, clock)]

    organization.change("a", tags=["vip"])
    ((second,), *_) = [page.tickets for page in poll(pylon, clock)]

    assert first.version == second.version
    assert first.fingerprint != second.fingerprint


def test_an_issue_that_did_not_change_keeps_its_fingerprint_whatever_pylon_counts_by_itself(
    pylon: PylonHelpdesk, organization: Organization, clock: ManualClock
) -> None:
    organization.add("a", tags=["x", "y"], number_of_touches=1, time_in_status_seconds={"new": 4})
    ((first,), *_) = [page.tickets for page in poll(pylon, clock)]

    organization.issues["a"] |= {"tags": ["y", "x"], "number_of_touches": 2, "attachment_urls": ["https://x"]}
    organization.issues["a"]["time_in_status_seconds"] = {"new": 99}
    ((second,), *_) = [page.tickets for page in poll(pylon, clock)]

    assert (first.version, first.fingerprint) == (second.version, second.fingerprint)


def test_a_long_past_is_asked_for_in_windows_of_at_most_30_days_each_with_its_checkpoint(
    pylon: PylonHelpdesk, organization: Organization, clock: ManualClock
) -> None:
    start = clock.now() - timedelta(days=70)
    for days in (1, 35, 69):
        at = f"{clock.now() - timedelta(days=days):%Y-%m-%dT%H:%M:%SZ}"
        organization.add(f"{days} days", created_at=at, updated_at=at)

    pages = list(pylon.pages(None, start))

    spans = []
    for question in organization.sent("POST"):
        bounds = {each["operator"]: each["value"] for each in question["filter"]["subfilters"]}
        until = bounds.get("time_is_before")
        end = datetime.fromisoformat(until) if until else clock.now()
        spans.append(end - datetime.fromisoformat(bounds["time_is_after"]))
    assert ids_of(pages) == ["69 days", "35 days", "1 days"]
    assert len(spans) == 3
    assert max(spans) <= timedelta(days=30)
    assert [page.complete for page in pages] == [False, False, True]
    assert [watermark(page) for page in pages] == sorted(watermark(page) for page in pages)
    assert all(page.checkpoint for page in pages)


def test_a_scan_that_breaks_off_leaves_no_checkpoint_behind(
    pylon: PylonHelpdesk, organization: Organization, clock: ManualClock, drain: Drain
) -> None:
    organization.page_size = 1
    organization.add("a")
    organization.add("b")
    organization.before = lambda _method, _path, nth: organization.refuse(500, "oops") if nth > 1 else None

    read, error = drain(pylon.pages(None, clock.now() - timedelta(hours=1)))

    assert [page.checkpoint for page in read] == [None]
    assert isinstance(error, Unavailable)


def test_a_cursor_that_goes_in_circles_ends_the_scan_without_a_checkpoint(
    pylon: PylonHelpdesk, organization: Organization, clock: ManualClock
) -> None:
    row = organization.add("a")
    stuck = {"cursor": "same", "has_next_page": True}
    organization.before = lambda *_: organization.ok([row], pagination=stuck)
    pages = pylon.pages(None, clock.now())

    first = next(pages)

    assert first.checkpoint is None
    with pytest.raises(Unavailable, match="does not advance"):
        next(pages)


def test_a_malformed_issue_is_set_aside_and_the_others_live(
    pylon: PylonHelpdesk, organization: Organization, clock: ManualClock
) -> None:
    organization.add("good")
    organization.add("bad", tags="not a list")
    organization.add("timeless", created_at="yesterday")

    (page,) = poll(pylon, clock)

    assert [ticket.id for ticket in page.tickets] == ["good"]
    assert [lost.ticket_id for lost in page.unreadable] == ["bad", "timeless"]


def test_an_answer_that_is_no_list_of_issues_is_never_taken_for_nothing_new(
    pylon: PylonHelpdesk, organization: Organization, clock: ManualClock
) -> None:
    organization.before = lambda *_: organization.ok({"id": "a"})

    with pytest.raises(Unavailable, match="without a list of issues"):
        poll(pylon, clock)


@pytest.mark.parametrize("header", ["Retry-After", "X-Retry-After"])
def test_a_refused_search_is_repeated_after_as_long_as_either_header_says(
    pylon: PylonHelpdesk, organization: Organization, clock: ManualClock, header: str
) -> None:
    organization.add("a")
    organization.before = lambda _method, path, nth: (
        organization.refuse(429, "rate_limited", **{header: "7"})
        if (path, nth) == ("/issues/search", 1)
        else None
    )
    began_at = clock.monotonic()

    pages = poll(pylon, clock)

    assert ids_of(pages) == ["a"]
    assert 7 <= clock.monotonic() - began_at < 10


def test_a_refusal_that_does_not_say_how_long_closes_the_endpoint_for_a_minute(
    pylon: PylonHelpdesk, organization: Organization, clock: ManualClock
) -> None:
    organization.before = lambda _method, _path, nth: (
        organization.refuse(429, "rate_limited") if nth == 1 else None
    )
    began_at = clock.monotonic()

    poll(pylon, clock)

    assert clock.monotonic() - began_at >= 60


def test_at_most_16_of_the_20_searches_of_a_minute_are_used(
    pylon: PylonHelpdesk, organization: Organization, clock: ManualClock
) -> None:
    began_at = clock.monotonic()

    for _ in range(16):
        poll(pylon, clock)
    within = clock.monotonic() - began_at
    poll(pylon, clock)

    assert within == 0
    assert clock.monotonic() - began_at >= 60


def test_a_dry_run_may_search(
    connect_to_pylon: ConnectPylon, organization: Organization, clock: ManualClock
) -> None:
    organization.add("a")

    assert ids_of(poll(connect_to_pylon(read_only=True), clock)) == ["a"]


def test_an_endless_refusal_is_for_a_later_pass(
    pylon: PylonHelpdesk, organization: Organization, clock: ManualClock
) -> None:
    said: dict[str, Any] = {"Retry-After": "3000"}
    organization.before = lambda *_: organization.refuse(429, "rate_limited", **said)

    with pytest.raises(RateLimited):
        poll(pylon, clock)
