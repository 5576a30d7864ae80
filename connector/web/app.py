"""The endpoint: ``POST /hooks/<helpdesk>`` proves a delivery and takes the ticket's id out of it."""

from __future__ import annotations

from collections.abc import Mapping

from starlette.applications import Starlette
from starlette.requests import ClientDisconnect, Request
from starlette.responses import Response
from starlette.routing import Route

from connector.ports import Clock, Event, Observer
from connector.web.complaints import Complaints
from connector.web.hook import Hook, Refused, Unfit
from connector.web.replays import Replays

_REPEAT_SECONDS = 30  # Zendesk repeats a refused delivery if it may do so within a minute


def build_app(
    hooks: Mapping[str, Hook],
    clock: Clock,
    observer: Observer,
    *,
    most_body_bytes: int,
    window_seconds: float,
) -> Starlette:
    """What was accepted is remembered for twice the window; repeated, it is answered and does nothing."""
    endpoint = _Endpoint(hooks, clock, observer, most_body_bytes, Replays(clock, 2 * window_seconds))
    app = Starlette(
        routes=[
            Route("/hooks/{name}", endpoint.take, methods=["POST"]),
            Route("/livez", _live, methods=["GET"]),
        ],
        exception_handlers={Exception: endpoint.failed},
    )
    app.router.redirect_slashes = False
    return app


async def _live(_request: Request) -> Response:
    """Somebody listens here; says nothing about the work."""
    return Response(status_code=200)


class _Endpoint:
    """Answers 202 accepted · 200 nothing to do · 400 · 401 · 404 · 413 · 503; no answer has a body.

    The body is proven before anything in it is looked at.  Runs on the one thread of its event loop.
    """

    def __init__(
        self,
        hooks: Mapping[str, Hook],
        clock: Clock,
        observer: Observer,
        most_body_bytes: int,
        replays: Replays,
    ) -> None:
        self._hooks = hooks
        self._clock = clock
        self._observer = observer
        self._most_body_bytes = most_body_bytes
        self._replays = replays
        self._complain = Complaints(clock, observer)

    async def take(self, request: Request) -> Response:
        name = str(request.path_params["name"])
        hook = self._hooks.get(name)
        if hook is None:
            return Response(status_code=404)
        try:
            body = await _read(request, self._most_body_bytes)
        except ClientDisconnect:
            return Response(status_code=400)  # nobody is there to hear it
        if body is None:
            return self._refuse(413, name, "the body is too long")
        proof = hook.verify(request.headers, body, self._clock.now())
        if isinstance(proof, Refused):
            return self._refuse(401, name, proof.reason)
        if self._replays.has(name, proof.mark):
            return Response(status_code=200)
        ticket = hook.ticket_in(body)
        if ticket is Unfit.NO_TICKET:
            return self._refuse(400, name, ticket.value)
        if not isinstance(ticket, Unfit) and not hook.take(ticket):
            return Response(status_code=503, headers={"Retry-After": str(_REPEAT_SECONDS)})
        self._replays.add(name, proof.mark)
        return Response(status_code=200 if isinstance(ticket, Unfit) else 202)

    async def failed(self, _request: Request, error: Exception) -> Response:
        """A bug of ours; its message may quote anything, so only its type is told."""
        self._observer(Event("nudge.failed", "error", {"error": type(error).__name__}))
        return Response(status_code=500)

    def _refuse(self, status: int, name: str, reason: str) -> Response:
        self._complain(name, reason)
        return Response(status_code=status)


async def _read(request: Request, most: int) -> bytes | None:
    """The body, or None when it is longer than ``most`` bytes: the rest is not even read then."""
    if int(request.headers.get("content-length", "0")) > most:  # the server has checked that it is a number
        return None
    body = bytearray()
    async for chunk in request.stream():
        body += chunk
        if len(body) > most:
            return None
    return bytes(body)
