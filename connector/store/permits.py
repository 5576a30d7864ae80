"""Permits to send one request each: how many of a bucket were handed out lately, and how many are left."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, replace

from sqlalchemy import Connection, bindparam, select, update

from connector.store.columns import NowMs
from connector.store.rows import insert_new
from connector.store.tables import rate_budgets

LIFE_MS = 2_000  # a permit that is not used by then is void
_TRAVEL_MS = 1_000  # from the database to us, and with the request to the helpdesk
_SLOT_MS = 1_000
_KEPT_MS = 60_000 + LIFE_MS + _TRAVEL_MS
_LONGEST_CLOSED_MS = 3_600_000
_BLOCKS = 20  # a block is at most this fraction of what a minute allows
_UNLIMITED_BLOCK = 50  # where no limit is known yet
_budgets = rate_budgets.c
_NOW = select(NowMs())
_LOCK = (
    select(_budgets.bucket, _budgets.per_minute, _budgets.closed_until, _budgets.granted)
    .where(
        _budgets.helpdesk == bindparam("of_helpdesk"),
        _budgets.bucket.in_(bindparam("of_buckets", expanding=True)),
    )
    .order_by(_budgets.bucket)  # in one order for everybody, so that nobody waits in a circle
    .with_for_update()
)
_KEEP = update(rate_budgets).where(
    _budgets.helpdesk == bindparam("of_helpdesk"), _budgets.bucket == bindparam("of_bucket")
)


@dataclass(frozen=True, slots=True)
class Tally:
    """What all processes know of one bucket.  Times are the database's, in milliseconds since 1970.

    ``granted`` holds (second, permits), oldest first.  A permit granted in a second may be used up to three
    seconds after its end, so it counts for 60 seconds more: whatever 60 seconds the helpdesk looks at, the
    requests in it never exceed the limit.
    """

    per_minute: int | None = None
    closed_until: int = 0
    granted: tuple[tuple[int, int], ...] = ()

    def at(self, now: int) -> Tally:
        """Without what no longer counts.  What lies in the future (the clock went back) counts from now."""
        slots: Counter[int] = Counter()
        for second, permits in self.granted:
            if _ends(second) > now:
                slots[min(second, now // _SLOT_MS)] += permits
        closed = min(self.closed_until, now + _LONGEST_CLOSED_MS)
        return replace(self, granted=tuple(sorted(slots.items())), closed_until=closed)

    def wait_ms(self, now: int, share: float) -> int:
        """Until one more permit may be granted out of ``share`` of the limit; 0: now."""
        return max(0, self.closed_until - now, self._until_free(self._allowed(share)) - now)

    def grant(self, now: int, wanted: int, share: float) -> tuple[Tally, int]:
        """The tally after granting ``wanted`` permits, or as many as make a block; at least one."""
        allowed = self._allowed(share)
        if allowed is None:
            permits = min(wanted, _UNLIMITED_BLOCK)
        else:
            permits = min(wanted, max(1, allowed // _BLOCKS), allowed - self._used)
        slots = Counter(dict(self.granted))
        slots[now // _SLOT_MS] += permits
        return replace(self, granted=tuple(sorted(slots.items()))), permits

    def told(self, per_minute: int | None, closed_until: int) -> Tally:
        """The tally after an answer told a limit (None: nothing of it) and a closure (0: none)."""
        return replace(
            self,
            per_minute=per_minute or self.per_minute,
            closed_until=max(self.closed_until, closed_until),
        )

    @property
    def _used(self) -> int:
        return sum(permits for _, permits in self.granted)

    def _allowed(self, share: float) -> int | None:
        return None if self.per_minute is None else max(1, int(self.per_minute * share))

    def _until_free(self, allowed: int | None) -> int:
        used = self._used
        if allowed is None or used < allowed:
            return 0
        for second, permits in self.granted:
            used -= permits
            if used < allowed:
                return _ends(second)
        raise AssertionError("unreachable: without any permit the limit is not used up")


def _ends(second: int) -> int:
    """When the permits of a second stop counting."""
    return (second + 1) * _SLOT_MS + _KEPT_MS


def lock(tx: Connection, helpdesk: str, buckets: Sequence[str]) -> tuple[dict[str, Tally], int]:
    """The tallies of these buckets, ours alone until the transaction ends, and the time after the lock."""
    mine = {"of_helpdesk": helpdesk, "of_buckets": buckets}
    rows = tx.execute(_LOCK, mine).all()
    if len(rows) < len(buckets):
        new = [{"helpdesk": helpdesk, "bucket": bucket} for bucket in sorted(buckets)]
        tx.execute(insert_new(tx, rate_budgets), new)
        rows = tx.execute(_LOCK, mine).all()
    # A statement of its own: one that waits for a lock has read the time before.
    now: int = tx.scalar(_NOW) or 0
    return {row.bucket: Tally(row.per_minute, row.closed_until, row.granted).at(now) for row in rows}, now


def store(tx: Connection, helpdesk: str, bucket: str, tally: Tally) -> None:
    """Keep what became of a locked tally."""
    kept = {
        "of_helpdesk": helpdesk,
        "of_bucket": bucket,
        "per_minute": tally.per_minute,
        "closed_until": tally.closed_until,
        "granted": tally.granted,
    }
    tx.execute(_KEEP, kept)
