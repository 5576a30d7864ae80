"""What came back from Claude: read defensively, because a proxy may answer in the vendor's place."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import msgspec

from connector.domain.classification import Usage
from connector.errors import AnswerUnusable, Unavailable

# Every stop reason but this one means that the answer is not whole.
_WHOLE = "end_turn"
_CODES = {
    "refusal": "refusal",
    "max_tokens": "truncated",
    "model_context_window_exceeded": "too_long",
}
_MOST_TOKENS = 10**9  # a counter beyond that is noise, not a bill


@dataclass(frozen=True, slots=True)
class Message:
    """The few fields of a Messages API answer that matter here; ``text`` has no thinking in it.

    ``is_call``: the text is what our tool was called with, as JSON.  ``is_metered``: the answer came with its
    token counters.
    """

    id: str | None
    text: str
    is_call: bool
    stop_reason: str | None
    model: str | None
    usage: Usage
    is_metered: bool


def read_message(body: bytes, tool: str | None = None) -> Message:
    """The message in a 200 answer; a call of ``tool`` counts as what the model said.

    Raises Unavailable when it is not a message: HTML, cut short, empty, ``{}``.
    """
    try:
        said = msgspec.json.decode(body)
    except (ValueError, RecursionError):  # msgspec's DecodeError is a ValueError, as is bad UTF-8
        raise Unavailable("Claude's answer is not JSON; is a proxy answering in its place?") from None
    return message_in(said, tool)


def message_in(said: object, tool: str | None = None) -> Message:
    """The same for decoded JSON.  Raises Unavailable when it is none."""
    if not isinstance(said, dict) or not isinstance(said.get("content"), list):
        raise Unavailable("Claude's answer is not a message; is a proxy answering in its place?")
    calls = _calls(said["content"], tool)
    return Message(
        id=_string(said.get("id")),
        text="".join(calls) or _text(said["content"]),
        is_call=bool(calls),
        stop_reason=_string(said.get("stop_reason")),
        model=_string(said.get("model")),
        usage=_usage(said.get("usage")),
        is_metered=isinstance(said.get("usage"), dict) and isinstance(said["usage"].get("input_tokens"), int),
    )


def check_whole(message: Message) -> None:
    """Raise AnswerUnusable unless the model finished what it had to say, and said something.

    Codes: ``refusal``, ``truncated``, ``too_long``, ``unexpected_stop`` (any other reason, those of the
    future included), ``empty``.
    """
    if not (message.is_call and message.stop_reason == "tool_use"):
        check_stop(message.stop_reason)
    if not message.text.strip():
        raise AnswerUnusable("the model's answer is empty", code="empty")


def check_stop(stop_reason: str | None) -> None:
    """Raise AnswerUnusable, with the codes of `check_whole`, unless the model came to its own end."""
    if stop_reason != _WHOLE:
        code = _CODES.get(stop_reason or "", "unexpected_stop")
        raise AnswerUnusable(f"the model did not finish its answer ({code})", code=code)


def _text(blocks: list[Any]) -> str:
    """The text blocks; the type is what a block says it is (thinking blocks and unknown ones are skipped)."""
    texts = (block.get("text") for block in blocks if isinstance(block, dict) and block.get("type") == "text")
    return "".join(text for text in texts if isinstance(text, str))


def _calls(blocks: list[Any], tool: str | None) -> list[str]:
    """What ``tool`` was called with, as JSON; two calls side by side are no JSON, so they are no answer."""
    found = (block for block in blocks if isinstance(block, dict) and block.get("type") == "tool_use")
    return [_json(block.get("input")) for block in found if tool is not None and block.get("name") == tool]


def _json(value: object) -> str:
    return msgspec.json.encode(value).decode()


def _usage(said: object) -> Usage:
    """The four token counters; each may be missing or null."""
    counters: Mapping[str, Any] = said if isinstance(said, dict) else {}
    return Usage(
        input_tokens=_count(counters.get("input_tokens")),
        output_tokens=_count(counters.get("output_tokens")),
        cache_write_tokens=_count(counters.get("cache_creation_input_tokens")),
        cache_read_tokens=_count(counters.get("cache_read_input_tokens")),
    )


def _count(value: object) -> int:
    if isinstance(value, bool) or not isinstance(value, int):
        return 0
    return min(max(0, value), _MOST_TOKENS)


def _string(value: object) -> str | None:
    return value[:100] if isinstance(value, str) and value else None
