"""What variables and secret files say about one of the [[helpdesks]], put into the list where it stands."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from typing import Any

from connector.settings.helpdesks import HELPDESKS
from connector.settings.layers import Layer, value_at
from connector.settings.suggestion import suggest
from connector.settings.values import Loc

_Found = dict[tuple[str, int, str], tuple[Any, str]]
"""A value and its place, by where it belongs: ``("helpdesks", 0, "api_token")``."""


def settled(layers: Sequence[Layer]) -> tuple[Layer, ...]:
    """The layers, with the list of helpdesks complete in the one that it comes from.

    Of two sources that say something the higher one counts, and of one layer what is said by name.  A name
    that no table has is a problem.
    """
    lists = (at for at, layer in enumerate(layers) if isinstance(layer.values.get(HELPDESKS), list))
    holder = next(lists, None)
    items: list[Any] = [] if holder is None else list(layers[holder].values[HELPDESKS])
    names = {
        item["name"]: at
        for at, item in reversed(list(enumerate(items)))
        if isinstance(item, Mapping) and isinstance(item.get("name"), str)
    }
    checked = tuple(replace(layer, problems=(*layer.problems, *_strangers(layer, names))) for layer in layers)
    if holder is None:
        return checked
    found = _found(checked, holder, items, names)
    for (_, at, key), (value, _) in found.items():
        items[at] = {**items[at], key: value}
    whole = checked[holder]
    complete = replace(
        whole,
        values={**whole.values, HELPDESKS: items},
        places={**whole.places, **{loc: place for loc, (_, place) in found.items()}},
    )
    return (*checked[:holder], complete, *checked[holder + 1 :])


def spoken(loc: Loc, layers: Sequence[Layer]) -> Loc:
    """Where a key of one of the [[helpdesks]] is, with its name in place of its number if it has one."""
    if len(loc) == 3 and loc[0] == HELPDESKS:
        items = next((layer.values[HELPDESKS] for layer in layers if layer.holds((HELPDESKS,))), ())
        name = value_at(items, (loc[1], "name"))
        if isinstance(name, str):
            return (HELPDESKS, name, loc[2])
    return loc


def _strangers(layer: Layer, names: Mapping[str, int]) -> Iterator[str]:
    for loc in layer.named:
        name = str(loc[1])
        if name not in names:
            yield f'{layer.places[loc]}: no [[helpdesks]] table has the name "{name}"{suggest(name, names)}'


def _found(layers: Sequence[Layer], holder: int, items: Sequence[Any], names: Mapping[str, int]) -> _Found:
    found: _Found = {}
    for level, layer in enumerate(layers):
        for loc, value in layer.named.items():
            at, key = names.get(str(loc[1])), str(loc[2])
            if at is None or (level > holder and key in items[at]):
                continue
            found.setdefault((HELPDESKS, at, key), (value, layer.places[loc]))
    return found
