"""The endpoint over real connections: it takes what is proven, and reads no more than it must."""

from __future__ import annotations

import socket
import threading
from collections.abc import Iterator
from contextlib import ExitStack

import pytest

from connector.clock import ManualClock
from connector.errors import SettingsError
from connector.ports import Event
from connector.web.app import build_app
from connector.web.hook import Accepted, Hook
from connector.web.listener import Listener
from tests.web.conftest import (
    MOST_BYTES,
    Ear,
    event,
    head,
    listening,
    parse,
    pylon_headers,
    received,
    zendesk_headers,
)

ISSUE = "2f1c0a9e-7b53-4d1e-9a44-0c8d5b6e7f01"


def test_a_proven_delivery_is_taken_and_answered_without_a_word(ear: Ear) -> None:
    answer = ear.post(event())

    assert (answer.status, answer.body) == (202, b"")
    assert ear.taken == ["35436000000001"]
    assert answer.headers["connection"] == "close"
    assert "server" not in answer.headers


def test_every_helpdesk_has_a_path_and_a_signature_of_its_own(ear: Ear) -> None:
    body = b'{"issue_id": "%b"}' % ISSUE.encode()

    right = ear.post(body, pylon_headers(body), path="/hooks/pylon")
    wrong = ear.post(body, pylon_headers(body), path="/hooks/zendesk")

    assert (right.status, wrong.status) == (202, 401)
    assert ear.taken == [ISSUE]


@pytest.mark.parametrize(
    ("body", "status"),
    [
        (event(), 401),
        (b"", 401),
        (b"\xff" * 1000, 401),
        (b"{" * MOST_BYTES, 401),
    ],
)
def test_what_nobody_signed_is_refused_and_not_looked_at(ear: Ear, body: bytes, status: int) -> None:
    answer = ear.post(body, {})

    assert answer.status == status
    assert ear.taken == []
    assert ear.reasons == ["the signature is missing"]


@pytest.mark.parametrize("timestamp", ["2026-11-02T08:54:59Z", "2026-11-02T09:05:01Z"])
def test_an_old_delivery_and_one_from_the_future_are_refused(ear: Ear, timestamp: str) -> None:
    answer = ear.post(event(), zendesk_headers(event(), timestamp))

    assert answer.status == 401
    assert ear.taken == []


def test_a_replayed_delivery_is_answered_and_does_nothing(ear: Ear) -> None:
    statuses = [ear.post(event()).status for _ in range(3)]

    assert statuses == [202, 200, 200]
    assert ear.taken == ["35436000000001"]


def test_the_same_words_of_pylon_do_nothing_for_ten_minutes(ear: Ear) -> None:
    body = b'{"issue_id": "%b"}' % ISSUE.encode()

    def send() -> int:
        return ear.post(body, pylon_headers(body), path="/hooks/pylon").status

    first, second = send(), send()
    ear.clock.advance(601)

    assert (first, second, send()) == (202, 200, 202)
    assert ear.taken == [ISSUE, ISSUE]


@pytest.mark.parametrize("body", [b"", b"{}", b"[]", b'{"ticket_id": "../users/me"}', "Früße 🙃".encode()])
def test_a_signed_body_without_a_ticket_is_400(ear: Ear, body: bytes) -> None:
    assert ear.post(body).status == 400
    assert ear.taken == []
    assert ear.reasons == ["there is no ticket id in the body"]


def test_an_event_of_another_kind_is_answered_and_does_nothing(ear: Ear) -> None:
    assert ear.post(event(kind="ticket.comment_added")).status == 200
    assert ear.taken == []
    assert ear.told == []


@pytest.mark.parametrize("method", ["GET", "HEAD", "PUT", "PATCH", "DELETE", "OPTIONS", "TRACE", "BREW"])
def test_another_method_is_405(ear: Ear, method: str) -> None:
    answer = ear.post(event(), method=method)

    assert answer.status == 405
    assert answer.headers["allow"] == "POST"
    assert ear.taken == []


@pytest.mark.parametrize(
    "path",
    ["/", "/hooks", "/hooks/", "/hooks/other", "/hooks/zendesk/", "/hooks/zendesk/x", "//hooks/zendesk"],
)
def test_another_path_is_404_and_leads_nowhere(ear: Ear, path: str) -> None:
    answer = ear.post(event(), path=path)

    assert answer.status == 404
    assert "location" not in answer.headers
    assert ear.taken == []


def test_the_sign_of_life_says_nothing_else(ear: Ear) -> None:
    answer = ear.post(b"", method="GET", path="/livez")

    assert (answer.status, answer.body) == (200, b"")


def test_a_body_of_ten_megabytes_is_refused_by_its_length_alone(ear: Ear) -> None:
    headers = {"Content-Length": str(10 * 1024 * 1024)} | zendesk_headers(b"")

    answer = ear.raw(head("POST", "/hooks/zendesk", headers) + b"x" * 10)

    assert answer.status == 413
    assert ear.reasons == ["the body is too long"]


def test_the_longest_body_is_read_and_one_byte_more_is_not(ear: Ear) -> None:
    longest = event()[:-1] + b" " * (MOST_BYTES - len(event())) + b"}"

    assert ear.post(longest).status == 202
    assert ear.post(longest + b" ").status == 413


def test_a_body_in_chunks_is_read_without_a_told_length(ear: Ear) -> None:
    body = event()
    chunks = b"".join(b"%x\r\n%b\r\n" % (len(part), part) for part in (body[:7], body[7:])) + b"0\r\n\r\n"
    headers = {"Transfer-Encoding": "chunked"} | zendesk_headers(body)

    assert ear.raw(head("POST", "/hooks/zendesk", headers) + chunks).status == 202


def test_chunks_without_an_end_are_not_read_beyond_the_limit(ear: Ear) -> None:
    headers = {"Transfer-Encoding": "chunked"} | zendesk_headers(b"")
    sent = 0
    with ear.connect() as connection:
        connection.sendall(head("POST", "/hooks/zendesk", headers))
        try:
            while sent < 64 * 1024 * 1024:
                connection.sendall(b"8000\r\n" + b"x" * 0x8000 + b"\r\n")
                sent += 0x8000
        except ConnectionError:
            pass  # it hung up on us

    assert sent < 64 * 1024 * 1024
    assert ear.reasons == ["the body is too long"]
    assert ear.post(event()).status == 202


def test_headers_beyond_any_measure_are_refused(ear: Ear) -> None:
    answer = ear.post(event(), {f"X-{number}": "x" * 1000 for number in range(200)})

    assert answer.status in (0, 400)
    assert ear.taken == []


@pytest.mark.parametrize(
    "request_bytes", [b"\x16\x03\x01\x02\x00\x01", b"GET\r\n\r\n", b"\r\n" * 20, b"a" * 40_000]
)
def test_what_is_no_http_is_refused_and_leaves_no_line_in_the_log(
    ear: Ear, request_bytes: bytes, caplog: pytest.LogCaptureFixture
) -> None:
    answer = ear.raw(request_bytes, ends=True)

    assert answer.status in (0, 400)
    assert caplog.records == []
    assert ear.told == []


def test_no_event_says_anything_that_was_sent(ear: Ear) -> None:
    body = event()
    ear.post(body, zendesk_headers(body, secret="another-signing-secret"))
    ear.post(b'{"ticket_id": "the customer\'s words"}')
    ear.post(body, {}, path="/hooks/the-customers-words")

    told = [dict(each.facts) for each in ear.told]

    assert told == [
        {"helpdesk": "zendesk", "reason": "the signature is wrong"},
        {"helpdesk": "zendesk", "reason": "there is no ticket id in the body"},
    ]


def test_a_full_queue_is_503_and_the_repetition_is_taken_when_there_is_room(ear: Ear) -> None:
    ear.room[0] = 0
    refused = ear.post(event())
    ear.room[0] = 1

    repeated = ear.post(event())

    assert (refused.status, repeated.status) == (503, 202)
    assert int(refused.headers["retry-after"]) < 60


@pytest.fixture
def hurried(clock: ManualClock) -> Iterator[Ear]:
    """An endpoint that has half a second for a connection, and room for four."""
    with listening(clock, connection_seconds=0.5, most_connections=4) as listens:
        yield listens


@pytest.mark.parametrize(
    "begins",
    [
        b"",
        b"POST /hooks/zen",
        head("POST", "/hooks/zendesk", {"Content-Length": "100"}) + b"{",
        head("POST", "/hooks/zendesk", {"Transfer-Encoding": "chunked"}) + b"1\r\n{\r\n",
    ],
    ids=["nothing", "half a line", "half a body", "half of the chunks"],
)
def test_who_is_slow_is_cut_off(hurried: Ear, begins: bytes) -> None:
    with hurried.connect() as connection:
        connection.sendall(begins)

        assert parse(received(connection)).status == 0

    assert hurried.post(event()).status == 202


def test_beyond_the_most_connections_each_is_refused_until_one_ends(clock: ManualClock) -> None:
    with listening(clock, most_connections=4) as ear, ExitStack() as open_ones:
        idle = [open_ones.enter_context(ear.connect()) for _ in range(4)]
        for each in idle:
            each.sendall(b"POST /hooks/zendesk HTTP/1.1\r\n")

        refused = ear.post(event())
        idle[0].close()
        taken = next(answer for answer in iter(lambda: ear.post(event()), None) if answer.status)

    assert refused.status == 0
    assert taken.status == 202


def test_a_bug_of_ours_is_500_and_told_by_its_type_alone(clock: ManualClock) -> None:
    def broken(_ticket_id: str) -> bool:
        raise RuntimeError("the customer's words")

    told: list[Event] = []
    hook = Hook(lambda *_: Accepted(b"mark"), lambda _: "7", broken)
    app = build_app({"zendesk": hook}, clock, told.append, most_body_bytes=100, window_seconds=300)

    with Listener(app, "127.0.0.1", 0) as listener:
        host, _, port = listener.address.rpartition(":")
        answer = Ear(host, int(port), clock, [], told, [0]).post(b"{}")

    assert (answer.status, answer.body) == (500, b"")
    assert [(each.name, each.facts) for each in told] == [("nudge.failed", {"error": "RuntimeError"})]


def test_a_taken_port_is_a_matter_of_settings() -> None:
    app = build_app({}, ManualClock(), lambda _: None, most_body_bytes=100, window_seconds=300)
    with socket.create_server(("127.0.0.1", 0)) as other:
        port = other.getsockname()[1]

        with pytest.raises(
            SettingsError, match=rf"\[nudge\] listen = 127.0.0.1:{port}: Address already in use"
        ):
            Listener(app, "127.0.0.1", port)


@pytest.mark.parametrize("host", ["192.0.2.1", "no-such-host.invalid"])
def test_an_address_of_another_machine_is_a_matter_of_settings(host: str) -> None:
    app = build_app({}, ManualClock(), lambda _: None, most_body_bytes=100, window_seconds=300)

    with pytest.raises(SettingsError, match=r"\[nudge\] listen = "):
        Listener(app, host, 0)


def test_a_stop_lets_the_answer_under_way_out_and_takes_nothing_more(clock: ManualClock) -> None:
    asked, go_on = threading.Event(), threading.Event()

    def slow(*_: object) -> Accepted:
        asked.set()
        go_on.wait(10)
        return Accepted(b"mark")

    hook = Hook(slow, lambda _: "7", lambda _: True)
    app = build_app({"zendesk": hook}, clock, lambda _: None, most_body_bytes=100, window_seconds=300)
    listener = Listener(app, "127.0.0.1", 0).start()
    host, _, port = listener.address.rpartition(":")
    ear = Ear(host, int(port), clock, [], [], [0])
    answers: list[int] = []
    client = threading.Thread(target=lambda: answers.append(ear.post(b"{}").status))
    client.start()
    asked.wait(10)

    stopping = threading.Thread(target=listener.stop)
    stopping.start()
    go_on.set()
    stopping.join(10)
    client.join(10)

    assert answers == [202]
    assert not stopping.is_alive()
    with pytest.raises(OSError, match="refused"):
        ear.connect()
