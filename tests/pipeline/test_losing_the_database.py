"""The database goes away while a model thinks: what was answered is not bought again."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from connector.breaker import Breaker
from connector.domain.classification import Tier
from connector.errors import Unavailable
from connector.pipeline.questions import Desk, Questions
from connector.store import Store
from tests.support.world import World

ALWAYS = 100


class Away:
    """A method of a ledger that cannot be reached the first ``times``."""

    def __init__(self, method: Callable[..., Any], times: int) -> None:
        self._method = method
        self._times = times

    def __call__(self, *arguments: Any, **named: Any) -> Any:
        self._times -= 1
        if self._times >= 0:
            raise Unavailable("the database is not reachable at the moment")
        return self._method(*arguments, **named)


@pytest.fixture
def lose(world: World, monkeypatch: pytest.MonkeyPatch) -> Callable[[str, int], None]:
    def set_up(method: str, times: int) -> None:
        monkeypatch.setattr(world.ledger, method, Away(getattr(world.ledger, method), times))

    return set_up


def asked_once(world: World) -> Questions:
    """The questions about the next submission, the first of them answered."""
    world.arrives()
    world.stages.intake.run()
    (claim,) = world.ledger.claim_submissions(1)
    breaker = Breaker("claude", world.clock, world.events.append)
    desk = Desk(world.ledger, world.model, breaker, world.clock, world.events.append)
    questions = Questions(desk, claim, {"subject": "Charged twice"})
    assert questions(Tier.CHEAP).classification is not None
    return questions


def test_an_answer_that_the_ledger_could_not_take_at_once_is_paid_once(
    world: World, lose: Callable[[str, int], None]
) -> None:
    lose("end_call", 2)

    questions = asked_once(world)
    questions.record()

    assert questions(Tier.CHEAP).classification is not None
    assert len(world.model.asked) == 1
    assert len(world.told("model.called")) == 1


def test_an_answer_that_the_ledger_cannot_take_stops_the_work_on_its_ticket(
    world: World, lose: Callable[[str, int], None]
) -> None:
    lose("end_call", ALWAYS)
    questions = asked_once(world)

    with pytest.raises(Unavailable, match="the database"):
        questions(Tier.STRONG)

    assert [tier for tier, _ in world.model.asked] == [Tier.CHEAP]


def test_an_answer_without_its_decision_is_on_record_and_not_bought_again(
    world: World, store: Store, lose: Callable[[str, int], None]
) -> None:
    ticket = world.arrives()
    lose("decide", 5)

    while not world.helpdesk.writes:
        world.run()
        (call,) = store.reports().story(ticket).calls
        assert call.state == "ok"
        world.clock.advance(600)

    assert len(world.told("ticket.deferred")) == 5
    assert len(world.model.asked) == 1
    assert len(world.told("ticket.decided")) == 1


def test_an_answer_and_its_decision_are_stored_together_or_not_at_all(
    world: World, store: Store, lose: Callable[[str, int], None]
) -> None:
    ticket = world.arrives()
    lose("end_call", ALWAYS)  # nobody needs it

    world.run()

    story = store.reports().story(ticket)
    assert [each.state for each in story.calls] == ["ok"]
    assert len(story.decisions) == 1
