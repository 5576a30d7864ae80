"""Killed at any moment, the connector loses nothing, repeats nothing and overrules nobody."""

from __future__ import annotations

from itertools import islice
from pathlib import Path

import pytest

from tests.torture.audit import audit
from tests.torture.homes import FileHome
from tests.torture.ordeal import Ordeal
from tests.torture.plans import Deed, Delivery, Move, Plan
from tests.torture.story import Stage, first_day
from tests.torture.sweep import (
    UNGUARDED_LANDINGS,
    UNGUARDED_MOVES,
    kills_with_moves,
    kills_with_troubles,
    length,
    lost_answers,
    sampled,
    several_kills,
    single_kills,
    sweep,
)
from tests.torture.weakened import SILENT, UNGUARDED

pytestmark = pytest.mark.timeout(600)  # seconds on an idle machine are minutes on a busy one


def test_the_undisturbed_story_passes_the_same_moments_in_every_run(stage: Stage) -> None:
    first, broken = stage.play()
    second, _ = stage.play()

    assert broken == []
    assert first.lives[0].moments == second.lives[0].moments
    assert {"ask.after", "apply.after", "take_over.committed"} < set(first.lives[0].moments)


@pytest.mark.slow
def test_no_single_kill_breaks_a_promise(stage: Stage, count: int) -> None:
    tally = sweep(stage, single_kills(count))

    assert tally.broken == {}
    assert tally.kills == count


@pytest.mark.slow
def test_no_kill_together_with_a_persons_move_breaks_a_promise(stage: Stage, count: int) -> None:
    tally = sweep(stage, islice(kills_with_moves(count, seed=1), 0, None, 4))

    assert tally.broken == {}
    assert tally.kills > 0.2 * count  # a move can make the story shorter


@pytest.mark.slow
def test_kills_during_the_recovery_break_no_promise(stage: Stage, count: int) -> None:
    tally = sweep(stage, several_kills(count, seed=2, scenarios=20))

    assert tally.broken == {}
    assert tally.kills > 40


@pytest.mark.slow
def test_kills_while_an_upstream_fails_break_no_promise(stage: Stage, count: int) -> None:
    tally = sweep(stage, kills_with_troubles(count, seed=4, scenarios=15))

    assert tally.broken == {}
    assert tally.kills > 12


@pytest.mark.slow
def test_no_kill_breaks_a_promise_on_postgresql(postgres_stage: Stage) -> None:
    count = length(postgres_stage)
    plans = (
        *sampled(single_kills(count), 6, seed=1),
        *sampled(kills_with_moves(count, seed=1), 6, seed=2),
        *several_kills(count, seed=2, scenarios=4),
        *kills_with_troubles(count, seed=4, scenarios=4),
    )

    tally = sweep(postgres_stage, plans)

    assert tally.broken == {}
    assert tally.kills > 16


def test_a_write_of_which_nobody_knows_is_settled_by_reading_back(stage: Stage) -> None:
    tally = sweep(stage, lost_answers())

    assert tally.broken == {}


def test_a_helpdesk_that_cannot_tell_gets_no_second_write(stage: Stage, count: int) -> None:
    tally = sweep(stage, several_kills(count, seed=3, scenarios=10), SILENT)

    assert tally.broken == {}


@pytest.mark.slow
def test_no_kill_breaks_a_promise_where_nothing_guards_a_write(stage: Stage) -> None:
    count = length(stage, UNGUARDED)
    plans = (
        *sampled(single_kills(count), 5, seed=1),
        *sampled(kills_with_moves(count, seed=1, moves=UNGUARDED_MOVES), 4, seed=2),
        *several_kills(count, 2, 8, UNGUARDED_MOVES, UNGUARDED_LANDINGS),
    )

    tally = sweep(stage, plans, UNGUARDED)

    assert tally.broken == {}
    assert tally.kills > 25


def test_people_who_come_between_the_last_look_and_the_write_are_the_only_ones_overruled(
    stage: Stage,
) -> None:
    too_late = Plan(moves=(Move("look.after", "t1", Deed.ROUTE), Move("look.after", "t2", Deed.TAG)))
    in_time = Plan(moves=(Move("apply.before", "t1", Deed.ROUTE), Move("apply.before", "t2", Deed.TAG)))

    late, nothing = stage.play(too_late, UNGUARDED)
    early, broken = stage.play(in_time, UNGUARDED)

    assert (nothing, broken) == ([], [])
    assert (late.overtaken, late.tags_overtaken["t2"]) == ({"t1"}, {"mine"})
    assert (early.overtaken, "mine" in early.helpdesk.tickets["t2"].tags) == (set(), True)


@pytest.mark.parametrize("moment", ["upgrade.begun", "upgrade.committing", "upgrade.committed"])
def test_a_kill_while_the_database_is_created_is_recovered_from(tmp_path: Path, moment: str) -> None:
    ordeal = Ordeal(FileHome(tmp_path / "ledger.db"), Plan((moment,)))

    first_day(ordeal)
    broken = audit(ordeal)
    ordeal.end()

    assert (ordeal.kills, broken) == ([moment], [])


def test_the_last_of_many_unclear_writes_is_read_back_too(stage: Stage) -> None:
    def alone(ordeal: Ordeal) -> None:
        ordeal.arrives("confident")
        ordeal.settle()

    plan = Plan(deliveries=(*[Delivery.LOST] * 4, Delivery.UNANSWERED))

    ordeal, broken = stage.play(plan, story=alone)

    assert (ordeal.effects.total(), broken) == (1, [])


def test_a_write_that_never_gets_an_answer_is_given_up(stage: Stage) -> None:
    def alone(ordeal: Ordeal) -> None:
        ordeal.arrives("confident")
        ordeal.settle()

    ordeal, broken = stage.play(Plan(deliveries=(Delivery.LOST,) * 20), story=alone)

    assert ordeal.lives[0].moments.count("apply.before") == 5
    assert broken == [
        "not written (failed) though nobody else took it: t1",
        "in group None with 0 notes: t1",
    ]


def test_a_write_of_which_nobody_knows_ends_as_gone_when_its_ticket_is_deleted(stage: Stage) -> None:
    def alone(ordeal: Ordeal) -> None:
        ordeal.arrives("confident")
        ordeal.settle()

    plan = Plan(moves=(Move("apply.after", "t1", Deed.DELETE),), deliveries=(Delivery.UNANSWERED,))

    ordeal, broken = stage.play(plan, UNGUARDED, story=alone)

    assert (ordeal.effects.total(), broken) == (1, [])
    assert ordeal.kills == []
