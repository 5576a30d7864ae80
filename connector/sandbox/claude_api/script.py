"""Answers that a test wants instead of the emulated ones."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from threading import Lock
from typing import Any

from connector.sandbox.claude_api.message_request import MessageRequest
from connector.sandbox.claude_api.rejection import Rejected


@dataclass(frozen=True, slots=True)
class Scripted:
    """How one answer differs from the emulated one; everything left None stays as it is.

    ``text`` replaces the answer's text; ``changes`` are merged into its JSON object (nested objects whole);
    ``content`` replaces the blocks; ``body`` replaces the whole response body, as ``content_type``;
    ``cut_after`` ends a stream early after so many events; ``error`` refuses the request.
    """

    text: str | None = None
    changes: Mapping[str, Any] | None = None
    without: Sequence[str] = ()
    content: Sequence[Mapping[str, Any]] | None = None
    stop_reason: str | None = None
    stop_details: Mapping[str, Any] | None = None
    body: bytes | None = None
    content_type: str = "application/json"
    cut_after: int | None = None
    error: Rejected | None = None
    latency_seconds: float | None = None


def refusal(category: str | None = "cyber") -> Scripted:
    """A safeguard's refusal: HTTP 200, no content, the category in ``stop_details``."""
    details = {"type": "refusal", "category": category, "explanation": None}
    return Scripted(content=(), stop_reason="refusal", stop_details=details)


def truncated(text: str = '{"team": "bil') -> Scripted:
    """An answer that ran into ``max_tokens``."""
    return Scripted(text=text, stop_reason="max_tokens")


def web_page(text: str = "<html><body>Bad gateway</body></html>") -> Scripted:
    """A proxy's HTML page with status 200."""
    return Scripted(body=text.encode(), content_type="text/html")


def failure(
    status: int,
    message: str = "Scripted failure.",
    *,
    details: Mapping[str, Any] | None = None,
    headers: Mapping[str, str] | None = None,
) -> Scripted:
    """An error of the API in its real shape, e.g. 529, or 429 with ``{"retry-after": "7"}``."""
    return Scripted(error=Rejected(status, message, details=details, headers=headers))


Author = Callable[[MessageRequest], Scripted | None]


class Script:
    """A queue of scripted answers, then whatever ``author`` says; neither: the emulated answer."""

    def __init__(self, author: Author | None = None) -> None:
        self._queue: deque[Scripted | None] = deque()
        self._author = author
        self._lock = Lock()

    def add(self, answers: Sequence[Scripted | None]) -> None:
        """The next calls get these, one each, in order of arrival; None leaves a call alone."""
        with self._lock:
            self._queue.extend(answers)

    def next(self, request: MessageRequest) -> Scripted:
        """What is scripted for this call."""
        with self._lock:
            queued = bool(self._queue)
            answer = self._queue.popleft() if queued else None
        return answer or (Scripted() if queued else self.by_author(request))

    def by_author(self, request: MessageRequest) -> Scripted:
        """What ``author`` says, whatever is queued."""
        return (self._author(request) if self._author is not None else None) or Scripted()
