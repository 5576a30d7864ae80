"""How the connector proves to Zendesk who it is."""

from __future__ import annotations

import base64
import re
import threading

import msgspec

from connector.errors import AuthRefused, Unavailable
from connector.helpdesk.failure import AnswerLost
from connector.helpdesk.transport import Reply, Transport
from connector.helpdesk.zendesk.refusal import error_codes
from connector.ports import Clock

_WANTED_SECONDS = 3600  # Zendesk allows 300..172,800; a short life bounds what a leaked token is worth
_ASSUMED_SECONDS = 1800.0  # clients created since May 2026 get this unless they ask, and are not told
_MARGIN_SECONDS = 60.0
_TOKEN = re.compile(r"[\x21-\x7e]{1,4096}")


class ApiToken:
    """Zendesk's legacy login: an e-mail address and an API token (they all end on 2027-04-30)."""

    def __init__(self, email: str, api_token: str) -> None:
        self._header = "Basic " + base64.b64encode(f"{email}/token:{api_token}".encode()).decode("ascii")

    def header(self) -> str:
        return self._header

    def renew(self, refused: str) -> bool:  # noqa: ARG002 - part of the protocol
        return False


class _Token(msgspec.Struct):
    access_token: str
    expires_in: float | None = None


_TOKENS = msgspec.json.Decoder(_Token)  # built on import: see payload.py


class OAuthClientCredentials:
    """A short-lived token for the user behind an OAuth client; minted anew before it ends and after a 401.

    Thread-safe: however many threads need a token, one of them mints it.
    (Zendesk: POST /oauth/tokens, grant type client_credentials, which has no refresh token.)
    """

    def __init__(self, tokens: Transport, clock: Clock, client_id: str, client_secret: str) -> None:
        self._tokens = tokens
        self._clock = clock
        self._client_id = client_id
        self._client_secret = client_secret
        self._lock = threading.Lock()
        self._header: str | None = None
        self._renew_at = 0.0

    def header(self) -> str:
        """Raises AuthRefused when Zendesk refuses the client, Unavailable when it does not answer."""
        with self._lock:
            if self._header is None or self._clock.monotonic() >= self._renew_at:
                self._header = self._mint()
            return self._header

    def renew(self, refused: str) -> bool:
        with self._lock:
            if self._header == refused:
                self._header = None
            return True

    def _mint(self) -> str:
        asked_at = self._clock.monotonic()
        try:
            reply = self._ask()
        except AnswerLost as error:
            # A lost token is not a lost write: whatever the token is for has not been sent.
            raise Unavailable(str(error), retry_after_seconds=error.retry_after_seconds) from None
        if not reply.is_ok:
            raise refused_client(f"POST /oauth/tokens answered {reply.status}", reply.body)
        token = _decode(reply)
        lifetime = token.expires_in if token.expires_in and token.expires_in > 0 else _ASSUMED_SECONDS
        self._renew_at = asked_at + max(lifetime - _MARGIN_SECONDS, lifetime / 2)
        return f"Bearer {token.access_token}"

    def _ask(self) -> Reply:
        return self._tokens.send(
            "POST",
            "/oauth/tokens",
            {
                "grant_type": "client_credentials",
                "client_id": self._client_id,
                "client_secret": self._client_secret,
                "scope": "read write",
                "expires_in": _WANTED_SECONDS,
            },
            repeatable=True,
        )


def refused_client(told: str, body: bytes) -> AuthRefused:
    """The same refusal, told as what it is: no token for this client."""
    codes = ", ".join(error_codes(body))
    return AuthRefused(f"Zendesk refuses the OAuth client ({codes or told})")


def _decode(reply: Reply) -> _Token:
    """The token of an answer.  Raises Unavailable, without a word of the body: it may hold a token."""
    try:
        token = _TOKENS.decode(reply.body)
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError):
        token = None
    if token is None or not _TOKEN.fullmatch(token.access_token):
        raise Unavailable("POST /oauth/tokens answered without a usable access token")
    return token
