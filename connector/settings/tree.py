"""Whether the classes of an axis make a tree."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Literal, Protocol

from connector.settings.suggestion import suggest
from connector.settings.values import Loc

DEEPEST = 3  # levels

State = Literal["active", "shadow"]


class Branch(Protocol):
    """A class that may have a parent."""

    @property
    def name(self) -> str: ...
    @property
    def parent(self) -> str | None: ...
    @property
    def state(self) -> State: ...


def misplaced(classes: Sequence[Branch]) -> Iterator[tuple[Loc, str]]:
    """A problem for every class whose parent is none, leads round in a circle or is too deep.

    A shadow needs a parent, which acts for it.
    """
    parents = {each.name: each.parent for each in classes}
    for at, each in enumerate(classes):
        if each.parent is None:
            if each.state == "shadow":
                yield (at, "state"), 'a "shadow" needs a parent, which acts for it until it is "active"'
        elif each.parent not in parents:
            others = [name for name in parents if name != each.name]
            yield (at, "parent"), f'unknown parent "{each.parent}"{suggest(each.parent, others)}'
        else:
            line = _line(each.name, parents)
            if line[-1] in line[:-1]:
                yield (at, "parent"), f"leads round in a circle: {' → '.join(line)}"
            elif len(line) > DEEPEST:
                yield (at, "parent"), f"is level {len(line)} of a tree that may have {DEEPEST}"


def _line(name: str, parents: dict[str, str | None]) -> list[str]:
    """The class and its ancestors; ends where there is none, or with the first that is there twice."""
    line = [name]
    while (parent := parents.get(line[-1])) is not None:
        line.append(parent)
        if parent in line[:-1]:
            break
    return line
