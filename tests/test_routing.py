"""Every classification leads somewhere, and the tree of queues is walked in order."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from connector.domain.classification import Classification, Label, Tier
from connector.domain.decision import Cause
from connector.domain.taxonomy import Axis, Taxonomy
from connector.routing import RoutingPolicy, axes_that_matter, human_route, route

Labelled = Callable[..., Classification]


@pytest.mark.parametrize(
    ("labels", "queue", "sla", "priority"),
    [
        ({"urgency": "critical", "team": "security"}, "urgent-security", 15, "urgent"),
        ({"urgency": "critical"}, "critical-billing", 60, "urgent"),
        ({"urgency": "high", "sentiment": "angry"}, "priority-billing", 240, "high"),
        ({"urgency": "high"}, "billing-high", None, "high"),
        ({"urgency": "low", "team": "general"}, "general-low", None, "low"),
    ],
)
def test_the_first_branch_that_holds_names_the_queue(
    labelled: Labelled,
    policy: RoutingPolicy,
    labels: dict[str, str],
    queue: str,
    sla: int | None,
    priority: str,
) -> None:
    found = route(labelled(**labels), policy)

    assert (found.queue, found.sla_minutes, found.priority) == (queue, sla, priority)


def test_a_route_says_in_tags_what_was_decided(labelled: Labelled, policy: RoutingPolicy) -> None:
    found = route(labelled(urgency="critical"), policy)

    assert found.tags == (
        "ai_routed",
        "ai_queue__critical-billing",
        "ai_team__billing",
        "ai_type__bug_report",
        "ai_urgency__critical",
        "ai_sentiment__neutral",
        "ai_sla__60",
    )


@pytest.mark.parametrize(
    ("second", "tags"), [("security", ["ai_secondary__security"]), ("billing", []), (None, [])]
)
def test_a_second_issue_is_a_tag_unless_its_team_is_the_first_ones(
    labelled: Labelled, policy: RoutingPolicy, second: str | None, tags: list[str]
) -> None:
    found = route(replace(labelled(), secondary_team=second), policy)

    assert [tag for tag in found.tags if "secondary" in tag] == tags
    assert found.group == policy.groups["billing"].id


def test_a_team_without_a_group_goes_to_the_human_group(labelled: Labelled, policy: RoutingPolicy) -> None:
    assert route(labelled(team="unheard_of"), policy).group == policy.human.id


def test_the_human_route_names_its_cause_and_no_team(policy: RoutingPolicy) -> None:
    found = human_route(Cause.GUARDRAIL, policy)

    assert (found.team, found.group, found.tags) == (None, "19", ("ai_needs_human", "ai_cause__guardrail"))


def test_sentiment_matters_only_where_it_changes_the_queue(
    labelled: Labelled, policy: RoutingPolicy, taxonomy: Taxonomy
) -> None:
    calm = axes_that_matter(labelled(urgency="low"), policy, taxonomy)
    pressing = axes_that_matter(labelled(urgency="high"), policy, taxonomy)

    assert Axis.SENTIMENT not in calm
    assert Axis.SENTIMENT in pressing
    assert Axis.TYPE not in calm + pressing


_LABEL = st.one_of(st.none(), st.builds(Label, st.text(max_size=12), st.floats(0, 1)))


@given(team=_LABEL, kind=_LABEL, urgency=_LABEL, sentiment=_LABEL)
def test_routing_is_total(
    policy: RoutingPolicy,
    team: Label | None,
    kind: Label | None,
    urgency: Label | None,
    sentiment: Label | None,
) -> None:
    found = route(Classification(Tier.STRONG, team, kind, urgency, sentiment), policy)

    assert found.group in {"11", "12", "13", "19"}
    assert all(tag.startswith("ai_") for tag in found.tags)
