"""How the connector proves to Pylon who it is, and what Pylon's refusals mean."""

from __future__ import annotations

from connector.errors import AuthRefused, WrongRegion
from connector.helpdesk.pylon.payload import error_code

_WRONG_REGION = "wrong_region_token"
_ADVICE = {
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


def refusal(told: str, body: bytes, *, region: str | None) -> AuthRefused:
    """``told``, with what a person can do about it where Pylon's code is known.

    ``region`` is the one that was asked, us or eu; None where an address was given instead.
    """
    code = error_code(body)
    if code == _WRONG_REGION:
        other = {"us": "eu", "eu": "us"}.get(region or "")
        way_out = f'set [helpdesk] region = "{other}"' if other else "leave base_url out and set region"
        return WrongRegion(f"{told}: the token belongs to Pylon's other region; {way_out}")
    advice = _ADVICE.get(code)
    return AuthRefused(f"{told}: {advice}" if advice else told)
