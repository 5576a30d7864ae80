"""The rate limits of an account: counted per window, told in headers, enforced with 429."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Literal

from connector.sandbox.server import Response, json_response

Shape = Literal["json", "html", "text"]

# Requests a window, by limit (vendor page "Rate limits"): a Suite Enterprise account without add-ons.
DEFAULT_LIMITS = MappingProxyType(
    {
        "account": 700,
        "incremental": 10,
        "tickets-index": 100,
        "tickets-update": 100,
        "per-ticket-updates": 30,
        "audits": 500,
    }
)
_WINDOW_SECONDS = MappingProxyType({"per-ticket-updates": 600})
# Old and new spelling live side by side; "incremental" and "audits" are not in any recorded response.
_HEADERS = MappingProxyType(
    {
        "incremental": "zendesk-ratelimit-incremental-exports",
        "tickets-index": "zendesk-ratelimit-tickets-index",
        "tickets-update": "zendesk-rate-limit-tickets-update",
        "per-ticket-updates": "zendesk-ratelimit-per-ticket-updates",
    }
)
_PAGE = b"<html><head><title>429 Too Many Requests</title></head><body>Slow down</body></html>\n"


def choose_limits(wanted: bool | Mapping[str, int]) -> Mapping[str, int]:
    """True: as documented.  False: none.  A mapping replaces some of the documented ones."""
    if wanted is True:
        return DEFAULT_LIMITS
    return {} if wanted is False else DEFAULT_LIMITS | dict(wanted)


@dataclass(slots=True)
class _Window:
    ends_at: float
    used: int = 0


@dataclass(slots=True)
class RateLimits:
    """What is left of each limit.  ``shape`` and ``retry_after`` choose how a refusal looks.

    No limits at all (an empty ``limits``): nothing is counted and no header is sent.
    """

    now: Callable[[], float]
    limits: Mapping[str, int]
    shape: Shape = "json"
    retry_after: bool = True
    refusals: int = 0
    _windows: dict[tuple[str, str], _Window] = field(default_factory=dict)

    def charge(self, *charges: tuple[str, str]) -> Response | None:
        """Count a request against limits given as (name, of what); the 429 when one is used up."""
        known = [charge for charge in charges if charge[0] in self.limits]
        for name, subject in known:
            window = self._window(name, subject)
            if window.used >= self.limits[name]:
                self.refusals += 1
                return self._refuse(name, window)
        for name, subject in known:
            self._window(name, subject).used += 1
        return None

    def headers(self, *charges: tuple[str, str]) -> Iterator[tuple[str, str]]:
        """What the account tells about these limits; the account's own first."""
        for name, subject in charges:
            if name not in self.limits:
                continue
            limit, window = self.limits[name], self._window(name, subject)
            left, resets = limit - window.used, self._resets(window)
            if name == "account":
                yield "X-Rate-Limit", str(limit)
                yield "X-Rate-Limit-Remaining", str(left)
                yield "ratelimit-limit", str(limit)
                yield "ratelimit-remaining", str(left)
                yield "ratelimit-reset", str(resets)
            elif name in _HEADERS:
                yield _HEADERS[name], f"total={limit}; remaining={left}; resets={resets}"

    def _window(self, name: str, subject: str) -> _Window:
        now = self.now()
        window = self._windows.get((name, subject))
        if window is None or window.ends_at <= now:
            window = self._windows[name, subject] = _Window(now + _WINDOW_SECONDS.get(name, 60))
        return window

    def _resets(self, window: _Window) -> int:
        return max(1, math.ceil(window.ends_at - self.now()))

    def _refuse(self, name: str, window: _Window) -> Response:
        wait = {"Retry-After": str(self._resets(window))} if self.retry_after else {}
        if self.shape == "html":
            return Response(429, {"Content-Type": "text/html"} | wait, _PAGE)
        if self.shape == "text":
            text = b"Rate limit for ticket updates exceeded, please wait before retrying\n"
            return Response(429, {"Content-Type": "text/plain"} | wait, text)
        what = "incremental export API" if name == "incremental" else "API"
        reason = f"Number of allowed {what} requests per minute exceeded"
        return json_response({"error": "APIRateLimitExceeded", "description": reason}, 429, wait)
