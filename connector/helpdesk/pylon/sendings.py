"""Sendings: what this process wrote, to be recognised when an issue is read again after a lost answer."""

from __future__ import annotations

import threading
from collections import OrderedDict
from collections.abc import Iterator
from contextlib import contextmanager

from connector.domain.decision import Change
from connector.domain.ticket import Ticket
from connector.errors import ConnectorError
from connector.helpdesk.failure import AnswerLost
from connector.helpdesk.pylon.intent import lost_tags, new_tags

_MOST = 1000


class Sendings:
    """Pylon takes no mark of ours along with a write, so it is known by its traces.  Thread-safe.

    Remembered by this process alone: after a restart the answer is that nobody knows.
    """

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._last: OrderedDict[str, Change | None] = OrderedDict()  # None: not sent so far

    def begin(self, change_id: str) -> None:
        """The write is being prepared; unless it was sent before, nothing of it has left this process."""
        with self._lock:
            self._last.setdefault(change_id, None)
            if len(self._last) > _MOST:
                self._last.popitem(last=False)

    @contextmanager
    def sending(self, change: Change) -> Iterator[None]:
        """The write is on its way; an error other than a lost answer means that it never took effect."""
        with self._lock:
            before = self._last.get(change.decision_id)
            self._last[change.decision_id] = change
        try:
            yield
        except AnswerLost:
            raise
        except ConnectorError:
            with self._lock:
                self._last[change.decision_id] = before
            raise

    def has_arrived(self, seen: Ticket, change_id: str) -> bool | None:
        """True where all of the write is there, False where nothing of it is, None in between.

        Team and tags travel in one request: they arrive together or not at all.
        """
        with self._lock:
            if change_id not in self._last:
                return None
            change = self._last[change_id]
        if change is None:
            return False
        signs = _signs(change, seen)
        if not signs or seen.id != change.seen.id:
            return None  # only custom fields were written, and nobody knows what they held
        return True if all(signs) else None if any(signs) else False


def _signs(change: Change, seen: Ticket) -> list[bool]:
    """For each thing that the write changes, whether the issue shows it."""
    signs = [tag in seen.tags for tag in new_tags(change)]
    signs += [tag not in seen.tags for tag in lost_tags(change)]
    if change.group_after != change.seen.group:
        signs.append(seen.group == change.group_after)
    if change.priority_after != change.seen.priority:
        signs.append(seen.priority == change.priority_after)
    return signs
