"""Openers: whether a customer or an agent opened an issue, and with which words."""

from __future__ import annotations

import threading
from collections import OrderedDict

from connector.domain.ticket import Author
from connector.helpdesk.pylon.messages import first_words
from connector.helpdesk.transport import Transport

_MOST_REMEMBERED = 20_000
_MOST_WORDS = 500  # long enough for what is read by the feed and soon afterwards by the write-back


class Openers:
    """Reads the first public message, once per issue: it never changes, and no issue tells whose it is.

    Who wrote it is remembered for long, the words only for a while.  Thread-safe.
    """

    def __init__(self, transport: Transport) -> None:
        self._transport = transport
        self._lock = threading.Lock()
        self._known: OrderedDict[str, Author] = OrderedDict()
        self._words: OrderedDict[str, str] = OrderedDict()

    def opening(self, issue_id: str) -> tuple[Author, str | None]:
        """Who opened the issue, and the words if they are still remembered.

        UNKNOWN where there is no public message yet.  Raises Unavailable or AuthRefused.
        """
        with self._lock:
            if issue_id in self._known:
                return self._known[issue_id], self._words.get(issue_id)
        text, author = first_words(self._transport, issue_id)
        if author is not Author.UNKNOWN:
            with self._lock:
                self._known[issue_id], self._words[issue_id] = author, text
                if len(self._known) > _MOST_REMEMBERED:
                    self._known.popitem(last=False)
                if len(self._words) > _MOST_WORDS:
                    self._words.popitem(last=False)
        return author, text
