"""The rate limits: one per endpoint and minute, told by nothing but a 429."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from types import MappingProxyType

WINDOW_SECONDS = 60
UNLISTED = "others"
# Sources disagree on the spelling, so a client has to know both.
BOTH_SPELLINGS = ("X-Retry-After", "Retry-After")

# Requests a minute by endpoint (the vendor's OpenAPI document of 2026-07-26).
DEFAULT_LIMITS = MappingProxyType(
    {
        "POST /issues/search": 20,
        "GET /issues": 10,
        "GET /issues/{id}": 60,
        "PATCH /issues/{id}": 20,
        "GET /issues/{id}/messages": 20,
        "GET /issues/{id}/threads": 20,
        "POST /issues/{id}/threads": 20,
        "POST /issues/{id}/note": 10,
        "GET /me": 60,
        "GET /teams": 60,
        "GET /tags": 60,
        "GET /custom-fields": 60,
        "GET /accounts/{id}": 60,
        "GET /issue-statuses": 10,
        "POST /contacts/search": 20,
        UNLISTED: 10,
    }
)


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
    """What is left of each limit.  ``spellings``: the headers in which a 429 says how long to wait."""

    now: Callable[[], float]
    limits: Mapping[str, int]
    spellings: tuple[str, ...] = BOTH_SPELLINGS
    refusals: int = 0
    _windows: dict[str, _Window] = field(default_factory=dict)

    def charge(self, endpoint: str) -> Mapping[str, str] | None:
        """Count a request; when none is left, the headers of its refusal, and it does not count."""
        name = endpoint if endpoint in self.limits else UNLISTED
        if name not in self.limits:
            return None
        now = self.now()
        window = self._windows.get(name)
        if window is None or window.ends_at <= now:
            window = self._windows[name] = _Window(now + WINDOW_SECONDS)
        if window.used < self.limits[name]:
            window.used += 1
            return None
        self.refusals += 1
        wait = max(1, math.ceil(window.ends_at - now))
        return dict.fromkeys(self.spellings, str(wait))
