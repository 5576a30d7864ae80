"""A ticket that kills the process whenever it is worked on ends with a person, and takes nobody with it."""

from __future__ import annotations

import pytest

from tests.torture.business import HUMAN
from tests.torture.ordeal import Ordeal
from tests.torture.plans import Plan
from tests.torture.story import Stage

KINDS = ("confident", "doubtful", "confident", "guardrail", "doubtful")


def a_day(ordeal: Ordeal) -> None:
    for kind in KINDS:
        ordeal.arrives(kind)
    ordeal.settle()


@pytest.mark.parametrize("moment", ["ask.before", "ask.after"])
@pytest.mark.parametrize("deadly", ["t1", "t2", "t5"])
def test_a_deadly_submission_fails_open_after_five_kills_and_only_that_one(
    stage: Stage, moment: str, deadly: str
) -> None:
    plan = Plan(deaths=((moment, deadly),) * 20)

    ordeal, broken = stage.play(plan, story=a_day)

    assert ordeal.kills == [moment] * 5
    assert ordeal.helpdesk.tickets[deadly].group == HUMAN.id
    assert "ai_cause__too_many_attempts" in ordeal.helpdesk.tickets[deadly].tags
    assert [each for each in broken if deadly not in each] == []


@pytest.mark.parametrize("moment", ["apply.before", "apply.after"])
def test_a_deadly_write_ends_and_every_other_ticket_is_written(stage: Stage, moment: str) -> None:
    plan = Plan(deaths=((moment, "t3"),) * 20)

    ordeal, broken = stage.play(plan, story=a_day)

    assert [each for each in broken if "t3" not in each] == []
    assert len(ordeal.kills) <= 6
    assert ordeal.effects["t3"] == (moment == "apply.after")
