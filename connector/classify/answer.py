"""Understanding what the model said: labels of the taxonomy with usable confidences, or a reason why not."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from typing import Any

from connector.classify.prompt import NO_TEAM, REASON_CHARS, clean, normal_name, shorten
from connector.domain.classification import Classification, Label, Tier
from connector.domain.taxonomy import Axis, Taxonomy
from connector.errors import AnswerUnusable

_DRIFT = 0.05


def read_answer(text: str, taxonomy: Taxonomy, tier: Tier, model: str | None) -> Classification:
    """The classification in a model's JSON text.

    Case, spaces and hyphens in class names do not matter, further keys are ignored, a missing reason is
    empty.  Every axis needs a label of the taxonomy and a confidence.  Raises AnswerUnusable with the code
    ``invalid_json``, ``missing_label``, ``unknown_label`` or ``bad_confidence``, and nothing else.
    """
    said = _object(text)
    labels = {axis: _label(said, axis, taxonomy) for axis in Axis}
    return Classification(
        tier=tier,
        secondary_team=_secondary(said, labels[Axis.TEAM].value, taxonomy),
        reason=_reason(said),
        model=model,
    ).labelled(labels)


def _object(text: str) -> Mapping[str, Any]:
    try:
        said = json.loads(text.strip().lstrip("\ufeff"))
    except (ValueError, RecursionError):  # RecursionError: brackets nested by the thousand
        raise AnswerUnusable("the model's answer is not JSON", code="invalid_json") from None
    if not isinstance(said, dict):
        raise AnswerUnusable("the model's answer is not a JSON object", code="invalid_json")
    return said


def _label(said: Mapping[str, Any], axis: Axis, taxonomy: Taxonomy) -> Label:
    value = _name(said.get(axis.value), axis, taxonomy)
    return Label(value, _confidence(said.get(f"{axis.value}_confidence"), axis))


def _name(value: object, axis: Axis, taxonomy: Taxonomy) -> str:
    """The taxonomy's own spelling of ``value``: what the model wrote is compared, never copied."""
    if value is None or value == "":
        raise AnswerUnusable(f"the model's answer has no {axis}", code="missing_label")
    wanted = normal_name(value) if isinstance(value, str) else None
    for name in taxonomy.names(axis):
        if normal_name(name) == wanted:
            return name
    raise AnswerUnusable(f"the model's {axis} is none of the configured ones", code="unknown_label")


def _confidence(value: object, axis: Axis) -> float:
    """A number in 0..1.  A drift of at most 0.05 to either side is clamped; anything else is unusable.

    A value over 1 is not read as a percentage: 1.2 could be either, and a confidence must not be invented.
    """
    number = _number(value)
    if number is None or not -_DRIFT <= number <= 1 + _DRIFT:
        raise AnswerUnusable(f"the model's {axis} has no confidence between 0 and 1", code="bad_confidence")
    return min(1.0, max(0.0, number))


def _number(value: object) -> float | None:
    if isinstance(value, bool) or not isinstance(value, (int, float, str)):
        return None
    try:
        number = float(value)
    except (ValueError, OverflowError):
        return None
    return number if math.isfinite(number) else None


def _secondary(said: Mapping[str, Any], team: str, taxonomy: Taxonomy) -> str | None:
    value = said.get("secondary_team")
    if value is None or (isinstance(value, str) and normal_name(value) in {"", NO_TEAM}):
        return None
    name = _name(value, Axis.TEAM, taxonomy)
    return None if name == team else name


def _reason(said: Mapping[str, Any]) -> str:
    value = said.get("reason")
    return shorten(clean(value), REASON_CHARS) if isinstance(value, str) else ""
