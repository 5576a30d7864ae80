"""How the connector proves to Pylon who it is, and what Pylon's refusals mean."""

from __future__ import annotations

from connector.errors import AuthRefused, WrongRegion
from connector.helpdesk.pylon.payload import error_code

_WRONG_REGION = "wrong_region_token"
_ADVICE = {
    _WRONG_REGION: "the token belongs to Pylon's other region; set [helpdesk] region to that one",
    "invalid_api_token": "Pylon does not know this API token; an admin creates one in Settings, API tokens",
    "invalid_oauth_token": "this is no API token; an admin creates one in Settings, API tokens",
    "invalid_authorization_header": "Pylon cannot read the API token; was all of it copied?",
    "permission_denied": "Pylon knows the API token, but it may not do this",
}


class BearerToken:
    """An API token, made by an admin (Pylon, Authentication); it is bound to one region and does not end."""

    def __init__(self, token: str) -> None:
        self._header = f"Bearer {token}"

    def header(self) -> str:
        return self._header

    def renew(self, refused: str) -> bool:  # noqa: ARG002 - part of the protocol
        return False


def refusal(told: str, body: bytes) -> AuthRefused:
    """``told``, with what a person can do about it where Pylon's code is known."""
    code = error_code(body)
    advice = _ADVICE.get(code)
    kind = WrongRegion if code == _WRONG_REGION else AuthRefused
    return kind(f"{told}: {advice}" if advice else told)
