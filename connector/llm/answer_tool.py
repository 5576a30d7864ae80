"""The answer as the call of a tool, where a model has no structured outputs: same schema, same checks."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from hashlib import sha256
from typing import Any

from connector.classify.prompt import Prompt
from connector.domain.classification import Tier

TOOL = "record_triage"

_DESCRIPTION = "Records the triage of the one ticket in the user message."
_INSTRUCTION = f"""\
# How to answer
Call the tool `{TOOL}` exactly once with your answer, and write nothing else."""


def spoken_by_tool(prompt: Prompt) -> Prompt:
    """The prompt with the request to answer by the tool at its end."""
    return replace(prompt, system=f"{prompt.system}\n\n{_INSTRUCTION}")


def tool_arguments(prompt: Prompt, *, forced: bool) -> dict[str, Any]:
    """``tools`` and ``tool_choice`` of a call; the prompt's schema is what the tool takes.

    Not strict: where structured outputs are missing, strict tools are too.
    """
    choice: dict[str, Any] = {"type": "tool", "name": TOOL} if forced else {"type": "auto"}
    return {
        "tools": [{"name": TOOL, "description": _DESCRIPTION, "input_schema": prompt.schema}],
        "tool_choice": choice | {"disable_parallel_tool_use": True},
    }


def version_by_tool(version: str, tiers: Iterable[Tier]) -> str:
    """The prompt's version where ``tiers`` answer by the tool: as long as the prompt's own, 12 hex digits."""
    asked = sorted(tiers)
    if not asked:
        return version
    parts = "\0".join([version, _INSTRUCTION, _DESCRIPTION, *asked])
    return sha256(parts.encode()).hexdigest()[:12]
