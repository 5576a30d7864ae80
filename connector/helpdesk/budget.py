"""The rate budget: stay below the helpdesk's limits instead of running into them."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Protocol

from connector.errors import RateLimited, Unavailable
from connector.helpdesk.quota import MemoryQuota, Quota
from connector.ports import Clock

_LONGEST_PAUSE_SECONDS = 60.0  # no limit that we obey has a longer window
_BLIND_PAUSE_SECONDS = 10.0  # nearly used up, and the header does not say until when
_LONGEST_WAIT_SECONDS = 65.0  # any longer, and the work waits in the ledger


@dataclass(frozen=True, slots=True)
class LimitPolicy:
    """What a helpdesk limits: requests per minute of each bucket, and how requests and headers map to them.

    ``documented`` are the limits that hold where no header tells them; ``blind_pause_seconds`` is how long
    requests of a kind wait after a refusal that does not say how long (None: they do not).
    """

    buckets_of: Callable[[str, str], tuple[str, ...]]  # (method, path) → buckets
    account: str  # the bucket that headers without a name speak of
    bucket_named: Callable[[str], str | None]  # the <name> of a zendesk-ratelimit-<name> header
    documented: Mapping[str, int] = field(default_factory=dict)
    blind_pause_seconds: float | None = None


class Budget(Protocol):
    """Says when a request may be sent, and learns from the answers."""

    def wait(self, method: str, path: str) -> None: ...

    def learn(self, method: str, path: str, headers: Mapping[str, str]) -> None: ...

    def pause(self, method: str, path: str, seconds: float | None) -> None: ...


@dataclass(frozen=True, slots=True)
class Told:
    """What one header says of one bucket."""

    bucket: str
    total: int
    remaining: int
    resets_in_seconds: float | None


class RateBudget:
    """Uses at most ``share`` of each limit, so that other integrations of the account live too.

    Thread-safe.  ``assume_documented`` says that the limits hold from the first request on; otherwise they
    hold once any answer carries a limit header, so a server without limits is never waited for.  ``quota``
    does the counting; without it this process counts for itself.
    """

    def __init__(
        self,
        clock: Clock,
        policy: LimitPolicy,
        *,
        share: float,
        assume_documented: bool,
        quota: Quota | None = None,
    ) -> None:
        self._clock = clock
        self._policy = policy
        self._share = share
        self._quota = quota or MemoryQuota(clock)
        if assume_documented:
            self._quota.limit(policy.documented, assumed=True)

    def wait(self, method: str, path: str) -> None:
        """Wait until one more request fits, and count it.

        Raises RateLimited when that is more than a minute away, Unavailable when asked to stop meanwhile,
        and what the quota raises; the request must not be sent then.
        """
        buckets = self._policy.buckets_of(method, path)
        while (seconds := self._quota.take(buckets, self._share)) > 0:
            if seconds > _LONGEST_WAIT_SECONDS:
                raise RateLimited("the helpdesk's rate limit is used up", retry_after_seconds=seconds)
            if self._clock.sleep(seconds):
                raise Unavailable("asked to stop while waiting for the helpdesk's rate limit")

    def learn(self, method: str, path: str, headers: Mapping[str, str]) -> None:
        """Take over what the headers of an answer say."""
        told = list(self.read(method, path, headers))
        if not told:
            return
        self._quota.limit(self._policy.documented, assumed=True)
        self._quota.limit({each.bucket: each.total for each in told})
        for each in told:
            if each.remaining <= each.total - int(each.total * self._share):
                resets = each.resets_in_seconds
                pause = _BLIND_PAUSE_SECONDS if resets is None else min(resets, _LONGEST_PAUSE_SECONDS)
                self._quota.close(each.bucket, pause)

    def pause(self, method: str, path: str, seconds: float | None) -> None:
        """The helpdesk refused this request for ``seconds``: the same kind of request waits that long."""
        pause = self._policy.blind_pause_seconds if seconds is None else seconds
        if pause is not None:
            self._quota.close(self._policy.buckets_of(method, path)[-1], pause)

    def read(self, method: str, path: str, headers: Mapping[str, str]) -> Iterator[Told]:
        """What the headers of an answer say, limit by limit."""
        # Unnamed headers speak of the account only where no narrower limit could be meant instead.
        if self._policy.buckets_of(method, path)[0] == self._policy.account and (
            told := _account_limit(self._policy.account, headers)
        ):
            yield told
        for name, value in headers.items():
            short = name.lower().removeprefix("zendesk-ratelimit-").removeprefix("zendesk-rate-limit-")
            bucket = self._policy.bucket_named(short) if short != name.lower() else None
            if bucket and (told := _named_limit(bucket, value)):
                yield told


def _account_limit(account: str, headers: Mapping[str, str]) -> Told | None:
    for limit, remaining, reset in (
        ("ratelimit-limit", "ratelimit-remaining", "ratelimit-reset"),
        ("rate-limit-limit", "rate-limit-remaining", "rate-limit-reset"),
        ("x-rate-limit", "x-rate-limit-remaining", ""),
    ):
        if told := _told(account, headers.get(limit), headers.get(remaining), headers.get(reset)):
            return told
    return None


def _named_limit(bucket: str, value: str) -> Told | None:
    """``total=100; remaining=99; resets=43``, as recorded from Zendesk."""
    parts = dict(part.strip().partition("=")[::2] for part in value.split(";"))
    return _told(bucket, parts.get("total"), parts.get("remaining"), parts.get("resets"))


def _told(bucket: str, total: str | None, remaining: str | None, resets: str | None) -> Told | None:
    try:
        limit, left = int(total or ""), int(remaining or "")
        until = float(resets) if resets else None
    except ValueError:
        return None
    if limit <= 0 or left < 0 or (until is not None and not 0 <= until <= 3600):
        return None
    return Told(bucket, limit, left, until)
