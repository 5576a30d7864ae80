"""What a requester writes after our routing: it may raise the urgency or bring in a person, once."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from connector.breaker import Breaker
from connector.classify.cascade import Cascade
from connector.classify.guardrail import Condition, Guardrail
from connector.classify.phrases import Phrases
from connector.classify.rules import Rule
from connector.clock import ManualClock
from connector.domain.classification import Classification, Tier
from connector.domain.decision import Cause, Kind
from connector.domain.taxonomy import Axis, Taxonomy
from connector.domain.ticket import Author, Status
from connector.errors import Unavailable
from connector.pipeline.intake import Intake, IntakePolicy
from connector.pipeline.questions import Desk
from connector.pipeline.second_look import LookPolicy, SecondLook
from connector.pipeline.triage import Triage, TriageLimits
from connector.pipeline.undo import Selection, Undo
from connector.ports import broadcast
from connector.routing import RoutingPolicy
from connector.store import Store
from connector.store.reports import DecisionRow
from tests.support.world import World

HOUR = 3600.0
INBOX = frozenset({"77"})
Listening = Callable[..., World]


@pytest.fixture
def listening(world: World, clock: ManualClock, taxonomy: Taxonomy, policy: RoutingPolicy) -> Listening:
    """The connector, listening to replies; ``ask_model`` as in the settings."""

    def listen(*, ask_model: bool = False, repeat_within: timedelta = timedelta(0)) -> World:
        observer = broadcast([world.events.append])
        cascade = Cascade(
            taxonomy,
            policy,
            Guardrail(
                Phrases(("my lawyer",)),
                (Condition("angry", {Axis.SENTIMENT: frozenset({"angry"})}),),
            ),
            rules=(
                Rule("down", Phrases(("production is down",)), {Axis.URGENCY: "critical"}),
                Rule("break_in", Phrases(("data breach",)), {Axis.TEAM: "security"}),
                Rule("later", Phrases(("no hurry",)), {Axis.URGENCY: "low"}),
            ),
            thresholds=dict.fromkeys(Axis, 0.7),
        )
        desk = Desk(world.ledger, world.model, Breaker("claude", clock, observer), clock, observer)
        look = SecondLook("memory", world.helpdesk, desk, cascade, LookPolicy(ask_model))
        limits = TriageLimits(workers=4, repeat_within=repeat_within)
        intake = IntakePolicy(INBOX, timedelta(hours=24), hears_replies=True)
        world.stages = replace(
            world.stages,
            intake=Intake(world.helpdesk, world.ledger, clock, observer, intake),
            triage=Triage("memory", world.helpdesk, desk, cascade, limits, second_look=look),
        )
        return world

    return listen


def routed(world: World, **facts: Any) -> str:
    """A ticket that we have routed to billing, an hour ago, and whose echo has been seen."""
    ticket = world.arrives(group="77", **({"requester_spoke_at": world.clock.now()} | facts))
    world.run()
    world.clock.advance(HOUR)
    world.run()
    return ticket


def decisions(store: Store, ticket: str) -> list[DecisionRow]:
    """The newest first."""
    return store.reports().decisions(ticket=ticket)


def test_a_guardrail_word_in_a_reply_brings_in_a_person(listening: Listening, store: Store) -> None:
    world = listening()
    ticket = routed(world)

    world.helpdesk.says(ticket, "Now my lawyer will write to you.")
    world.run()

    now = world.helpdesk.tickets[ticket]
    assert now.group == "19"
    assert {"ai_needs_human", "ai_escalated", "ai_cause__material_change"} <= set(now.tags)
    assert "ai_routed" not in now.tags
    assert "ai_team__billing" in now.tags  # a suggestion
    newest, first = decisions(store, ticket)
    assert (newest.decision.kind, newest.decision.cause) == (Kind.ESCALATED, Cause.MATERIAL_CHANGE)
    assert newest.decision.guardrail == ("my lawyer",)
    assert (newest.generation, first.generation) == (2, 1)
    assert len(world.model.asked) == 1  # the first look


def test_a_rule_in_a_reply_raises_the_urgency_and_moves_nothing(listening: Listening, store: Store) -> None:
    world = listening()
    ticket = routed(world)

    world.helpdesk.says(ticket, "By now production is down for all of us.")
    world.run()

    now = world.helpdesk.tickets[ticket]
    assert (now.group, now.priority) == ("11", "urgent")
    assert {"ai_urgency__critical", "ai_queue__critical-billing", "ai_escalated"} <= set(now.tags)
    assert not {"ai_urgency__normal", "ai_queue__billing-normal"} & set(now.tags)
    assert decisions(store, ticket)[0].decision.kind is Kind.ROUTED
    assert "urgency normal → critical" in world.helpdesk.notes[ticket][-1]


def test_a_rule_for_another_team_leads_to_a_person_and_not_to_that_team(listening: Listening) -> None:
    world = listening()
    ticket = routed(world)

    world.helpdesk.says(ticket, "I think this was a data breach.")
    world.run()

    assert world.helpdesk.tickets[ticket].group == "19"


@pytest.mark.parametrize("text", ["Thanks, that works!", "There is no hurry, thank you.", "", "Any news?"])
def test_a_reply_that_changes_nothing_costs_nothing_and_writes_nothing(
    listening: Listening, store: Store, text: str
) -> None:
    world = listening()
    ticket = routed(world)
    before = world.helpdesk.tickets[ticket]

    world.helpdesk.says(ticket, text)
    world.run()

    now = world.helpdesk.tickets[ticket]
    assert (now.group, now.priority, now.tags) == (before.group, before.priority, before.tags)
    assert len(world.model.asked) == 1
    assert len(decisions(store, ticket)) == 1
    assert store.reports().story(ticket).submissions[-1].state == "decided"


def test_a_ticket_is_escalated_once_however_often_the_requester_writes(
    listening: Listening, store: Store
) -> None:
    world = listening()
    ticket = routed(world)
    for text in ("production is down", "my lawyer will call", "production is down, my lawyer says"):
        world.helpdesk.says(ticket, text)
        world.run()
        world.clock.advance(HOUR)

    assert len(world.helpdesk.writes) == 2
    assert len(decisions(store, ticket)) == 2
    assert world.helpdesk.tickets[ticket].group == "11"


def test_two_replies_before_the_first_look_escalate_once(listening: Listening, store: Store) -> None:
    world = listening()
    ticket = routed(world)

    for text in ("production is down", "my lawyer will call"):
        world.helpdesk.says(ticket, text)
        world.stages.intake.run()
        world.clock.advance(60)
    world.run()

    assert len(world.helpdesk.writes) == 2
    assert len(decisions(store, ticket)) == 2


def test_each_message_is_heard_by_one_look(
    listening: Listening, labelled: Callable[..., Classification]
) -> None:
    world = listening(ask_model=True)
    ticket = routed(world)
    asked: list[Mapping[str, Any]] = []

    def mild(tier: Tier, facts: Mapping[str, Any]) -> Classification:
        asked.append(facts)
        return labelled(tier)

    world.model.reply = mild

    for text in ("Any news?", "Hello?"):
        world.helpdesk.says(ticket, text)
        world.run()
        world.clock.advance(HOUR)
    world.run()

    assert [facts["text"] for facts in asked] == ["Any news?", "Hello?"]
    assert asked[0]["earlier"] == {
        "team": "billing",
        "type": "bug_report",
        "urgency": "normal",
        "sentiment": "neutral",
    }


def test_a_message_is_heard_although_its_metric_is_a_second_early(
    listening: Listening, clock: ManualClock
) -> None:
    world = listening()
    ticket = routed(world)

    early = clock.now() - timedelta(seconds=1)
    world.helpdesk.says(ticket, "my lawyer will call", requester_spoke_at=early)
    world.run()

    assert world.helpdesk.tickets[ticket].group == "19"


def test_words_between_our_reading_and_our_writing_are_heard_too(listening: Listening) -> None:
    world = listening()
    ticket = world.arrives(group="77")
    world.stages.intake.run()
    world.clock.advance(60)
    world.helpdesk.says(ticket, "my lawyer will call")

    world.stages.triage.run()
    world.stages.write_back.run()
    world.clock.advance(60)
    world.run()

    assert world.helpdesk.tickets[ticket].group == "19"


def test_an_agents_reply_with_the_same_words_does_nothing(listening: Listening, store: Store) -> None:
    world = listening()
    ticket = routed(world)

    world.helpdesk.says(ticket, "Ask my lawyer whether production is down.", Author.AGENT)
    world.run()

    assert len(world.helpdesk.writes) == 1
    assert len(store.reports().story(ticket).submissions) == 1


def test_a_reply_to_an_agents_answer_is_left_to_the_agent(listening: Listening) -> None:
    world = listening()
    ticket = routed(world)
    world.helpdesk.says(ticket, "Did you try again?", Author.AGENT)
    world.clock.advance(60)

    world.helpdesk.says(ticket, "Yes. My lawyer will call.")
    world.run()

    assert len(world.helpdesk.writes) == 1


@pytest.mark.parametrize(
    "touch",
    [
        {"group": "12"},
        {"group": "77"},
        {"assignee": "501"},
        {"priority": "low"},
        {"status": Status.PENDING},
        {"status": Status.SOLVED},
        {"status": Status.CLOSED},
        {"tags": ()},
    ],
)
def test_a_ticket_that_a_person_touched_before_the_reply_is_left_alone(
    listening: Listening, touch: dict[str, Any]
) -> None:
    world = listening()
    ticket = routed(world)
    world.helpdesk.person(ticket, **touch)
    if touch.get("status") is not Status.CLOSED:
        world.helpdesk.says(ticket, "my lawyer will call, production is down")
    before = world.helpdesk.tickets[ticket]

    world.run()

    assert len(world.helpdesk.writes) == 1
    assert world.helpdesk.tickets[ticket] == before


@pytest.mark.parametrize(
    ("text", "touch"),
    [
        ("my lawyer will call", {"group": "12"}),
        ("my lawyer will call", {"group": "77"}),
        ("my lawyer will call", {"assignee": "501"}),
        ("production is down", {"priority": "low"}),
        ("production is down", {"group": "12"}),
        ("production is down", {"status": Status.SOLVED}),
    ],
)
def test_a_person_who_is_faster_than_the_second_write_wins(
    listening: Listening, text: str, touch: dict[str, Any]
) -> None:
    world = listening()
    ticket = routed(world)
    world.helpdesk.says(ticket, text)
    world.before_the_first_write(lambda: world.helpdesk.person(ticket, **touch))

    world.run()
    world.clock.advance(HOUR)
    world.run()

    now = world.helpdesk.tickets[ticket]
    assert len(world.helpdesk.writes) == 1
    assert {name: getattr(now, name) for name in touch} == touch


def test_a_sure_model_raises_the_urgency_and_an_unsure_one_does_not(
    listening: Listening, labelled: Callable[..., Classification], store: Store
) -> None:
    world = listening(ask_model=True)
    sure, unsure = routed(world), routed(world)
    world.model.reply = lambda tier, _: labelled(tier, urgency="high", urgency_confidence=0.5)
    world.helpdesk.says(unsure, "It is worse today.")
    world.run()

    world.model.reply = lambda tier, _: labelled(tier, urgency="high")
    world.helpdesk.says(sure, "It is worse today.")
    world.run()

    assert world.helpdesk.tickets[unsure].priority == "normal"
    assert world.helpdesk.tickets[sure].priority == "high"
    decision = decisions(store, sure)[0].decision
    assert decision.cost_usd > 0
    assert [call.state for call in store.reports().story(sure).calls] == ["ok", "ok"]


def test_thanks_for_which_the_model_names_another_team_moves_nothing(
    listening: Listening, labelled: Callable[..., Classification]
) -> None:
    world = listening(ask_model=True)
    ticket = routed(world)
    world.model.reply = lambda tier, _: labelled(tier, team="general", urgency="low", sentiment="positive")

    world.helpdesk.says(ticket, "Thanks, that works.")
    world.run()

    assert len(world.helpdesk.writes) == 1


def test_an_urgent_message_about_something_else_brings_in_a_person(
    listening: Listening, labelled: Callable[..., Classification]
) -> None:
    world = listening(ask_model=True)
    ticket = routed(world)
    world.model.reply = lambda tier, _: labelled(tier, team="security", urgency="critical")

    world.helpdesk.says(ticket, "Somebody else is in our account.")
    world.run()

    assert world.helpdesk.tickets[ticket].group == "19"


def test_a_model_that_cannot_be_reached_leaves_the_ticket_with_its_team(
    listening: Listening, store: Store
) -> None:
    world = listening(ask_model=True)
    ticket = routed(world)
    world.model.reply = lambda *_: Unavailable("down")
    world.helpdesk.says(ticket, "It is worse today.")

    for _ in range(27):
        world.run()
        world.clock.advance(HOUR)

    assert world.helpdesk.tickets[ticket].group == "11"
    last = store.reports().story(ticket).submissions[-1]
    assert last.state == "decided"
    assert "waited" in (last.reason or "")


def test_undoing_the_second_write_goes_back_to_the_first(
    listening: Listening, store: Store, clock: ManualClock
) -> None:
    world = listening()
    ticket = routed(world)
    before = world.helpdesk.tickets[ticket]
    world.helpdesk.says(ticket, "production is down")
    escalated_in = world.ledger.start_pass("once")
    world.run()
    undo = Undo(world.helpdesk, store.undos("memory", "w2"), clock, broadcast([]))

    undo.run(world.ledger.start_pass("undo"), Selection(pass_id=escalated_in))

    now = world.helpdesk.tickets[ticket]
    assert (now.group, now.priority, set(now.tags)) == (before.group, before.priority, set(before.tags))


def test_undoing_both_writes_leaves_the_ticket_as_it_came(
    listening: Listening, store: Store, clock: ManualClock
) -> None:
    world = listening()
    ticket = routed(world, tags=("vip",))
    world.helpdesk.says(ticket, "my lawyer will call")
    world.run()
    undo = Undo(world.helpdesk, store.undos("memory", "w2"), clock, broadcast([]))

    undo.run(world.ledger.start_pass("undo"), Selection(tickets=(ticket,)))

    now = world.helpdesk.tickets[ticket]
    assert (now.group, now.priority, now.tags) == ("77", None, ("vip",))


def test_whoever_does_not_listen_asks_for_nothing(world: World, store: Store) -> None:
    ticket = routed(world)
    world.helpdesk.says(ticket, "lawsuit")
    world.run()

    assert len(store.reports().story(ticket).submissions) == 1
    assert len(world.helpdesk.writes) == 1


def test_a_helpdesk_that_does_not_tell_when_requesters_spoke_is_asked_for_messages(
    listening: Listening,
) -> None:
    world = listening()
    ticket = routed(world)

    world.helpdesk.says(ticket, "my lawyer will call", requester_spoke_at=None)
    world.run()

    assert world.helpdesk.tickets[ticket].group == "19"


def test_a_second_ticket_of_one_requester_within_a_day_is_noticed_and_not_merged(
    listening: Listening, labelled: Callable[..., Classification], store: Store
) -> None:
    world = listening(repeat_within=timedelta(hours=24))
    asked: list[Mapping[str, Any]] = []

    def remembering(tier: Tier, facts: Mapping[str, Any]) -> Classification:
        asked.append(facts)
        return labelled(tier)

    world.model.reply = remembering
    first = world.arrives()
    world.run()
    world.clock.advance(HOUR)

    second = world.arrives()
    world.run()

    assert "earlier_tickets" not in asked[0]
    assert asked[1]["earlier_tickets"] == 1
    assert "ai_repeat" not in world.helpdesk.tickets[first].tags
    assert "ai_repeat" in world.helpdesk.tickets[second].tags
    (signal,) = decisions(store, second)[0].decision.signals
    assert signal.effect == "1 earlier in the last 24 hours: tagged"
