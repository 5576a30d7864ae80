"""Where settings come from: the command line, the environment, secret files, a TOML file."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, Final

from connector.settings.values import Loc

MISSING: Final = object()


@dataclass(frozen=True, slots=True)
class Layer:
    """One source: its values as nested tables, and for each a place that a person can find.

    ``problems`` and ``warnings`` are whole sentences that begin with the place.  ``named`` has values for
    items of a list that stands elsewhere, by the item's name: ``("helpdesks", "acme", "api_token")``.
    """

    values: Mapping[str, Any] = field(default_factory=dict, repr=False)  # holds secrets
    places: Mapping[Loc, str] = field(default_factory=dict)
    problems: tuple[str, ...] = ()
    warnings: tuple[str, ...] = ()
    named: Mapping[Loc, Any] = field(default_factory=dict, repr=False)  # likewise

    def holds(self, loc: Loc) -> bool:
        """Whether this layer says something at exactly ``loc``."""
        return value_at(self.values, loc) is not MISSING

    def place(self, loc: Loc) -> str | None:
        """The nearest place at or above ``loc``."""
        return next(
            (self.places[loc[:end]] for end in range(len(loc), 0, -1) if loc[:end] in self.places), None
        )


def place_of(loc: Loc, layers: tuple[Layer, ...]) -> str | None:
    """The place the effective value at ``loc`` comes from; None when it is a default.

    Layers are in order of precedence; a list comes whole from one layer.
    """
    for layer in layers:
        if layer.holds(loc):
            return layer.place(loc)
        if _is_replaced(loc, layer):
            return None
    return None


def _is_replaced(loc: Loc, layer: Layer) -> bool:
    """Whether this layer's own list hides what lower layers say about items of it."""
    lists = (loc[:at] for at, part in enumerate(loc) if isinstance(part, int))
    return any(layer.holds(each) for each in lists)


def value_at(values: Any, loc: Loc) -> Any:  # noqa: ANN401 - whatever a source holds
    """What nested tables and lists hold at ``loc``, or MISSING."""
    for part in loc:
        is_item = isinstance(values, list) and isinstance(part, int) and part < len(values)
        if not is_item and not (isinstance(values, Mapping) and part in values):
            return MISSING
        values = values[part]
    return values


def paths_in(values: Mapping[str, Any], at: Loc = ()) -> Iterator[Loc]:
    """Every key path in nested tables; lists are not entered."""
    for key, value in values.items():
        if isinstance(value, Mapping):
            yield from paths_in(value, (*at, key))
        else:
            yield (*at, key)
