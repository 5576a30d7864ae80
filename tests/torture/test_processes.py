"""Real processes that are really killed lose nothing, repeat nothing and overrule nobody."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support.postgres import Server
from tests.torture.plans import Deed
from tests.torture.processes.audit import Broken
from tests.torture.processes.campaign import Campaign
from tests.torture.processes.gate import Weaken, without_memory, without_safe_update
from tests.torture.processes.nursery import Command, Nursery
from tests.torture.processes.plan import Death, End, Mishap, Moment, Move, RoundPlan, Setting, draw
from tests.torture.processes.steps import Fate

KINDS = ("confident", "doubtful", "guardrail", "unusable", "routed")
PUT = "PUT /api/v2/tickets/#"
IN_FLIGHT = Death(End.IN_FLIGHT, seconds=0.3, kind="write")

pytestmark = pytest.mark.timeout(600)  # seconds on an idle machine are minutes on a busy one


def at(name: str, nth: int = 1) -> Death:
    return Death(End.AT_STEP, Fate(name, nth))


@pytest.fixture(scope="module")
def campaign(postgres_server: Server, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Campaign]:
    with Nursery() as nursery:
        yield Campaign(nursery, postgres_server, tmp_path_factory.mktemp("campaign"))


def plan(
    setting: Setting,
    *deaths: tuple[Death, ...],
    moves: tuple[Move, ...] = (),
    mishaps: tuple[Mishap, ...] = (),
) -> RoundPlan:
    return RoundPlan(1, setting, KINDS, ("confident",), deaths, moves, mishaps, job_seconds=0.0)


@pytest.mark.slow
def test_killed_passes_on_sqlite_break_no_promise(campaign: Campaign) -> None:
    deaths = (
        at("after commit of checkpoints+revisions+submissions"),
        at("after POST /v1/messages", 2),
        IN_FLIGHT,
        at(f"after {PUT}"),
    )
    moves = (Move(Moment.THINKING, 1, Deed.ROUTE), Move(Moment.DOWN, 3, Deed.REPLY))

    outcome = campaign.play(plan(Setting("sqlite", 1, service=False, bulk=False), deaths, moves=moves))

    assert outcome.found == []
    assert outcome.ends == {End.AT_STEP: 3, End.IN_FLIGHT: 1}
    assert outcome.effects >= 4


@pytest.mark.slow
def test_killed_and_stopped_replicas_on_postgresql_break_no_promise(campaign: Campaign) -> None:
    # A service whose planned step never comes, because the other does the work, is killed all the same.
    first = (Death(End.STOPPED, seconds=0.4), IN_FLIGHT)
    second = (at("before commit of submissions+decisions+writes"), Death(End.AT_RANDOM, seconds=0.5))
    mishaps = (Mishap("write", "lost", 0, 1), Mishap("ask", "503", 1, 1))

    outcome = campaign.play(
        plan(Setting("postgresql", 2, service=True, bulk=False), first, second, mishaps=mishaps)
    )

    assert outcome.found == []
    assert (outcome.kills, outcome.ends[End.STOPPED]) == (4, 1)
    assert outcome.effects == 5


@pytest.mark.slow
@pytest.mark.parametrize(
    ("weaken", "deaths", "move", "broken"),
    [
        (without_safe_update, (), Move(Moment.READ, 1, Deed.ROUTE), Broken.OVERRULED),
        (without_memory, (at(f"after {PUT}"),), Move(Moment.WRITTEN, 1, Deed.REVERT), Broken.DOUBLED),
    ],
    ids=["no safe update", "no safe update, no audits"],
)
def test_the_audit_notices_a_helpdesk_with(
    campaign: Campaign, weaken: Weaken, deaths: tuple[Death, ...], move: Move, broken: Broken
) -> None:
    alone = RoundPlan(
        1, Setting("sqlite", 1, service=False, bulk=False), ("confident",), (), (deaths,), (move,), (), 0.0
    )

    sound = campaign.play(alone)
    weak = campaign.play(alone, weaken=weaken)

    assert sound.found == []
    assert broken in {each for each, _ in weak.found}


def test_a_seed_and_a_number_make_the_same_plan_again() -> None:
    steps = {
        (database, service, bulk): (f"after {PUT}", f"before {PUT}")
        for database in ("sqlite", "postgresql")
        for service in (False, True)
        for bulk in (False, True)
    }

    first, second, other = (draw(seed, 7, ("postgresql", 2), steps) for seed in (1, 1, 2))

    assert first == second
    assert first != other
    assert len(first.lines) == 1 + sum(map(len, first.deaths)) + len(first.moves) + len(first.mishaps)


def test_the_launcher_kills_its_children_when_it_ends(tmp_path: Path) -> None:
    environment = {"PATH": os.environ["PATH"], "HOME": str(tmp_path)}

    with Nursery() as nursery:
        command = Command(("sandbox",), tmp_path, environment, tmp_path / "log")
        pid = nursery.start(command, lambda _: None)

    with pytest.raises(ProcessLookupError):
        os.kill(pid, 0)
