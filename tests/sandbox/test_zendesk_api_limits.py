"""The rate limits of an emulated Zendesk, and the shapes in which it says no."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING, Any

import pytest

from connector.sandbox.zendesk_api import ZendeskSandbox

if TYPE_CHECKING:
    from tests.sandbox.conftest import Caller, Now


@pytest.fixture
def limited(now: Now) -> Iterator[ZendeskSandbox]:
    with ZendeskSandbox(now) as zendesk:
        yield zendesk


@pytest.fixture
def api(limited: ZendeskSandbox, call_as: Callable[..., Caller]) -> Caller:
    return call_as(limited)


def poll(api: Caller) -> Any:
    return api.get("/incremental/tickets/cursor", start_time=1)


def test_the_eleventh_export_within_a_minute_is_refused(api: Caller, now: Now) -> None:
    served = [poll(api).status for _ in range(10)]

    refused = poll(api)
    now.advance(60)
    later = poll(api)

    assert served == [200] * 10
    assert refused.status == 429
    assert refused.headers["retry-after"] == "60"
    assert refused.json["description"] == (
        "Number of allowed incremental export API requests per minute exceeded"
    )
    assert later.status == 200


def test_retry_after_counts_down(api: Caller, now: Now) -> None:
    for _ in range(10):
        poll(api)
    now.advance(42.5)

    assert poll(api).headers["retry-after"] == "18"


def test_the_accounts_limit_is_told_in_both_spellings(api: Caller) -> None:
    headers = api.get("/groups").headers

    assert (headers["x-rate-limit"], headers["x-rate-limit-remaining"]) == ("700", "699")
    assert (headers["ratelimit-limit"], headers["ratelimit-remaining"]) == ("700", "699")
    assert headers["ratelimit-reset"] == "60"


def test_lists_and_updates_tell_their_own_limits(limited: ZendeskSandbox, api: Caller) -> None:
    listed = api.get("/tickets").headers
    updated = api.update(limited.create_ticket("One", "text"), priority="high").headers

    assert listed["zendesk-ratelimit-tickets-index"] == "total=100; remaining=99; resets=60"
    assert updated["zendesk-rate-limit-tickets-update"] == "total=100; remaining=99; resets=60"
    assert updated["zendesk-ratelimit-per-ticket-updates"] == "total=30; remaining=29; resets=600"


def test_a_ticket_can_be_updated_thirty_times_in_ten_minutes(
    limited: ZendeskSandbox, api: Caller, now: Now
) -> None:
    ticket, other = limited.create_ticket("One", "text"), limited.create_ticket("Two", "text")
    for _ in range(30):
        api.update(ticket, priority="high")

    assert api.update(ticket, priority="low").status == 429
    assert api.update(other, priority="low").status == 200
    now.advance(600)
    assert api.update(ticket, priority="low").status == 200


def test_a_refused_update_does_not_happen(limited: ZendeskSandbox, call_as: Any, now: Now) -> None:
    with ZendeskSandbox(now, rate_limits={"tickets-update": 1}) as zendesk:
        api = call_as(zendesk)
        first, second = (zendesk.create_ticket("One", "text") for _ in range(2))

        statuses = [api.update(each, priority="high").status for each in (first, second)]

    assert statuses == [200, 429]
    assert zendesk.writes(second) == ()


@pytest.mark.parametrize(("shape", "kind"), [("html", "text/html"), ("text", "text/plain")])
def test_a_refusal_may_be_html_or_text_without_retry_after(
    limited: ZendeskSandbox, api: Caller, shape: Any, kind: str
) -> None:
    limited.limits.shape, limited.limits.retry_after = shape, False
    for _ in range(10):
        poll(api)

    refused = poll(api)

    assert refused.status == 429
    assert refused.headers["content-type"] == kind
    assert "retry-after" not in refused.headers
    assert limited.limits.refusals == 1


def test_the_whole_account_has_a_limit(now: Now, call_as: Callable[..., Caller]) -> None:
    with ZendeskSandbox(now, rate_limits={"account": 3}) as zendesk:
        api = call_as(zendesk)

        statuses = [api.get("/groups").status for _ in range(4)]

    assert statuses == [200, 200, 200, 429]


def test_without_limits_there_are_no_headers_about_them(now: Now, call_as: Callable[..., Caller]) -> None:
    with ZendeskSandbox(now, rate_limits=False) as zendesk:
        api = call_as(zendesk)

        headers = [poll(api).headers for _ in range(20)][-1]

    assert not [name for name in headers if "limit" in name]
