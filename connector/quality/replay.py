"""What a replay showed: our routes beside the teams that people finally gave the same tickets."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal

from connector.domain.classification import Tier
from connector.domain.decision import Decision
from connector.quality.calibrate import wilson

MONTH_DAYS = 30.0


@dataclass(frozen=True, slots=True)
class Replayed:
    """One ticket: the team that people gave it, and what we would have decided."""

    ticket_id: str
    people: str
    decision: Decision

    @property
    def ours(self) -> str | None:
        """The team that we would have routed it to; None: a person would have got it."""
        return self.decision.route.team

    @property
    def suggested(self) -> str | None:
        """The team that the last tier asked was for, also where a person would have decided."""
        found = self.decision.classification
        return found.team.value if found and found.team else None


@dataclass(frozen=True, slots=True)
class Share:
    """``count`` of ``total``; None where there is nothing to divide by."""

    count: int
    total: int

    @property
    def value(self) -> float | None:
        return self.count / self.total if self.total else None

    @property
    def interval(self) -> tuple[float, float] | None:
        """The 95 % Wilson interval."""
        return wilson(self.count, self.total) if self.total else None


@dataclass(frozen=True, slots=True)
class TeamResult:
    """One of people's teams: how often our own routes agreed, and what would have gone to a person."""

    team: str
    tickets: int
    agreed: Share
    to_person: int


@dataclass(frozen=True, slots=True)
class Comparison:
    """Replayed tickets, compared.

    ``agreed`` is the share of what we would have routed without a person; ``suggested`` the share of right
    suggestions among what would have gone to one.  ``tiers`` has the agreement by the tier that decided,
    ``causes`` why a person would have been asked.  ``confusion`` counts (people's team, ours or None).
    """

    tickets: int
    agreed: Share
    alone: Share
    suggested: Share
    teams: tuple[TeamResult, ...]
    tiers: tuple[tuple[str, Share], ...]
    causes: tuple[tuple[str, int], ...]
    confusion: Mapping[tuple[str, str | None], int]
    disagreements: tuple[Replayed, ...]
    cost_usd: Decimal

    @property
    def per_ticket_usd(self) -> Decimal | None:
        return self.cost_usd / self.tickets if self.tickets else None


def compare(replayed: Sequence[Replayed], teams: Sequence[str]) -> Comparison:
    """Every measure; ``teams`` gives the order.  Teams that people never chose have no row."""
    routed = [each for each in replayed if each.ours is not None]
    left = [each for each in replayed if each.ours is None]
    hinted = [each for each in left if each.suggested is not None]
    rank = {team: at for at, team in enumerate(teams)}
    seen = sorted({each.people for each in replayed}, key=lambda team: (rank.get(team, len(rank)), team))
    return Comparison(
        tickets=len(replayed),
        agreed=_agreed(routed),
        alone=Share(len(routed), len(replayed)),
        suggested=Share(sum(each.suggested == each.people for each in hinted), len(hinted)),
        teams=tuple(_team(team, [each for each in replayed if each.people == team]) for team in seen),
        tiers=_tiers(routed),
        causes=_ranked(each.decision.cause.value for each in left),
        confusion=Counter((each.people, each.ours) for each in replayed),
        disagreements=tuple(
            sorted(
                (each for each in routed if each.ours != each.people),
                key=lambda each: (rank.get(each.people, len(rank)), str(each.ours), each.ticket_id),
            )
        ),
        cost_usd=sum((each.decision.cost_usd for each in replayed), Decimal(0)),
    )


def _agreed(routed: Sequence[Replayed]) -> Share:
    return Share(sum(each.ours == each.people for each in routed), len(routed))


def _team(team: str, tickets: Sequence[Replayed]) -> TeamResult:
    routed = [each for each in tickets if each.ours is not None]
    return TeamResult(team, len(tickets), _agreed(routed), len(tickets) - len(routed))


def _tiers(routed: Sequence[Replayed]) -> tuple[tuple[str, Share], ...]:
    """In the order in which tiers are asked."""
    by_tier = {tier: [each for each in routed if each.decision.tier is tier] for tier in Tier}
    return tuple((tier.value, _agreed(decided)) for tier, decided in by_tier.items() if decided)


def _ranked(names: Iterable[str]) -> tuple[tuple[str, int], ...]:
    return tuple(sorted(Counter(names).items(), key=lambda item: (-item[1], item[0])))


@dataclass(frozen=True, slots=True)
class Circumstances:
    """What the figures rest on.

    ``skipped`` counts by reason what could not be compared; ``elsewhere`` has the groups (by name) of those
    that ended in no team's group, with their tickets' ids.  ``beyond_limit`` and ``undecided`` are comparable
    tickets that were not replayed; ``left_because`` says why.  ``arrivals`` is what customers opened in
    ``days``.  ``paid_usd`` was paid in this run, the rest earlier; ``unpriced`` answers have no known price.
    ``minutes_per_ticket`` is the operator's own assumption, None without one.
    """

    since: str
    days: float
    tier: str
    emulated: bool
    prompt_version: str
    skipped: Mapping[str, int]
    elsewhere: Mapping[str, tuple[str, ...]]
    beyond_limit: int
    undecided: int
    left_because: str
    arrivals: int
    paid_usd: Decimal
    remembered: int
    unpriced: int
    minutes_per_ticket: float | None


@dataclass(frozen=True, slots=True)
class ReplayReport:
    """The comparison and what it rests on."""

    found: Comparison
    about: Circumstances

    @property
    def monthly_tickets(self) -> float:
        """What customers open in thirty days, at the pace of the days looked at."""
        return self.about.arrivals * MONTH_DAYS / self.about.days

    @property
    def monthly_usd(self) -> Decimal | None:
        each = self.found.per_ticket_usd
        return None if each is None else each * Decimal(str(self.monthly_tickets))

    @property
    def minutes_saved(self) -> float | None:
        """Of the replayed tickets those that we route as people did, times the assumption."""
        each = self.about.minutes_per_ticket
        return None if each is None else each * self.found.agreed.count

    @property
    def monthly_minutes_saved(self) -> float | None:
        saved = self.minutes_saved
        if saved is None or not self.found.tickets:
            return None
        return saved / self.found.tickets * self.monthly_tickets
