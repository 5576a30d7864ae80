"""The local tier in the cascade: asked of every ticket, and deciding only what it is sure of."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import pytest

from connector.classify.cascade import Cascade, LocalDecides
from connector.classify.guardrail import Condition, Guardrail
from connector.classify.phrases import Phrases
from connector.classify.rules import Rule
from connector.domain.classification import Answer, Classification, Tier, Usage
from connector.domain.decision import Cause, Kind
from connector.domain.taxonomy import Axis, Taxonomy
from connector.domain.ticket import Ticket
from connector.errors import ConnectorError, RateLimited, Unavailable
from connector.ports import LocalLabel
from connector.routing import RoutingPolicy
from tests.support.local import FixedModel, local_label, sure_labels

MakeTicket = Callable[..., Ticket]
Labelled = Callable[..., Classification]
ANGRY = Condition("angry_enterprise", {Axis.SENTIMENT: frozenset({"angry"})}, frozenset({"enterprise"}))


class Claude:
    """Answers every question with the same labels, or raises."""

    def __init__(self, answer: Classification | ConnectorError) -> None:
        self.answer = answer
        self.asked: list[Tier] = []

    def __call__(self, tier: Tier) -> Answer:
        self.asked.append(tier)
        if isinstance(self.answer, ConnectorError):
            raise self.answer
        return Answer(self.answer, Usage(), model="m")


@pytest.fixture
def local() -> FixedModel:
    return FixedModel()


@pytest.fixture
def cascade(taxonomy: Taxonomy, policy: RoutingPolicy, local: FixedModel) -> Cascade:
    return Cascade(
        taxonomy,
        policy,
        Guardrail(Phrases(("lawsuit",)), (ANGRY,)),
        rules=(
            Rule("invoice_copy", Phrases(("copy of my invoice",)), {Axis.TEAM: "billing"}, final=True),
            Rule("down", Phrases(("urgent",)), {Axis.URGENCY: "critical"}),
        ),
        thresholds={Axis.TEAM: 0.75, Axis.TYPE: 0.6, Axis.URGENCY: 0.7, Axis.SENTIMENT: 0.5},
        local=local,
    )


@pytest.fixture
def claude(labelled: Labelled) -> Claude:
    return Claude(labelled())


def test_what_it_is_sure_of_it_decides_and_no_model_is_paid(
    cascade: Cascade, make_ticket: MakeTicket, claude: Claude, local: FixedModel
) -> None:
    verdict = cascade.judge(make_ticket(subject="Odd log-in", text="From abroad."), claude)

    found = verdict.classification
    assert (verdict.kind, verdict.cause, claude.asked) == (Kind.ROUTED, Cause.CONFIDENT, [])
    assert found is not None
    assert (found.tier, found.model, found.team and found.team.value) == (Tier.LOCAL, "local-v1", "security")
    assert [(step.tier, step.went_on) for step in verdict.steps] == [(Tier.LOCAL, "")]
    assert local.asked == ["Odd log-in\nFrom abroad."]  # the text in the form it was trained on


@pytest.mark.parametrize(
    ("axis", "label", "why"),
    [
        (Axis.TEAM, local_label("security", why_not="unlike anything labelled (0.11 < 0.30)"), "unlike"),
        (Axis.TEAM, local_label("security", 0.7), "0.70 < 0.75"),
        (Axis.URGENCY, local_label("high", why_not="needs 5 more labels for high"), "needs 5 more"),
        (Axis.URGENCY, None, "not trained on it"),
        (Axis.TEAM, local_label("fraud"), "fraud is no class of the settings any more; train again"),
    ],
    ids=["out of scope", "under the configured threshold", "too few labels", "not trained", "class gone"],
)
def test_an_axis_that_matters_and_is_not_sure_leaves_the_ticket_to_the_models(
    cascade: Cascade,
    make_ticket: MakeTicket,
    claude: Claude,
    local: FixedModel,
    axis: Axis,
    label: LocalLabel | None,
    why: str,
) -> None:
    local.labels = {each: known for each, known in sure_labels().items() if each is not axis}
    if label is not None:
        local.labels = {**local.labels, axis: label}

    verdict = cascade.judge(make_ticket(), claude)

    assert (verdict.kind, claude.asked) == (Kind.ROUTED, [Tier.CHEAP])
    assert [step.tier for step in verdict.steps] == [Tier.LOCAL, Tier.CHEAP]
    assert f"{axis}: " in verdict.steps[0].went_on
    assert why in verdict.steps[0].went_on


def test_a_class_that_is_gone_is_not_even_suggested(
    cascade: Cascade, make_ticket: MakeTicket, claude: Claude, local: FixedModel
) -> None:
    local.labels = {**sure_labels(), Axis.TEAM: local_label("fraud")}

    verdict = replace(cascade, tiers=()).judge(make_ticket(), claude)

    assert (verdict.kind, verdict.cause) == (Kind.ESCALATED, Cause.LOW_CONFIDENCE)
    assert verdict.classification is not None
    assert verdict.classification.team is None


def test_an_axis_that_does_not_matter_need_not_be_sure(
    cascade: Cascade, make_ticket: MakeTicket, claude: Claude, local: FixedModel
) -> None:
    local.labels = {
        Axis.TEAM: local_label("security"),
        Axis.URGENCY: local_label("normal"),
        Axis.TYPE: local_label("bug_report", 0.2, why_not="bug_report 0.20 < 0.90"),
    }

    cascade.judge(make_ticket(), claude)

    assert claude.asked == []


@pytest.mark.parametrize(
    ("tier", "sentiment", "kind", "asked"),
    [
        ("enterprise", local_label("neutral", 0.4, why_not="neutral 0.40 < 0.90"), Kind.ROUTED, [Tier.CHEAP]),
        ("enterprise", None, Kind.ROUTED, [Tier.CHEAP]),
        ("enterprise", local_label("neutral"), Kind.ROUTED, []),
        ("enterprise", local_label("angry"), Kind.ESCALATED, []),
        ("free", None, Kind.ROUTED, []),
    ],
)
def test_it_decides_only_where_it_can_rule_out_the_guardrail_conditions(
    cascade: Cascade,
    make_ticket: MakeTicket,
    claude: Claude,
    local: FixedModel,
    tier: str,
    sentiment: LocalLabel | None,
    kind: Kind,
    asked: list[Tier],
) -> None:
    local.labels = {Axis.TEAM: local_label("security"), Axis.URGENCY: local_label("normal")}
    if sentiment is not None:
        local.labels = {**local.labels, Axis.SENTIMENT: sentiment}

    verdict = cascade.judge(make_ticket(tier=tier), claude)

    assert (verdict.kind, claude.asked) == (kind, asked)


def test_a_rule_speaks_for_its_axis_and_the_model_is_not_credited_with_it(
    cascade: Cascade, make_ticket: MakeTicket, claude: Claude, local: FixedModel
) -> None:
    doubt = local_label("low", 0.3, why_not="low 0.30 < 0.90")
    local.labels = {**sure_labels(), Axis.URGENCY: doubt}
    decided = cascade.judge(make_ticket(subject="URGENT"), claude)
    local.labels = {**local.labels, Axis.TEAM: local_label("billing", 0.4, why_not="billing 0.40 < 0.90")}
    undecided = cascade.judge(make_ticket(subject="URGENT"), claude)

    assert decided.classification is not None
    assert decided.classification.urgency is not None
    assert (decided.classification.tier, decided.classification.urgency.value) == (Tier.LOCAL, "critical")
    assert undecided.steps[0].classification is not None
    assert undecided.steps[0].classification.urgency is None


@pytest.mark.parametrize("text", ["We file a lawsuit.", "Please send a copy of my invoice."])
def test_what_is_settled_before_it_is_not_asked(
    cascade: Cascade, make_ticket: MakeTicket, claude: Claude, local: FixedModel, text: str
) -> None:
    cascade.judge(make_ticket(text=text), claude)

    assert local.asked == []


def test_without_a_usable_model_there_is_no_step(
    cascade: Cascade, make_ticket: MakeTicket, claude: Claude, local: FixedModel
) -> None:
    local.labels = {}

    verdict = cascade.judge(make_ticket(), claude)

    assert [step.tier for step in verdict.steps] == [Tier.CHEAP]


@pytest.mark.parametrize("decides", ["in_outage", "never"])
def test_where_it_may_not_decide_its_answer_is_stored_beside_the_models(
    cascade: Cascade, make_ticket: MakeTicket, claude: Claude, decides: LocalDecides
) -> None:
    verdict = replace(cascade, local_decides=decides).judge(make_ticket(), claude)

    assert claude.asked == [Tier.CHEAP]
    assert verdict.classification is not None
    assert verdict.classification.tier is Tier.CHEAP
    assert "sure, but" in verdict.steps[0].went_on


def test_in_an_outage_it_decides_what_it_is_sure_of_and_says_why(
    cascade: Cascade, make_ticket: MakeTicket
) -> None:
    down = Claude(Unavailable("claude is down"))

    verdict = replace(cascade, local_decides="in_outage").judge(make_ticket(), down)

    assert (verdict.kind, verdict.cause) == (Kind.ROUTED, Cause.CONFIDENT)
    assert verdict.classification is not None
    assert verdict.classification.tier is Tier.LOCAL
    assert verdict.reason.startswith("claude is down; ")


@pytest.mark.parametrize(
    ("decides", "error", "sure"),
    [
        ("in_outage", RateLimited("slow down"), True),
        ("in_outage", Unavailable("down"), False),
        ("always", Unavailable("down"), False),
        ("never", Unavailable("down"), True),
    ],
)
def test_otherwise_a_ticket_waits_for_the_model(
    cascade: Cascade,
    make_ticket: MakeTicket,
    local: FixedModel,
    decides: LocalDecides,
    error: Unavailable,
    sure: bool,
) -> None:
    if not sure:
        local.labels = {**sure_labels(), Axis.TEAM: local_label("security", 0.5, why_not="0.50 < 0.90")}

    with pytest.raises(type(error)):
        replace(cascade, local_decides=decides).judge(make_ticket(), Claude(error))


@pytest.mark.parametrize("decides", ["always", "in_outage"])
def test_without_models_it_decides_alone(
    cascade: Cascade, make_ticket: MakeTicket, claude: Claude, decides: LocalDecides
) -> None:
    verdict = replace(cascade, tiers=(), local_decides=decides).judge(make_ticket(), claude)

    assert (verdict.kind, claude.asked) == (Kind.ROUTED, [])


def test_without_any_model_a_person_decides_and_the_cause_says_so(
    cascade: Cascade, make_ticket: MakeTicket, claude: Claude
) -> None:
    verdict = replace(cascade, tiers=(), local=None).judge(make_ticket(), claude)

    assert (verdict.kind, verdict.cause, verdict.steps) == (Kind.ESCALATED, Cause.NO_MODEL, ())


def test_when_no_model_gave_a_usable_answer_its_labels_are_the_suggestion(
    cascade: Cascade, make_ticket: MakeTicket, local: FixedModel
) -> None:
    local.labels = {Axis.TEAM: local_label("security", 0.5, why_not="security 0.50 < 0.90")}

    verdict = cascade.judge(make_ticket(), lambda _: Answer(None, Usage(), "m", unusable="refusal"))

    assert (verdict.kind, verdict.cause) == (Kind.FAILED_OPEN, Cause.ANSWER_UNUSABLE)
    assert verdict.classification is not None
    assert verdict.classification.team is not None
    assert verdict.classification.team.value == "security"
