"""Whether a configured model still lives and accepts what is asked of it, in the API's own words."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

import msgspec

from connector.errors import Unavailable
from connector.llm.request import ModelSettings, effort_of, thinking_of

UNLISTED = "unlisted"


@dataclass(frozen=True, slots=True)
class ModelStatus:
    """A model as the Models API lists it.

    ``lifecycle`` is active, deprecated or retired (or a later word), UNLISTED where there is no such API;
    ``problems`` are sentences for an operator, empty when the configured request will be accepted.
    ``max_input_tokens`` is how much the model reads at most; None where the API does not say.
    """

    name: str
    lifecycle: str
    retires_at: datetime | None = None
    display_name: str = ""
    problems: tuple[str, ...] = ()
    max_input_tokens: int | None = None


def read_status(body: bytes, model: ModelSettings, *, by_tool: bool = False) -> ModelStatus:
    """The status in an answer of the Models API.  Raises Unavailable when it is none.

    A model that answers ``by_tool`` needs no structured outputs.
    """
    try:
        said = msgspec.json.decode(body)
    except (ValueError, RecursionError):
        raise Unavailable("Claude's answer is not JSON; is a proxy answering in its place?") from None
    if not isinstance(said, dict) or not isinstance(said.get("id"), str):
        raise Unavailable("Claude's answer is not a model; is a proxy answering in its place?")
    lifecycle = said.get("lifecycle")
    retires_at = _time(said.get("retires_at"))
    return ModelStatus(
        name=model.name,
        lifecycle=lifecycle if isinstance(lifecycle, str) else "unknown",
        retires_at=retires_at,
        display_name=str(said.get("display_name") or ""),
        problems=tuple(_problems(said, model, by_tool=by_tool)),
        max_input_tokens=_count(said.get("max_input_tokens")),
    )


def _problems(said: Mapping[str, Any], model: ModelSettings, *, by_tool: bool) -> list[str]:
    problems = []
    if said.get("lifecycle") == "retired":
        problems.append(f"{model.name} is retired; configure another model")
    if not by_tool and _refused(said, "structured_outputs"):
        problems.append(f"{model.name} has no structured outputs")
    if (thinking := thinking_of(model)) and _refused(said, "thinking", "types", thinking):
        problems.append(f'{model.name} does not accept thinking "{thinking}"')
    if (effort := effort_of(model)) and (_refused(said, "effort") or _refused(said, "effort", effort)):
        problems.append(f'{model.name} does not accept effort "{effort}"')
    most = said.get("max_tokens")
    if isinstance(most, int) and model.max_tokens > most:
        problems.append(f"{model.name} writes at most {most} tokens, max_tokens is {model.max_tokens}")
    return problems


def _count(value: object) -> int | None:
    return value if isinstance(value, int) and not isinstance(value, bool) else None


def _refused(said: Mapping[str, Any], *path: str) -> bool:
    """Whether the capability is listed as unsupported; one that is not listed is taken as supported."""
    found: Any = said.get("capabilities")
    for name in path:
        found = found.get(name) if isinstance(found, dict) else None
    return isinstance(found, dict) and found.get("supported") is False


def _time(value: object) -> datetime | None:
    try:
        at = datetime.fromisoformat(value) if isinstance(value, str) else None
    except ValueError:
        return None
    return at.replace(tzinfo=at.tzinfo or UTC) if at else None
