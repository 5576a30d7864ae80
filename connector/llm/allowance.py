"""The end of every call to Claude: a socket timeout bounds one read, this bounds the whole answer.

Imported late, with the vendor's transport.
"""

from __future__ import annotations

import ssl
import threading
import time
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import httpcore2
import httpx2

MOST_ANSWER_BYTES = 4 * 1024 * 1024


@dataclass(slots=True)
class Allowance:
    """What is left of one call: time until ``ends_at`` (monotonic seconds), and bytes of the answer."""

    ends_at: float
    bytes_left: int = MOST_ANSWER_BYTES

    def seconds(self, wanted: float | None) -> float:
        """A socket timeout that respects the end of the call; raises ReadTimeout when it has come."""
        left = self.ends_at - time.monotonic()  # sockets wait in real time, so the real clock decides
        if left <= 0:
            raise httpcore2.ReadTimeout("the call has used up its time")
        return left if wanted is None else min(wanted, left)

    def take(self, received: int) -> None:
        self.bytes_left -= received
        if self.bytes_left < 0:
            raise httpcore2.ReadError("the answer is larger than any answer can be")


class Allowances:
    """The allowance of the call that the current thread is making."""

    def __init__(self) -> None:
        self._thread = threading.local()

    def current(self) -> Allowance | None:
        allowance: Allowance | None = getattr(self._thread, "allowance", None)
        return allowance

    @contextmanager
    def use(self, allowance: Allowance) -> Iterator[None]:
        before, self._thread.allowance = self.current(), allowance
        try:
            yield
        finally:
            self._thread.allowance = before


class BoundedStream(httpcore2.NetworkStream):
    """A socket whose every read is bounded by the call, not by itself: a trickle cannot outlast the call."""

    def __init__(self, inner: httpcore2.NetworkStream, allowances: Allowances) -> None:
        self._inner = inner
        self._allowances = allowances

    def read(self, max_bytes: int, timeout: float | None = None) -> bytes:
        allowance = self._allowances.current()
        if allowance is None:
            return self._inner.read(max_bytes, timeout)
        data = self._inner.read(max_bytes, allowance.seconds(timeout))
        allowance.take(len(data))
        return data

    def write(self, buffer: bytes, timeout: float | None = None) -> None:
        self._inner.write(buffer, self._bounded(timeout))

    def close(self) -> None:
        self._inner.close()

    def start_tls(
        self, ssl_context: ssl.SSLContext, server_hostname: str | None = None, timeout: float | None = None
    ) -> httpcore2.NetworkStream:
        secured = self._inner.start_tls(ssl_context, server_hostname, self._bounded(timeout))
        return BoundedStream(secured, self._allowances)

    def get_extra_info(self, info: str) -> Any:  # noqa: ANN401 - the vendor's signature
        return self._inner.get_extra_info(info)

    def _bounded(self, timeout: float | None) -> float | None:
        allowance = self._allowances.current()
        return timeout if allowance is None else allowance.seconds(timeout)


class BoundedBackend(httpcore2.NetworkBackend):
    """Opens bounded sockets.  Name resolution has no timeout of its own; the system's resolver bounds it."""

    def __init__(self, inner: httpcore2.NetworkBackend, allowances: Allowances) -> None:
        self._inner = inner
        self._allowances = allowances

    def connect_tcp(
        self,
        host: str,
        port: int,
        timeout: float | None = None,
        local_address: str | None = None,
        socket_options: Iterable[httpcore2.SOCKET_OPTION] | None = None,
    ) -> httpcore2.NetworkStream:
        allowance = self._allowances.current()
        bounded = timeout if allowance is None else allowance.seconds(timeout)
        stream = self._inner.connect_tcp(host, port, bounded, local_address, socket_options)
        return BoundedStream(stream, self._allowances)


class BoundedBody(httpx2.SyncByteStream):
    """An answer's body that is read on the allowance of its call, in whatever thread reads it."""

    def __init__(self, inner: httpx2.SyncByteStream, allowance: Allowance, allowances: Allowances) -> None:
        self._inner = inner
        self._allowance = allowance
        self._allowances = allowances

    def __iter__(self) -> Iterator[bytes]:
        parts = iter(self._inner)
        while True:
            with self._allowances.use(self._allowance):
                part = next(parts, None)
            if part is None:
                return
            yield part

    def close(self) -> None:
        self._inner.close()


class BoundedTransport(httpx2.BaseTransport):
    """Gives every request ``call_seconds`` from its start to the last byte of its (uncompressed) answer."""

    def __init__(
        self,
        inner: httpx2.BaseTransport,
        allowances: Allowances,
        call_seconds: float,
        most_bytes: int = MOST_ANSWER_BYTES,
    ) -> None:
        self._inner = inner
        self._allowances = allowances
        self._call_seconds = call_seconds
        self._most_bytes = most_bytes

    def handle_request(self, request: httpx2.Request) -> httpx2.Response:
        allowance = Allowance(time.monotonic() + self._call_seconds, self._most_bytes)
        with self._allowances.use(allowance):
            response = self._inner.handle_request(request)
        if response.headers.get("content-encoding", "identity") != "identity":
            response.close()  # we ask for plain answers: a compressed one may be far larger than it looks
            raise httpx2.DecodingError("the answer is compressed, which nobody asked for", request=request)
        if isinstance(response.stream, httpx2.SyncByteStream):
            response.stream = BoundedBody(response.stream, allowance, self._allowances)
        return response

    def close(self) -> None:
        self._inner.close()
