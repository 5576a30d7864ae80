"""The faults that stop or fool other clients, on a real socket: none loses a ticket or ends in a loop."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from typing import Any

import pytest

from connector.errors import Unavailable
from connector.helpdesk.zendesk import ZendeskHelpdesk, connect_zendesk

START = datetime(2026, 11, 1, tzinfo=UTC)
Page = dict[str, Any]
Connect = Callable[[str], ZendeskHelpdesk]


@pytest.fixture
def connect(quick_clock: Any) -> Iterator[Connect]:
    opened: list[ZendeskHelpdesk] = []

    def make(url: str) -> ZendeskHelpdesk:
        opened.append(
            connect_zendesk(
                name="zendesk", base_url=url, clock=quick_clock, email="triage@acme.com", api_token="t"
            )
        )
        return opened[-1]

    yield make
    for each in opened:
        each.close()


@pytest.fixture
def three_pages(ticket_json: Callable[..., dict[str, Any]]) -> list[Page]:
    return [
        {
            "tickets": [ticket_json(id=10 * page + row) for row in range(3)],
            "after_cursor": f"c{page}==",
            "end_of_stream": page == 3,
        }
        for page in (1, 2, 3)
    ]


IDS = ["10", "11", "12", "20", "21", "22", "30", "31", "32"]


@pytest.mark.parametrize(
    "fault",
    [
        "none",
        "429 with Retry-After",
        "429 without Retry-After",
        "500",
        "503 with Retry-After",
        "reset",
        "truncated body",
        "closed in the headers",
        "200 with HTML",
    ],
)
def test_every_ticket_arrives_once_in_spite_of(
    fault: str, connect: Connect, wire: Any, scripts: Any, three_pages: list[Page]
) -> None:
    html = b"<html><body>Scheduled maintenance</body></html>"
    faults = {
        "none": [],
        "429 with Retry-After": [scripts.answer(b"", "429 Too Many Requests", Retry_After="2")],
        "429 without Retry-After": [scripts.answer(html, "429 Too Many Requests", Content_Type="text/html")],
        "500": [scripts.answer(html, "500 Internal Server Error")],
        "503 with Retry-After": [scripts.answer(b"", "503 Service Unavailable", Retry_After="1")],
        "reset": [scripts.reset()],
        "truncated body": [
            scripts.raw(b'HTTP/1.1 200 OK\r\nContent-Length: 5000\r\n\r\n{"tickets": [{"id": 20')
        ],
        "closed in the headers": [scripts.raw(b"HTTP/1.1 200 OK\r\nContent-Le")],
        "200 with HTML": [scripts.answer(html, Content_Type="text/html")],
    }
    first, second, third = (scripts.answer(page) for page in three_pages)
    server = wire(first, *faults[fault], second, third)

    pages = list(connect(server.url).pages(None, START))

    assert [ticket.id for page in pages for ticket in page.tickets] == IDS
    assert pages[-1].complete
    assert len(server.requests) == 3 + len(faults[fault])


def test_a_cursor_that_does_not_advance_ends_the_poll(
    connect: Connect, wire: Any, scripts: Any, three_pages: list[Page], drain: Any
) -> None:
    stuck = three_pages[1] | {"after_cursor": three_pages[0]["after_cursor"]}
    server = wire(scripts.answer(three_pages[0]), scripts.answer(stuck))

    pages, error = drain(connect(server.url).pages(None, START))

    assert [ticket.id for page in pages for ticket in page.tickets] == IDS[:3]
    assert isinstance(error, Unavailable)
    assert "does not advance" in str(error)
    assert len(server.requests) == 2


@pytest.mark.parametrize(
    "body", [b"<html>Please log in</html>", b"", b'{"tickets": null, "end_of_stream": true}']
)
def test_a_200_that_stays_unusable_ends_the_poll_and_the_next_one_goes_on_where_it_was(
    connect: Connect, wire: Any, scripts: Any, three_pages: list[Page], body: bytes
) -> None:
    broken = wire(scripts.answer(three_pages[0]), scripts.answer(body))
    pages = connect(broken.url).pages(None, START)
    first = next(pages)

    with pytest.raises(Unavailable):
        next(pages)

    mended = wire(*(scripts.answer(page) for page in three_pages[1:]))
    rest = list(connect(mended.url).pages(first.checkpoint, START))
    assert [ticket.id for page in rest for ticket in page.tickets] == IDS[3:]
    assert b"cursor=c1%3D%3D" in mended.requests[0]


def test_asked_to_stop_during_an_outage_it_stops(
    connect: Connect, wire: Any, scripts: Any, quick_clock: Any
) -> None:
    server = wire(scripts.answer(b"", "500 Internal Server Error"))
    quick_clock.stopping = True

    with pytest.raises(Unavailable, match="asked to stop"):
        next(connect(server.url).pages(None, START))

    assert len(server.requests) == 1
