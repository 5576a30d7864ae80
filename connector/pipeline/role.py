"""Which part of the work one of several processes takes."""

from __future__ import annotations

from enum import StrEnum


class Role(StrEnum):
    """The part of one process: a poller reads the feed, a worker classifies and writes back."""

    ALL = "all"
    POLLER = "poller"
    WORKER = "worker"

    @property
    def polls(self) -> bool:
        return self is not Role.WORKER

    @property
    def works(self) -> bool:
        return self is not Role.POLLER


class Lane(StrEnum):
    """The queue that a ticket waits in.  What waits in the lane of the backfill only a backfill takes:
    neither a service nor its passes spend on it or write it.
    """

    LIVE = "live"
    BACKFILL = "backfill"
