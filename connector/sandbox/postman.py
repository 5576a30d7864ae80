"""The postman of the emulators: delivers webhooks in order, and repeats what was refused as a vendor does."""

from __future__ import annotations

import http.client
import queue
import threading
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any, Protocol
from urllib.parse import urlsplit

_MOST_WAITING = 10_000
_MOST_ATTEMPTS = 1 + 3
_REPEAT_ON = frozenset({0, 409, 429, 503})
_STOP_SECONDS = 5.0


@dataclass(frozen=True, slots=True)
class Letter:
    """A webhook as it goes out."""

    headers: Mapping[str, str]
    body: bytes


class Webhook(Protocol):
    """Where webhooks go, and what they say of a new ticket; each attempt is signed anew."""

    @property
    def url(self) -> str: ...

    def body(self, ticket: Any) -> bytes: ...  # noqa: ANN401 -- each vendor has its own records

    def letter(self, body: bytes) -> Letter: ...


@dataclass(frozen=True, slots=True)
class Delivery:
    """One attempt; status 0 is no answer."""

    url: str
    status: int
    body: bytes


class Postman:
    """Tells every webhook of every new ticket, on a thread of its own; without webhooks it does nothing.

    What is answered with 409, 429 or 503, or not at all, is repeated up to three times, each time after
    ``pause_seconds``.  A longer ``Retry-After`` is ignored: nothing here takes long.
    """

    def __init__(self, *, pause_seconds: float = 0.5, timeout_seconds: float = 10.0) -> None:
        self._pause_seconds = pause_seconds
        self._timeout_seconds = timeout_seconds
        self._webhooks: list[Webhook] = []
        self._letters: queue.Queue[tuple[Webhook, bytes] | None] = queue.Queue()
        self._stopping = threading.Event()
        self._lock = threading.Lock()
        self._thread: threading.Thread | None = None
        self._deliveries: list[Delivery] = []

    def add(self, webhook: Webhook) -> None:
        """Tell this one too, from now on."""
        with self._lock:
            self._webhooks.append(webhook)
            if self._thread is None:
                self._thread = threading.Thread(target=self._work, name="postman", daemon=True)
                self._thread.start()

    def tell(self, tickets: Iterable[Any]) -> None:
        """These tickets are new.  Beyond 10,000 waiting letters the rest is lost, as vendors lose some."""
        with self._lock:
            for ticket in tickets if self._webhooks else ():
                for webhook in self._webhooks:
                    if self._letters.qsize() < _MOST_WAITING:
                        self._letters.put((webhook, webhook.body(ticket)))

    @property
    def deliveries(self) -> tuple[Delivery, ...]:
        """The attempts so far, in order."""
        with self._lock:
            return tuple(self._deliveries)

    def stop(self) -> None:
        """Deliver nothing more; returns when the attempt under way has ended, or after five seconds."""
        self._stopping.set()
        self._letters.put(None)
        if self._thread is not None:
            self._thread.join(_STOP_SECONDS)

    def _work(self) -> None:
        while (letter := self._letters.get()) is not None and not self._stopping.is_set():
            self._deliver(*letter)

    def _deliver(self, webhook: Webhook, body: bytes) -> None:
        for _ in range(_MOST_ATTEMPTS):
            status = self._attempt(webhook.url, webhook.letter(body))
            with self._lock:
                self._deliveries.append(Delivery(webhook.url, status, body))
            if status not in _REPEAT_ON or self._stopping.wait(self._pause_seconds):
                return

    def _attempt(self, url: str, letter: Letter) -> int:
        address = urlsplit(url)
        kind = http.client.HTTPSConnection if address.scheme == "https" else http.client.HTTPConnection
        connection = kind(address.hostname or "", address.port, timeout=self._timeout_seconds)
        try:
            connection.request("POST", address.path or "/", letter.body, dict(letter.headers))
            return connection.getresponse().status
        except (OSError, http.client.HTTPException):
            return 0
        finally:
            connection.close()
