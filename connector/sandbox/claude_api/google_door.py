"""Google's door: rawPredict of Vertex AI's publisher models.

Sources: "Request predictions with Claude models" and "Structured outputs with Anthropic Claude models" at
docs.cloud.google.com.  The organization's policy is the default one, which allows no structured outputs.
"""

from __future__ import annotations

import re

from connector.sandbox.claude_api.doors import Knock, is_key, read_body, render_reply, take_version
from connector.sandbox.claude_api.messages import LATEST_VERSION, Reply
from connector.sandbox.claude_api.rejection import Rejected
from connector.sandbox.server import Request, Response, json_response

_PATH = re.compile(
    r"/v1/projects/(?P<project>[a-z0-9-]+)/locations/[a-z0-9-]+/publishers/anthropic/models/"
    r"(?P<model>[a-z0-9@-]+):(?P<verb>rawPredict|streamRawPredict)"
)
_OLD_VERSION = "vertex-2023-10-16"
_STATUSES = {
    400: "INVALID_ARGUMENT",
    401: "UNAUTHENTICATED",
    403: "PERMISSION_DENIED",
    404: "NOT_FOUND",
    429: "RESOURCE_EXHAUSTED",
    500: "INTERNAL",
    503: "UNAVAILABLE",
    504: "DEADLINE_EXCEEDED",
}
_POLICY = "constraints/vertexai.allowedPartnerModelFeatures"


class GoogleDoor:
    """``POST /v1/projects/…/models/{id}:rawPredict`` and ``:streamRawPredict``."""

    def opens(self, request: Request) -> bool:
        return request.path.startswith("/v1/projects/")

    def read(self, request: Request, key: str) -> Knock:
        scheme, _, token = request.headers.get("authorization", "").partition(" ")
        if scheme != "Bearer" or not is_key(token, key):
            raise Rejected(401, "Request had invalid authentication credentials.")
        found = _PATH.fullmatch(request.path)
        if found is None or request.method != "POST":
            raise Rejected(404, "Not found")
        body = read_body(request)
        version = take_version(body, _OLD_VERSION, LATEST_VERSION)
        if "format" in (body.get("output_config") or {}):
            where = f"Organization Policy constraint {_POLICY} violated for `projects/{found['project']}`"
            raise Rejected(
                400,
                f"{where} attempting to use a disallowed feature structured_outputs.",
                details={"status": "FAILED_PRECONDITION"},
            )
        asked = body | {"model": found["model"].replace("@", "-")}
        return Knock(asked | {"stream": found["verb"] == "streamRawPredict"}, version)

    def render(self, reply: Reply, request_id: str) -> Response:  # noqa: ARG002 - Google sends none
        return render_reply(reply, {})

    def refuse(self, rejected: Rejected, request_id: str) -> Response:
        """Google's own refusals in Google's shape; those of the model's API come through as they are."""
        if rejected.status == 400 and rejected.details is None:
            return json_response(rejected.body(request_id), 400, rejected.headers)
        word = (rejected.details or {}).get("status") or _STATUSES.get(rejected.status, "UNKNOWN")
        error = {"code": rejected.status, "message": rejected.message, "status": word}
        return json_response({"error": error}, rejected.status, rejected.headers)
