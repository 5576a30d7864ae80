"""The vocabulary of a business: the classes on each axis and what they mean."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum


class Axis(StrEnum):
    TEAM = "team"
    TYPE = "type"
    URGENCY = "urgency"
    SENTIMENT = "sentiment"


@dataclass(frozen=True, slots=True)
class Category:
    """One class on an axis; ``name`` is lower_snake_case, ``description`` is read by the model."""

    name: str
    description: str = ""
    examples: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Taxonomy:
    """Every axis with its classes in the order of the settings.

    ``defaults`` names what an axis is when a final rule leaves it open; without one it is the last class.
    """

    categories: Mapping[Axis, tuple[Category, ...]]
    defaults: Mapping[Axis, str] = field(default_factory=dict)

    def names(self, axis: Axis) -> tuple[str, ...]:
        return tuple(category.name for category in self.categories[axis])

    def default(self, axis: Axis) -> str:
        return self.defaults.get(axis) or self.names(axis)[-1]
