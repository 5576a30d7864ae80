"""The vocabulary of a business: the classes on each axis, what they mean, and which belongs within which."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from enum import StrEnum

CROWDED_FROM = 21
"""From so many classes on an axis on, a model is told which of them are the likeliest."""


class Axis(StrEnum):
    TEAM = "team"
    TYPE = "type"
    URGENCY = "urgency"
    SENTIMENT = "sentiment"


@dataclass(frozen=True, slots=True)
class Category:
    """One class on an axis; ``name`` is lower_snake_case, ``description`` is read by the model.

    ``parent`` is the class of the same axis that this one is a special case of.  A ``shadow`` may be answered
    by the model, but acts as its nearest ancestor that is none.
    """

    name: str
    description: str = ""
    examples: tuple[str, ...] = ()
    parent: str | None = None
    shadow: bool = False


@dataclass(frozen=True, slots=True)
class Taxonomy:
    """Every axis with its classes in the order of the settings.

    ``defaults`` names what an axis is when a final rule leaves it open; without one it is the last class that
    has no parent.  A name that an axis does not have is its own lineage and acts as itself.
    """

    categories: Mapping[Axis, tuple[Category, ...]]
    defaults: Mapping[Axis, str] = field(default_factory=dict)

    def names(self, axis: Axis) -> tuple[str, ...]:
        return tuple(category.name for category in self.categories[axis])

    def active_names(self, axis: Axis) -> tuple[str, ...]:
        """The classes that routing knows: all but the shadows."""
        return tuple(category.name for category in self.categories[axis] if not category.shadow)

    def default(self, axis: Axis) -> str:
        roots = [category.name for category in self.categories[axis] if category.parent is None]
        return self.defaults.get(axis) or roots[-1]

    def lineage(self, axis: Axis, name: str) -> tuple[str, ...]:
        """The class, its parent, and so on up to the one without a parent."""
        line = [name]
        while (found := self._find(axis, line[-1])) and found.parent and found.parent not in line:
            line.append(found.parent)
        return tuple(line)

    def acting(self, axis: Axis, name: str) -> str:
        """The class that routing uses: ``name`` itself, or of a shadow the nearest ancestor that is none."""
        line = self.lineage(axis, name)
        active = (each for each in line if not ((found := self._find(axis, each)) and found.shadow))
        return next(active, line[-1])

    def within(self, axis: Axis, names: Iterable[str]) -> frozenset[str]:
        """The named classes with everything below them."""
        wanted = frozenset(names)
        below = (name for name in self.names(axis) if wanted.intersection(self.lineage(axis, name)))
        return wanted.union(below)

    def tree(self, axis: Axis) -> Iterator[tuple[int, Category]]:
        """Every class after its parent, with its depth (0: no parent), else in the order of the settings."""

        def below(parent: str | None, depth: int) -> Iterator[tuple[int, Category]]:
            for category in self.categories[axis]:
                if category.parent == parent:
                    yield depth, category
                    yield from below(category.name, depth + 1)

        return below(None, 0)

    def is_tree(self, axis: Axis) -> bool:
        return any(category.parent for category in self.categories[axis])

    def is_crowded(self, axis: Axis) -> bool:
        """Whether the axis is a tree of so many classes that a shortlist helps."""
        return self.is_tree(axis) and len(self.categories[axis]) >= CROWDED_FROM

    def _find(self, axis: Axis, name: str) -> Category | None:
        return next((each for each in self.categories[axis] if each.name == name), None)
