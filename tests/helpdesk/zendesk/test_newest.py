"""The list of the newest Zendesk tickets: how it is asked for, how far back, and how it gives way."""

from __future__ import annotations

from collections.abc import Callable, Collection
from typing import Any

import pytest
import responses

from connector.breaker import Breaker
from connector.clock import ManualClock
from connector.domain.ticket import Ticket, Unreadable
from connector.errors import AuthRefused, RateLimited, Unavailable
from connector.helpdesk.zendesk import ZendeskHelpdesk

TICKETS = "https://acme.zendesk.com/api/v2/tickets"
ONE = f"{TICKETS}/7"
MakeJson = Callable[..., dict[str, Any]]
Lists = Callable[..., None]


@pytest.fixture
def lists(web: responses.RequestsMock, ticket_json: MakeJson) -> Lists:
    """The next page of the list holds tickets with these ids; ``after`` is the cursor to the page behind."""

    def page(*ids: int, after: str | None = None, **more: Any) -> None:
        meta = {"has_more": after is not None, "after_cursor": after or "set all the same"}
        web.get(TICKETS, json={"tickets": [ticket_json(id=each) for each in ids], "meta": meta}, **more)

    return page


def look(zendesk: ZendeskHelpdesk, seen: Collection[str] = ()) -> list[str]:
    return [each.id for each in zendesk.newest(seen) if isinstance(each, Ticket)]


def asked(web: responses.RequestsMock) -> list[dict[str, str]]:
    return [call.request.params for call in web.calls]  # type: ignore[attr-defined]  # by responses


def test_the_first_look_is_one_page_by_descending_id_of_whose_tickets_are_polled(
    zendesk: ZendeskHelpdesk, web: responses.RequestsMock, lists: Lists
) -> None:
    lists(9, 8, after="c1")

    found = look(zendesk)

    assert found == ["9", "8"]
    assert asked(web) == [
        {
            "sort": "-id",
            "page[size]": "25",
            "include": "users,organizations",
            "support_type_scope": "agent",
        }
    ]


def test_it_goes_back_until_something_on_a_page_was_seen(
    zendesk: ZendeskHelpdesk, web: responses.RequestsMock, lists: Lists
) -> None:
    lists(9, 8, after="c1")
    lists(7, 6, after="c2")

    found = look(zendesk, {"6", "5"})

    assert found == ["9", "8", "7"]
    assert [each.get("page[after]") for each in asked(web)] == [None, "c1"]


def test_it_goes_back_four_pages_and_leaves_the_rest_to_the_feed(
    zendesk: ZendeskHelpdesk, web: responses.RequestsMock, lists: Lists
) -> None:
    for page in range(5):
        lists(100 - page, after=f"c{page}")

    assert look(zendesk, {"1"}) == ["100", "99", "98", "97"]


def test_the_list_ends_where_it_says_so_although_a_cursor_is_there(
    zendesk: ZendeskHelpdesk, web: responses.RequestsMock, lists: Lists
) -> None:
    lists(9)

    assert look(zendesk, {"1"}) == ["9"]
    assert len(web.calls) == 1


def test_a_ticket_that_shows_up_below_a_newer_one_is_not_missed(
    zendesk: ZendeskHelpdesk, lists: Lists
) -> None:
    lists(9, 7, 6)

    first = look(zendesk)
    lists(9, 8, 7, 6)

    assert look(zendesk, first) == ["8"]


def test_a_row_that_nobody_can_read_does_not_hide_where_the_list_goes_on(
    zendesk: ZendeskHelpdesk, web: responses.RequestsMock, ticket_json: MakeJson, lists: Lists
) -> None:
    rows = [ticket_json(id=9), ticket_json(id=8, tags=7)]
    web.get(TICKETS, json={"tickets": rows, "meta": {"has_more": True, "after_cursor": "c1"}})
    lists(7)

    found = zendesk.newest({"1"})

    assert [each.id for each in found if isinstance(each, Ticket)] == ["9", "7"]
    assert [each.ticket_id for each in found if isinstance(each, Unreadable)] == ["8"]


@pytest.mark.parametrize(
    ("status", "error"),
    [(404, Unavailable), (422, Unavailable), (403, AuthRefused), (503, Unavailable)],
)
def test_a_refusal_is_an_error_and_asked_once(
    zendesk: ZendeskHelpdesk, web: responses.RequestsMock, status: int, error: type[Exception]
) -> None:
    web.get(TICKETS, status=status, json={"error": "no"})

    with pytest.raises(error):
        zendesk.newest(())

    assert len(web.calls) == 1


# --- Giving way -------------------------------------------------------------------------------------------


def limited(left: int, total: int = 100) -> dict[str, str]:
    return {"ratelimit-limit": str(total), "ratelimit-remaining": str(left), "ratelimit-reset": "30"}


def test_it_sends_nothing_while_all_requests_use_more_than_its_share(
    zendesk: ZendeskHelpdesk,
    web: responses.RequestsMock,
    lists: Lists,
    ticket_json: MakeJson,
    clock: ManualClock,
) -> None:
    web.get(ONE, json={"ticket": ticket_json(id=7)}, headers=limited(90))
    lists(9)
    for _ in range(20):
        zendesk.fetch(["7"])

    with pytest.raises(RateLimited) as caught:
        zendesk.newest(())
    sent = len(web.calls)
    clock.advance(60)

    assert (sent, clock.monotonic()) == (20, 60)  # it did not wait
    assert caught.value.retry_after_seconds == 60
    assert look(zendesk) == ["9"]


def test_others_send_on_when_it_has_to_give_way(
    zendesk: ZendeskHelpdesk,
    web: responses.RequestsMock,
    lists: Lists,
    ticket_json: MakeJson,
    clock: ManualClock,
) -> None:
    web.get(ONE, json={"ticket": ticket_json(id=7)}, headers=limited(90))
    lists(9, headers=limited(90))
    while not _gives_way(zendesk):
        pass
    looked = len(web.calls)

    for _ in range(60):
        zendesk.fetch(["7"])

    assert looked == 20  # a fifth of 100
    assert clock.monotonic() == 0


def test_it_keeps_quiet_when_others_have_used_half_of_what_the_helpdesk_counts(
    zendesk: ZendeskHelpdesk, web: responses.RequestsMock, lists: Lists, clock: ManualClock
) -> None:
    lists(9, headers=limited(49))
    zendesk.newest(())

    quiet = _gives_way(zendesk)
    clock.advance(30)

    assert quiet
    assert look(zendesk) == ["9"]


def test_a_refusal_by_the_helpdesk_is_not_waited_for(
    zendesk: ZendeskHelpdesk, web: responses.RequestsMock, clock: ManualClock
) -> None:
    web.get(TICKETS, status=429, headers={"Retry-After": "7"})

    with pytest.raises(RateLimited) as caught:
        zendesk.newest(())

    assert caught.value.retry_after_seconds == 7
    assert (len(web.calls), clock.monotonic()) == (1, 0)


def test_its_failures_do_not_stop_the_other_requests_and_theirs_stop_it(
    connect: Callable[..., ZendeskHelpdesk],
    web: responses.RequestsMock,
    ticket_json: MakeJson,
    clock: ManualClock,
) -> None:
    breaker = Breaker("zendesk", clock, lambda _: None, threshold=3)
    zendesk = connect(breaker=breaker)
    web.get(TICKETS, status=500)
    web.get(ONE, json={"ticket": ticket_json(id=7)})
    for _ in range(5):
        with pytest.raises(Unavailable):
            zendesk.newest(())

    fetched = zendesk.fetch(["7"])
    for _ in range(3):
        breaker.failed(Unavailable("HTTP 500"))
    sent = len(web.calls)
    clock.advance(31)
    with pytest.raises(Unavailable, match="zendesk is down"):
        zendesk.newest(())

    assert set(fetched) == {"7"}
    assert len(web.calls) == sent  # the probe is for somebody who has work


def _gives_way(zendesk: ZendeskHelpdesk) -> bool:
    try:
        zendesk.newest(())
    except RateLimited:
        return True
    return False
