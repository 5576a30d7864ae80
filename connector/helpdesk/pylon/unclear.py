"""Unclear writes: what was sent without an answer, to be recognised when the issue is read again."""

from __future__ import annotations

import threading
from collections import OrderedDict

from connector.domain.decision import Change
from connector.domain.ticket import Ticket
from connector.helpdesk.pylon.intent import lost_tags, new_tags

_MOST = 1000


class UnclearWrites:
    """Pylon takes no mark of ours along with a write, so it is known by its traces.  Thread-safe.

    Remembered by this process alone: after a restart the answer is that nobody knows.
    """

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._sent: OrderedDict[str, Change] = OrderedDict()

    def remember(self, change: Change) -> None:
        with self._lock:
            self._sent[change.decision_id] = change
            if len(self._sent) > _MOST:
                self._sent.popitem(last=False)

    def has_arrived(self, seen: Ticket, change_id: str) -> bool | None:
        """True where all of the write is there, False where nothing of it is, None in between.

        Team and tags travel in one request: they arrive together or not at all.
        """
        with self._lock:
            change = self._sent.get(change_id)
        if change is None or seen.id != change.seen.id:
            return None
        signs = _signs(change, seen)
        if not signs:
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
