"""How long until a version settles: until no further change can carry the same one any more."""

from __future__ import annotations

from datetime import datetime, timedelta

SETTLES_AFTER = timedelta(seconds=2)
_MOST_AHEAD = timedelta(seconds=10)
_MOST_OFF = timedelta(seconds=2)
_LEAST_WAIT_SECONDS = 0.2  # so often it is looked at again where our clock is ahead


def settles_in(updated_at: datetime, server_at: datetime | None, now: datetime | None = None) -> float:
    """Seconds until the version of ``updated_at`` has settled, 0.0 when it has.

    Helpdesks stamp whole seconds, and so does ``server_at``, the Date of the answer.  A version that is two
    seconds old by these two has settled; nothing else decides that.  One from the future means that they
    disagree: no wait.  ``now`` is our own clock at the answer.  It only guesses how far into its second the
    server is, so that the wait ends when it can and not up to a second later; where it guesses wrong somebody
    looks once more, and a clock that is seconds off is not asked.
    """
    if server_at is None or updated_at - server_at > _MOST_AHEAD:
        return 0.0
    left = min(updated_at - server_at, timedelta(0)) + SETTLES_AFTER
    if left <= timedelta(0):
        return 0.0
    return max((left - _passed(server_at, now)).total_seconds(), _LEAST_WAIT_SECONDS)


def _passed(server_at: datetime, now: datetime | None) -> timedelta:
    """How much of its second had passed at the server, as far as our clock can tell."""
    if now is None or not server_at <= now < server_at + _MOST_OFF:
        return timedelta(0)
    return min(now - server_at, timedelta(seconds=1))
