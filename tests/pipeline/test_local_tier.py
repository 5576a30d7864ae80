"""The local tier while Claude is away: what it is sure of goes on, the rest waits and has its suggestion."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any

import pytest

from connector.breaker import Breaker
from connector.classify.cascade import Cascade, LocalDecides
from connector.classify.guardrail import Guardrail
from connector.classify.phrases import Phrases
from connector.domain.taxonomy import Axis, Taxonomy
from connector.errors import Unavailable
from connector.pipeline.questions import Desk
from connector.pipeline.triage import Triage, TriageLimits
from connector.ports import LocalLabel
from connector.routing import RoutingPolicy
from tests.support.local import FixedModel, local_label, sure_labels
from tests.support.world import World

Equip = Callable[..., FixedModel]


class SureOfPhishing(FixedModel):
    """Knows one thing for sure; of everything else it only has an idea."""

    def predict(self, text: str) -> Mapping[Axis, LocalLabel]:
        labels = super().predict(text)
        if "phishing" in text:
            return labels
        return {**labels, Axis.TEAM: local_label("security", 0.5, why_not="security 0.50 < 0.90")}


@pytest.fixture
def equip(world: World, taxonomy: Taxonomy, policy: RoutingPolicy) -> Equip:
    """Gives the world's connector a local tier."""

    def give(decides: LocalDecides = "always") -> FixedModel:
        local = SureOfPhishing(sure_labels())
        observer = world.events.append
        breaker = Breaker("claude", world.clock, observer)
        desk = Desk(world.ledger, world.model, breaker, world.clock, observer)
        guardrail = Guardrail(Phrases(("lawsuit",)))
        cascade = Cascade(taxonomy, policy, guardrail, local=local, local_decides=decides)
        triage = Triage("memory", world.helpdesk, desk, cascade, TriageLimits(workers=4))
        world.stages = replace(world.stages, triage=triage)
        return local

    return give


def down(*_: Any) -> Unavailable:
    return Unavailable("HTTP 529", retry_after_seconds=120)


def decisions(world: World) -> list[tuple[str, str, str | None]]:
    told = world.told("ticket.decided")
    return [(each["ticket_id"], each["cause"], each["tier"]) for each in told]


@pytest.mark.parametrize("decides", ["always", "in_outage"])
def test_what_it_is_sure_of_is_routed_while_claude_is_down_and_the_rest_waits(
    world: World, equip: Equip, decides: LocalDecides
) -> None:
    equip(decides)
    world.model.reply = down
    waiting = [world.arrives(text=f"question {number}") for number in range(12)]
    sure = world.arrives(text="phishing mail")

    world.run()

    assert world.told("upstream.down")  # the breaker is open: nobody gets as far as a call any more
    late = world.arrives(text="more phishing")
    world.run()
    assert sorted(decisions(world)) == sorted((each, "confident", "local") for each in (sure, late))
    assert {world.helpdesk.tickets[each].group for each in (sure, late)} == {"12"}
    assert {world.helpdesk.tickets[each].group for each in waiting} == {None}


def test_a_ticket_that_waits_out_the_outage_is_routed_by_a_model_trained_meanwhile(
    world: World, equip: Equip
) -> None:
    local = equip()
    local.labels = {}
    world.model.reply = down
    ticket = world.arrives(text="phishing mail")
    world.run()
    waited = world.helpdesk.tickets[ticket].group
    local.labels = sure_labels()
    world.clock.advance(121)

    world.run()

    assert (waited, world.helpdesk.tickets[ticket].group) == (None, "12")


def test_after_the_longest_wait_a_person_gets_the_ticket_with_its_suggestion(
    world: World, equip: Equip
) -> None:
    equip()
    world.model.reply = down
    ticket = world.arrives(text="a question")

    for _ in range(10):
        world.run()
        world.clock.advance(120)

    assert world.helpdesk.tickets[ticket].group == "19"
    assert decisions(world) == [(ticket, "waited_too_long", "local")]
    assert "Suggestion: security (0.50)" in world.helpdesk.notes[ticket][0]
