"""The audit has teeth: without any one precaution it finds what that precaution is for."""

from __future__ import annotations

import pytest

from tests.torture.plans import Deed, Move, Plan
from tests.torture.story import Stage
from tests.torture.weakened import CARELESS, UNGUARDED, WEAKNESSES

KILLED_AFTER_A_WRITE = ("apply.after",)


@pytest.mark.parametrize(
    ("weakness", "plan", "finding"),
    [
        (
            "no conditional write",
            Plan(moves=(Move("intend_writes.committed", "t1", Deed.ROUTE),)),
            "a person was overruled: t1",
        ),
        (
            "no read-back",
            Plan(KILLED_AFTER_A_WRITE, moves=(Move("down", "t1", Deed.REVERT),)),
            "written twice: t1",
        ),
        (
            "checkpoint before the page",
            Plan(("store_page.committed",)),
            "the checkpoint is ahead of revisions [1, 2]",
        ),
        ("act before log", Plan(), "written without a committed decision: t1"),
        ("model answer not stored", Plan(("decide.begun",)), "cheap paid 2 times for 1: t1"),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_the_audit_notices_a_connector_with(stage: Stage, weakness: str, plan: Plan, finding: str) -> None:
    _, sound = stage.play(plan)
    _, weak = stage.play(plan, WEAKNESSES[weakness])

    assert sound == []
    assert finding in weak


@pytest.mark.parametrize(
    ("weakness", "move", "finding"),
    [
        ("no last look", Move("apply.before", "t1", Deed.ROUTE), "a person was overruled: t1"),
        ("tags not merged", Move("pages.before", "t1", Deed.REPLY), "a tag was removed: t1"),
        ("tags not mended", Move("land.after", "t1", Deed.OVERWRITE), "our tags are gone: t1"),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_where_nothing_guards_a_write_the_audit_notices_a_connector_with(
    stage: Stage, weakness: str, move: Move, finding: str
) -> None:
    _, sound = stage.play(Plan(moves=(move,)), UNGUARDED)
    _, weak = stage.play(Plan(moves=(move,)), CARELESS[weakness])

    assert sound == []
    assert finding in weak
