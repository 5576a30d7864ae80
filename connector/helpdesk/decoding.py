"""Decoding: an answer's JSON as far as it can be read, and what is wrong with it in words without content."""

from __future__ import annotations

import json
from typing import Any

import msgspec

from connector.errors import Unavailable

UNDECODABLE = (msgspec.MsgspecError, UnicodeDecodeError, RecursionError)


def mended_json(body: bytes, what: str) -> Any:  # noqa: ANN401 - any JSON
    """``body`` read by the forgiving parser: half surrogates and invalid UTF-8 become U+FFFD.

    Raises Unavailable, without a word of the body, when it is not JSON.
    """
    try:
        return _mend(json.loads(body.decode("utf-8", "replace")))
    except (ValueError, RecursionError):
        pass
    raise Unavailable(f"{what} answered with something that is not JSON")


def shape_problem(error: Exception) -> str:
    """Types and the path of the field; values only appear in messages that are not msgspec's own."""
    return str(error) if isinstance(error, msgspec.ValidationError) else type(error).__name__


def without_nul(text: str) -> str:
    """``text`` without NUL, which PostgreSQL cannot store."""
    return text.replace("\0", "") if "\0" in text else text


def _mend(value: Any) -> Any:  # noqa: ANN401 - any JSON
    if isinstance(value, str):
        return value.encode("utf-16-le", "surrogatepass").decode("utf-16-le", "replace")
    if isinstance(value, list):
        return [_mend(each) for each in value]
    if isinstance(value, dict):
        return {key: _mend(each) for key, each in value.items()}
    return value
