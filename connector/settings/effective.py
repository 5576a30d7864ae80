"""Every setting with its effective value and where it came from."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import PurePath

from pydantic import BaseModel, SecretStr

from connector.settings.layers import place_of
from connector.settings.loading import Loaded
from connector.settings.problems import name_of
from connector.settings.shape import entries, says_something
from connector.settings.toml_text import toml_value
from connector.settings.values import Loc, secret_in

_HIDDEN = "**********"


@dataclass(frozen=True, slots=True)
class Row:
    """One setting: ``helpdesk.base_url``, the value as it may be shown, ``settings.toml:12`` or the like."""

    key: str
    value: str
    source: str


def effective(loaded: Loaded) -> list[Row]:
    """A row per setting in the order of the model; secrets are hidden, what is unset is empty.

    Of [helpdesk] and [[helpdesks]] only what counts has rows.
    """
    unused = "helpdesk" if loaded.settings.helpdesks else "helpdesks"
    return [
        Row(name_of(loc), shown(value), place_of(loc, loaded.layers) or "default")
        for loc, value in _leaves(loaded.settings, ())
        if loc[0] != unused
    ]


def shown(value: object) -> str:
    """A value for the eyes of anybody: a secret hidden, an address without its password."""
    if value is None:
        return ""
    if isinstance(value, SecretStr):
        plain, secrets = value.get_secret_value(), secret_in(value)
        if secrets == (plain,):
            return _HIDDEN
        for secret in secrets:
            plain = plain.replace(f":{secret}@", f":{_HIDDEN}@")
        return plain
    return str(value) if isinstance(value, (str, PurePath)) else toml_value(value)


def _leaves(table: BaseModel, at: Loc) -> Iterator[tuple[Loc, object]]:
    """Every value that is no table; in the items of lists only what says something."""
    inside_list = any(isinstance(part, int) for part in at)
    for key, _, value in entries(table):
        loc = (*at, key)
        if isinstance(value, BaseModel):
            yield from _leaves(value, loc)
        elif isinstance(value, tuple) and value and isinstance(value[0], BaseModel):
            for index, item in enumerate(value):
                yield from _leaves(item, (*loc, index))
        elif says_something(value) or not inside_list:
            yield loc, value
