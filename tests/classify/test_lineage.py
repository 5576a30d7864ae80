"""Classes within classes: a shadow acts as its parent, and what names a class means all below it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import pytest

from connector.classify.cascade import Cascade
from connector.classify.guardrail import Condition, Guardrail
from connector.classify.lineage import acting
from connector.classify.phrases import Phrases
from connector.classify.rules import Rule
from connector.domain.classification import Answer, Classification, Tier, Usage
from connector.domain.decision import Cause, Kind
from connector.domain.taxonomy import Axis, Category, Taxonomy
from connector.domain.ticket import Group, Ticket
from connector.routing import RoutingPolicy, axes_that_matter, route

MakeTicket = Callable[..., Ticket]
Labelled = Callable[..., Classification]


@pytest.fixture
def tree(taxonomy: Taxonomy) -> Taxonomy:
    """Teams: billing, in it refunds, in that the shadow chargebacks with a shadow of its own; and others."""
    teams = (
        Category("billing"),
        Category("chargebacks", parent="refunds", shadow=True),
        Category("general"),
        Category("refunds", parent="billing"),
        Category("fraud", parent="billing", shadow=True),
    )
    return replace(taxonomy, categories={**taxonomy.categories, Axis.TEAM: teams})


@pytest.fixture
def with_refunds(policy: RoutingPolicy) -> RoutingPolicy:
    return replace(policy, groups={**policy.groups, "refunds": Group("14", "Refunds")})


@pytest.mark.parametrize(
    ("name", "acts_as"),
    [
        ("billing", "billing"),
        ("refunds", "refunds"),
        ("chargebacks", "refunds"),
        ("fraud", "billing"),
        ("unheard_of", "unheard_of"),
    ],
)
def test_the_nearest_ancestor_that_is_no_shadow_acts(tree: Taxonomy, name: str, acts_as: str) -> None:
    assert tree.acting(Axis.TEAM, name) == acts_as


def test_a_shadow_of_a_shadow_acts_as_the_first_that_is_none(tree: Taxonomy) -> None:
    deep = (*tree.categories[Axis.TEAM], Category("cards", parent="fraud", shadow=True))
    tree = replace(tree, categories={**tree.categories, Axis.TEAM: deep})

    assert tree.lineage(Axis.TEAM, "cards") == ("cards", "fraud", "billing")
    assert tree.acting(Axis.TEAM, "cards") == "billing"


def test_a_class_means_everything_below_it(tree: Taxonomy) -> None:
    assert tree.within(Axis.TEAM, ["billing"]) == {"billing", "refunds", "chargebacks", "fraud"}
    assert tree.within(Axis.TEAM, ["refunds", "general"]) == {"refunds", "chargebacks", "general"}


def test_the_default_of_a_tree_is_its_last_class_without_a_parent(tree: Taxonomy) -> None:
    assert tree.default(Axis.TEAM) == "general"


def test_children_follow_their_parent_in_the_order_of_the_settings(tree: Taxonomy) -> None:
    walked = [(depth, category.name) for depth, category in tree.tree(Axis.TEAM)]

    assert walked == [(0, "billing"), (1, "refunds"), (2, "chargebacks"), (1, "fraud"), (0, "general")]


def test_what_was_said_stays_beside_what_acts(tree: Taxonomy, labelled: Labelled) -> None:
    said = replace(labelled(team="chargebacks", team_confidence=0.8), secondary_team="fraud")

    found = acting(said, tree)

    assert found.team is not None
    assert (found.team.value, found.team.confidence) == ("refunds", 0.8)
    assert found.shadow == {Axis.TEAM: "chargebacks"}
    assert found.secondary_team == "billing"
    assert acting(found, tree) == found


def test_a_second_team_that_acts_as_the_first_is_none(tree: Taxonomy, labelled: Labelled) -> None:
    found = acting(replace(labelled(team="billing"), secondary_team="fraud"), tree)

    assert (found.secondary_team, found.shadow) == (None, {})


def test_without_shadows_nothing_changes(taxonomy: Taxonomy, labelled: Labelled) -> None:
    said = labelled()

    assert acting(said, taxonomy) is said


class Model:
    """Both tiers say the same."""

    def __init__(self, answer: Classification) -> None:
        self.answer = answer
        self.asked: list[Tier] = []

    def __call__(self, tier: Tier) -> Answer:
        self.asked.append(tier)
        return Answer(replace(self.answer, tier=tier), Usage(), model="m")


@pytest.fixture
def cascade(tree: Taxonomy, with_refunds: RoutingPolicy) -> Cascade:
    return Cascade(
        taxonomy=tree,
        routing=with_refunds,
        guardrail=Guardrail(Phrases(())),
        rules=(Rule("invoice", Phrases(("invoice",)), {Axis.TEAM: "billing"}),),
        thresholds={Axis.TEAM: 0.75},
    )


def test_a_shadow_routes_like_its_parent_and_the_decision_keeps_its_name(
    cascade: Cascade, with_refunds: RoutingPolicy, make_ticket: MakeTicket, labelled: Labelled
) -> None:
    verdict = cascade.judge(make_ticket(), Model(labelled(team="chargebacks")))

    assert verdict.classification is not None
    routed = route(verdict.classification, with_refunds)
    assert routed == route(labelled(team="refunds"), with_refunds)
    assert verdict.classification.shadow == {Axis.TEAM: "chargebacks"}
    assert verdict.steps[-1].classification == verdict.classification


def test_doubt_about_a_shadow_is_doubt_about_its_parent(
    cascade: Cascade, make_ticket: MakeTicket, labelled: Labelled
) -> None:
    model = Model(labelled(team="chargebacks", team_confidence=0.5))

    verdict = cascade.judge(make_ticket(), model)

    assert (verdict.kind, model.asked) == (Kind.ESCALATED, [Tier.CHEAP, Tier.STRONG])
    assert "team refunds 0.50 < 0.75" in verdict.reason
    assert verdict.classification is not None
    assert verdict.classification.shadow == {Axis.TEAM: "chargebacks"}


def test_shadows_alone_give_an_axis_nothing_to_decide(
    tree: Taxonomy, policy: RoutingPolicy, labelled: Labelled
) -> None:
    only = (Category("billing"), Category("fraud", parent="billing", shadow=True))
    alone = replace(tree, categories={**tree.categories, Axis.TEAM: only})

    assert Axis.TEAM not in axes_that_matter(labelled(), policy, alone)


@pytest.mark.parametrize(
    ("said", "confidence", "team"),
    [
        ("refunds", 0.9, "refunds"),  # the same, more exactly
        ("refunds", 0.4, "billing"),  # what the rule knows for sure
        ("general", 0.9, "billing"),  # the rule overrules
    ],
)
def test_a_rule_on_a_class_leaves_a_sure_choice_within_it(
    cascade: Cascade, make_ticket: MakeTicket, labelled: Labelled, said: str, confidence: float, team: str
) -> None:
    model = Model(labelled(team=said, team_confidence=confidence))

    verdict = cascade.judge(make_ticket(text="My invoice"), model)

    assert verdict.classification is not None
    assert verdict.classification.team is not None
    assert verdict.classification.team.value == team


def test_a_rule_may_name_a_shadow(cascade: Cascade, make_ticket: MakeTicket, labelled: Labelled) -> None:
    rule = Rule("stolen", Phrases(("stolen",)), {Axis.TEAM: "fraud"}, final=True)

    verdict = replace(cascade, rules=(rule,)).judge(make_ticket(text="It was stolen"), Model(labelled()))

    assert verdict.cause is Cause.RULE
    assert verdict.classification is not None
    assert verdict.classification.team is not None
    assert (verdict.classification.team.value, verdict.classification.shadow[Axis.TEAM]) == (
        "billing",
        "fraud",
    )


def test_a_condition_on_a_shadow_waits_until_it_is_active(
    cascade: Cascade, make_ticket: MakeTicket, labelled: Labelled
) -> None:
    waits = Condition("stolen", {Axis.TEAM: frozenset({"fraud"})})
    cascade = replace(cascade, guardrail=Guardrail(Phrases(()), (waits,)))

    assert cascade.judge(make_ticket(), Model(labelled(team="fraud"))).kind is Kind.ROUTED
