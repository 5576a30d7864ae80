"""Prompt caching: which part of a prompt is paid for once and then read cheaply."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from hashlib import blake2b
from threading import Lock

from connector.sandbox.claude_api.message_request import MessageRequest

_LIFETIMES = {"5m": 300.0, "1h": 3_600.0}
_LOOKBACK = 20  # blocks before a breakpoint in which an older entry is found
_FORMAT_PREAMBLE_TOKENS = 40
_MANY = 10_000  # from so many entries on the expired ones are dropped


@dataclass(frozen=True, slots=True)
class Mark:
    """The end of a block: the digest and the length in tokens of everything up to it."""

    digest: bytes
    tokens: int
    lifetime: str | None


@dataclass(frozen=True, slots=True)
class Metered:
    """The prompt in tokens, by price; ``written`` are the entries this call creates."""

    uncached: int
    read: int = 0
    written_5m: int = 0
    written_1h: int = 0
    written: tuple[bytes, ...] = ()

    @property
    def total(self) -> int:
        return self.uncached + self.read + self.written_5m + self.written_1h


@dataclass(slots=True)
class _Entry:
    lifetime_seconds: float
    expires_at: float
    readable: bool = False


class PromptCache:
    """Entries by prefix digest; an entry can be read once the first response that wrote it has begun.

    Source: the vendor's page "Prompt caching"; the lifetime counts from the start of the last use.
    """

    def __init__(self) -> None:
        self._entries: dict[bytes, _Entry] = {}
        self._lock = Lock()

    def meter(self, request: MessageRequest, at: float) -> Metered:
        """Price a prompt that arrives at ``at`` (epoch seconds), refreshing what it reads."""
        marks = measure_prompt(request)
        wanted = [number for number, mark in enumerate(marks) if mark.lifetime is not None]
        total = marks[-1].tokens if marks else 0
        if not wanted:
            return Metered(uncached=total)
        with self._lock:
            read = self._read(marks, wanted, at)
            fresh = [marks[number] for number in wanted if marks[number].tokens > read]
            new = [mark for mark in fresh if mark.tokens >= request.model.cache_minimum]
            for mark in new:
                self._write(mark, at)
        return _split(total, read, new)

    def open(self, metered: Metered) -> None:
        """The response has begun: what this call wrote can be read from now on."""
        with self._lock:
            for digest in metered.written:
                if entry := self._entries.get(digest):
                    entry.readable = True

    def _read(self, marks: Sequence[Mark], wanted: Sequence[int], at: float) -> int:
        for number in reversed(wanted):
            for earlier in range(number, max(-1, number - _LOOKBACK), -1):
                entry = self._entries.get(marks[earlier].digest)
                if entry is not None and entry.readable and entry.expires_at > at:
                    entry.expires_at = at + entry.lifetime_seconds
                    return marks[earlier].tokens
        return 0

    def _write(self, mark: Mark, at: float) -> None:
        seconds = _LIFETIMES[mark.lifetime or "5m"]
        entry = self._entries.get(mark.digest)
        if len(self._entries) > _MANY:
            self._entries = {key: kept for key, kept in self._entries.items() if kept.expires_at > at}
        if entry is None or entry.expires_at <= at:
            self._entries[mark.digest] = _Entry(seconds, at + seconds)


def measure_prompt(request: MessageRequest) -> tuple[Mark, ...]:
    """The marks of a prompt, block by block.

    Model, thinking, effort and answer format come first, so that changing one of them misses everything.
    """
    form = request.form.source if request.form else ""
    running = blake2b(digest_size=16)
    running.update(
        f"{request.model.id}\0{request.thinking}\0{request.effort}\0{form}".encode(errors="replace")
    )
    tokens = _hidden_tokens(request, form)
    marks: list[Mark] = []
    for block in request.blocks:
        text = block.text.encode(errors="replace")
        running.update(b"\0" + text)
        tokens += tokens_of(len(text), request.model.tokens_per_4_bytes)
        marks.append(Mark(running.copy().digest(), tokens, block.lifetime))
    return tuple(marks)


def tokens_of(length_bytes: int, tokens_per_4_bytes: float) -> int:
    """About one token per four bytes of UTF-8, times the model's tokenizer factor; at least one."""
    return max(1, round(length_bytes / 4 * tokens_per_4_bytes))


def _hidden_tokens(request: MessageRequest, form: str) -> int:
    """What the API adds to a prompt: how to use tools, or the answer format explained to the model."""
    if request.tool is not None:
        return request.model.tool_prompt_tokens[request.tool_is_forced]
    if form:
        return _FORMAT_PREAMBLE_TOKENS + tokens_of(
            len(form.encode(errors="replace")), request.model.tokens_per_4_bytes
        )
    return 8


def _split(total: int, read: int, new: Sequence[Mark]) -> Metered:
    reached = {"5m": 0, "1h": 0}
    below = read
    for mark in new:
        reached[mark.lifetime or "5m"] += mark.tokens - below
        below = mark.tokens
    return Metered(
        uncached=total - below,
        read=read,
        written_5m=reached["5m"],
        written_1h=reached["1h"],
        written=tuple(mark.digest for mark in new),
    )
