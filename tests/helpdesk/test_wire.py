"""What happens on a real socket: trickles, resets, cut answers, bombs, refused connections."""

from __future__ import annotations

import gzip
import socket
import ssl
import time
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from connector.errors import SettingsError, Unavailable
from connector.helpdesk.address import parse_origin
from connector.helpdesk.failure import AnswerLost, AnswerTooLong, judge_exception
from connector.helpdesk.transport import Bounds, Transport

BOUNDS = Bounds(connect_seconds=0.5, read_seconds=0.5, total_seconds=0.4, body_bytes=100_000)
Open = Callable[[str], Transport]


@pytest.fixture
def open_transport(quick_clock: Any) -> Iterator[Open]:
    opened: list[Transport] = []

    def make(url: str) -> Transport:
        opened.append(Transport(parse_origin(url), quick_clock, bounds=BOUNDS))
        return opened[-1]

    yield make
    for each in opened:
        each.close()


def test_a_body_that_drips_ends_at_the_deadline(open_transport: Open, wire: Any, scripts: Any) -> None:
    transport = open_transport(wire(scripts.drip()).url)
    started = time.monotonic()

    with pytest.raises(AnswerTooLong, match="too long"):
        transport.send("PUT", "/x", {})

    assert time.monotonic() - started < 2


def test_a_silent_server_ends_at_the_read_timeout(open_transport: Open, wire: Any, scripts: Any) -> None:
    transport = open_transport(wire(scripts.silence()).url)

    with pytest.raises(AnswerTooLong, match="no answer in time"):
        transport.send("PUT", "/x", {})


def test_a_gzip_bomb_ends_at_the_size_cap(open_transport: Open, wire: Any, scripts: Any) -> None:
    bomb = gzip.compress(b" " * 20_000_000)
    transport = open_transport(wire(scripts.answer(bomb, Content_Encoding="gzip")).url)

    with pytest.raises(AnswerTooLong, match="larger than 100000 bytes"):
        transport.send("PUT", "/x", {})


def test_a_gzipped_answer_is_read(open_transport: Open, wire: Any, scripts: Any) -> None:
    transport = open_transport(wire(scripts.answer(gzip.compress(b'{"a": 1}'), Content_Encoding="gzip")).url)

    assert transport.get("/x").body == b'{"a": 1}'


def test_a_body_over_the_cap_is_refused(open_transport: Open, wire: Any, scripts: Any) -> None:
    transport = open_transport(wire(scripts.answer(b'{"a":"' + b"x" * 100_000 + b'"}')).url)

    with pytest.raises(AnswerTooLong, match="larger"):
        transport.send("PUT", "/x", {})


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"HTTP/1.1 200 OK\r\nContent-Type: applica",
        b"HTTP/1.1 200 OK\r\n\r\n",
        b'HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\n{"a": 1}',
        b'HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n8\r\n{"a": 1}\r\n',
        b'HTTP/1.1 200 OK\r\n\r\n{"a": [1, 2',
        b"HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\nContent-Length: 8\r\n\r\nnot gzip",
        b"garbage\r\n\r\n",
    ],
    ids=["nothing", "in-headers", "no-body", "short", "short-chunks", "cut-json", "bad-gzip", "garbage"],
)
def test_an_answer_that_is_cut_off_anywhere_is_lost_and_never_empty(
    open_transport: Open, wire: Any, scripts: Any, data: bytes
) -> None:
    transport = open_transport(wire(scripts.raw(data)).url)

    with pytest.raises(AnswerLost):
        transport.send("PUT", "/x", {})


def test_a_reset_loses_the_answer(open_transport: Open, wire: Any, scripts: Any) -> None:
    transport = open_transport(wire(scripts.reset()).url)

    with pytest.raises(AnswerLost):
        transport.send("PUT", "/x", {})


def test_a_read_goes_on_after_a_reset(open_transport: Open, wire: Any, scripts: Any) -> None:
    transport = open_transport(wire(scripts.reset(), scripts.answer({"a": 1})).url)

    assert transport.get("/x").body == b'{"a": 1}'


def test_a_refused_connection_means_that_nothing_was_sent(open_transport: Open) -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port = listener.getsockname()[1]
    transport = open_transport(f"http://127.0.0.1:{port}")

    with pytest.raises(Unavailable, match="cannot be reached") as raised:
        transport.send("PUT", "/x", {})

    assert not isinstance(raised.value, AnswerLost)


def test_a_server_without_tls_behind_https_is_unavailable(
    open_transport: Open, wire: Any, scripts: Any
) -> None:
    transport = open_transport(wire(scripts.answer({})).url.replace("http:", "https:"))

    with pytest.raises(Unavailable):
        transport.send("PUT", "/x", {})


def test_an_untrusted_certificate_is_a_settings_error() -> None:
    wrapped = Exception(ssl.SSLCertVerificationError("self-signed certificate"))

    error = judge_exception("GET /x", wrapped)

    assert isinstance(error, SettingsError)
    assert "ca_bundle" in str(error)


def test_a_name_that_does_not_exist_is_unavailable(quick_clock: Any) -> None:
    """The top-level domain ``invalid`` never resolves (RFC 6761)."""
    transport = Transport(parse_origin("https://acme.helpdesk.invalid"), quick_clock)

    with pytest.raises(Unavailable, match="cannot be reached"):
        transport.get("/api/v2/users/me")

    transport.close()
