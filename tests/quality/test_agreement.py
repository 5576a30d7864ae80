"""The local tier is compared with the model that decided, and with nothing else."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

import pytest

from connector.domain.classification import Classification, Tier
from connector.domain.decision import Cause, Decision, Kind, Step
from connector.domain.taxonomy import Axis
from connector.quality.agreement import Agreement, agreement, compare
from connector.routing import RoutingPolicy, human_route

Labelled = Callable[..., Classification]
Decide = Callable[..., Decision]


@pytest.fixture
def decide(policy: RoutingPolicy) -> Decide:
    """A decision by ``found`` after these steps."""

    def make(found: Classification | None, *steps: Classification | None, **facts: Any) -> Decision:
        told = tuple(Step(each.tier if each else Tier.CHEAP, each) for each in steps)
        route = human_route(Cause.LOW_CONFIDENCE, policy)
        at = datetime(2026, 11, 2, tzinfo=UTC)
        return Decision("d", Kind.ROUTED, Cause.CONFIDENT, "", route, found, told, (), {}, "p1", at)

    return make


def test_labels_are_compared_axis_by_axis(decide: Decide, labelled: Labelled) -> None:
    local, model = labelled(Tier.LOCAL, urgency="high"), labelled(Tier.CHEAP)

    assert compare(decide(model, local, model)) == {
        Axis.TEAM: True,
        Axis.TYPE: True,
        Axis.URGENCY: False,
        Axis.SENTIMENT: True,
    }


def test_it_is_held_against_the_model_that_decided_and_not_against_one_that_was_in_doubt(
    decide: Decide, labelled: Labelled
) -> None:
    local = labelled(Tier.LOCAL, team="security")
    cheap, strong = labelled(Tier.CHEAP, team="security"), labelled(Tier.STRONG, team="billing")

    assert compare(decide(strong, local, cheap, strong))[Axis.TEAM] is False


def test_axes_on_which_one_of_them_is_silent_do_not_count(decide: Decide, labelled: Labelled) -> None:
    local = Classification(Tier.LOCAL, team=labelled().team)

    assert compare(decide(labelled(), local, labelled())) == {Axis.TEAM: True}


def test_what_it_decided_itself_proves_nothing(decide: Decide, labelled: Labelled) -> None:
    local = labelled(Tier.LOCAL)

    found = agreement(
        [decide(local, local), decide(None), decide(labelled(), labelled()), decide(local, None)]
    )

    assert found == {}


def test_a_summary_says_how_many_tickets_it_rests_on(decide: Decide, labelled: Labelled) -> None:
    same, other = labelled(Tier.LOCAL), labelled(Tier.LOCAL, team="security")
    model = labelled(Tier.CHEAP)

    found = agreement([decide(model, same, model)] * 3 + [decide(model, other, model)])

    assert found[Axis.TEAM] == Agreement(3, 4)
    assert found[Axis.TYPE] == Agreement(4, 4)
    low, high = found[Axis.TEAM].interval
    assert 0.25 < low < 0.75 < high < 1
