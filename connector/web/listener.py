"""The listener: the endpoint on its address, served by a thread of its own with few and short connections."""

from __future__ import annotations

import asyncio
import socket
import threading
from typing import Any, Self

import uvicorn
from starlette.applications import Starlette
from uvicorn.protocols.http.h11_impl import H11Protocol

from connector.errors import SettingsError

CONNECTION_SECONDS = 10.0  # from its first byte to its last; Zendesk does not wait longer for an answer
MOST_CONNECTIONS = 64
_MOST_HEADER_BYTES = 16_384
_STOP_SECONDS = 3


class Listener:
    """Listens from its making on; answers between `start` and `stop`, or inside a ``with``.

    Raises SettingsError when the address is taken, or is not one of this machine.
    """

    def __init__(
        self,
        app: Starlette,
        host: str,
        port: int,
        *,
        connection_seconds: float = CONNECTION_SECONDS,
        most_connections: int = MOST_CONNECTIONS,
    ) -> None:
        self._socket = _bind(host, port)
        self._server = uvicorn.Server(
            uvicorn.Config(
                app,
                http=_hasty(connection_seconds, most_connections),
                loop="asyncio",
                ws="none",
                lifespan="off",
                interface="asgi3",
                # Whoever sends nonsense must not be able to fill the log; what matters is told as events.
                log_config=None,
                log_level="critical",
                access_log=False,
                server_header=False,
                proxy_headers=False,
                headers=[("Connection", "close")],  # one delivery each: nothing is gained by keeping it open
                h11_max_incomplete_event_size=_MOST_HEADER_BYTES,
                backlog=MOST_CONNECTIONS,
                timeout_graceful_shutdown=_STOP_SECONDS,
            )
        )
        self._thread = threading.Thread(target=self._serve, name="webhooks", daemon=True)

    @property
    def address(self) -> str:
        """``host:port``; with port 0 in the settings the one that was free."""
        host, port = self._socket.getsockname()[:2]
        return f"[{host}]:{port}" if ":" in host else f"{host}:{port}"

    def start(self) -> Self:
        self._thread.start()
        return self

    def stop(self) -> None:
        """Take nothing more, let answers under way finish, and return after a few seconds at the latest."""
        self._server.should_exit = True
        if self._thread.is_alive():
            self._thread.join(2 * _STOP_SECONDS)
        self._socket.close()

    def _serve(self) -> None:
        self._server.run(sockets=[self._socket])

    def __enter__(self) -> Self:
        return self.start()

    def __exit__(self, *_exc: Any) -> None:  # noqa: ANN401 - whatever ends the block
        self.stop()


def _hasty(seconds: float, most: int) -> type[H11Protocol]:
    """The protocol of connections that are cut after ``seconds``, and at once beyond ``most`` of them.

    uvicorn itself waits for ever for headers and bodies that come a byte at a time.
    """

    class Hasty(H11Protocol):
        def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]  # uvicorn's own
            super().connection_made(transport)
            self.deadline = self.loop.call_later(seconds, transport.abort)
            if len(self.connections) > most:
                transport.abort()

        def connection_lost(self, exc: Exception | None) -> None:
            self.deadline.cancel()
            super().connection_lost(exc)

    return Hasty


def _bind(host: str, port: int) -> socket.socket:
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    try:
        return socket.create_server((host, port), family=family, backlog=MOST_CONNECTIONS)
    except (OSError, OverflowError) as error:
        reason = getattr(error, "strerror", None) or "it is no address of this machine"
        raise SettingsError(
            f"[nudge] listen = {host}:{port}: {reason}; stop what listens there, or choose another port"
        ) from None
