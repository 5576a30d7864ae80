"""The tenant's door: bearer tokens, each good in one region only."""

from __future__ import annotations

import hmac
from dataclasses import dataclass, field

from connector.sandbox.pylon_api import refusal
from connector.sandbox.server import Request


@dataclass(slots=True)
class Access:
    """Which tokens are good.  ``elsewhere`` is one of the other region's; ``read_only`` forbids writes."""

    token: str = field(repr=False)
    elsewhere: str = field(repr=False)
    read_only: bool = False
    revoked: bool = False

    def require(self, request: Request, *, write: bool) -> None:
        """Refused with 401 without a good token, with 403 when it may not write."""
        scheme, _, value = request.headers.get("authorization", "").partition(" ")
        if scheme.lower() != "bearer" or not value.strip():
            raise refusal.invalid_header()
        if _same(value, self.elsewhere):
            raise refusal.wrong_region()
        if self.revoked or not _same(value, self.token):
            raise refusal.invalid_token()
        if write and self.read_only:
            raise refusal.permission_denied()


def _same(given: str, expected: str) -> bool:
    return hmac.compare_digest(given.strip().encode(), expected.encode())
