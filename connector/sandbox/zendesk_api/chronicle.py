"""The order in which the incremental export shows tickets: by the second they last changed, then by id."""

from __future__ import annotations

from bisect import bisect_left, bisect_right, insort
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field

Position = tuple[int, int]  # generated timestamp, ticket id


@dataclass(slots=True)
class Chronicle:
    """Each ticket stands once, where its last change put it."""

    _positions: list[Position] = field(default_factory=list)

    def add(self, position: Position) -> None:
        insort(self._positions, position)

    def add_many(self, positions: Iterable[Position]) -> None:
        self._positions.extend(positions)
        self._positions.sort()

    def move(self, old: Position, new: Position) -> None:
        del self._positions[bisect_left(self._positions, old)]
        self.add(new)

    def after(self, position: Position, until: int) -> Iterator[Position]:
        """What stands behind ``position`` and changed at ``until`` or before, in order."""
        first = bisect_right(self._positions, position)
        last = bisect_right(self._positions, (until, 1 << 63))
        return (self._positions[index] for index in range(first, last))
