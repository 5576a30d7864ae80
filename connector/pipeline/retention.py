"""Retention: what customers wrote is erased some time after their tickets were written back."""

from __future__ import annotations

from datetime import timedelta

from connector.ports import Clock, Eraser, Event, Observer

_BATCH = 500  # submissions in one transaction; the stages work on between two of them


class Retention:
    """Erases old words in short transactions; what is left after a kill or a stop is for the next sweep.

    ``keep`` counts from the end of a ticket's last write; None keeps words for ever.
    """

    def __init__(
        self,
        eraser: Eraser,
        clock: Clock,
        observer: Observer,
        keep: timedelta | None,
        *,
        batch: int = _BATCH,
    ) -> None:
        self._eraser = eraser
        self._clock = clock
        self._observer = observer
        self._keep = keep
        self._batch = batch

    def run(self) -> None:
        """Sweep until nothing is old enough or a stop is asked for.  Raises what the database raises."""
        before = None if self._keep is None else self._clock.now() - self._keep
        erased = 0
        while True:
            some = self._eraser.erase_older(before, self._batch)
            erased += some
            if some < self._batch or self._clock.sleep(0):
                break
        if erased:
            self._eraser.settle()
            self._observer(Event("text.erased", "info", {"tickets": erased, "reason": "retention"}))
