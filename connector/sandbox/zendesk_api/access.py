"""Who may do what: OAuth tokens that expire, the legacy API token, and the roles and scopes behind them."""

from __future__ import annotations

import base64
import hmac
import secrets
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import parse_qsl

from connector.sandbox.server import Request, Response, json_response
from connector.sandbox.zendesk_api import refusal
from connector.sandbox.zendesk_api.rendering import moment

# Bounds of ``expires_in``, both excluded (vendor page "OAuth tokens for grant types").
_MIN_SECONDS, _MAX_SECONDS = 300, 172_800


@dataclass(frozen=True, slots=True)
class Credentials:
    """What the account accepts; None switches a way off."""

    client_id: str | None = "connector"
    client_secret: str | None = field(default="sandbox-secret", repr=False)
    email: str | None = "connector@example.com"
    api_token: str | None = field(default="sandbox-token", repr=False)


@dataclass(frozen=True, slots=True)
class Token:
    value: str = field(repr=False)
    scopes: frozenset[str]
    created_at: float
    expires_at: float


@dataclass(slots=True)
class Access:
    """The account's door.  ``token_seconds`` is the life of a token whose request named none."""

    now: Callable[[], float]
    credentials: Credentials
    token_seconds: float = 1800
    minted: int = 0
    _tokens: dict[str, Token] = field(default_factory=dict)

    def mint(self, request: Request) -> Response:
        """``POST /oauth/tokens``: client credentials only; ``expires_in`` is echoed only when it was sent."""
        asked = _form(request)
        if asked.get("grant_type") != "client_credentials":
            raise refusal.oauth(400, "unsupported_grant_type", "The grant type is not supported.")
        ours = self.credentials
        if not (
            _same(asked.get("client_id"), ours.client_id)
            and _same(asked.get("client_secret"), ours.client_secret)
        ):
            raise refusal.oauth(401, "invalid_client", "Client authentication failed.")
        seconds = self.token_seconds if asked.get("expires_in") is None else _lifetime(asked["expires_in"])
        scope = str(asked.get("scope") or "read write")
        value = secrets.token_hex(32)
        now = self.now()
        self._tokens[value] = Token(value, frozenset(scope.split()), now, now + seconds)
        self.minted += 1
        body: dict[str, Any] = {"access_token": value, "token_type": "bearer", "scope": scope}
        if asked.get("expires_in") is not None:
            body["expires_in"] = int(seconds)
        return json_response(body)

    def show_current(self, request: Request) -> Response:
        """``GET /api/v2/oauth/tokens/current``."""
        token = self._bearer(request)
        if token is None:
            raise refusal.not_found()
        shown = {"scopes": sorted(token.scopes), "created_at": moment(token.created_at)}
        return json_response({"token": shown | {"expires_at": moment(token.expires_at)}})

    def revoke_all(self) -> None:
        """Every token given out so far is worth nothing from now on."""
        self._tokens.clear()

    def knows(self, request: Request) -> bool:
        """Whether the request comes from the API user."""
        return self._bearer(request) is not None or self._is_basic(request)

    def require(self, request: Request, *scopes: str) -> None:
        """Refused with 401 without valid credentials, with 403 when a token has none of ``scopes``."""
        token = self._bearer(request)
        if token is None:
            if self._is_basic(request):
                return  # an API token can do everything its user can
            bearer = request.headers.get("authorization", "").lower().startswith("bearer ")
            raise refusal.invalid_token() if bearer else refusal.unauthenticated()
        if not token.scopes & frozenset(scopes):
            raise refusal.forbidden()

    def _bearer(self, request: Request) -> Token | None:
        scheme, _, value = request.headers.get("authorization", "").partition(" ")
        token = self._tokens.get(value) if scheme.lower() == "bearer" else None
        return token if token and token.expires_at > self.now() else None

    def _is_basic(self, request: Request) -> bool:
        scheme, _, value = request.headers.get("authorization", "").partition(" ")
        if scheme.lower() != "basic" or self.credentials.email is None or self.credentials.api_token is None:
            return False
        pair = f"{self.credentials.email}/token:{self.credentials.api_token}"
        return _same(value, base64.b64encode(pair.encode()).decode())


def _form(request: Request) -> dict[str, Any]:
    """The body as JSON or as a form."""
    if "json" not in request.headers.get("content-type", ""):
        return dict(parse_qsl(request.body.decode("utf-8", "replace")))
    try:
        asked = request.json()
    except ValueError:
        asked = None
    if not isinstance(asked, dict):
        raise refusal.oauth(400, "invalid_request", "The request is malformed.")
    return asked


def _lifetime(asked: object) -> int:
    try:
        seconds = int(str(asked))
    except ValueError:
        seconds = 0
    if not _MIN_SECONDS < seconds < _MAX_SECONDS:
        raise refusal.oauth(400, "invalid_request", "expires_in must be between 300 and 172800 seconds.")
    return seconds


def _same(given: object, expected: str | None) -> bool:
    return expected is not None and hmac.compare_digest(str(given).encode(), expected.encode())
