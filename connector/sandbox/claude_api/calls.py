"""What the emulated API was asked, for tests and the demo to look at."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from threading import Lock

from connector.sandbox.claude_api.prompt_cache import Metered


@dataclass(frozen=True, slots=True)
class Usage:
    """Tokens by price."""

    input_tokens: int = 0
    cache_creation_input_tokens: int = 0
    cache_read_input_tokens: int = 0
    output_tokens: int = 0

    def __add__(self, other: Usage) -> Usage:
        return Usage(
            self.input_tokens + other.input_tokens,
            self.cache_creation_input_tokens + other.cache_creation_input_tokens,
            self.cache_read_input_tokens + other.cache_read_input_tokens,
            self.output_tokens + other.output_tokens,
        )


@dataclass(frozen=True, slots=True)
class Call:
    """One request to /v1/messages.  ``at`` is epoch seconds of its arrival.

    ``subject_hash`` tells tickets apart without keeping what they say; refused requests used no tokens.
    """

    request_id: str
    at: float
    status: int
    model: str | None
    ticket_id: str | None = None
    subject_hash: str | None = None
    stop_reason: str | None = None
    usage: Usage = Usage()
    batch: bool = False


@dataclass(frozen=True, slots=True)
class Totals:
    """How many calls were answered, and what they used."""

    calls: int = 0
    usage: Usage = Usage()


class CallLog:
    """Thread-safe record of calls, and of how many ran at once."""

    def __init__(self) -> None:
        self._calls: list[Call] = []
        self._running = 0
        self._high_water = 0
        self._lock = Lock()

    @contextmanager
    def running(self) -> Iterator[None]:
        """Counts a call as running while the block lasts."""
        with self._lock:
            self._running += 1
            self._high_water = max(self._high_water, self._running)
        try:
            yield
        finally:
            with self._lock:
                self._running -= 1

    def add(self, call: Call) -> None:
        """Remember a finished call."""
        with self._lock:
            self._calls.append(call)

    @property
    def calls(self) -> tuple[Call, ...]:
        """All calls in order of completion."""
        with self._lock:
            return tuple(self._calls)

    @property
    def high_water(self) -> int:
        """The most calls that ever ran at the same time."""
        with self._lock:
            return self._high_water

    def totals(self) -> Mapping[str, Totals]:
        """Sums per model over calls that were answered with 200."""
        sums: dict[str, Totals] = {}
        for call in self.calls:
            if call.status == 200 and call.model is not None:
                so_far = sums.get(call.model, Totals())
                sums[call.model] = Totals(so_far.calls + 1, so_far.usage + call.usage)
        return sums


def usage_of(metered: Metered, output_tokens: int) -> Usage:
    """What a metered prompt and its answer used."""
    written = metered.written_5m + metered.written_1h
    return Usage(metered.uncached, written, metered.read, output_tokens)
