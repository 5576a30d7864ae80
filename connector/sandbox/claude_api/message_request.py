"""One request to the Messages API, checked and taken apart."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from hashlib import blake2b
from typing import Any

from connector.sandbox.claude_api import request_rules as rules
from connector.sandbox.claude_api.forms import Form
from connector.sandbox.claude_api.models import Model
from connector.sandbox.claude_api.rejection import invalid

ReadForm = Callable[[str, bool], Form]
"""Turns a schema's JSON text into a form; the flag says whether the subset of structured outputs applies."""


@dataclass(frozen=True, slots=True)
class Block:
    """A stretch of the prompt; ``lifetime`` ("5m", "1h") makes its end a cache breakpoint."""

    text: str
    lifetime: str | None = None


@dataclass(frozen=True, slots=True)
class MessageRequest:
    """What one call asks for.  ``thinking`` and ``effort`` are those in force, defaults included."""

    model: Model
    max_tokens: int
    thinking: str
    effort: str | None
    form: Form | None
    tool: str | None
    tool_is_forced: bool
    stream: bool
    briefing: str
    blocks: tuple[Block, ...]
    ticket: Mapping[str, Any]
    text: str

    @property
    def ticket_id(self) -> str | None:
        """What identifies the ticket in the JSON object of the last message, if anything does."""
        found = self.ticket.get("id", self.ticket.get("ticket_id"))
        return None if found is None else str(found)

    @property
    def subject_hash(self) -> str:
        """Tells tickets apart without keeping what they say: 12 hex digits of the text judged."""
        return blake2b(self.text.encode(errors="replace"), digest_size=6).hexdigest()


def read_request(
    body: Mapping[str, Any],
    models: Sequence[Model],
    version: str,
    read_form: ReadForm,
    *,
    counting: bool = False,
) -> MessageRequest:
    """Check a request as the real API does; ``counting`` is for count_tokens, which has no max_tokens."""
    required = ("model", "messages") if counting else ("model", "max_tokens", "messages")
    rules.check_fields(body, version, required)
    model = rules.check_model(body, models)
    rules.check_sampling(body, model)
    max_tokens = model.max_tokens if counting else rules.check_max_tokens(body, model)
    effort = rules.check_effort(body, model)
    thinking = rules.check_thinking(body, model, effort)
    tool = rules.check_tools(body, model)
    messages = rules.check_messages(body, model)
    form = _read_form(body, model, tool, read_form)
    system = list(_blocks(body.get("system"), "system"))
    blocks = _prompt(body, system, messages)
    rules.check_breakpoints([block.lifetime for block in blocks if block.lifetime])
    ticket, text = _asked(messages)
    return MessageRequest(
        model=model,
        max_tokens=max_tokens,
        thinking=thinking,
        effort=effort,
        form=form,
        tool=None if tool is None else str(tool.get("name")),
        tool_is_forced=rules.is_forced(body),
        stream=bool(body.get("stream")),
        briefing="\n".join(block.text for block in system),
        blocks=blocks,
        ticket=ticket,
        text=text,
    )


_SPOKEN = ("subject", "title", "text", "body", "description", "message", "content", "comment")


def read_ticket(text: str) -> tuple[Mapping[str, Any], str]:
    """The JSON object in a message, and what a person wrote in it; any other text is taken as it is.

    An object that wraps the ticket under ``ticket`` is looked through.
    """
    start, end = text.find("{"), text.rfind("}")
    try:
        found = json.loads(text[start : end + 1]) if 0 <= start < end else None
    except ValueError:
        found = None
    if not isinstance(found, dict):
        return {}, text
    if isinstance(inner := found.get("ticket"), dict):
        found = inner
    spoken = [value for name, value in found.items() if name in _SPOKEN and isinstance(value, str)]
    return found, "\n".join(spoken or _strings(found))


def _strings(value: object) -> Iterator[str]:
    if isinstance(value, str):
        yield value
    elif isinstance(value, dict | list):
        for each in value.values() if isinstance(value, dict) else value:
            yield from _strings(each)


def _read_form(
    body: Mapping[str, Any], model: Model, tool: Mapping[str, Any] | None, read_form: ReadForm
) -> Form | None:
    wanted = rules.output_config(body).get("format")
    if wanted is not None:
        if not model.structured_outputs:
            raise invalid("output_config.format: structured outputs are not supported for this model.")
        if wanted.get("type") != "json_schema" or "schema" not in wanted:
            raise invalid("output_config.format.schema: Field required")
        return read_form(json.dumps(wanted["schema"], ensure_ascii=False), True)
    if tool is not None:
        return read_form(
            json.dumps(tool.get("input_schema", {}), ensure_ascii=False), tool.get("strict") is True
        )
    return None


def _prompt(
    body: Mapping[str, Any], system: Sequence[Block], messages: Sequence[Mapping[str, Any]]
) -> tuple[Block, ...]:
    """Tools, then system, then messages: the order in which a prompt prefix is cached."""
    tools = [Block(json.dumps(tool), _lifetime(tool)) for tool in body.get("tools") or ()]
    said: list[Block] = []
    for at, message in enumerate(messages):
        said.extend(_blocks(message["content"], f"messages.{at}"))
    if body.get("cache_control") and said:
        said[-1] = Block(said[-1].text, _lifetime(body))
    return (*tools, *system, *said)


def _blocks(content: object, where: str) -> Iterator[Block]:
    if isinstance(content, str):
        yield Block(content)
    elif isinstance(content, list):
        for at, part in enumerate(content):
            if not isinstance(part, dict):
                raise invalid(f"{where}.{at}: Input should be an object")
            text = part.get("text", "") if part.get("type") == "text" else json.dumps(part)
            if not text:
                raise invalid(f"{where}.{at}: text content blocks must be non-empty")
            yield Block(text, _lifetime(part))
    elif content is not None:
        raise invalid(f"{where}: Input should be a valid string or list")


def _lifetime(part: Mapping[str, Any]) -> str | None:
    control = part.get("cache_control")
    if control is None:
        return None
    ttl = control.get("ttl", "5m")
    if control.get("type") != "ephemeral" or ttl not in {"5m", "1h"}:
        raise invalid("cache_control: Input should be 'ephemeral' with a ttl of '5m' or '1h'")
    return str(ttl)


def _asked(messages: Sequence[Mapping[str, Any]]) -> tuple[Mapping[str, Any], str]:
    """The ticket of the last message: the object that ends it, whatever material stands before in blocks."""
    asked = next((message for message in reversed(messages) if message["role"] == "user"), messages[-1])
    texts = [block.text for block in _blocks(asked["content"], "messages")]
    ticket, text = read_ticket(texts[-1]) if texts else ({}, "")
    return (ticket, text) if ticket else read_ticket("\n".join(texts))
