"""What the vendor documents about schemas of answers, checked before the first ticket is asked about.

Source: platform.claude.com, structured outputs, JSON schema limitations.  How large the compiled grammar may
be is not documented: too large a one is refused with the first call, see `failures`.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from connector.errors import SettingsError

_KEYWORDS = frozenset(
    {"type", "title", "description", "default", "enum", "const", "anyOf", "allOf", "$ref", "$defs"}
    | {"properties", "required", "additionalProperties", "items", "minItems", "format", "pattern"}
)
_MOST_OPTIONAL = 24
_MOST_UNIONS = 16


def check_schema(schema: Mapping[str, Any]) -> None:
    """Raise SettingsError for an answer format that the API is known to refuse."""
    nodes = tuple(_nodes(schema))
    if unknown := sorted({key for node in nodes for key in node} - _KEYWORDS):
        raise SettingsError(f"structured outputs know no {', '.join(unknown)} in a schema")
    optional = sum(len(node.get("properties", ())) - len(node.get("required", ())) for node in nodes)
    if optional > _MOST_OPTIONAL:
        raise SettingsError(f"an answer may have {_MOST_OPTIONAL} optional values, here are {optional}")
    unions = sum("anyOf" in node or isinstance(node.get("type"), list) for node in nodes)
    if unions > _MOST_UNIONS:
        raise SettingsError(f"an answer may have {_MOST_UNIONS} values of several types, here are {unions}")
    if any(_is_open(node) for node in nodes):
        raise SettingsError("every object of an answer must refuse further keys (additionalProperties)")
    if any(isinstance(value, (dict, list)) for node in nodes for value in node.get("enum", ())):
        raise SettingsError("a class must be a plain word, no list or table")


def _is_open(node: Mapping[str, Any]) -> bool:
    return "properties" in node and node.get("additionalProperties") is not False


def _nodes(node: Mapping[str, Any]) -> Iterator[Mapping[str, Any]]:
    """The schema and every schema inside it."""
    yield node
    inner = [*node.get("properties", {}).values(), *node.get("$defs", {}).values()]
    inner += [*node.get("anyOf", ()), *node.get("allOf", ())]
    if isinstance(node.get("items"), Mapping):
        inner.append(node["items"])
    for each in inner:
        yield from _nodes(each)
