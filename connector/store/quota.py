"""The quota that all processes of a helpdesk share: each leases small blocks of permits from the database."""

from __future__ import annotations

import threading
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace

from connector.errors import ConnectorError
from connector.ports import Clock
from connector.store import permits
from connector.store.permits import LIFE_MS, Tally
from connector.store.transactions import Database, repeated

_NEWS_SECONDS = 1.0  # headers count whole seconds: the same end of a closure is told a little differently


@dataclass(slots=True)
class _Stock:
    """What this process holds of one bucket; times are its own clock's, monotonic."""

    permits: int = 0
    block: int = 0  # how many the last lease brought
    void_at: float = 0.0
    per_minute: int | None = None  # as the database has it
    closed_until: float = 0.0  # as we told the database
    not_before: float = 0.0  # nothing can be had until then

    def has_permit(self, now: float) -> bool:
        return self.permits > 0 and now < self.void_at

    def wanted(self, now: float) -> int:
        """Twice as many as the last time, if those were used up before they were void."""
        return max(1, 2 * self.block) if now < self.void_at else 1


class SqlQuota:
    """A `Quota` of the helpdesk adapters whose counts are in the database, measured with its clock.

    A permit is good for two seconds.  What a process leased and did not use (it was killed) counts for about
    a minute all the same.  What one process learns (a limit, a closure) stops another one when that leases
    its next permits: two seconds later at most.  No transaction is open while anybody waits.
    """

    def __init__(self, database: Database, clock: Clock, helpdesk: str) -> None:
        self._database = database
        self._clock = clock
        self._helpdesk = helpdesk
        self._assumed: dict[str, int] = {}
        self._stocks: dict[str, _Stock] = {}
        self._lock = threading.Lock()  # one lease at a time: the threads of a process share its outcome

    def take(self, buckets: Sequence[str], share: float) -> float:
        """As `Quota.take`; raises StoreUnusable or Unavailable, and then nothing was counted."""
        with self._lock:
            now = self._clock.monotonic()
            wait = max(self._stock(bucket).not_before for bucket in buckets) - now
            if wait > 0:
                return wait
            lacking = [bucket for bucket in buckets if not self._stock(bucket).has_permit(now)]
            if lacking and (wait := self._lease(lacking, share, now)) > 0:
                return wait
            for bucket in buckets:
                self._stock(bucket).permits -= 1
            return 0.0

    def limit(self, per_minute: Mapping[str, int], *, assumed: bool = False) -> None:
        with self._lock:
            if assumed:
                self._assumed.update(per_minute)
                return
            for bucket, limit in per_minute.items():
                stock = self._stock(bucket)
                if stock.per_minute == limit:
                    continue
                stock.permits, stock.not_before = 0, stock.closed_until
                with suppress(ConnectorError):  # told again with the next answer
                    self._tell(bucket, per_minute=limit)
                    stock.per_minute = limit

    def close(self, bucket: str, seconds: float) -> None:
        with self._lock:
            stock, until = self._stock(bucket), self._clock.monotonic() + seconds
            stock.permits, stock.not_before = 0, max(stock.not_before, until)
            if until <= stock.closed_until + _NEWS_SECONDS:
                return
            with suppress(ConnectorError):  # this process waits anyway
                self._tell(bucket, closed_ms=round(seconds * 1000))
                stock.closed_until = until

    def aside(self) -> SqlQuota:
        """As `Quota.aside`: permits of its own, out of the same counts."""
        other = SqlQuota(self._database, self._clock, self._helpdesk)
        other._assumed = self._assumed
        return other

    def _stock(self, bucket: str) -> _Stock:
        return self._stocks.setdefault(bucket, _Stock())

    def _lease(self, buckets: Sequence[str], share: float, asked_at: float) -> float:
        """Lease a block of each of ``buckets``, or of none; then the seconds until that may succeed."""
        wanted = {bucket: self._stock(bucket).wanted(asked_at) for bucket in buckets}
        tallies, leased, waits = self._exchange(wanted, share)
        answered_at = self._clock.monotonic()
        for bucket, tally in tallies.items():
            stock = self._stock(bucket)
            stock.per_minute = tally.per_minute
            stock.not_before = answered_at + waits[bucket] / 1000
            if leased:
                stock.permits = stock.block = leased[bucket]
                stock.void_at = asked_at + LIFE_MS / 1000
        return max(waits.values()) / 1000

    @repeated
    def _exchange(
        self, wanted: Mapping[str, int], share: float
    ) -> tuple[dict[str, Tally], dict[str, int], dict[str, int]]:
        """One transaction: the tallies, what was leased (nothing if any of them makes us wait), the waits."""
        with self._database.write("lease_permits") as tx:
            found, now = permits.lock(tx, self._helpdesk, list(wanted))
            tallies = {bucket: self._with_limit(bucket, tally) for bucket, tally in found.items()}
            waits = {bucket: tally.wait_ms(now, share) for bucket, tally in tallies.items()}
            leased: dict[str, int] = {}
            if not any(waits.values()):
                for bucket, tally in tallies.items():
                    tallies[bucket], leased[bucket] = tally.grant(now, wanted[bucket], share)
                    permits.store(tx, self._helpdesk, bucket, tallies[bucket])
        return tallies, leased, waits

    def _with_limit(self, bucket: str, tally: Tally) -> Tally:
        """A limit that nobody was told is the documented one, for the other processes too."""
        return replace(tally, per_minute=tally.per_minute or self._assumed.get(bucket))

    @repeated
    def _tell(self, bucket: str, *, per_minute: int | None = None, closed_ms: int = 0) -> None:
        with self._database.write("tell_limit") as tx:
            tallies, now = permits.lock(tx, self._helpdesk, [bucket])
            told = tallies[bucket].told(per_minute, now + closed_ms if closed_ms else 0)
            permits.store(tx, self._helpdesk, bucket, told)
