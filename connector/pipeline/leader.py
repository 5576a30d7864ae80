"""The leader of a burst: after a pause one call of a tier goes alone and fills the cache the others read."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager

from connector.domain.classification import Tier
from connector.ports import Clock

_WARM_SECONDS = 240.0  # a cached prompt lives for five minutes from the start of its last use
_PATIENCE_SECONDS = 30.0  # a leader that takes longer is not worth what its followers would save


class Leaders:
    """Who goes first, per tier: their prompts differ, so each has a cache entry of its own.

    A cache entry can be read once the first response has begun (Anthropic, Prompt caching): without a
    leader every worker would pay for writing it.  Threads of one process share a leader; each process has
    its own.
    """

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._changed = threading.Condition()
        self._warm_until: dict[Tier, float] = {}  # monotonic
        self._leading: set[Tier] = set()

    @contextmanager
    def turn(self, tier: Tier) -> Iterator[None]:
        """Make one call in this block.  It waits, boundedly, while another thread leads on a cold cache.

        When the leader's block raises, the cache is still cold and the next in line leads.
        """
        leads = self._line_up(tier)
        warm_until = self._clock.monotonic() + _WARM_SECONDS
        try:
            yield
        except BaseException:
            warm_until = 0.0
            raise
        finally:
            with self._changed:
                self._warm_until[tier] = max(self._warm_until.get(tier, 0.0), warm_until)
                if leads:
                    self._leading.discard(tier)
                    self._changed.notify_all()

    def _line_up(self, tier: Tier) -> bool:
        """Wait until we lead or need not; returns whether we lead."""
        with self._changed:
            self._changed.wait_for(
                lambda: self._is_warm(tier) or tier not in self._leading, _PATIENCE_SECONDS
            )
            if self._is_warm(tier) or tier in self._leading:
                return False
            self._leading.add(tier)
            return True

    def _is_warm(self, tier: Tier) -> bool:
        return self._clock.monotonic() < self._warm_until.get(tier, 0.0)
