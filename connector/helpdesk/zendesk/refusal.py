"""What a refusal of Zendesk says, in any of its shapes."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any, TypeGuard

_MOST_CODE_CHARS = 60


def error_codes(body: bytes) -> tuple[str, ...]:
    """The error codes in an answer; never its prose, which may quote a ticket."""
    found = filter(is_error_code, _candidates(_read(body)))
    return tuple(dict.fromkeys(found))


def is_error_code(told: object) -> TypeGuard[str]:
    """Whether ``told`` is a code such as RecordInvalid, and no sentence."""
    return isinstance(told, str) and told.isidentifier() and len(told) <= _MOST_CODE_CHARS


def is_closed_error(body: bytes) -> bool:
    """Whether a 422 says that the ticket is closed.

    Its prose is localised; but we never write a status, so a complaint about the status means nothing else.
    """
    return "status" in _mapping(_read(body).get("details"))


def _candidates(document: dict[str, Any]) -> Iterator[object]:
    error = document.get("error")
    yield error
    yield _mapping(error).get("title")
    yield from (_mapping(each).get("code") for each in _list(document.get("errors")))
    for problems in _mapping(document.get("details")).values():
        yield from (_mapping(each).get("error") for each in _list(problems))


def _read(body: bytes) -> dict[str, Any]:
    try:
        return _mapping(json.loads(body.decode("utf-8", "replace")))
    except (ValueError, RecursionError):
        return {}  # text/plain or HTML: errors need not be JSON


def _mapping(value: Any) -> dict[str, Any]:  # noqa: ANN401 - any JSON
    return value if isinstance(value, dict) else {}


def _list(value: Any) -> list[Any]:  # noqa: ANN401 - any JSON
    return value if isinstance(value, list) else []
