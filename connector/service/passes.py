"""The passes of a service: what it did from one poll to the next, and that it is alive and how well."""

from __future__ import annotations

import threading
from typing import Any

from connector.pipeline import whose
from connector.pipeline.summary import Summary
from connector.pipeline.sync import Stages
from connector.ports import Event

_LONGEST_IDLE_SECONDS = 3600.0
# Without these tickets arrive a minute later: worth a line in the log, not a bad health.
_SAVE_TIME = frozenset({"fast", "nudge"})


class Passes:
    """In the service a pass lasts from one poll to the next; its summary is stored when it ends.

    A pass in which nothing happens goes on, for at most an hour: a quiet night leaves a few rows, not one
    per poll.  Each interval it is noted in the ledger all the same, which is how `connector health` knows
    that this process is alive, and what is wrong with its upstreams.
    """

    def __init__(self, stages: Stages, mode: str) -> None:
        self._stages = stages
        self._mode = mode
        self._lock = threading.Lock()
        self._summary = Summary()
        self._id: str | None = None
        self._began = 0.0
        self._trouble: dict[str, str] = {}

    def __call__(self, event: Event) -> None:
        self._summary(event)
        facts = event.facts
        match event.name:
            case "stage.paused" if facts["stage"] not in _SAVE_TIME:
                self._trouble[facts["stage"]] = facts["error"]
            case "stage.resumed":
                self._trouble.pop(facts["stage"], None)
            case "upstream.down":
                self._trouble[facts["upstream"]] = facts["error"]
            case "upstream.up":
                self._trouble.pop(facts["upstream"], None)

    @property
    def state(self) -> str:
        """How the service is, in one line."""
        trouble = self._trouble.copy()
        return "; ".join(f"{what} waits: {why}" for what, why in trouble.items()) or "healthy"

    def begin(self) -> None:
        with self._lock:
            self._begin()

    def turn_over(self) -> None:
        """The job of every interval: end the running pass if anything happened in it, and begin the next."""
        with self._lock:
            age = self._stages.clock.monotonic() - self._began
            if self._id is not None and self._summary.is_empty and age < _LONGEST_IDLE_SECONDS:
                self._stages.ledger.note_pass(self._id, self._as_json(self._summary))
                return
            ended, did = self._id, self._summary
            self._begin()  # first: what is decided meanwhile must belong to one of the two
            self._end(ended, did)

    def end(self) -> None:
        with self._lock:
            self._end(self._id, self._summary)
            self._id = None

    def _begin(self) -> None:
        self._id = self._stages.ledger.start_pass(self._mode)
        self._summary = Summary()
        self._began = self._stages.clock.monotonic()

    def _end(self, pass_id: str | None, did: Summary) -> None:
        if pass_id is not None:
            self._stages.ledger.end_pass(pass_id, self._as_json(did))

    def _as_json(self, did: Summary) -> dict[str, Any]:
        counts = did.as_json()
        if self._stages.helpdesk:
            counts[whose.FACT] = self._stages.helpdesk
        return counts | {"trouble": self._trouble.copy()} if self._trouble else counts
