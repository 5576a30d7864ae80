"""What is sent to Claude for one ticket, in the dialect that each model understands."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from connector.classify.prompt import EXAMPLES, Prompt
from connector.errors import SettingsError
from connector.llm.answer_tool import spoken_by_tool, tool_arguments
from connector.llm.model_family import family_of

_LEAST_TOKENS = 200  # an answer has about 120
_LEAST_TOKENS_THINKING = 4_096  # thinking is paid from the same budget, before the first word of the answer
_MOST_TOKENS = 16_384
_EFFORTS = ("low", "medium", "high", "xhigh", "max")
_EFFORTS_UNTHINKING = _EFFORTS[:3]


@dataclass(frozen=True, slots=True)
class ModelSettings:
    """A model and how hard it tries.

    ``thinking`` is a value of the API's ``thinking.type``; None means as little as the model allows.
    ``effort`` is left out for models that have none.
    """

    name: str
    max_tokens: int = 512
    effort: str | None = "low"
    thinking: str | None = None


@dataclass(frozen=True, slots=True)
class Dialect:
    """What a family of models accepts; ``thinking`` begins with what comes nearest to none."""

    family: str
    thinking: tuple[str, ...]
    effort: bool
    forced_tool: bool = True


# platform.claude.com, migration guides of each model.  `describe` compares with what the API itself says.
_DIALECTS = (
    Dialect("claude-haiku-5-5", ("disabled", "adaptive"), effort=True),
    Dialect("claude-sonnet-5-5", ("between_tools", "adaptive"), effort=True, forced_tool=False),
    Dialect("claude-haiku-4-5", ("disabled",), effort=False),
    Dialect("claude-sonnet-4-5", ("disabled",), effort=False),
    Dialect("claude-opus-4-5", ("disabled",), effort=True),
    Dialect("claude-sonnet-4-6", ("disabled", "adaptive"), effort=True),
    Dialect("claude-opus-4-6", ("disabled", "adaptive"), effort=True),
    Dialect("claude-opus-4-7", ("disabled", "adaptive"), effort=True),
)


def check_model(model: ModelSettings) -> None:
    """Raise SettingsError for a combination that the API is known to refuse or that cannot hold an answer."""
    dialect, thinking = _dialect(model), thinking_of(model)
    if dialect and thinking not in dialect.thinking:
        accepted = " or ".join(f'"{each}"' for each in dialect.thinking)
        raise SettingsError(f'model {model.name}: thinking "{thinking}" is not accepted, use {accepted}')
    quiet = thinking in {"disabled", "between_tools"}
    efforts = _EFFORTS_UNTHINKING if quiet else _EFFORTS
    if model.effort is not None and model.effort not in efforts:
        raise SettingsError(f"model {model.name}: effort must be one of {', '.join(efforts)}")
    least = _LEAST_TOKENS if quiet else _LEAST_TOKENS_THINKING
    if not least <= model.max_tokens <= _MOST_TOKENS:
        raise SettingsError(f"model {model.name}: max_tokens must be {least} to {_MOST_TOKENS} here")


def thinking_of(model: ModelSettings) -> str | None:
    """The explicit thinking mode; None for an unknown model without one (its own default then holds)."""
    dialect = _dialect(model)
    return model.thinking or (dialect.thinking[0] if dialect else None)


def effort_of(model: ModelSettings) -> str | None:
    """The effort to send; None for families that have no such setting."""
    dialect = _dialect(model)
    return model.effort if dialect is None or dialect.effort else None


def build_request(
    model: ModelSettings, prompt: Prompt, ticket: Mapping[str, Any], *, by_tool: bool = False
) -> dict[str, Any]:
    """The arguments of ``messages.create`` for one ticket.

    All that calls have in common comes first and ends in a cache breakpoint; the ticket is one JSON object.
    What ``ticket`` has under ``examples`` comes between the two, in a block of its own: behind the
    breakpoint, or no two calls would share a cache entry, and not in the system prompt, because strangers
    wrote it.  ``by_tool`` asks for the answer as the call of a tool, for models without structured outputs.
    """
    facts = {name: value for name, value in ticket.items() if name != EXAMPLES}
    examples = ticket.get(EXAMPLES)
    said = [encode(examples), encode(facts)] if examples else [encode(facts)]
    if by_tool:
        system = spoken_by_tool(prompt).system
        return _call(model, system, said, None) | tool_arguments(prompt, forced=_can_be_forced(model))
    return _call(model, prompt.system, said, {"type": "json_schema", "schema": prompt.schema})


def build_explanation(model: ModelSettings, system: str, facts: Mapping[str, Any]) -> dict[str, Any]:
    """The arguments of ``messages.create`` for a text in plain words about ``facts``."""
    return _call(model, system, [encode(facts)], None)


def encode(facts: Mapping[str, Any] | Sequence[Mapping[str, Any]]) -> str:
    """``facts`` as JSON that any wire can carry: lone surrogates become question marks."""
    return json.dumps(facts, ensure_ascii=False, default=str).encode("utf-8", "replace").decode()


def _call(
    model: ModelSettings, system: str, said: Sequence[str], answer_format: Mapping[str, Any] | None
) -> dict[str, Any]:
    blocks = [{"type": "text", "text": each} for each in said]
    call: dict[str, Any] = {
        "model": model.name,
        "max_tokens": model.max_tokens,
        "system": [{"type": "text", "text": system, "cache_control": {"type": "ephemeral"}}],
        "messages": [{"role": "user", "content": said[0] if len(said) == 1 else blocks}],
    }
    if thinking := thinking_of(model):
        call["thinking"] = {"type": thinking}
    output: dict[str, Any] = {}
    if answer_format is not None:
        output["format"] = answer_format
    if effort := effort_of(model):
        output["effort"] = effort
    if output:
        call["output_config"] = output
    return call


def _can_be_forced(model: ModelSettings) -> bool:
    """Whether the call of a tool may be forced: not on Sonnet 5.5, not on the unknown, not while thinking.

    platform.claude.com, migration guide to Sonnet 5.5: ``tool_choice`` "any" and "tool" are refused.
    """
    dialect = _dialect(model)
    return dialect is not None and dialect.forced_tool and thinking_of(model) == "disabled"


def _dialect(model: ModelSettings) -> Dialect | None:
    family = family_of(model.name)
    return next((dialect for dialect in _DIALECTS if dialect.family == family), None)
