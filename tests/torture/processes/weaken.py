"""Helpdesks, and adapters, without one of the precautions that the connector relies on."""

from __future__ import annotations

import json
import threading
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from typing import Any

from connector.sandbox.server import App, Request, Response
from tests.torture.processes.audit import OURS
from tests.torture.processes.steps import sender_of

Weaken = Callable[[str, Request, App], Response]

# --- Zendesk ----------------------------------------------------------------------------------------------


def without_safe_update(kind: str, request: Request, app: App) -> Response:
    """Writes whatever the ticket has become meanwhile."""
    if kind not in {"write", "bulk"}:
        return app(request)
    body: Any = request.json()
    for ticket in body.get("tickets") or [body["ticket"]]:
        ticket.pop("safe_update", None)
        ticket.pop("updated_stamp", None)
    return app(replace(request, body=json.dumps(body).encode()))


def without_memory(kind: str, request: Request, app: App) -> Response:
    """Writes unconditionally, and does not show who wrote what."""
    if kind != "audits":
        return without_safe_update(kind, request, app)
    response = app(request)
    body = json.loads(response.body)
    return replace(response, body=json.dumps(body | {"audits": []}).encode())


# --- Pylon: what the adapter does is undone on the way -----------------------------------------------------


def without_merging(kind: str, request: Request, app: App) -> Response:
    """The list of tags holds ours alone."""
    if kind != "write":
        return app(request)
    body: Any = request.json()
    if "tags" in body:
        body["tags"] = [tag for tag in body["tags"] if tag.startswith(OURS)]
    return app(replace(request, body=json.dumps(body).encode()))


@dataclass
class Stale:
    """A look at an issue shows what the request of the kind ``after`` right before it showed.

    After "read", the last look before a write is none; after "write", nobody sees what became of it.
    """

    after: str
    _known: dict[tuple[str, str], bytes] = field(default_factory=dict)
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def __call__(self, kind: str, request: Request, app: App) -> Response:
        response = app(request)
        if response.status != 200 or kind not in {"read", "write"}:
            return response
        key = (sender_of(request)[0], request.path)
        with self._lock:
            known = self._known.pop(key, None)
            if kind == self.after and known is None:
                self._known[key] = response.body
        return response if known is None or kind == "write" else replace(response, body=known)
