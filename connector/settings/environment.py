"""Settings from environment variables: CONNECTOR_POLL__INTERVAL_SECONDS is poll.interval_seconds.

CONNECTOR_HELPDESKS__ACME__API_TOKEN is api_token in the [[helpdesks]] table with the name "acme".
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from typing import Any

from pydantic.fields import FieldInfo

from connector.settings.helpdesks import HELPDESKS, NamedHelpdesk, key_by_name
from connector.settings.layers import Layer
from connector.settings.model import Settings
from connector.settings.shape import field_at, is_list, is_plain, keys_of, table_at
from connector.settings.suggestion import suggest
from connector.settings.values import Loc

PREFIX = "CONNECTOR_"
CONFIG_VARIABLE = "CONNECTOR_CONFIG"

# Kubernetes sets these in every pod when a Service is called "connector".
_NOT_OURS = re.compile(r"CONNECTOR_(SERVICE_(HOST|PORT\w*)|PORT(_\w+)?)", re.ASCII)
_NO_JSON = 'should be JSON, such as ["Triage"] or {"key": "value"}'
_ANTHROPIC = {
    "ANTHROPIC_API_KEY": ("llm", "api_key"),
    "ANTHROPIC_BASE_URL": ("llm", "base_url"),
}


def variable_of(loc: Loc) -> str:
    """The variable that sets ``loc``."""
    return PREFIX + "__".join(str(part).upper() for part in loc)


def environment_layer(environment: Mapping[str, str]) -> Layer:
    """Every CONNECTOR_… variable; lists and tables are JSON, and an unknown name is a problem."""
    values: dict[str, Any] = {}
    named: dict[Loc, Any] = {}
    places: dict[Loc, str] = {}
    problems: list[str] = []
    for variable in sorted(environment):
        if not variable.startswith(PREFIX) or variable == CONFIG_VARIABLE or _NOT_OURS.fullmatch(variable):
            continue
        loc: Loc = tuple(variable.removeprefix(PREFIX).lower().split("__"))
        by_name = loc[0] == HELPDESKS and len(loc) == 3
        take = _take_by_name if by_name else _take
        problem = take(loc, environment[variable], named if by_name else values)
        if problem:
            problems.append(f"{variable}: {problem}")
        else:
            places[loc] = variable
    return Layer(values, places, tuple(problems), named=named)


def anthropic_layer(environment: Mapping[str, str]) -> Layer:
    """The variables that Anthropic's own tools read; empty ones count as unset."""
    found = {name: loc for name, loc in _ANTHROPIC.items() if environment.get(name)}
    table = {loc[1]: environment[name] for name, loc in found.items()}
    return Layer({"llm": table} if table else {}, {loc: name for name, loc in found.items()})


def _take_by_name(loc: Loc, text: str, named: dict[Any, Any]) -> str | None:
    """The same for a key of one of the [[helpdesks]]: ``named`` has it under ``loc`` itself."""
    field = key_by_name(loc)
    if field is None:
        known = (variable_of((*loc[:2], key)) for key in keys_of(NamedHelpdesk) if key != "name")
        return f"unknown setting{suggest(variable_of(loc), known)}"
    try:
        named[loc] = _value(field, text)
    except ValueError:
        return _NO_JSON
    return None


def _value(field: FieldInfo, text: str) -> Any:  # noqa: ANN401 - whatever the JSON holds
    """Raises ValueError where it should be JSON and is not."""
    return text if is_plain(field) else json.loads(text)


def _take(loc: Loc, text: str, values: dict[Any, Any]) -> str | None:
    """Put ``text`` into ``values`` at ``loc``; returns what is wrong with it instead, if anything is."""
    field = field_at(Settings, loc)
    if field is None:
        return _unknown(loc)
    try:
        value = _value(field, text)
    except ValueError:
        return _NO_JSON
    table = values
    for part in loc[:-1]:
        table = table.setdefault(str(part), {})
        if not isinstance(table, dict):
            return "contradicts another variable that sets the whole table"
    if isinstance(value, dict) and isinstance(table.get(str(loc[-1])), dict):
        return "contradicts another variable that sets a part of this table"
    table[str(loc[-1])] = value
    return None


def _unknown(loc: Loc) -> str:
    for end in range(1, len(loc)):
        field = field_at(Settings, loc[:end])
        if field is not None and is_list(field):
            return f"a list is set as a whole, as JSON in {variable_of(loc[:end])}"
    table = table_at(Settings, loc[:-1]) if len(loc) > 1 else None
    known = [(*loc[:-1], key) for key in keys_of(table)] if table else list(_sections())
    near = suggest(variable_of(loc), map(variable_of, known))
    return f"unknown setting{near}"


def _sections() -> Iterator[Loc]:
    """Every key of every section."""
    for section in keys_of(Settings):
        table = table_at(Settings, (section,))
        yield from ((section, key) for key in keys_of(table)) if table else [(section,)]
