"""Amazon's door: InvokeModel of the Bedrock runtime.

Sources: the API reference of InvokeModel and InvokeModelWithResponseStream, "Signature Version 4", and the
vendor's page "Claude on Amazon Bedrock".  A signature must be there and be well-formed, its key must be known
and its headers present; whether it is right is not computed.
"""

from __future__ import annotations

import base64
import json
import re
import struct
import zlib
from collections.abc import Iterator, Mapping
from itertools import islice
from typing import Any

from connector.sandbox.claude_api.doors import Knock, is_key, read_body, render_reply, take_version
from connector.sandbox.claude_api.message import message_events
from connector.sandbox.claude_api.messages import LATEST_VERSION, Reply
from connector.sandbox.claude_api.rejection import Rejected, invalid
from connector.sandbox.server import Request, Response, json_response

_PATH = re.compile(r"/model/(?P<model>.+)/invoke(?P<stream>-with-response-stream)?")
_MODEL = re.compile(
    r"(?:arn:.+/)?(?:(?:global|us|eu|jp|apac|au)\.)?anthropic\.(?P<id>[a-z0-9-]+?)(?:-v\d(?::\d)?)?"
)
_SIGNATURE = re.compile(
    r"AWS4-HMAC-SHA256 Credential=(?P<key>[^/,\s]+)/\d{8}/[a-z0-9-]+/bedrock/aws4_request, "
    r"SignedHeaders=(?P<headers>[a-z0-9;-]+), Signature=[0-9a-f]{64}"
)
_OLD_VERSION = "bedrock-2023-05-31"
# Those that came before the API version with a date, and still have structured outputs here.
_OLDER = re.compile(r"claude-(haiku-4-5|sonnet-4-[56]|opus-4-[56])(-\d{8})?")
_TYPES = {
    400: "ValidationException",
    403: "AccessDeniedException",
    404: "ResourceNotFoundException",
    408: "ModelTimeoutException",
    424: "ModelErrorException",
    429: "ThrottlingException",
    500: "InternalServerException",
    503: "ServiceUnavailableException",
}
_ELSEWHERE = {401: 403, 402: 403, 413: 400, 504: 408, 529: 503}  # statuses that Bedrock does not use


class AmazonDoor:
    """``POST /model/{id}/invoke`` and ``…/invoke-with-response-stream``."""

    def opens(self, request: Request) -> bool:
        return request.method == "POST" and _PATH.fullmatch(request.path) is not None

    def read(self, request: Request, key: str) -> Knock:
        """Where the real service's order is not documented, credentials come first."""
        _authenticate(request, key)
        found = _PATH.fullmatch(request.path)
        named = _MODEL.fullmatch(found["model"]) if found else None
        if found is None or named is None:
            raise invalid("The provided model identifier is invalid.")
        body = read_body(request)
        if "stream" in body:
            raise invalid("stream: Extra inputs are not permitted")
        version = take_version(body, _OLD_VERSION, LATEST_VERSION)
        older = _OLDER.fullmatch(named["id"])
        if older and version == LATEST_VERSION:
            raise invalid(f'anthropic_version: "{version}" is not supported for this model')
        if not older and "format" in (body.get("output_config") or {}):
            raise invalid("output_config.format: Extra inputs are not permitted")
        return Knock(body | {"model": named["id"], "stream": found["stream"] is not None}, version)

    def render(self, reply: Reply, request_id: str) -> Response:
        headers = {"x-amzn-requestid": request_id}
        if reply.request.stream and reply.scripted.body is None:
            kind = {"Content-Type": "application/vnd.amazon.eventstream"}
            return Response(200, kind | headers, chunks=_frames(reply))
        return render_reply(reply, headers)

    def refuse(self, rejected: Rejected, request_id: str) -> Response:
        status = _ELSEWHERE.get(rejected.status, rejected.status)
        kind = rejected.details and rejected.details.get("type")
        headers = {
            "x-amzn-requestid": request_id,
            "x-amzn-errortype": f"{kind or _TYPES.get(status, 'UnknownException')}:http://internal.amazon.com/",
        }
        return json_response({"message": rejected.message}, status, headers | rejected.headers)


def _authenticate(request: Request, key: str) -> None:
    given = request.headers.get("authorization", "")
    if given.startswith("Bearer "):  # an API key of Bedrock
        known = is_key(given.removeprefix("Bearer "), key)
    else:
        signature = _SIGNATURE.fullmatch(given)
        if signature is None or not _is_covered(request.headers, signature["headers"].split(";")):
            raise Rejected(
                403, "Missing Authentication Token", details={"type": "MissingAuthenticationToken"}
            )
        known = is_key(signature["key"], key)
    if not known:
        kind = {"type": "UnrecognizedClientException"}
        raise Rejected(403, "The security token included in the request is invalid.", details=kind)


def _is_covered(headers: Mapping[str, str], signed: list[str]) -> bool:
    """Whether host and time are signed, and everything signed has arrived."""
    return {"host", "x-amz-date"} <= set(signed) and all(name in headers for name in signed)


def _frames(reply: Reply) -> Iterator[bytes]:
    for event in islice(message_events(reply.message), reply.scripted.cut_after):
        yield _frame({"bytes": base64.b64encode(json.dumps(event).encode()).decode()})


def _frame(payload: Mapping[str, Any]) -> bytes:
    """One message of application/vnd.amazon.eventstream: lengths, checksum, headers, payload, checksum."""
    body = json.dumps(payload).encode()
    named = {":event-type": "chunk", ":content-type": "application/json", ":message-type": "event"}
    headers = b"".join(
        struct.pack(">B", len(name)) + name.encode() + struct.pack(">BH", 7, len(value)) + value.encode()
        for name, value in named.items()
    )
    prelude = struct.pack(">II", 16 + len(headers) + len(body), len(headers))
    start = prelude + struct.pack(">I", zlib.crc32(prelude)) + headers + body
    return start + struct.pack(">I", zlib.crc32(start))
