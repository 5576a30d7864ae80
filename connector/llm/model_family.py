"""The family that a model's id belongs to, whatever its home calls it."""

from __future__ import annotations

import re

# anthropic.claude-haiku-5-5 · eu.anthropic.claude-sonnet-4-5-20250929-v1:0 · claude-haiku-4-5@20251001 ·
# arn:aws:bedrock:eu-central-1:123456789012:inference-profile/eu.anthropic.claude-sonnet-5-5
_HOME = re.compile(r"(?:.*/)?(?:[a-z-]+\.)?anthropic\.")
_EDITION = re.compile(r"(?:[-@](?:\d{8}|default|latest))?(?:-v\d+(?::\d+)?)?$")


def family_of(model: str) -> str:
    """``claude-haiku-4-5`` for every id of that model; an id of another form is its own family."""
    return _EDITION.sub("", _HOME.sub("", model, count=1), count=1)
