"""The cascade asks no more than it must, and sends everything uncertain to a person."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import pytest

from connector.classify.cascade import Cascade
from connector.classify.guardrail import Condition, Guardrail
from connector.classify.language import Languages
from connector.classify.phrases import Phrases
from connector.classify.reading import Reader
from connector.classify.rules import Rule
from connector.domain.classification import Answer, Classification, Tier, Usage
from connector.domain.decision import Cause, Kind
from connector.domain.taxonomy import Axis, Taxonomy
from connector.domain.ticket import Ticket
from connector.routing import RoutingPolicy

MakeTicket = Callable[..., Ticket]
Labelled = Callable[..., Classification]


class Model:
    """Answers each tier as told and remembers which tiers were asked."""

    def __init__(self, **answers: Classification | str) -> None:
        self.answers = answers
        self.asked: list[Tier] = []

    def __call__(self, tier: Tier) -> Answer:
        self.asked.append(tier)
        answer = self.answers[tier]
        if isinstance(answer, str):
            return Answer(None, Usage(), model="m", unusable=answer)
        return Answer(answer, Usage(), model="m")


@pytest.fixture
def cascade(taxonomy: Taxonomy, policy: RoutingPolicy) -> Cascade:
    return Cascade(
        taxonomy=taxonomy,
        routing=policy,
        guardrail=Guardrail(
            Phrases(("lawsuit",)),
            (
                Condition(
                    "angry_enterprise", {Axis.SENTIMENT: frozenset({"angry"})}, frozenset({"enterprise"})
                ),
            ),
        ),
        rules=(
            Rule("invoice_copy", Phrases(("copy of my invoice",)), {Axis.TEAM: "billing"}, final=True),
            Rule("down", Phrases(("urgent",)), {Axis.URGENCY: "critical"}),
        ),
        thresholds={Axis.TEAM: 0.75, Axis.TYPE: 0.6, Axis.URGENCY: 0.7, Axis.SENTIMENT: 0.5},
    )


def test_a_confident_cheap_answer_is_the_only_one_paid(
    cascade: Cascade, make_ticket: MakeTicket, labelled: Labelled
) -> None:
    model = Model(cheap=labelled())

    verdict = cascade.judge(make_ticket(), model)

    assert (verdict.kind, verdict.cause, model.asked) == (Kind.ROUTED, Cause.CONFIDENT, [Tier.CHEAP])


@pytest.mark.parametrize("axis", ["team", "urgency"])
def test_doubt_on_an_axis_that_matters_goes_to_the_strong_model(
    cascade: Cascade, make_ticket: MakeTicket, labelled: Labelled, axis: str
) -> None:
    model = Model(cheap=labelled(**{f"{axis}_confidence": 0.5}), strong=labelled(Tier.STRONG))

    verdict = cascade.judge(make_ticket(), model)

    assert model.asked == [Tier.CHEAP, Tier.STRONG]
    assert verdict.classification is not None
    assert verdict.classification.tier is Tier.STRONG
    assert axis in verdict.steps[0].went_on


def test_doubt_on_an_axis_that_changes_nothing_costs_nothing(
    cascade: Cascade, make_ticket: MakeTicket, labelled: Labelled
) -> None:
    model = Model(cheap=labelled(type_confidence=0.1, sentiment_confidence=0.1))

    cascade.judge(make_ticket(), model)

    assert model.asked == [Tier.CHEAP]


def test_a_strong_answer_in_doubt_goes_to_a_person_with_its_suggestion(
    cascade: Cascade, make_ticket: MakeTicket, labelled: Labelled
) -> None:
    model = Model(cheap=labelled(team_confidence=0.4), strong=labelled(Tier.STRONG, team_confidence=0.6))

    verdict = cascade.judge(make_ticket(), model)

    assert (verdict.kind, verdict.cause) == (Kind.ESCALATED, Cause.LOW_CONFIDENCE)
    assert verdict.classification is not None
    assert verdict.classification.tier is Tier.STRONG


def test_an_unusable_cheap_answer_goes_to_the_strong_model(
    cascade: Cascade, make_ticket: MakeTicket, labelled: Labelled
) -> None:
    verdict = cascade.judge(make_ticket(), Model(cheap="refusal", strong=labelled(Tier.STRONG)))

    assert verdict.kind is Kind.ROUTED
    assert "refusal" in verdict.steps[0].went_on


def test_two_unusable_answers_fail_open(cascade: Cascade, make_ticket: MakeTicket) -> None:
    verdict = cascade.judge(make_ticket(), Model(cheap="refusal", strong="truncated"))

    assert (verdict.kind, verdict.cause) == (Kind.FAILED_OPEN, Cause.ANSWER_UNUSABLE)


@pytest.mark.parametrize("text", ["We will file a LAWSUIT.", "this is not a lawsuit yet"])
def test_a_guardrail_word_is_heard_before_a_model_is_paid(
    cascade: Cascade, make_ticket: MakeTicket, text: str
) -> None:
    model = Model()

    verdict = cascade.judge(make_ticket(text=text), model)

    assert (verdict.kind, verdict.guardrail, model.asked) == (Kind.ESCALATED, ("lawsuit",), [])


@pytest.mark.parametrize(
    ("tier", "kind"), [("Enterprise", Kind.ESCALATED), ("free", Kind.ROUTED), (None, Kind.ROUTED)]
)
def test_a_guardrail_condition_holds_for_its_customers_only(
    cascade: Cascade, make_ticket: MakeTicket, labelled: Labelled, tier: str | None, kind: Kind
) -> None:
    verdict = cascade.judge(make_ticket(tier=tier), Model(cheap=labelled(sentiment="angry")))

    assert verdict.kind is kind


def test_a_final_rule_decides_free_of_charge(cascade: Cascade, make_ticket: MakeTicket) -> None:
    model = Model()

    verdict = cascade.judge(make_ticket(text="Please send a copy of my invoice."), model)

    assert (verdict.kind, verdict.cause, model.asked) == (Kind.ROUTED, Cause.RULE, [])
    assert verdict.classification is not None
    assert {axis: label.value for axis in Axis if (label := verdict.classification.on(axis))} == {
        Axis.TEAM: "billing",
        Axis.TYPE: "general_inquiry",
        Axis.URGENCY: "normal",
        Axis.SENTIMENT: "neutral",
    }


def test_a_rule_that_is_not_final_overrules_the_model_on_its_axis_only(
    cascade: Cascade, make_ticket: MakeTicket, labelled: Labelled
) -> None:
    verdict = cascade.judge(
        make_ticket(subject="URGENT"), Model(cheap=labelled(urgency="low", urgency_confidence=0.2))
    )

    assert verdict.classification is not None
    assert verdict.classification.urgency is not None
    assert (verdict.classification.urgency.value, verdict.kind) == ("critical", Kind.ROUTED)


@pytest.mark.parametrize("text", ["", "  \n\t", None])
def test_an_empty_submission_goes_to_a_person_unasked(
    cascade: Cascade, make_ticket: MakeTicket, text: str | None
) -> None:
    verdict = cascade.judge(make_ticket(subject=" ", text=text), Model())

    assert (verdict.kind, verdict.cause) == (Kind.ESCALATED, Cause.EMPTY)


def test_what_a_question_raises_passes_through(cascade: Cascade, make_ticket: MakeTicket) -> None:
    def down(tier: Tier) -> Answer:
        raise ConnectionError(tier)

    with pytest.raises(ConnectionError):
        cascade.judge(make_ticket(), down)


def test_tiers_are_asked_in_the_order_given(
    cascade: Cascade, make_ticket: MakeTicket, labelled: Labelled
) -> None:
    model = Model(strong=labelled(Tier.STRONG))

    replace(cascade, tiers=(Tier.STRONG,)).judge(make_ticket(), model)

    assert model.asked == [Tier.STRONG]


QUOTED = "On Tue, Nov 3, 2026 at 9:12 AM Acme <help@acme.test> wrote:\n> {}"


def test_a_guardrail_word_in_what_was_cut_is_heard_and_said_to_be_there(
    cascade: Cascade, make_ticket: MakeTicket
) -> None:
    ticket = make_ticket(text=f"Charged twice.\n\n{QUOTED.format('we expect a lawsuit')}")
    reading = Reader().read(ticket)

    verdict = cascade.judge(ticket, Model(), reading)

    assert "lawsuit" not in (reading.ticket.text or "")
    assert (verdict.kind, verdict.guardrail) == (Kind.ESCALATED, ("lawsuit",))
    assert (
        verdict.reason
        == "guardrail word lawsuit (only in what looks like a quotation, a signature or a footer)"
    )


def test_a_guardrail_word_of_the_customers_own_needs_no_explanation(
    cascade: Cascade, make_ticket: MakeTicket
) -> None:
    ticket = make_ticket(text=f"This means a lawsuit.\n\n{QUOTED.format('no lawsuit, please')}")

    verdict = cascade.judge(ticket, Model(), Reader().read(ticket))

    assert verdict.reason == "guardrail word lawsuit"


def test_rules_do_not_read_what_somebody_else_wrote(
    cascade: Cascade, make_ticket: MakeTicket, labelled: Labelled
) -> None:
    text = f"My export fails.\n\n{QUOTED.format('Do you want a copy of my invoice? Urgent!')}"
    ticket, model = make_ticket(text=text), Model(cheap=labelled())

    verdict = cascade.judge(ticket, model, Reader().read(ticket))

    assert model.asked == [Tier.CHEAP]
    assert verdict.classification == labelled()


@pytest.mark.parametrize(
    ("language", "asked"), [("de", [Tier.STRONG]), ("en", [Tier.CHEAP]), ("unknown", [Tier.CHEAP])]
)
def test_a_language_that_is_not_primary_goes_straight_to_the_strong_model(
    cascade: Cascade, make_ticket: MakeTicket, labelled: Labelled, language: str, asked: list[Tier]
) -> None:
    reader = Reader(languages=Languages(frozenset({"en"}), lambda _: (language, 0.99)))
    ticket, model = make_ticket(), Model(cheap=labelled(), strong=labelled(Tier.STRONG))

    cascade.judge(ticket, model, reader.read(ticket))

    assert model.asked == asked


def test_a_foreign_language_changes_nothing_where_there_is_no_strong_model(
    cascade: Cascade, make_ticket: MakeTicket, labelled: Labelled
) -> None:
    reader = Reader(languages=Languages(frozenset({"en"}), lambda _: ("de", 0.99)))
    ticket, model = make_ticket(), Model(cheap=labelled())

    replace(cascade, tiers=(Tier.CHEAP,)).judge(ticket, model, reader.read(ticket))

    assert model.asked == [Tier.CHEAP]
