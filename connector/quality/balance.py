"""How good a set of labels is: how many of each class, what is there twice, and what contradicts itself."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from connector.domain.taxonomy import Axis, Taxonomy
from connector.quality.dataset import LabelledTicket

LEAST = 10  # labels of a class; with fewer nothing can be said about it
WANTED = 100  # labels of a class from which numbers about it begin to mean something


@dataclass(frozen=True, slots=True)
class Conflict:
    """Tickets that say the same and are labelled differently on an axis; ids may be empty."""

    axis: Axis
    ticket_ids: tuple[str, ...]
    classes: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Balance:
    """``counts`` has every class of the settings, also those without a label."""

    tickets: int
    counts: Mapping[Axis, Mapping[str, int]]
    duplicates: int  # tickets that say what an earlier one said
    conflicts: tuple[Conflict, ...]

    def labelled(self, axis: Axis) -> int:
        """How many tickets were judged on the axis."""
        return sum(self.counts[axis].values())

    def share(self, axis: Axis, name: str) -> float | None:
        """The part of the axis's labels that a class has, 0..1; None where there is no label."""
        labelled = self.labelled(axis)
        return self.counts[axis][name] / labelled if labelled else None

    def missing(self, axis: Axis, name: str) -> int:
        """How many labels a class needs until there are WANTED."""
        return max(0, WANTED - self.counts[axis][name])


def weigh(tickets: Sequence[LabelledTicket], taxonomy: Taxonomy) -> Balance:
    """Count; every class of ``tickets`` must be one of the taxonomy's."""
    counts = {axis: dict.fromkeys(taxonomy.names(axis), 0) for axis in Axis}
    alike: dict[str, list[LabelledTicket]] = {}
    for ticket in tickets:
        alike.setdefault(ticket.digest, []).append(ticket)
        for axis, name in ticket.labels.items():
            counts[axis][name] += 1
    conflicts = tuple(found for same in alike.values() for found in _conflicts(same))
    return Balance(len(tickets), counts, len(tickets) - len(alike), conflicts)


def _conflicts(same: Sequence[LabelledTicket]) -> Iterable[Conflict]:
    for axis in Axis:
        judged = [ticket for ticket in same if axis in ticket.labels]
        classes = Counter(ticket.labels[axis] for ticket in judged)
        if len(classes) > 1:
            yield Conflict(axis, tuple(ticket.ticket_id for ticket in judged), tuple(classes))
