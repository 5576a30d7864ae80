"""Settings from a TOML file, each with its line."""

from __future__ import annotations

import re
import tomllib
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from pydantic import SecretStr

from connector.settings.helpdesks import HELPDESKS, NamedHelpdesk
from connector.settings.layers import Layer, value_at
from connector.settings.model import Settings
from connector.settings.problems import name_of
from connector.settings.shape import secret_locs
from connector.settings.toml_lines import lines_of
from connector.settings.values import Loc, secret_in

_POSITION = re.compile(r" \(at (?:line (\d+), column (\d+)|end of document)\)$")


def file_layer(path: Path) -> Layer:
    """The file's settings; a file that is no TOML is one problem, a secret in it a warning."""
    try:
        text = path.read_bytes().decode("utf-8-sig").replace("\r\n", "\n")
    except OSError as error:
        return Layer(problems=(f"{path}: cannot be read: {error.strerror}",))
    except UnicodeDecodeError:
        return Layer(problems=(f"{path}: is not UTF-8 text",))
    try:
        values = tomllib.loads(text)
    except (ValueError, RecursionError) as error:  # beside bad syntax: endless digits, endless brackets
        return Layer(problems=(_syntax_problem(path, str(error)),))
    places = {loc: f"{path}:{line}" for loc, line in lines_of(text).items()}
    locs = [*secret_locs(Settings), *_of_helpdesks(values)]
    secrets = [loc for loc in locs if _is_worth_hiding(value_at(values, loc))]
    warnings = tuple(f"{places[loc]}: {_advice(loc, values)}" for loc in secrets)
    return Layer(values, places, warnings=warnings)


def _of_helpdesks(values: Mapping[str, Any]) -> Iterator[Loc]:
    """Where secrets of the [[helpdesks]] can be."""
    items = values.get(HELPDESKS)
    for at, _ in enumerate(items if isinstance(items, list) else ()):
        yield from secret_locs(NamedHelpdesk, (HELPDESKS, at))


def _is_worth_hiding(value: object) -> bool:
    """A secret is; an address is only when it holds a password."""
    return isinstance(value, str) and any(secret_in(SecretStr(value)))


def _advice(loc: Loc, values: Mapping[str, Any]) -> str:
    """By the name of a helpdesk where there are several."""
    name = value_at(values, (*loc[:-1], "name"))
    parts = [name if isinstance(part, int) and isinstance(name, str) else str(part) for part in loc]
    return f"{name_of(loc)}: move this secret to the file secrets/{'__'.join(parts)} (mode 0600)"


def _syntax_problem(path: Path, message: str) -> str:
    position = _POSITION.search(message)
    if position is None:
        return f"{path}: is not TOML: {message}"
    where = f"{path}:{position[1]}:{position[2]}" if position[1] else f"{path}: at the end"
    return f"{where}: is not TOML: {message[: position.start()]}"
