"""The database goes away while a model thinks: what was answered is not bought again."""

from __future__ import annotations

from typing import Any

import pytest

from connector.breaker import Breaker
from connector.domain.classification import Tier
from connector.errors import Unavailable
from connector.pipeline.questions import Desk, Questions
from tests.support.world import World


class Unreachable:
    """A ledger that cannot be reached the first ``times`` that an answer is to be put on record."""

    def __init__(self, inner: Any, times: int) -> None:
        self._inner = inner
        self._times = times

    def __getattr__(self, name: str) -> Any:
        return getattr(self._inner, name)

    def end_call(self, *arguments: Any, **named: Any) -> None:
        self._times -= 1
        if self._times >= 0:
            raise Unavailable("the database is not reachable at the moment")
        self._inner.end_call(*arguments, **named)


def questions_on(world: World, times: int) -> Questions:
    """The questions about the next submission, on a ledger that is away so many times."""
    world.arrives()
    world.stages.intake.run()
    (claim,) = world.ledger.claim_submissions(1)
    ledger: Any = Unreachable(world.ledger, times)
    breaker = Breaker("claude", world.clock, world.events.append)
    desk = Desk(ledger, world.model, breaker, world.clock, world.events.append)
    return Questions(desk, claim, {"subject": "Charged twice"})


def test_an_answer_that_the_ledger_could_not_take_at_once_is_paid_once(world: World) -> None:
    answer = questions_on(world, times=2)(Tier.CHEAP)

    assert answer.classification is not None
    assert len(world.model.asked) == 1
    assert len(world.told("model.called")) == 1


def test_an_answer_that_the_ledger_cannot_take_stops_the_work_on_its_ticket(world: World) -> None:
    questions = questions_on(world, times=100)

    with pytest.raises(Unavailable, match="the database"):
        questions(Tier.CHEAP)

    assert len(world.model.asked) == 1
