"""Death by name: a process that ends at a chosen moment, and does nothing after it.

Durable state changes only when a transaction commits or when an upstream accepts a request.  A kill anywhere
between two such moments leaves what a kill at the first of them leaves: killing at every moment is killing
at every instruction.
"""

from __future__ import annotations

import threading
from collections.abc import Callable

Death = int | str | tuple[str, str] | None
"""The last moment of a life: the how-manieth it passes, the first of that name, or of that name about that
ticket; None for none."""

Witness = Callable[[str, str | None], None]
"""Told of each moment, and of the ticket that it is about, right before the process may end there."""


ANSWERS_STORED = frozenset({"end_call.committed", "decide.committed"})
"""The moments from which on what a model answered is not lost by a kill."""


class Killed(BaseException):
    """What SIGKILL leaves behind: nothing after this point ran."""


class Life:
    """One life of the connector, on all of its threads."""

    def __init__(self, death: Death, witness: Witness) -> None:
        self.moments: list[str] = []
        self.is_over = False
        self._lock = threading.RLock()
        self._death = death
        self._witness = witness

    def __call__(self, moment: str, ticket_id: str | None = None) -> None:
        """Pass a moment.  Raises Killed at the last one, and at every one after it, on any thread."""
        with self._lock:
            if self.is_over:
                raise Killed(moment)
            self.moments.append(moment)
            self._witness(moment, ticket_id)
            if self._death in (moment, len(self.moments), (moment, ticket_id)):
                self.is_over = True
                raise Killed(moment)
