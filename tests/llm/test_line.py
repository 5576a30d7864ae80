"""How a call ends on a line that trickles, hangs, breaks or floods: in time, and as Unavailable."""

from __future__ import annotations

import gzip
import json
import socket
import threading
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest

from connector.domain.classification import Tier
from connector.errors import Unavailable
from connector.llm.claude import ClaudeClassifier

MakeClassifier = Callable[..., ClaudeClassifier]
MakeBody = Callable[..., dict[str, Any]]
Serve = Callable[[Callable[..., None]], str]

TICKET = {"subject": "Charged twice", "text": "You charged my card twice."}
CALL_SECONDS = 0.4
PATIENCE_SECONDS = 5.0  # far less than any of these answers would take


def answer(body: dict[str, Any], *, length: int | None = None, extra: str = "") -> bytes:
    data = json.dumps(body).encode()
    head = f"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\n{extra}Connection: close\r\n"
    return f"{head}Content-Length: {length or len(data)}\r\n\r\n".encode() + data


def chunked(body: dict[str, Any]) -> bytes:
    head = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"
    return head + b"%x\r\n%s\r\n0\r\n\r\n" % (len(json.dumps(body)), json.dumps(body).encode())


def test_an_answer_that_trickles_from_its_first_byte_ends_with_the_call(
    make_classifier: MakeClassifier, make_body: MakeBody, serve: Serve
) -> None:
    url = serve(lambda visitor: visitor.trickle(answer(make_body(id="x" * 2_000))))
    classifier = make_classifier(base_url=url, call_seconds=CALL_SECONDS)
    started = time.monotonic()

    with pytest.raises(Unavailable, match="in time"):
        classifier.ask(Tier.CHEAP, TICKET)

    assert CALL_SECONDS <= time.monotonic() - started < PATIENCE_SECONDS


@pytest.mark.parametrize("frame", [answer, chunked])
def test_a_body_that_trickles_ends_with_the_call(
    make_classifier: MakeClassifier,
    make_body: MakeBody,
    serve: Serve,
    frame: Callable[[dict[str, Any]], bytes],
) -> None:
    head, gap, body = frame(make_body(id="x" * 2_000)).partition(b"\r\n\r\n")

    def script(visitor: Any) -> None:
        visitor.send(head + gap)
        visitor.trickle(body)

    classifier = make_classifier(base_url=serve(script), call_seconds=CALL_SECONDS)
    started = time.monotonic()

    with pytest.raises(Unavailable):
        classifier.ask(Tier.CHEAP, TICKET)

    assert CALL_SECONDS <= time.monotonic() - started < PATIENCE_SECONDS


def test_a_server_that_says_nothing_is_left_when_the_call_ends(
    make_classifier: MakeClassifier, serve: Serve
) -> None:
    url = serve(lambda visitor: visitor.keep_waiting())
    classifier = make_classifier(base_url=url, call_seconds=CALL_SECONDS)
    started = time.monotonic()

    with pytest.raises(Unavailable, match="in time"):
        classifier.ask(Tier.CHEAP, TICKET)

    assert time.monotonic() - started < PATIENCE_SECONDS


@pytest.mark.parametrize(
    "script",
    [
        pytest.param(lambda _: None, id="closed without a word"),
        pytest.param(lambda visitor: visitor.reset(), id="reset without a word"),
        pytest.param(lambda visitor: visitor.send(b"HTTP/1.1 200 OK\r\nContent-"), id="cut in the head"),
        pytest.param(lambda visitor: visitor.send(answer({"content": []}, length=999)), id="cut in the body"),
        pytest.param(lambda visitor: visitor.send(b"SSH-2.0-OpenSSH_9.6\r\n"), id="not HTTP"),
    ],
)
def test_a_line_that_breaks_is_unavailable(
    make_classifier: MakeClassifier, serve: Serve, script: Callable[..., None]
) -> None:
    classifier = make_classifier(base_url=serve(script), call_seconds=10)

    with pytest.raises(Unavailable):
        classifier.ask(Tier.CHEAP, TICKET)


def test_an_answer_larger_than_any_answer_is_not_read_to_its_end(
    make_classifier: MakeClassifier, make_body: MakeBody, serve: Serve
) -> None:
    sent = 0

    def flood(visitor: Any) -> None:
        nonlocal sent
        visitor.send(b"HTTP/1.1 200 OK\r\nContent-Length: 99999999999\r\n\r\n")
        while True:
            visitor.send(b" " * 65_536)
            sent += 65_536

    classifier = make_classifier(base_url=serve(flood), call_seconds=30)

    with pytest.raises(Unavailable):
        classifier.ask(Tier.CHEAP, TICKET)

    assert sent < 64 * 1024 * 1024  # what was read, and what the kernel's buffers hold


def test_a_compressed_answer_is_not_unpacked(
    make_classifier: MakeClassifier, make_body: MakeBody, serve: Serve
) -> None:
    bomb = gzip.compress(json.dumps(make_body(padding="0" * 10_000_000)).encode())
    head = f"HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\nContent-Length: {len(bomb)}\r\n\r\n"
    classifier = make_classifier(base_url=serve(lambda visitor: visitor.send(head.encode() + bomb)))

    with pytest.raises(Unavailable, match="DecodingError"):
        classifier.ask(Tier.CHEAP, TICKET)


def test_nobody_listening_is_unavailable(make_classifier: MakeClassifier) -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port = listener.getsockname()[1]
    classifier = make_classifier(base_url=f"http://127.0.0.1:{port}")

    with pytest.raises(Unavailable, match="ConnectError"):
        classifier.ask(Tier.CHEAP, TICKET)


def test_after_a_cut_answer_the_next_call_gets_its_own(
    make_classifier: MakeClassifier, make_body: MakeBody, serve: Serve
) -> None:
    bodies = iter([answer(make_body(), length=99_999), answer(make_body(id="second"))])
    classifier = make_classifier(base_url=serve(lambda visitor: visitor.send(next(bodies))), call_seconds=10)

    with pytest.raises(Unavailable):
        classifier.ask(Tier.CHEAP, TICKET)
    second = classifier.ask(Tier.CHEAP, TICKET)

    assert second.classification is not None


def test_threads_share_one_line_without_getting_each_others_answers_or_deadlines(
    make_classifier: MakeClassifier, make_body: MakeBody, serve: Serve
) -> None:
    """Every other visitor is kept waiting until its call ends; the rest must not notice."""
    lock, visits = threading.Lock(), iter(range(10_000))

    def script(visitor: Any) -> None:
        with lock:
            visit = next(visits)
        if visit % 2:
            visitor.keep_waiting()
        else:
            visitor.send(answer(make_body(usage={"input_tokens": visit, "output_tokens": 1})))

    classifier = make_classifier(base_url=serve(script), call_seconds=1.5, connections=32)

    def ask(_: int) -> int | None:
        try:
            return classifier.ask(Tier.CHEAP, TICKET).usage.input_tokens
        except Unavailable:
            return None

    with ThreadPoolExecutor(32) as pool:
        counts = list(pool.map(ask, range(64)))

    answered = [count for count in counts if count is not None]
    assert sorted(answered) == list(range(0, 64, 2))
