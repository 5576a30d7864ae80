"""Openers: whether a customer or an agent opened an issue, which the issue itself does not tell."""

from __future__ import annotations

import threading
from collections import OrderedDict

from connector.domain.ticket import Author
from connector.helpdesk.pylon.messages import first_words
from connector.helpdesk.transport import Transport

_MOST_REMEMBERED = 20_000


class Openers:
    """Reads who wrote the first public message, once per issue: it never changes.  Thread-safe."""

    def __init__(self, transport: Transport) -> None:
        self._transport = transport
        self._lock = threading.Lock()
        self._known: OrderedDict[str, Author] = OrderedDict()

    def opening(self, issue_id: str) -> tuple[Author, str | None]:
        """Who opened the issue, and the words if they had to be read for it.

        UNKNOWN where there is no public message yet.  Raises Unavailable or AuthRefused.
        """
        with self._lock:
            if issue_id in self._known:
                return self._known[issue_id], None
        text, author = first_words(self._transport, issue_id)
        if author is not Author.UNKNOWN:
            with self._lock:
                self._known[issue_id] = author
                if len(self._known) > _MOST_REMEMBERED:
                    self._known.popitem(last=False)
        return author, text
