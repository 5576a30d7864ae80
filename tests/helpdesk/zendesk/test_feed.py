"""The change feed: complete, in order, resumable, and never in circles."""

from __future__ import annotations

import json
from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
import requests
import responses

from connector.clock import ManualClock
from connector.domain.ticket import Page
from connector.errors import AuthRefused, Unavailable
from connector.helpdesk.zendesk import ZendeskHelpdesk

URL = "https://acme.zendesk.com/api/v2/incremental/tickets/cursor.json"
MakeJson = Callable[..., dict[str, Any]]
Connect = Callable[..., ZendeskHelpdesk]


def params(web: responses.RequestsMock) -> list[dict[str, str]]:
    return [call.request.params for call in web.calls]  # type: ignore[attr-defined]  # added by responses


def poll(zendesk: ZendeskHelpdesk, clock: ManualClock, checkpoint: str | None = None) -> list[Page]:
    return list(zendesk.pages(checkpoint, clock.now() - timedelta(hours=24)))


def test_the_first_poll_starts_at_a_time_and_the_following_pages_at_cursors(
    zendesk: ZendeskHelpdesk, web: responses.RequestsMock, clock: ManualClock, ticket_json: MakeJson
) -> None:
    web.get(URL, json={"tickets": [ticket_json(id=1)], "after_cursor": "c1==", "end_of_stream": False})
    web.get(URL, json={"tickets": [ticket_json(id=2)], "after_cursor": "c2==", "end_of_stream": True})

    pages = poll(zendesk, clock)

    always = {"per_page": "1000", "include": "users,organizations", "support_type_scope": "agent"}
    start = str(int(clock.now().timestamp()) - 86400)
    assert params(web) == [always | {"start_time": start}, always | {"cursor": "c1=="}]
    assert "cursor=c1%3D%3D" in (web.calls[1].request.url or "")
    assert [[ticket.id for ticket in page.tickets] for page in pages] == [["1"], ["2"]]
    assert [page.complete for page in pages] == [False, True]


def test_the_configured_scope_is_asked_for(
    connect: Connect, web: responses.RequestsMock, clock: ManualClock
) -> None:
    web.get(URL, json={"tickets": [], "after_cursor": None, "end_of_stream": True})

    poll(connect(tier_field="plan", support_type_scope="all"), clock)

    assert params(web)[0]["support_type_scope"] == "all"


def test_every_page_has_a_checkpoint_from_which_a_later_poll_goes_on(
    zendesk: ZendeskHelpdesk, web: responses.RequestsMock, clock: ManualClock, ticket_json: MakeJson
) -> None:
    row = ticket_json(generated_timestamp=1793606999)
    web.get(URL, json={"tickets": [row], "after_cursor": "c1", "end_of_stream": False})
    web.get(URL, json={"tickets": [], "after_cursor": "c2", "end_of_stream": True})

    first, _ = poll(zendesk, clock)
    poll(zendesk, clock, first.checkpoint)

    assert json.loads(first.checkpoint or "") == {"cursor": "c1", "since": 1793606999}
    assert params(web)[2]["cursor"] == "c1"
    assert "start_time" not in params(web)[2]


def test_the_first_poll_never_asks_for_the_last_minute(
    zendesk: ZendeskHelpdesk, web: responses.RequestsMock, clock: ManualClock
) -> None:
    web.get(URL, json={"tickets": [], "after_cursor": None, "end_of_stream": True})

    list(zendesk.pages(None, clock.now()))

    assert int(params(web)[0]["start_time"]) <= clock.now().timestamp() - 60


def test_a_null_cursor_at_the_end_keeps_the_old_one(
    zendesk: ZendeskHelpdesk, web: responses.RequestsMock, clock: ManualClock
) -> None:
    web.get(URL, json={"tickets": [], "after_cursor": None, "end_of_stream": True})

    (page,) = poll(zendesk, clock, '{"cursor": "c9", "since": 1793606999}')

    assert json.loads(page.checkpoint or "") == {"cursor": "c9", "since": 1793606999}


def test_an_empty_page_before_the_end_goes_on(
    zendesk: ZendeskHelpdesk, web: responses.RequestsMock, clock: ManualClock, ticket_json: MakeJson
) -> None:
    web.get(URL, json={"tickets": [], "after_cursor": "c1", "end_of_stream": False})
    web.get(URL, json={"tickets": [ticket_json()], "after_cursor": "c2", "end_of_stream": True})

    pages = poll(zendesk, clock)

    assert [len(page.tickets) for page in pages] == [0, 1]


def test_an_unchanged_cursor_at_the_end_of_the_stream_is_no_fault(
    zendesk: ZendeskHelpdesk, web: responses.RequestsMock, clock: ManualClock
) -> None:
    web.get(URL, json={"tickets": [], "after_cursor": "c9", "end_of_stream": True})

    (page,) = poll(zendesk, clock, '{"cursor": "c9", "since": 1}')

    assert page.complete


@pytest.mark.parametrize("cursors", [["c1", "c1"], ["c1", None], ["c1", "c2", "c1"], [None]])
def test_a_cursor_that_does_not_advance_is_noticed_before_its_page_is_handed_on(
    zendesk: ZendeskHelpdesk,
    web: responses.RequestsMock,
    clock: ManualClock,
    ticket_json: MakeJson,
    drain: Any,
    cursors: list[str | None],
) -> None:
    for number, cursor in enumerate(cursors):
        web.get(
            URL, json={"tickets": [ticket_json(id=number)], "after_cursor": cursor, "end_of_stream": False}
        )

    pages, error = drain(zendesk.pages(None, clock.now()))

    handed_on = [ticket.id for page in pages for ticket in page.tickets]
    assert handed_on == [str(number) for number in range(len(cursors) - 1)]
    assert isinstance(error, Unavailable)
    assert "does not advance" in str(error)
    assert len(web.calls) == len(cursors)


@pytest.mark.parametrize("status", [400, 404, 422])
def test_a_rejected_cursor_is_replaced_by_a_time_with_overlap(
    zendesk: ZendeskHelpdesk,
    web: responses.RequestsMock,
    clock: ManualClock,
    ticket_json: MakeJson,
    status: int,
) -> None:
    since = int(clock.now().timestamp()) - 3600
    web.get(URL, status=status, json={"error": "InvalidValue"})
    web.get(URL, json={"tickets": [ticket_json()], "after_cursor": "c10", "end_of_stream": True})

    (page,) = poll(zendesk, clock, json.dumps({"cursor": "lost", "since": since}))

    assert params(web)[1]["start_time"] == str(since - 300)
    assert "cursor" not in params(web)[1]
    assert json.loads(page.checkpoint or "")["cursor"] == "c10"


def test_after_a_restart_the_old_cursor_may_come_by_again(
    zendesk: ZendeskHelpdesk, web: responses.RequestsMock, clock: ManualClock
) -> None:
    web.get(URL, status=422, json={"error": "InvalidValue"})
    web.get(URL, json={"tickets": [], "after_cursor": "lost", "end_of_stream": False})
    web.get(URL, json={"tickets": [], "after_cursor": "c2", "end_of_stream": True})

    pages = poll(zendesk, clock, '{"cursor": "lost", "since": 1}')

    assert len(pages) == 2


def test_a_second_rejection_is_unavailable_with_the_code_and_without_the_prose(
    zendesk: ZendeskHelpdesk, web: responses.RequestsMock, clock: ManualClock
) -> None:
    web.get(URL, status=400, json={"error": "StartTimeTooRecent", "description": "some words"})

    with pytest.raises(Unavailable, match="StartTimeTooRecent") as raised:
        poll(zendesk, clock, '{"cursor": "lost", "since": 1}')

    assert "words" not in str(raised.value)
    assert len(web.calls) == 2


@pytest.mark.parametrize("checkpoint", ["", "garbage", "[]", '{"cursor": 5}', '{"since": 5}'])
def test_a_checkpoint_that_nobody_can_read_starts_over(
    zendesk: ZendeskHelpdesk, web: responses.RequestsMock, clock: ManualClock, checkpoint: str
) -> None:
    web.get(URL, json={"tickets": [], "after_cursor": None, "end_of_stream": True})

    poll(zendesk, clock, checkpoint)

    assert params(web)[0]["start_time"] == str(int(clock.now().timestamp()) - 86400)


def test_pages_that_take_too_long_are_asked_for_in_smaller_pieces(
    zendesk: ZendeskHelpdesk, web: responses.RequestsMock, clock: ManualClock, ticket_json: MakeJson
) -> None:
    def answer(request: requests.PreparedRequest) -> tuple[int, dict[str, str], str]:
        if int(request.params["per_page"]) > 250:  # type: ignore[attr-defined]  # added by responses
            return 504, {}, "<html>gateway timeout</html>"
        page = {"tickets": [ticket_json()], "after_cursor": "c1", "end_of_stream": True}
        return 200, {}, json.dumps(page)

    web.add_callback("GET", URL, answer)

    pages = poll(zendesk, clock)

    assert [len(page.tickets) for page in pages] == [1]
    assert sorted({int(each["per_page"]) for each in params(web)}) == [250, 500, 1000]


def test_a_page_that_takes_too_long_even_when_small_is_unavailable(
    zendesk: ZendeskHelpdesk, web: responses.RequestsMock, clock: ManualClock
) -> None:
    web.get(URL, status=504)

    with pytest.raises(Unavailable):
        poll(zendesk, clock)

    assert params(web)[-1]["per_page"] == "100"


def test_malformed_tickets_travel_with_their_page_and_the_checkpoint_advances(
    zendesk: ZendeskHelpdesk, web: responses.RequestsMock, clock: ManualClock, ticket_json: MakeJson
) -> None:
    rows = [ticket_json(id=1), {"id": 2}, ticket_json(id=3, updated_at="?")]
    web.get(URL, json={"tickets": rows, "after_cursor": "c1", "end_of_stream": True})

    (page,) = poll(zendesk, clock)

    assert [ticket.id for ticket in page.tickets] == ["1"]
    assert [each.ticket_id for each in page.unreadable] == ["2", "3"]
    assert json.loads(page.checkpoint or "")["cursor"] == "c1"


def test_a_server_sent_address_is_never_followed(
    zendesk: ZendeskHelpdesk, web: responses.RequestsMock, clock: ManualClock
) -> None:
    evil = {"after_url": "https://evil.test/api/v2/incremental/tickets/cursor.json?cursor=c1"}
    web.get(URL, json={"tickets": [], "after_cursor": "c1", "end_of_stream": False} | evil)
    web.get(URL, json={"tickets": [], "after_cursor": "c2", "end_of_stream": True} | evil)

    poll(zendesk, clock)

    assert all((call.request.url or "").startswith(URL) for call in web.calls)


def test_an_answer_without_end_of_stream_is_unavailable(
    zendesk: ZendeskHelpdesk, web: responses.RequestsMock, clock: ManualClock
) -> None:
    web.get(URL, json={"tickets": [], "after_cursor": "c1"})

    with pytest.raises(Unavailable, match="end_of_stream"):
        poll(zendesk, clock)


def test_the_export_is_for_admins(
    zendesk: ZendeskHelpdesk, web: responses.RequestsMock, clock: ManualClock
) -> None:
    web.get(URL, status=403, json={"error": {"title": "Forbidden", "message": "words"}})

    with pytest.raises(AuthRefused):
        poll(zendesk, clock)


def test_nine_exports_stay_below_the_limit_of_ten_a_minute(
    zendesk: ZendeskHelpdesk, web: responses.RequestsMock, clock: ManualClock
) -> None:
    for number in range(9):
        web.get(URL, json={"tickets": [], "after_cursor": f"c{number}", "end_of_stream": number == 8})

    poll(zendesk, clock)

    assert clock.monotonic() == pytest.approx(60)
