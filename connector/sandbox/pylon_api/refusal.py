"""Refusals as the API words them: a list with one message, a request id, and since 2026 often a code."""

from __future__ import annotations

from typing import Any


class Refused(Exception):
    """The API turns a request down.  ``code`` is what a client can rely on; the message may be reworded."""

    def __init__(self, status: int, message: str, code: str | None = None) -> None:
        super().__init__(f"{status} {message}")
        self.status = status
        self.message = message
        self.code = code

    def body(self, *, codes: bool = True) -> dict[str, Any]:
        told: dict[str, Any] = {"errors": [self.message]}
        return told | {"code": self.code} if codes and self.code else told


def bad_request(message: str) -> Refused:
    """400; no code is documented for these."""
    return Refused(400, message)


def not_found(what: str = "resource") -> Refused:
    return Refused(404, f"{what} not found", "not_found")


def permission_denied() -> Refused:
    return Refused(403, "this token is not allowed to perform this operation", "permission_denied")


def invalid_header() -> Refused:
    """401: no ``Authorization: Bearer …`` at all."""
    return Refused(401, "the authorization header is missing or malformed", "invalid_authorization_header")


def invalid_token() -> Refused:
    return Refused(401, "the API token is invalid", "invalid_api_token")


def wrong_region() -> Refused:
    """401: a token of the other region; nothing in a token says where it belongs."""
    return Refused(401, "this token belongs to another region", "wrong_region_token")


def too_many_requests() -> Refused:
    return Refused(429, "rate limit exceeded, please try again later")
