"""A small real web server on this machine, for the emulators to be talked to over real connections."""

from __future__ import annotations

import json
import logging
import math
import socket
import struct
import threading
import time
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from email.utils import formatdate
from enum import StrEnum
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, Self
from urllib.parse import parse_qsl, unquote

_LOG = logging.getLogger("connector.sandbox")


class Cut(StrEnum):
    """Where a connection ends instead of carrying the whole response."""

    BEFORE_HEADERS = "before headers"
    INSIDE_HEADERS = "inside headers"
    INSIDE_BODY = "inside body"
    RESET = "reset"


@dataclass(frozen=True, slots=True)
class Wire:
    """How the connection treats a response.  ``delay_seconds`` may be ``math.inf``: no answer, ever."""

    delay_seconds: float = 0.0
    cut: Cut | None = None
    drip_seconds: float = 0.0  # between single bytes of the body

    @property
    def is_mute(self) -> bool:
        """Whether not even the status reaches the client."""
        return self.cut not in {None, Cut.INSIDE_BODY} or math.isinf(self.delay_seconds)


@dataclass(frozen=True, slots=True)
class Request:
    """What a client asked.  Header names are in lower case; ``path`` is decoded and has no query."""

    method: str
    path: str
    query: Mapping[str, str] = field(default_factory=dict)
    headers: Mapping[str, str] = field(default_factory=dict)
    body: bytes = b""

    def json(self) -> Any:  # noqa: ANN401 -- JSON is anything
        """The body as JSON; ValueError when it is none."""
        return json.loads(self.body)


@dataclass(frozen=True, slots=True)
class Response:
    """What an emulator answers; ``chunks`` instead of ``body`` streams (server-sent events)."""

    status: int = 200
    headers: Mapping[str, str] = field(default_factory=dict)
    body: bytes = b""
    chunks: Iterable[bytes] | None = None
    wire: Wire = field(default_factory=Wire)


App = Callable[[Request], Response]


def json_response(value: object, status: int = 200, headers: Mapping[str, str] | None = None) -> Response:
    """``value`` as a JSON response."""
    body = json.dumps(value, ensure_ascii=False, separators=(",", ":")).encode()
    return Response(status, {"Content-Type": "application/json; charset=utf-8"} | dict(headers or {}), body)


class LocalServer:
    """An emulator on 127.0.0.1; ``start`` and ``stop`` it, or use it in a ``with``."""

    def __init__(self, app: App, port: int = 0, now: Callable[[], float] = time.time) -> None:
        self._app = app
        self._now = now
        self._open(port)

    def _open(self, port: int) -> None:
        self._server = _Server(self._app, port, self._now)
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.02,), daemon=True)

    @property
    def url(self) -> str:
        """``http://127.0.0.1:<port>``, without a slash at the end."""
        return f"http://127.0.0.1:{self._server.server_address[1]}"

    def start(self) -> Self:
        self._thread.start()
        return self

    def stop(self) -> None:
        """Refuse new connections, cut the open ones, and return when all is quiet."""
        self._server.stopping.set()
        if self._thread.is_alive():
            self._server.shutdown()
            self._thread.join()
        self._server.server_close()
        self._server.hang_up()

    @contextmanager
    def absence(self) -> Iterator[None]:
        """Nobody listens meanwhile, so connections are refused; afterwards the port is the same as before."""
        self.stop()
        try:
            yield
        finally:
            self._open(self._server.server_address[1])
            self.start()

    def __enter__(self) -> Self:
        return self.start()

    def __exit__(self, *_exc: object) -> None:
        self.stop()


def serve(app: App, port: int = 0, now: Callable[[], float] = time.time) -> LocalServer:
    """``with serve(app) as running: running.url`` — port 0 picks a free one; ``now`` is its clock (epoch)."""
    return LocalServer(app, port, now)


class _Server(ThreadingHTTPServer):
    daemon_threads = True
    request_queue_size = 512

    def __init__(self, app: App, port: int, now: Callable[[], float]) -> None:
        self.app = app
        self.now = now
        self.stopping = threading.Event()
        self._open: set[socket.socket] = set()
        self._changed = threading.Condition()
        super().__init__(("127.0.0.1", port), _Connection)

    def opened(self, connection: socket.socket) -> None:
        with self._changed:
            self._open.add(connection)
            if self.stopping.is_set():
                _shut(connection)

    def closed(self, connection: socket.socket) -> None:
        with self._changed:
            self._open.discard(connection)
            self._changed.notify_all()

    def hang_up(self) -> None:
        """Cut what is still open and wait, five seconds at most, for the threads to notice."""
        with self._changed:
            for connection in self._open:
                _shut(connection)
            self._changed.wait_for(lambda: not self._open, timeout=5)

    def handle_error(self, request: object, client_address: object) -> None:  # noqa: ARG002 -- the stdlib's signature
        """A client that went away is no news; the rest is logged where the tests see it."""
        _LOG.debug("connection ended early", exc_info=True)


class _Connection(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True
    server: _Server

    def setup(self) -> None:
        super().setup()
        self.server.opened(self.connection)

    def finish(self) -> None:
        try:
            super().finish()
        finally:
            self.server.closed(self.connection)

    def log_message(self, format: str, *args: object) -> None:
        """Silence: the emulators keep their own record of requests."""

    def _handle(self) -> None:
        path, _, query = self.path.partition("?")
        headers = {name.lower(): value for name, value in self.headers.items()}
        length = int(headers.get("content-length") or 0)
        body = self.rfile.read(length) if length else b""
        pairs = dict(parse_qsl(query, keep_blank_values=True))
        request = Request(self.command, unquote(path), pairs, headers, body)
        try:
            response = self.server.app(request)
        except Exception:  # noqa: BLE001 -- a bug of an emulator must look like a failing service
            _LOG.exception("the emulator failed at %s %s", request.method, request.path)
            response = json_response({"error": "SandboxBug"}, 500)
        self._answer(response)

    do_GET = do_POST = do_PUT = do_PATCH = do_DELETE = do_HEAD = _handle  # noqa: N815 -- the stdlib's names

    def _answer(self, response: Response) -> None:
        wire = response.wire
        if self._pauses(wire.delay_seconds):
            self.close_connection = True
        elif wire.cut is not None:
            self._cut(response, wire.cut)
        elif wire.drip_seconds:
            self._drip(response)
        elif response.chunks is not None:
            self._stream(response, response.chunks)
        else:
            # One write: a second small one would wait 40 ms for the client's delayed acknowledgement.
            body = b"" if self.command == "HEAD" else response.body
            self.wfile.write(self._head(response) + body)

    def _pauses(self, seconds: float) -> bool:
        """Wait; True when the server stopped meanwhile."""
        if seconds <= 0:
            return False
        return self.server.stopping.wait(None if math.isinf(seconds) else seconds)

    def _head(self, response: Response) -> bytes:
        try:
            phrase = HTTPStatus(response.status).phrase
        except ValueError:
            phrase = ""
        headers = {"Date": formatdate(self.server.now(), usegmt=True)} | dict(response.headers)
        if response.chunks is not None:
            headers["Transfer-Encoding"] = "chunked"
        else:
            headers["Content-Length"] = str(len(response.body))
        lines = [f"HTTP/1.1 {response.status} {phrase}"]
        lines += [f"{name}: {value}" for name, value in headers.items()]
        return ("\r\n".join(lines) + "\r\n\r\n").encode("latin-1", "replace")

    def _cut(self, response: Response, cut: Cut) -> None:
        self.close_connection = True
        head = self._head(response)
        if cut is Cut.INSIDE_HEADERS:
            self.wfile.write(head[: head.index(b"\r\n") + 8])
        elif cut is Cut.INSIDE_BODY:
            self.wfile.write(head + response.body[: len(response.body) // 2])
        elif cut is Cut.RESET:
            self.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
            self.rfile.close()  # the last other owner of the descriptor: only then does close() reset
            self.connection.close()

    def _drip(self, response: Response) -> None:
        self.close_connection = True
        self.wfile.write(self._head(response))
        for position in range(len(response.body)):
            self.wfile.write(response.body[position : position + 1])
            if self._pauses(response.wire.drip_seconds):
                return

    def _stream(self, response: Response, chunks: Iterable[bytes]) -> None:
        self.wfile.write(self._head(response))
        for chunk in chunks:
            if chunk:
                self.wfile.write(b"%x\r\n%b\r\n" % (len(chunk), chunk))
        self.wfile.write(b"0\r\n\r\n")


def _shut(connection: socket.socket) -> None:
    try:
        connection.shutdown(socket.SHUT_RDWR)
    except OSError:
        return  # already gone, which is what was wanted
