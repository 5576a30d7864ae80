"""Whether rules, conditions and queues name classes that exist."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any, Protocol, TypeVar

from connector.domain.taxonomy import Axis
from connector.settings.suggestion import suggest
from connector.settings.values import Loc

CLASS_LISTS = {
    Axis.TEAM: "teams",
    Axis.TYPE: "types",
    Axis.URGENCY: "urgencies",
    Axis.SENTIMENT: "sentiments",
}


class Named(Protocol):
    @property
    def name(self) -> str: ...


class Labelled(Protocol):
    """What names classes: one per axis, or any of several."""

    def labels(self) -> Mapping[Axis, str] | Mapping[Axis, frozenset[str]]: ...


Item = TypeVar("Item", bound=Labelled)


def repeated(items: Sequence[Named]) -> Iterator[tuple[Loc, str]]:
    """A problem for every item whose name an earlier one has."""
    seen: set[str] = set()
    for at, item in enumerate(items):
        if item.name in seen:
            yield (at, "name"), f'"{item.name}" is there twice'
        seen.add(item.name)


def unknown(items: Iterable[Labelled], validated: Mapping[str, Any]) -> Iterator[tuple[Loc, str]]:
    """A problem for every class that an item names and ``validated`` settings do not have.

    An axis whose own tables are wrong is not looked at: its classes are not known.
    """
    for at, item in enumerate(items):
        for axis, value in item.labels().items():
            known = _names(validated, axis)
            for name in sorted({value} if isinstance(value, str) else value):
                if known is not None and name not in known:
                    yield (at, axis.value), f'unknown {axis.value} "{name}"{suggest(name, known)}'


def fitting(items: Iterable[Item], validated: Mapping[str, Any]) -> tuple[Item, ...]:
    """The items that name only classes that exist; for defaults, which must suit any taxonomy."""
    return tuple(item for item in items if not any(unknown([item], validated)))


def _names(validated: Mapping[str, Any], axis: Axis) -> tuple[str, ...] | None:
    classes = validated.get(CLASS_LISTS[axis])
    return None if classes is None else tuple(each.name for each in classes)
