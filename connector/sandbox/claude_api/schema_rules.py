"""Which JSON schemas structured outputs accept.

Source: the vendor's page "Structured outputs", sections on JSON schema limitations.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from connector.sandbox.claude_api.rejection import Rejected, invalid

MAX_OPTIONAL = 24
MAX_UNIONS = 16

_EVERYWHERE = frozenset(
    {
        "type",
        "title",
        "description",
        "default",
        "enum",
        "const",
        "anyOf",
        "allOf",
        "$ref",
        "$defs",
        "definitions",
    }
    | {"$schema", "$id"}
)
_PER_TYPE: Mapping[str, frozenset[str]] = {
    "object": frozenset({"properties", "required", "additionalProperties"}),
    "array": frozenset({"items", "minItems"}),
    "string": frozenset({"format", "pattern"}),
}
_TYPES = frozenset({"object", "array", "string", "number", "integer", "boolean", "null"})
_FORMATS = frozenset(
    {"date-time", "time", "date", "duration", "email", "hostname", "uri", "ipv4", "ipv6", "uuid"}
)


def check_node(node: object, where: str) -> None:
    """Reject one node of a schema (not its children) that structured outputs would reject."""
    if not isinstance(node, dict):
        raise invalid(f"{where}: schema must be an object")
    kinds = types_of(node)
    for kind in kinds:
        if kind not in _TYPES:
            raise invalid(f"{where}: Invalid type '{kind}'")
    _check_keywords(node, kinds, where)
    if "object" in kinds and node.get("additionalProperties") is not False:
        raise invalid(f"{where}: For 'object' type, 'additionalProperties' must be explicitly set to false")
    if node.get("minItems", 0) not in (0, 1):
        raise invalid(f"{where}: For 'array' type, 'minItems' values other than 0 or 1 are not supported")
    if node.get("format", "date") not in _FORMATS:
        raise invalid(f"{where}: For 'string' type, format '{node['format']}' is not supported")
    if any(isinstance(value, dict | list) for value in node.get("enum", ())):
        raise invalid(f"{where}: Enum values must be strings, numbers, booleans or null")


def types_of(node: Mapping[str, Any]) -> tuple[str, ...]:
    """The declared types; an object with ``properties`` need not say so."""
    declared = node.get("type", "object" if "properties" in node else ())
    return (declared,) if isinstance(declared, str) else tuple(declared)


def resolve(ref: object, root: object, seen: tuple[str, ...], where: str) -> tuple[Any, str]:
    """What a ``$ref`` names, and the reference itself; recursion and other documents are refused."""
    if not isinstance(ref, str) or not (ref == "#" or ref.startswith("#/")):
        raise invalid(f"{where}: External schema reference '{ref}' is not supported")
    if ref in seen:
        raise invalid(f"{where}: Circular reference detected in schema definitions: {ref}")
    node: Any = root
    for part in ref.split("/")[1:]:
        node = node.get(part) if isinstance(node, dict) else None
    if node is None:
        raise invalid(f"{where}: Reference '{ref}' not found")
    return node, ref


def too_complex(optional: int, unions: int) -> Rejected | None:
    """The limits over a whole schema: 24 optional parameters, 16 with union types."""
    if optional > MAX_OPTIONAL:
        return invalid(f"Schemas contains too many optional parameters ({optional} > {MAX_OPTIONAL})")
    if unions > MAX_UNIONS:
        return invalid(
            f"Schemas contains too many parameters with union types ({unions}), limit is {MAX_UNIONS}"
        )
    return None


def _check_keywords(node: Mapping[str, Any], kinds: tuple[str, ...], where: str) -> None:
    allowed = _EVERYWHERE.union(*(_PER_TYPE.get(kind, frozenset()) for kind in kinds))
    extra = sorted(set(node) - allowed)
    if len(extra) == 1:
        raise invalid(f"{where}: For '{'/'.join(kinds)}' type, property '{extra[0]}' is not supported")
    if extra:
        raise invalid(
            f"{where}: For '{'/'.join(kinds)}' type, properties {', '.join(extra)} are not supported"
        )
