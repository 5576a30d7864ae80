"""The models the emulated API offers, and what each of them accepts."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any, Literal

from connector.sandbox.claude_api.judgement import Skill

Lifecycle = Literal["active", "deprecated", "retired"]

EFFORTS = ("low", "medium", "high", "xhigh", "max")
_CHEAP = Skill(doubt=0.46, sharpness=5.5, noise=0.2)
_STRONG = Skill(doubt=0.3, sharpness=8, noise=0.05)


@dataclass(frozen=True, slots=True)
class Model:
    """One model.  Dates are RFC 3339; ``tokens_per_4_bytes`` is its tokenizer, 1.3 for the 5.5 family.

    ``thinking`` lists the ``thinking.type`` values it accepts, ``default_thinking`` what an unset one means.
    """

    id: str
    name: str
    line: str
    created_at: str
    lifecycle: Lifecycle = "active"
    deprecated_at: str | None = None
    retires_at: str | None = None
    max_input_tokens: int = 200_000
    max_tokens: int = 64_000
    tokens_per_4_bytes: float = 1.0
    cache_minimum: int = 1_024
    thinking: frozenset[str] = frozenset({"enabled", "disabled"})
    default_thinking: str = "disabled"
    efforts: tuple[str, ...] = ()
    default_effort: str = "high"
    forced_tools: bool = True
    prefill: bool = False
    sampling: bool = False
    structured_outputs: bool = True
    tool_prompt_tokens: tuple[int, int] = (497, 589)  # hidden prompt: auto, forced
    skill: Skill = _STRONG


CATALOGUE = (
    Model(
        id="claude-sonnet-5-5",
        name="Claude Sonnet 5.5",
        line="sonnet",
        created_at="2026-09-28T00:00:00Z",
        max_input_tokens=1_000_000,
        max_tokens=128_000,
        tokens_per_4_bytes=1.3,
        cache_minimum=512,
        thinking=frozenset({"adaptive", "between_tools"}),
        default_thinking="adaptive",
        efforts=EFFORTS,
        forced_tools=False,
    ),
    Model(
        id="claude-haiku-5-5",
        name="Claude Haiku 5.5",
        line="haiku",
        created_at="2026-10-07T00:00:00Z",
        tokens_per_4_bytes=1.3,
        cache_minimum=512,
        thinking=frozenset({"adaptive", "disabled"}),
        default_thinking="adaptive",
        efforts=EFFORTS,
        default_effort="medium",
        tool_prompt_tokens=(286, 406),
        skill=_CHEAP,
    ),
    Model(
        id="claude-opus-5-5",
        name="Claude Opus 5.5",
        line="opus",
        created_at="2026-09-01T00:00:00Z",
        max_input_tokens=1_000_000,
        max_tokens=128_000,
        tokens_per_4_bytes=1.3,
        cache_minimum=512,
        thinking=frozenset({"adaptive"}),
        default_thinking="adaptive",
        efforts=EFFORTS,
    ),
    Model(
        id="claude-sonnet-5",
        name="Claude Sonnet 5",
        line="sonnet",
        created_at="2026-06-30T00:00:00Z",
        max_input_tokens=1_000_000,
        max_tokens=128_000,
        thinking=frozenset({"adaptive", "disabled"}),
        default_thinking="adaptive",
        efforts=EFFORTS,
    ),
    Model(
        id="claude-opus-4-7",
        name="Claude Opus 4.7",
        line="opus",
        created_at="2026-04-16T00:00:00Z",
        max_tokens=128_000,
        cache_minimum=2_048,
        thinking=frozenset({"adaptive", "disabled"}),
        efforts=EFFORTS,
    ),
    Model(
        id="claude-sonnet-4-6",
        name="Claude Sonnet 4.6",
        line="sonnet",
        created_at="2026-02-17T00:00:00Z",
        thinking=frozenset({"adaptive", "enabled", "disabled"}),
        efforts=("low", "medium", "high", "max"),
        sampling=True,
    ),
    Model(
        id="claude-haiku-4-5-20251001",
        name="Claude Haiku 4.5",
        line="haiku",
        created_at="2025-10-15T00:00:00Z",
        cache_minimum=4_096,
        prefill=True,
        sampling=True,
        tool_prompt_tokens=(496, 588),
        skill=_CHEAP,
    ),
    Model(
        id="claude-sonnet-4-5-20250929",
        name="Claude Sonnet 4.5",
        line="sonnet",
        created_at="2025-09-29T00:00:00Z",
        lifecycle="deprecated",
        deprecated_at="2026-05-30T00:00:00Z",
        retires_at="2026-11-30T00:00:00Z",
        prefill=True,
        sampling=True,
    ),
    Model(
        id="claude-3-haiku-20240307",
        name="Claude Haiku 3",
        line="haiku",
        created_at="2024-03-07T00:00:00Z",
        lifecycle="retired",
        deprecated_at="2026-02-19T00:00:00Z",
        retires_at="2026-04-20T00:00:00Z",
        max_tokens=4_096,
        cache_minimum=2_048,
        thinking=frozenset({"disabled"}),
        prefill=True,
        sampling=True,
        structured_outputs=False,
        skill=_CHEAP,
    ),
)


def find_model(models: Iterable[Model], name: object) -> Model | None:
    """By id, or by the id without its date."""
    if not isinstance(name, str):
        return None
    return next((model for model in models if name in {model.id, model.id.rsplit("-20", 1)[0]}), None)


def describe_model(model: Model) -> dict[str, Any]:
    """The model as ``GET /v1/models/{id}`` shows it."""
    return {
        "type": "model",
        "id": model.id,
        "display_name": model.name,
        "line": model.line,
        "created_at": model.created_at,
        "lifecycle": model.lifecycle,
        "deprecated_at": model.deprecated_at,
        "retires_at": model.retires_at,
        "max_input_tokens": model.max_input_tokens,
        "max_tokens": model.max_tokens,
        "capabilities": _capabilities(model),
    }


def _capabilities(model: Model) -> dict[str, Any]:
    thinks = bool(model.thinking - {"disabled"})
    kinds = ("adaptive", "between_tools", "disabled", "enabled")
    server_tools = {name: _support(True) for name in ("code_execution", "web_search")}
    return {
        "batch": _support(True),
        "citations": _support(True),
        "code_execution": _support(thinks),
        "context_management": _support(thinks),
        "effort": _support(bool(model.efforts)) | {name: _support(name in model.efforts) for name in EFFORTS},
        "image_input": _support(True),
        "pdf_input": _support(True),
        "server_tools": _support(True) | server_tools,
        "structured_outputs": _support(model.structured_outputs),
        "thinking": _support(thinks) | {"types": {kind: _support(kind in model.thinking) for kind in kinds}},
    }


def _support(supported: bool) -> dict[str, Any]:
    return {"supported": supported}
