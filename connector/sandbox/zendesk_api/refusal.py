"""Refusals in the shapes the API uses: mostly a code and a description; OAuth and newer endpoints differ."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import Any

from connector.sandbox.server import Response, json_response

Details = Mapping[str, list[dict[str, Any]]]

_NO_ACCESS = (
    "You do not have access to this page. "
    "Please contact the account owner of this help desk for further help."
)
_OUTDATED = (
    "Safe Update prevented the update due to outdated ticket data. "
    "Please fetch the latest ticket data and try again."
)
_CLOSED = MappingProxyType(
    {
        "en": "Status: closed prevents ticket update",
        "de": "Status: Geschlossene Tickets können nicht aktualisiert werden",
        "pt-BR": "Status: fechado impede a atualização do ticket",
    }
)
LOCALES = tuple(_CLOSED)


class Refused(Exception):
    """The API turns a request down with this status and body."""

    def __init__(self, status: int, body: object, headers: Mapping[str, str] | None = None) -> None:
        super().__init__(f"{status} {body}")
        self.status = status
        self.body = body
        self.headers = dict(headers or {})

    def response(self) -> Response:
        return json_response(self.body, self.status, self.headers)


def refused(status: int, error: str, description: str, **more: object) -> Refused:
    """``{"error": …, "description": …}`` and further keys."""
    return Refused(status, {"error": error, "description": description, **more})


def not_found() -> Refused:
    return refused(404, "RecordNotFound", "Not found")


def invalid(details: Details) -> Refused:
    """422 with the reasons by field."""
    return refused(422, "RecordInvalid", "Record validation errors", details=dict(details))


def closed(locale: str) -> Refused:
    """A closed ticket cannot be changed; the sentence is in the account's language."""
    return invalid({"status": [{"error": "ClosedTicket", "description": _CLOSED[locale]}]})


def conflict() -> Refused:
    """The ticket moved after the stamp (vendor page "Tickets", safe updates)."""
    return refused(409, "UpdateConflict", _OUTDATED)


def too_many_values(limit: int) -> Refused:
    return refused(
        400,
        "TooManyValues",
        f"Parameter  cannot specify more than {limit} values",
        max_count=limit,
    )


def bad_page(detail: str) -> Refused:
    """400 in the shape of the newer endpoints: a list of errors."""
    error = {"code": "InvalidPaginationParameter", "title": "Invalid pagination parameter", "detail": detail}
    return Refused(400, {"errors": [{"status": "400", **error}]})


def forbidden() -> Refused:
    """403, whose ``error`` is an object."""
    return Refused(403, {"error": {"title": "Forbidden", "message": _NO_ACCESS}})


def oauth(status: int, error: str, description: str) -> Refused:
    return Refused(status, {"error": error, "error_description": description})


def invalid_token() -> Refused:
    reason = "The access token provided is expired, revoked, malformed or invalid for other reasons."
    return oauth(401, "invalid_token", reason)


def unauthenticated() -> Refused:
    return Refused(401, {"error": "Couldn't authenticate you"})
