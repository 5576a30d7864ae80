"""What the Messages API refuses, in its own words.

Sources: the vendor's migration guides to Claude Haiku 5.5 and Sonnet 5.5, the pages "Structured outputs",
"Prompt caching" and "Thinking", and the notes on API version 2026-10-21.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from connector.sandbox.claude_api.models import EFFORTS, Model, find_model
from connector.sandbox.claude_api.rejection import Rejected, invalid

Body = Mapping[str, Any]

_FIELDS = frozenset(
    {"cache_control", "container", "diagnostics", "inference_geo", "max_tokens", "messages", "metadata"}
    | {"model", "output_config", "service_tier", "speed", "stop_sequences", "stream", "system", "thinking"}
    | {"tool_choice", "tools", "user_profile_id", "workspace_id"}
)
_SAMPLING = ("temperature", "top_p", "top_k")
_VERSION_WITHOUT_SAMPLING = "2026-10-21"
_NO_THINKING = ("disabled", "between_tools")
_MAX_BREAKPOINTS = 4


def check_fields(body: Body, version: str, required: Iterable[str]) -> None:
    """Required fields are there and no unknown ones."""
    for name in required:
        if name not in body:
            raise invalid(f"{name}: Field required")
    known = _FIELDS if version >= _VERSION_WITHOUT_SAMPLING else _FIELDS.union(_SAMPLING)
    for name in body:
        if name not in known:
            raise invalid(f"{name}: Extra inputs are not permitted")


def check_model(body: Body, models: Sequence[Model]) -> Model:
    """The model asked for; unknown and retired ones are 404."""
    model = find_model(models, body["model"])
    if model is None or model.lifecycle == "retired":
        raise Rejected(404, f"model: {body['model']}")
    return model


def check_sampling(body: Body, model: Model) -> None:
    """Before API version 2026-10-21 older models sample; newer ones accept only the default temperature."""
    for name in _SAMPLING:
        if name in body and not model.sampling and not (name == "temperature" and body[name] == 1):
            raise invalid(f"`{name}` is deprecated for this model.")


def check_max_tokens(body: Body, model: Model) -> int:
    """Between 0 and the model's maximum; 0 only warms the cache and goes with few other options."""
    wanted = body["max_tokens"]
    if isinstance(wanted, bool) or not isinstance(wanted, int):
        raise invalid("max_tokens: Input should be a valid integer")
    if wanted < 0:
        raise invalid("max_tokens: Input should be greater than or equal to 0")
    if wanted > model.max_tokens:
        limit = f"which is the maximum allowed number of output tokens for {model.id}"
        raise invalid(f"max_tokens: {wanted} > {model.max_tokens}, {limit}")
    if wanted == 0 and (body.get("stream") or is_forced(body) or "format" in output_config(body)):
        raise invalid("max_tokens: 0 is not allowed with stream, output_config.format or forced tool_choice")
    return wanted


def check_thinking(body: Body, model: Model, effort: str | None) -> str:
    """The thinking mode in force; unset means the model's default."""
    thinking = body.get("thinking")
    if thinking is None:
        return model.default_thinking
    kind = thinking.get("type") if isinstance(thinking, dict) else None
    if kind not in {"adaptive", "between_tools", "disabled", "enabled"}:
        raise invalid(
            f"thinking: Input tag '{kind}' found using 'type' does not match any of the expected tags"
        )
    if kind not in model.thinking:
        raise invalid(f'"thinking.type.{kind}" is not supported for this model.{_instead(kind, model)}')
    if kind == "enabled":
        _check_budget(thinking, body)
    if kind in _NO_THINKING and effort in {"xhigh", "max"}:
        raise invalid(f'"thinking.type.{kind}" is not supported with effort "{effort}".')
    return str(kind)


def check_effort(body: Body, model: Model) -> str | None:
    """The effort in force, None on models that have none."""
    effort = output_config(body).get("effort")
    if effort is None:
        return model.default_effort if model.efforts else None
    if not model.efforts:
        raise invalid("This model does not support the effort parameter.")
    if effort not in EFFORTS:
        raise invalid("output_config.effort: Input should be 'low', 'medium', 'high', 'xhigh' or 'max'")
    if effort not in model.efforts:
        raise invalid(f'This model does not support effort level "{effort}".')
    return str(effort)


def check_tools(body: Body, model: Model) -> Mapping[str, Any] | None:
    """The tool the model will call, None when it answers in words."""
    tools = body.get("tools") or ()
    if is_forced(body) and not model.forced_tools:
        raise invalid('tool_choice: type "tool" and "any" are not supported for this model.')
    choice = body.get("tool_choice") or {"type": "auto"}
    if choice.get("type") == "tool":
        named = [tool for tool in tools if tool.get("name") == choice.get("name")]
        if not named:
            raise invalid(f"Tool '{choice.get('name')}' not found in provided tools")
        return named[0]  # type: ignore[no-any-return]  # JSON of the request
    if not tools or choice.get("type") == "none":
        return None
    return tools[0]  # type: ignore[no-any-return]  # JSON of the request


def check_messages(body: Body, model: Model) -> Sequence[Mapping[str, Any]]:
    """A conversation of user and assistant that ends with the user."""
    messages = body["messages"]
    if not isinstance(messages, list) or not messages:
        raise invalid("messages: at least one message is required")
    for at, message in enumerate(messages):
        if not isinstance(message, dict) or message.get("role") not in {"user", "assistant"}:
            raise invalid(f"messages.{at}.role: Input should be 'user' or 'assistant'")
        if not message.get("content"):
            raise invalid(f"messages.{at}: user messages must have non-empty content")
    if messages[-1]["role"] == "assistant" and not model.prefill:
        advice = "The conversation must end with a user message."
        raise invalid(f"This model does not support assistant message prefill. {advice}")
    return messages


def check_breakpoints(lifetimes: Sequence[str]) -> None:
    """At most four cache breakpoints; the longer-lived ones first."""
    if len(lifetimes) > _MAX_BREAKPOINTS:
        limit = f"A maximum of {_MAX_BREAKPOINTS} blocks with cache_control may be provided."
        raise invalid(f"{limit} Found {len(lifetimes)}.")
    if "5m" in lifetimes and "1h" in lifetimes[lifetimes.index("5m") :]:
        raise invalid("a ttl='1h' cache_control block must not come after a ttl='5m' cache_control block.")


def is_forced(body: Body) -> bool:
    """Whether ``tool_choice`` makes the model call a tool."""
    choice = body.get("tool_choice")
    return isinstance(choice, dict) and choice.get("type") in {"any", "tool"}


def output_config(body: Body) -> Mapping[str, Any]:
    """``output_config``, empty when unset."""
    config = body.get("output_config") or {}
    if not isinstance(config, dict):
        raise invalid("output_config: Input should be an object")
    for name in config:
        if name not in {"effort", "format"}:
            raise invalid(f"output_config.{name}: Extra inputs are not permitted")
    return config


def _check_budget(thinking: Mapping[str, Any], body: Body) -> None:
    budget = thinking.get("budget_tokens")
    if not isinstance(budget, int):
        raise invalid("thinking.enabled.budget_tokens: Field required")
    if budget < 1_024:
        raise invalid("thinking.enabled.budget_tokens: Input should be greater than or equal to 1024")
    if budget >= body.get("max_tokens", budget + 1):
        raise invalid("`max_tokens` must be greater than `thinking.budget_tokens`.")


def _instead(kind: str, model: Model) -> str:
    if kind == "enabled" and "adaptive" in model.thinking:
        return ' Use "thinking.type.adaptive" and "output_config.effort" to control thinking behavior.'
    if kind == "disabled" and "between_tools" in model.thinking:
        return ' Use "thinking.type.between_tools" instead.'
    return ""
