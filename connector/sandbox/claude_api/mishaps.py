"""What goes wrong at Claude in particular, as behaviours for a fault: refusals in the API's own shape."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from connector.sandbox.claude_api.rejection import Rejected
from connector.sandbox.faults import Behaviour
from connector.sandbox.server import Request, Response, json_response

MISHAP_ID = "req_mishap"


def refuse(
    status: int,
    message: str = "Something went wrong.",
    *,
    details: Mapping[str, Any] | None = None,
    headers: Mapping[str, str] | None = None,
) -> Behaviour:
    """An error of the API instead of an answer; no model was asked and nothing is billed."""
    rejected = Rejected(status, message, details=details, headers=headers)

    def behave(_request: Request, _app: object) -> Response:
        sent = {"request-id": MISHAP_ID} | rejected.headers
        return json_response(rejected.body(MISHAP_ID), status, sent)

    return behave
