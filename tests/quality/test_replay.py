"""What a replay says about agreement, people, money and minutes."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime
from decimal import Decimal

import pytest

from connector.domain.classification import Classification, Label, Tier
from connector.domain.decision import Cause, Decision, Kind
from connector.quality.calibrate import wilson
from connector.quality.replay import Circumstances, Replayed, ReplayReport, compare
from connector.routing import RoutingPolicy, human_route, route

TEAMS = ("billing", "security", "general")

Decide = Callable[..., Decision]


@pytest.fixture
def decide(policy: RoutingPolicy) -> Decide:
    """A decision for a team, or with a cause one that leaves it to a person."""

    def make(team: str | None, tier: Tier = Tier.CHEAP, cause: Cause = Cause.CONFIDENT) -> Decision:
        found = None if team is None else Classification(tier, team=Label(team, 0.9))
        alone = cause is Cause.CONFIDENT
        return Decision(
            id="d",
            kind=Kind.ROUTED if alone else Kind.ESCALATED,
            cause=cause,
            reason="",
            route=route(found, policy) if alone and found else human_route(cause, policy),
            classification=found,
            steps=(),
            guardrail=(),
            thresholds={},
            prompt_version="p1",
            decided_at=datetime(2026, 11, 2, tzinfo=UTC),
            cost_usd=Decimal("0.001"),
        )

    return make


@pytest.fixture
def replayed(decide: Decide) -> list[Replayed]:
    """Ten tickets: seven routed, five of them as people did, three left to a person."""
    return [
        *(Replayed(f"r{n}", "billing", decide("billing")) for n in range(4)),
        Replayed("w1", "billing", decide("security", Tier.STRONG)),
        Replayed("r5", "security", decide("security", Tier.STRONG)),
        Replayed("w2", "general", decide("billing")),
        Replayed("p1", "security", decide("security", cause=Cause.LOW_CONFIDENCE)),
        Replayed("p2", "security", decide("general", cause=Cause.LOW_CONFIDENCE)),
        Replayed("p3", "general", decide(None, cause=Cause.GUARDRAIL)),
    ]


def report(replayed: list[Replayed], **facts: object) -> ReplayReport:
    about = Circumstances(
        since="30d",
        days=15.0,
        tier="cascade",
        emulated=False,
        prompt_version="p1",
        skipped={},
        elsewhere={},
        beyond_limit=0,
        undecided=0,
        left_because="",
        arrivals=100,
        paid_usd=Decimal(0),
        remembered=0,
        unpriced=0,
        minutes_per_ticket=None,
    )
    return ReplayReport(compare(replayed, TEAMS), replace(about, **facts))  # type: ignore[arg-type]


def test_agreement_counts_only_what_would_be_routed_without_a_person(replayed: list[Replayed]) -> None:
    found = compare(replayed, TEAMS)

    assert (found.agreed.count, found.agreed.total) == (5, 7)
    assert found.agreed.interval == wilson(5, 7)
    assert (found.alone.count, found.alone.total) == (7, 10)


def test_every_team_of_peoples_has_its_own_agreement_in_the_order_of_the_settings(
    replayed: list[Replayed],
) -> None:
    rows = compare(replayed, TEAMS).teams

    assert [
        (each.team, each.tickets, each.agreed.count, each.agreed.total, each.to_person) for each in rows
    ] == [
        ("billing", 5, 4, 5, 0),
        ("security", 3, 1, 1, 2),
        ("general", 2, 0, 1, 1),
    ]


def test_confusion_has_every_ticket_once_and_none_stands_for_a_person(replayed: list[Replayed]) -> None:
    confusion = compare(replayed, TEAMS).confusion

    assert sum(confusion.values()) == 10
    assert confusion["billing", "security"] == 1
    assert confusion["security", None] == 2


def test_what_goes_to_a_person_is_counted_by_cause_and_its_suggestions_are_judged(
    replayed: list[Replayed],
) -> None:
    found = compare(replayed, TEAMS)

    assert found.causes == (("low_confidence", 2), ("guardrail", 1))
    assert (found.suggested.count, found.suggested.total) == (1, 2)  # the guardrail's had none


def test_agreement_is_told_by_the_tier_that_decided(replayed: list[Replayed]) -> None:
    tiers = {tier: (each.count, each.total) for tier, each in compare(replayed, TEAMS).tiers}

    assert tiers == {"cheap": (4, 5), "strong": (1, 2)}


def test_disagreements_are_named_and_a_ticket_for_a_person_is_none(replayed: list[Replayed]) -> None:
    assert [each.ticket_id for each in compare(replayed, TEAMS).disagreements] == ["w1", "w2"]


def test_a_month_costs_what_a_ticket_costs_times_what_customers_open(replayed: list[Replayed]) -> None:
    found = report(replayed)

    assert found.found.cost_usd == Decimal("0.010")
    assert found.monthly_tickets == 200
    assert found.monthly_usd == pytest.approx(Decimal("0.2"))


def test_minutes_are_saved_only_under_an_assumption_and_only_where_people_agree(
    replayed: list[Replayed],
) -> None:
    assert report(replayed).minutes_saved is None

    assumed = report(replayed, minutes_per_ticket=3.0)

    assert assumed.minutes_saved == 15
    assert assumed.monthly_minutes_saved == pytest.approx(300)


def test_nothing_replayed_is_no_agreement_rather_than_a_perfect_or_a_failed_one() -> None:
    empty = report([], minutes_per_ticket=3.0)

    assert empty.found.agreed.value is None
    assert empty.found.agreed.interval is None
    assert empty.monthly_usd is None
    assert empty.monthly_minutes_saved is None


def test_a_team_that_the_settings_no_longer_have_keeps_its_row(decide: Decide) -> None:
    rows = compare([Replayed("1", "legal", decide("billing"))], TEAMS).teams

    assert [each.team for each in rows] == ["legal"]
