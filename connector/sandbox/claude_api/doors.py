"""The doors through which clients reach the emulated models: the vendor's own, Amazon's and Google's."""

from __future__ import annotations

import hmac
import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Protocol

from connector.sandbox.claude_api.message import stream_message
from connector.sandbox.claude_api.messages import Reply
from connector.sandbox.claude_api.rejection import Rejected, invalid
from connector.sandbox.server import Request, Response, json_response

MAX_BATCH_BYTES = 256 * 1024 * 1024
_MAX_BODY_BYTES = 32 * 1024 * 1024


@dataclass(frozen=True, slots=True)
class Knock:
    """A request for a message at somebody else's door, in the form of the vendor's own API."""

    body: Mapping[str, Any]
    version: str


class Door(Protocol):
    """Another provider's way of asking for a message: address, credentials, and the shapes of answers."""

    def opens(self, request: Request) -> bool:
        """Whether the request came to this door."""
        ...

    def read(self, request: Request, key: str) -> Knock:
        """Check credentials and form; ``key`` is the one that this account has.  Raises Rejected."""
        ...

    def render(self, reply: Reply, request_id: str) -> Response: ...

    def refuse(self, rejected: Rejected, request_id: str) -> Response: ...


def read_body(request: Request, most_bytes: int = _MAX_BODY_BYTES) -> dict[str, Any]:
    """The JSON object in a request's body; raises Rejected."""
    if len(request.body) > most_bytes:
        raise Rejected(413, "Request exceeds the maximum size")
    try:
        body = json.loads(request.body)
    except ValueError as error:
        raise invalid("The request body is not valid JSON") from error
    if not isinstance(body, dict):
        raise invalid("Input should be an object")
    return body


def take_version(body: dict[str, Any], old: str, latest: str) -> str:
    """The API version, which other doors want in the body; ``old`` is what they call the first one.

    The model's name belongs into the address there.
    """
    if "model" in body:
        raise invalid("model: Extra inputs are not permitted")
    version = body.pop("anthropic_version", None)
    if version is None:
        raise invalid("anthropic_version: Field required")
    if version not in {old, latest}:
        raise invalid(f'anthropic_version: "{version}" is not a valid version')
    return latest if version == latest else "2023-06-01"


def is_key(given: str, key: str) -> bool:
    return hmac.compare_digest(given.encode(), key.encode())


def render_reply(reply: Reply, headers: Mapping[str, str]) -> Response:
    """An answer in the vendor's own shape: JSON, or server-sent events."""
    scripted = reply.scripted
    if scripted.body is not None:
        return Response(200, {"Content-Type": scripted.content_type} | dict(headers), scripted.body)
    if reply.request.stream:
        streaming = {"Content-Type": "text/event-stream; charset=utf-8"} | dict(headers)
        return Response(200, streaming, chunks=stream_message(reply.message, scripted.cut_after))
    return json_response(reply.message, 200, headers)
