"""A Claude to talk to: a scripted transport for what it says, a scripted socket for how the line behaves."""

from __future__ import annotations

import contextlib
import json
import socket
import struct
import threading
from collections.abc import Callable, Iterator
from datetime import date
from decimal import Decimal
from typing import Any

import httpx2
import pytest

from connector.classify.prompt import Prompt, build_prompt
from connector.domain.classification import Tier
from connector.domain.taxonomy import Taxonomy
from connector.llm.anthropic_api import AnthropicApi
from connector.llm.claude import ClaudeClassifier
from connector.llm.pricing import Price, Rates
from connector.llm.request import ModelSettings

KEY = "sk-ant-api03-not-a-real-key"

Handler = Callable[[httpx2.Request], httpx2.Response]
MakeClassifier = Callable[..., ClaudeClassifier]
MakeBody = Callable[..., dict[str, Any]]
Script = Callable[["Visitor"], None]


@pytest.fixture
def key() -> str:
    return KEY


@pytest.fixture
def prices() -> tuple[Price, ...]:
    """Haiku's with its dearer long prompts, and Sonnet's; USD per million tokens, October 2026."""
    at = date(2026, 10, 8)
    usd = Decimal
    return (
        Price(
            "claude-haiku-5-5",
            usd("0.10"),
            usd("0.50"),
            usd("0.125"),
            usd("0.01"),
            at,
            long_context_above=100_000,
            long_context=Rates(usd("0.50"), usd("2.50"), usd("0.625"), usd("0.05")),
        ),
        Price("claude-sonnet-5-5", usd(2), usd(10), usd("2.50"), usd("0.10"), at),
    )


@pytest.fixture
def prompt(taxonomy: Taxonomy) -> Prompt:
    return build_prompt(taxonomy)


@pytest.fixture
def make_classifier(
    prompt: Prompt, taxonomy: Taxonomy, prices: tuple[Price, ...]
) -> Iterator[MakeClassifier]:
    """Builds a classifier with haiku-5-5 and sonnet-5-5; a handler answers in place of the network."""
    with contextlib.ExitStack() as opened:

        def make(handler: Handler | None = None, **arguments: Any) -> ClaudeClassifier:
            models = {
                Tier.CHEAP: ModelSettings("claude-haiku-5-5"),
                Tier.STRONG: ModelSettings("claude-sonnet-5-5", max_tokens=1_024),
            }
            defaults: dict[str, Any] = {
                "provider": AnthropicApi(KEY),
                "models": models,
                "prompt": prompt,
                "taxonomy": taxonomy,
                "prices": prices,
                "transport": httpx2.MockTransport(handler) if handler else None,
            }
            classifier = ClaudeClassifier(**(defaults | arguments))
            opened.callback(classifier.close)
            return classifier

        yield make


@pytest.fixture
def said() -> dict[str, Any]:
    """What a model says about a billing ticket."""
    return {
        "sentiment": "neutral",
        "sentiment_confidence": 0.8,
        "reason": "asks for a refund of a double charge",
        "type": "general_inquiry",
        "type_confidence": 0.7,
        "team": "billing",
        "team_confidence": 0.97,
        "secondary_team": "none",
        "urgency": "normal",
        "urgency_confidence": 0.9,
    }


@pytest.fixture
def make_body(said: dict[str, Any]) -> MakeBody:
    """Builds the body of a Messages API answer; keyword arguments replace its fields."""

    def make(**fields: Any) -> dict[str, Any]:
        defaults: dict[str, Any] = {
            "id": "msg_1",
            "type": "message",
            "role": "assistant",
            "model": "claude-haiku-5-5",
            "content": [{"type": "text", "text": json.dumps(said)}],
            "stop_reason": "end_turn",
            "stop_sequence": None,
            "usage": {
                "input_tokens": 300,
                "output_tokens": 120,
                "cache_creation_input_tokens": None,
                "cache_read_input_tokens": 1_000,
            },
        }
        return defaults | fields

    return make


class Visitor:
    """A client that has sent its whole request and waits; the script decides what it gets."""

    def __init__(self, connection: socket.socket, ended: threading.Event) -> None:
        self._connection = connection
        self._ended = ended

    def send(self, data: bytes) -> None:
        self._connection.sendall(data)

    def trickle(self, data: bytes, every_seconds: float = 0.02) -> None:
        """One byte at a time until the client has had enough."""
        for byte in data:
            if self._ended.wait(every_seconds):
                return
            self.send(bytes([byte]))

    def keep_waiting(self) -> None:
        """Say nothing until the client leaves."""
        self._connection.recv(1)

    def reset(self) -> None:
        """Close with a TCP reset instead of an orderly end."""
        self._connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self._connection.close()


@pytest.fixture
def serve() -> Iterator[Callable[[Script], str]]:
    """Runs a script for every request on a loopback socket and returns the base URL."""
    ended = threading.Event()
    threads: list[threading.Thread] = []
    listeners: list[socket.socket] = []

    def talk(connection: socket.socket, script: Script) -> None:
        with connection, contextlib.suppress(OSError):
            connection.settimeout(20)
            _read_request(connection)
            script(Visitor(connection, ended))

    def accept(listener: socket.socket, script: Script) -> None:
        with contextlib.suppress(OSError):
            while True:
                connection, _ = listener.accept()
                thread = threading.Thread(target=talk, args=(connection, script))
                threads.append(thread)
                thread.start()

    def start(script: Script) -> str:
        listener = socket.create_server(("127.0.0.1", 0))
        listeners.append(listener)
        thread = threading.Thread(target=accept, args=(listener, script))
        threads.append(thread)
        thread.start()
        return f"http://127.0.0.1:{listener.getsockname()[1]}"

    yield start
    ended.set()
    for listener in listeners:
        listener.shutdown(socket.SHUT_RDWR)
        listener.close()
    for thread in threads:
        thread.join(20)


def _read_request(connection: socket.socket) -> None:
    head, _, body = _until_blank_line(connection).partition(b"\r\n\r\n")
    length = next(
        int(line.split(b":")[1]) for line in head.lower().split(b"\r\n") if line.startswith(b"content-length")
    )
    while len(body) < length:
        body += connection.recv(65_536)


def _until_blank_line(connection: socket.socket) -> bytes:
    received = b""
    while b"\r\n\r\n" not in received:
        data = connection.recv(65_536)
        if not data:
            raise ConnectionAbortedError
        received += data
    return received
