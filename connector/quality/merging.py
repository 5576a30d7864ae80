"""Joining labels with those that are stored already: what is new, what changes, and what contradicts."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from enum import StrEnum

from connector.domain.taxonomy import Axis
from connector.quality.dataset import LabelledTicket, Source

Key = tuple[str, str]
"""A ticket's id and the digest of its words: the same ticket with other words is another label."""

_HARVESTED = frozenset({Source.RESOLVED, Source.CORRECTION})


class Take(StrEnum):
    """Which label stands where the stored one and the new one differ."""

    NEITHER = "neither"  # nothing may differ
    NEW = "new"
    READ = "read"  # what somebody read stands; what was only seen at the helpdesk gives way to newer


@dataclass(frozen=True, slots=True)
class Clash:
    """Two labels of one ticket on one axis; ``at`` and ``earlier`` count the new tickets from 0.

    ``earlier`` is None where the other label is a stored one.
    """

    at: int
    axis: Axis
    said: str
    stands: str
    earlier: int | None = None


@dataclass(frozen=True, slots=True)
class Merge:
    """``fresh`` are to be added, ``changed`` to replace what is stored, ``same`` add nothing.

    ``clashes`` are the differences that stayed as they were stored.
    """

    fresh: tuple[LabelledTicket, ...]
    changed: tuple[LabelledTicket, ...]
    same: int
    clashes: tuple[Clash, ...]
    barred: int = 0  # left out: somebody had these words erased


def key_of(ticket: LabelledTicket) -> Key:
    return ticket.ticket_id, ticket.digest


def merge(stored: Mapping[Key, LabelledTicket], incoming: Sequence[LabelledTicket], take: Take) -> Merge:
    """Pure.  A label that only one side has is kept; remarks are those of whoever labelled last.

    Tickets that contradict each other within ``incoming`` clash whatever ``take`` says; the first stands.
    """
    result, origin = dict(stored), dict[Key, int]()
    clashes: list[Clash] = []
    for at, ticket in enumerate(incoming):
        key = key_of(ticket)
        known, earlier = result.get(key), origin.get(key)
        origin.setdefault(key, at)
        if known is None:
            result[key] = ticket
            continue
        wins = earlier is None and _wins(known, take)
        clashes += [
            Clash(at, axis, name, known.labels[axis], earlier)
            for axis, name in ticket.labels.items()
            if known.labels.get(axis, name) != name and not wins
        ]
        result[key] = _joined(known, ticket, wins=wins, with_remarks=take is Take.NEW)
    touched = {key: result[key] for key in origin}
    fresh = tuple(each for key, each in touched.items() if key not in stored)
    changed = tuple(each for key, each in touched.items() if key in stored and each != stored[key])
    return Merge(fresh, changed, len(incoming) - len(fresh) - len(changed), tuple(clashes))


def _wins(known: LabelledTicket, take: Take) -> bool:
    return take is Take.NEW or (take is Take.READ and known.source in _HARVESTED)


def _joined(
    known: LabelledTicket, ticket: LabelledTicket, *, wins: bool, with_remarks: bool
) -> LabelledTicket:
    """What is known with what the ticket adds to it; an equal value when that is nothing."""
    labels = {**known.labels, **ticket.labels} if wins else {**ticket.labels, **known.labels}
    requester = known.requester or ticket.requester
    if labels == known.labels and not (wins and with_remarks):
        return replace(known, requester=requester)
    return replace(
        known,
        labels=labels,
        tier=ticket.tier or known.tier,
        severity=ticket.severity or known.severity,
        route=ticket.route or known.route,
        why=ticket.why or known.why,
        source=ticket.source,
        reviewer=ticket.reviewer or known.reviewer,
        labelled_at=ticket.labelled_at or known.labelled_at,
        requester=requester,
    )
