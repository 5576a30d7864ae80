"""The JSON shapes in which an answer travels: one message, or a stream of events."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from itertools import islice
from typing import Any

from connector.sandbox.claude_api.prompt_cache import Metered
from connector.sandbox.claude_api.writer import Answer

_STREAMED_CHARS = 40

Json = dict[str, Any]


def build_message(
    message_id: str, model: str, metered: Metered, answer: Answer, *, tier: str = "standard"
) -> Json:
    """The body of a successful call; ``tier`` is "batch" inside message batches."""
    return {
        "id": message_id,
        "type": "message",
        "role": "assistant",
        "model": model,
        "content": list(answer.content),
        "stop_reason": answer.stop_reason,
        "stop_sequence": None,
        "stop_details": answer.stop_details,
        "usage": build_usage(metered, answer, tier),
    }


def build_usage(metered: Metered, answer: Answer, tier: str = "standard") -> Json:
    """Tokens by price; the prompt's total is the sum of the three input counts."""
    return {
        "input_tokens": metered.uncached,
        "cache_creation_input_tokens": metered.written_5m + metered.written_1h,
        "cache_read_input_tokens": metered.read,
        "cache_creation": {
            "ephemeral_5m_input_tokens": metered.written_5m,
            "ephemeral_1h_input_tokens": metered.written_1h,
        },
        "output_tokens": answer.output_tokens,
        "output_tokens_details": {"thinking_tokens": answer.thinking_tokens},
        "service_tier": tier,
        "inference_geo": "global",
        "speed": "standard",
    }


def stream_message(message: Json, cut_after: int | None) -> Iterator[bytes]:
    """The same message as server-sent events; after ``cut_after`` of them the stream just ends."""
    for event in islice(message_events(message), cut_after):
        yield f"event: {event['type']}\ndata: {json.dumps(event)}\n\n".encode()


def message_events(message: Json) -> Iterator[Json]:
    """The events of which a streamed message consists."""
    usage = message["usage"]
    begun = message | {"content": [], "stop_reason": None, "stop_details": None}
    yield {"type": "message_start", "message": begun | {"usage": usage | {"output_tokens": 1}}}
    for index, block in enumerate(message["content"]):
        empty, deltas = _pieces(block)
        yield {"type": "content_block_start", "index": index, "content_block": empty}
        for delta in deltas:
            yield {"type": "content_block_delta", "index": index, "delta": delta}
        yield {"type": "content_block_stop", "index": index}
    ending = {name: message[name] for name in ("stop_reason", "stop_sequence", "stop_details")}
    counted = {name: value for name, value in usage.items() if "tokens" in name}
    yield {"type": "message_delta", "delta": ending, "usage": counted}
    yield {"type": "message_stop"}


def _pieces(block: Mapping[str, Any]) -> tuple[Json, list[Json]]:
    """A block as it starts, and the deltas that complete it."""
    match block.get("type"):
        case "text":
            return {"type": "text", "text": ""}, [
                {"type": "text_delta", "text": part} for part in _parts(str(block["text"]))
            ]
        case "thinking":
            signature = {"type": "signature_delta", "signature": block["signature"]}
            return {"type": "thinking", "thinking": "", "signature": ""}, [signature]
        case "tool_use":
            parts = _parts(json.dumps(block["input"]))
            deltas: list[Json] = [{"type": "input_json_delta", "partial_json": part} for part in parts]
            return dict(block) | {"input": {}}, deltas
        case _:
            return dict(block), []


def _parts(text: str) -> list[str]:
    return [text[at : at + _STREAMED_CHARS] for at in range(0, len(text), _STREAMED_CHARS)]
