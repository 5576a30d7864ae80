"""The states of an issue: Pylon's own five, and those that a team made for itself."""

from __future__ import annotations

import threading
from collections.abc import Mapping

from connector.domain.ticket import Status
from connector.helpdesk.pylon.payload import StatusesBody, decode
from connector.helpdesk.transport import Transport
from connector.ports import Clock

_PATH = "/issue-statuses"
_ASK_AGAIN_SECONDS = 600.0
_OWN: Mapping[str, Status] = {
    "new": Status.NEW,
    "waiting_on_you": Status.OPEN,
    "waiting_on_customer": Status.PENDING,
    "on_hold": Status.HOLD,
    "closed": Status.SOLVED,  # a reply opens it again, as it does not where a helpdesk archives
}


class States:
    """What a state means; a team's own one means what the category it was filed under does.  Thread-safe."""

    def __init__(self, transport: Transport, clock: Clock) -> None:
        self._transport = transport
        self._clock = clock
        self._lock = threading.Lock()
        self._categories: Mapping[str, str] = {}
        self._asked_at: float | None = None

    def status(self, state: str | None, *, asks: bool = True) -> Status:
        """OTHER for a state that nobody can explain, or would have to ask for unless ``asks``.

        Raises Unavailable or AuthRefused.
        """
        if state is None:
            return Status.OTHER
        if state in _OWN:
            return _OWN[state]
        with self._lock:
            now = self._clock.monotonic()
            is_due = self._asked_at is None or now - self._asked_at >= _ASK_AGAIN_SECONDS
            if asks and state not in self._categories and is_due:
                self._categories, self._asked_at = self._ask(), now
            return _OWN.get(self._categories.get(state, ""), Status.OTHER)

    def _ask(self) -> Mapping[str, str]:
        reply = self._transport.get(_PATH, forbidden_is_answer=True)
        if not reply.is_ok:
            return {}  # a token that may not list them can still do everything else
        rows = decode(reply.body, StatusesBody, f"GET {_PATH}").data or ()
        return {row.slug: row.category for row in rows if row.slug and row.category}
