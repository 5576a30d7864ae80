"""Complaints: what was refused is told once in a while, however often it is tried."""

from __future__ import annotations

from connector.ports import Clock, Event, Observer

_QUIET_SECONDS = 600.0


class Complaints:
    """Tells the first refusal of a kind as a warning, and the next one after ten minutes.

    Those in between are told at debug: whoever can reach the endpoint must not be able to fill a disk.
    """

    def __init__(self, clock: Clock, observer: Observer) -> None:
        self._clock = clock
        self._observer = observer
        self._quiet_until: dict[tuple[str, str], float] = {}

    def __call__(self, helpdesk: str, reason: str) -> None:
        """``reason`` is one of ours: nothing of a request is ever told."""
        now = self._clock.monotonic()
        is_news = now >= self._quiet_until.get((helpdesk, reason), 0.0)
        if is_news:
            self._quiet_until[helpdesk, reason] = now + _QUIET_SECONDS
        level = "warning" if is_news else "debug"
        self._observer(Event("nudge.refused", level, {"helpdesk": helpdesk, "reason": reason}))
