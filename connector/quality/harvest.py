"""Labels from solved tickets: where a person left the ticket is the team that it belonged to."""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum

from connector.domain.taxonomy import Axis
from connector.domain.ticket import Author, Group, History, Nature, Status, Ticket, Unreadable
from connector.ports import Helpdesk
from connector.quality.dataset import LabelledTicket, Source

_FETCH = 100  # tickets at a time


class Skipped(StrEnum):
    """Why a ticket says nothing about its team, or may not be kept."""

    UNSOLVED = "unsolved"  # it may still be moved
    SPECIAL = "special"  # a follow-up, merged, a side conversation or a sample
    AGENT_AUTHORED = "agent_authored"
    PRIVATE = "private"
    NO_TEAM = "no_team"  # in no group, in an inbox, or in a group that is not exactly one team's
    OURS = "ours"  # it stayed where the connector had put it, which proves nothing
    FORGOTTEN = "forgotten"  # somebody asked that these words be erased
    EMPTY = "empty"
    GONE = "gone"
    UNREADABLE = "unreadable"


@dataclass(frozen=True, slots=True)
class Memory:
    """What the ledger knows: our writes, and whose words may not be stored again."""

    history: Callable[[Sequence[str]], Mapping[str, History]]
    barred: Callable[[Sequence[Ticket]], frozenset[str]]


@dataclass(frozen=True, slots=True)
class Map:
    """Which group is which team's (by the group's id), and by which prefix our tags are known."""

    teams: Mapping[str, str]
    names: Mapping[str, str]
    tag_prefix: str


def map_teams(groups: Mapping[str, Group], inbox: Iterable[str], tag_prefix: str) -> Map:
    """From each team's group.  A group of several teams, or an inbox, does not tell the team."""
    of_group: dict[str, list[str]] = {}
    for team, group in groups.items():
        of_group.setdefault(group.id, []).append(team)
    silent = frozenset(inbox)
    telling = {
        group: teams[0] for group, teams in of_group.items() if len(teams) == 1 and group not in silent
    }
    return Map(telling, {group.id: group.name for group in groups.values()}, tag_prefix)


@dataclass(frozen=True, slots=True)
class Solved:
    """A solved ticket, as it is now and as a label."""

    ticket: Ticket
    label: LabelledTicket

    @property
    def team(self) -> str:
        """The team that people gave it."""
        return self.label.labels[Axis.TEAM]


@dataclass(frozen=True, slots=True)
class Gathered:
    """What changed since a moment: the tickets that tell their team, and why the others do not, by id.

    ``elsewhere`` has the group of each that is in no team's group.  ``arrivals`` counts what customers opened
    since then, solved or not.
    """

    solved: tuple[Solved, ...]
    skipped: Mapping[str, Skipped]
    elsewhere: Mapping[str, str | None]
    arrivals: int


@dataclass(frozen=True, slots=True)
class Harvest:
    """The labelled tickets in the order of their last change, and why the others are not among them."""

    tickets: tuple[LabelledTicket, ...]
    skipped: Mapping[Skipped, int]
    left_over: int = 0  # tickets beyond the wanted number per team


def harvest(
    helpdesk: Helpdesk, memory: Memory, where: Map, since: datetime, per_team: int | None = None
) -> Harvest:
    """Read what changed since a moment; only reads.  Of more than ``per_team`` tickets a team keeps a sample.

    The sample looks random and is the same every time.  Raises what the helpdesk and the ledger raise.
    """
    found = gather(helpdesk, memory, where, since)
    kept = _sample((each.label for each in found.solved), per_team)
    return Harvest(kept, Counter(found.skipped.values()), len(found.solved) - len(kept))


def gather(helpdesk: Helpdesk, memory: Memory, where: Map, since: datetime) -> Gathered:
    """The solved tickets among what changed since a moment, in an order that looks random and never changes.

    Only reads.  Raises what the helpdesk and the ledger raise.
    """
    barn = _Barn(memory, where, since)
    for page in helpdesk.pages(None, since):
        barn.take(page.tickets)
        barn.refuse(page.unreadable)
    textless = tuple(barn.textless)
    for at in range(0, len(textless), _FETCH):
        asked = textless[at : at + _FETCH]
        found = helpdesk.fetch(asked)
        barn.take([each for each in found.values() if isinstance(each, Ticket)], whole=True)
        barn.refuse([each for each in found.values() if isinstance(each, Unreadable)])
        barn.miss(each for each in asked if each not in found)
    solved = tuple(sorted(barn.kept.values(), key=lambda each: _lot(each.label)))
    return Gathered(solved, barn.skipped, barn.elsewhere, len(barn.arrived))


def source_of(ticket: Ticket, known: History | None, where: Map) -> Source | Skipped:
    """Whether a person decided the ticket's team, and how; or why it does not count."""
    if ticket.status not in (Status.SOLVED, Status.CLOSED):
        return Skipped.UNSOLVED
    if ticket.nature is not Nature.ORDINARY:
        return Skipped.SPECIAL
    if ticket.author is Author.AGENT:
        return Skipped.AGENT_AUTHORED
    if not ticket.is_public:
        return Skipped.PRIVATE
    if ticket.group not in where.teams:
        return Skipped.NO_TEAM
    if known is not None and known.written_version is not None:
        ours = {known.written_group} | known.awaited_groups
        return Skipped.OURS if ticket.group in ours else Source.CORRECTION
    # Tags of ours that this ledger knows nothing of: another installation, or a database that was lost.
    return Skipped.OURS if any(tag.startswith(where.tag_prefix) for tag in ticket.tags) else Source.RESOLVED


@dataclass(slots=True)
class _Barn:
    """What was kept and skipped so far; of a ticket that is delivered twice the last delivery counts."""

    memory: Memory
    where: Map
    since: datetime
    kept: dict[str, Solved] = field(default_factory=dict)
    skipped: dict[str, Skipped] = field(default_factory=dict)
    elsewhere: dict[str, str | None] = field(default_factory=dict)  # the group of those with no team
    arrived: set[str] = field(default_factory=set)
    textless: dict[str, None] = field(default_factory=dict)  # the feed had no text; `fetch` has it

    def take(self, tickets: Sequence[Ticket], *, whole: bool = False) -> None:
        """Judge some tickets; ``whole`` ones have all the text there is."""
        known = self.memory.history([ticket.id for ticket in tickets])
        barred = self.memory.barred(tickets)
        for ticket in tickets:
            self._clear(ticket.id)
            if ticket.created_at >= self.since and _is_customers(ticket):
                self.arrived.add(ticket.id)
            source = source_of(ticket, known.get(ticket.id), self.where)
            if isinstance(source, Skipped):
                self.skipped[ticket.id] = source
                if source is Skipped.NO_TEAM:
                    self.elsewhere[ticket.id] = ticket.group
            elif ticket.id in barred:
                self.skipped[ticket.id] = Skipped.FORGOTTEN
            elif ticket.text is None and not whole:
                self.textless[ticket.id] = None
            elif not (ticket.text or "").strip():
                self.skipped[ticket.id] = Skipped.EMPTY
            else:
                self.kept[ticket.id] = Solved(ticket, self._labelled(ticket, source))

    def refuse(self, lost: Iterable[Unreadable]) -> None:
        for each in lost:
            name = each.ticket_id or f"without an id, {len(self.skipped)}"
            self._clear(name)
            self.skipped[name] = Skipped.UNREADABLE

    def miss(self, ticket_ids: Iterable[str]) -> None:
        for each in ticket_ids:
            self._clear(each)
            self.skipped[each] = Skipped.GONE

    def _clear(self, ticket_id: str) -> None:
        self.kept.pop(ticket_id, None)
        self.skipped.pop(ticket_id, None)
        self.elsewhere.pop(ticket_id, None)
        self.textless.pop(ticket_id, None)

    def _labelled(self, ticket: Ticket, source: Source) -> LabelledTicket:
        group = ticket.group or ""
        return LabelledTicket(
            text=ticket.text or "",
            labels={Axis.TEAM: self.where.teams[group]},
            ticket_id=ticket.id,
            subject=ticket.subject,
            tier=ticket.tier or "",
            route=self.where.names[group],
            source=source,
            labelled_at=ticket.updated_at,
            requester=ticket.requester or "",
        )


def _is_customers(ticket: Ticket) -> bool:
    """Whether triage would have taken it in when it was new."""
    ordinary = ticket.nature is Nature.ORDINARY and ticket.status is not Status.DELETED
    return ordinary and ticket.is_public and ticket.author is not Author.AGENT


def _sample(tickets: Iterable[LabelledTicket], per_team: int | None) -> tuple[LabelledTicket, ...]:
    by_team: dict[str, list[LabelledTicket]] = {}
    for ticket in sorted(tickets, key=_lot):
        by_team.setdefault(ticket.labels[Axis.TEAM], []).append(ticket)
    drawn = [ticket for team in by_team.values() for ticket in team[:per_team]]
    return tuple(sorted(drawn, key=lambda ticket: (str(ticket.labelled_at), ticket.ticket_id)))


def _lot(ticket: LabelledTicket) -> str:
    return hashlib.sha256(ticket.ticket_id.encode("utf-8", "replace")).hexdigest()
