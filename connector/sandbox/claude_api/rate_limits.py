"""Rate limits per model: token buckets, the 429 they cause, and the headers that announce them."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from threading import Lock

from connector.sandbox.claude_api.rejection import Rejected
from connector.sandbox.claude_api.rfc3339 import moment


@dataclass(frozen=True, slots=True)
class RateLimits:
    """What each model may be used per minute.  The defaults are those of the Build tier for Haiku 5.5."""

    requests: int = 5_000
    input_tokens: int = 5_000_000
    output_tokens: int = 1_000_000


@dataclass(slots=True)
class _Bucket:
    limit: int
    level: float
    at: float

    def refill(self, at: float) -> None:
        self.level = min(self.limit, self.level + max(0.0, at - self.at) * self.limit / 60)
        self.at = at

    def seconds_until(self, level: float) -> float:
        return max(0.0, (level - self.level) * 60 / self.limit)


class RateLimiter:
    """Buckets that refill continuously, so that a burst may be refused although the minute's sum is low.

    ``enforced`` False still answers with the headers.  Cached reads do not count as input tokens.
    Source: the vendor's page "Rate limits".
    """

    def __init__(self, limits: RateLimits, *, enforced: bool) -> None:
        self._limits = limits
        self._enforced = enforced
        self._buckets: dict[str, dict[str, _Bucket]] = {}
        self._lock = Lock()

    def admit(self, model: str, at: float) -> None:
        """Take one request out of the bucket, or raise a 429 that says when to come back."""
        with self._lock:
            buckets = self._refilled(model, at)
            for name, bucket in buckets.items():
                if self._enforced and bucket.level < 1:
                    wait = math.ceil(bucket.seconds_until(1)) or 1
                    what = f"{bucket.limit:,} {name.replace('-', ' ')} per minute (model: {model})"
                    message = f"This request would exceed your organization's rate limit of {what}."
                    raise Rejected(429, message, headers={"retry-after": str(wait)})
            buckets["requests"].level -= 1

    def charge(self, model: str, at: float, input_tokens: int, output_tokens: int) -> None:
        """Count what a call used."""
        with self._lock:
            buckets = self._refilled(model, at)
            buckets["input-tokens"].level -= input_tokens
            buckets["output-tokens"].level -= output_tokens

    def headers(self, model: str, at: float) -> Mapping[str, str]:
        """``anthropic-ratelimit-{requests,input-tokens,output-tokens,tokens}-{limit,remaining,reset}``"""
        with self._lock:
            buckets = self._refilled(model, at)
            shown = {name: (bucket.limit, bucket.level) for name, bucket in buckets.items()}
        tokens = [shown["input-tokens"], shown["output-tokens"]]
        shown["tokens"] = (sum(limit for limit, _ in tokens), sum(level for _, level in tokens))
        headers: dict[str, str] = {}
        for name, (limit, level) in shown.items():
            prefix = f"anthropic-ratelimit-{name}"
            headers[f"{prefix}-limit"] = str(limit)
            headers[f"{prefix}-remaining"] = str(max(0, math.floor(level)))
            headers[f"{prefix}-reset"] = moment(at + (limit - level) * 60 / limit)
        return headers

    def _refilled(self, model: str, at: float) -> dict[str, _Bucket]:
        if model not in self._buckets:
            limits = {
                "requests": self._limits.requests,
                "input-tokens": self._limits.input_tokens,
                "output-tokens": self._limits.output_tokens,
            }
            self._buckets[model] = {name: _Bucket(limit, limit, at) for name, limit in limits.items()}
        for bucket in self._buckets[model].values():
            bucket.refill(at)
        return self._buckets[model]
