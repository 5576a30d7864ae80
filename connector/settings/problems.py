"""What is wrong with settings, one line per problem, each with the place where to mend it."""

from __future__ import annotations

from collections.abc import Iterator

from pydantic import ValidationError
from pydantic_core import ErrorDetails

from connector.settings.by_name import spoken
from connector.settings.environment import variable_of
from connector.settings.layers import Layer, place_of
from connector.settings.model import Settings
from connector.settings.shape import keys_of, table_at
from connector.settings.suggestion import suggest
from connector.settings.values import Loc

# What used to have another name, and how to carry a value over.
_RENAMED = {
    ("llm", "max_text_chars"): "is called max_text_tokens now; a token is about three characters of English",
}

# An answer to another problem that is listed anyway.
_FOLLOW_UP = "default_factory_not_called"


def problems_in(error: ValidationError, layers: tuple[Layer, ...]) -> Iterator[str]:
    """Every problem as ``settings.toml:12: helpdesk.base_url: …``; the values themselves are never shown."""
    for detail in error.errors(include_url=False, include_context=False, include_input=False):
        if detail["type"] == _FOLLOW_UP:
            continue
        loc = detail["loc"]
        place = place_of(loc, layers) or _place_above(loc, layers)
        where = f"{place}: " if place else ""
        yield f"{where}{name_of(loc)}: {_message(detail, loc, spoken(loc, layers))}"


def name_of(loc: Loc) -> str:
    """``("rules", 0, "in")`` as people write it: ``rules[0].in``."""
    text = "".join(f"[{part}]" if isinstance(part, int) else f".{part}" for part in loc)
    return text.removeprefix(".") or "settings"


def _place_above(loc: Loc, layers: tuple[Layer, ...]) -> str | None:
    """For what is missing: the item or table it is missing from, if that stands anywhere."""
    return next((place for end in range(len(loc) - 1, 0, -1) if (place := place_of(loc[:end], layers))), None)


def _message(detail: ErrorDetails, loc: Loc, named: Loc) -> str:
    """``named`` is ``loc`` as a variable calls it."""
    if detail["type"] == "extra_forbidden":
        if loc in _RENAMED:
            return _RENAMED[loc]
        table = table_at(Settings, loc[:-1])
        return f"unknown key{suggest(str(loc[-1]), keys_of(table) if table else ())}"
    text = detail["msg"].removeprefix("Value error, ").removeprefix("Input ")
    if detail["type"] == "missing":
        text = "is required"
    if "is required" in text and all(isinstance(part, str) for part in named):
        text += f"; set it in settings.toml or as {variable_of(named)}"
    return text
