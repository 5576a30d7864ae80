"""Real processes that are really killed lose nothing, repeat nothing and overrule nobody."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support.postgres import Server
from tests.torture.plans import Deed
from tests.torture.processes.campaign import Campaign
from tests.torture.processes.finding import Broken
from tests.torture.processes.nursery import Command, Nursery
from tests.torture.processes.plan import RANGES, Death, End, Mishap, Moment, Move, RoundPlan, Setting, draw
from tests.torture.processes.steps import Fate
from tests.torture.processes.weaken import Stale, Weaken, without_memory, without_merging, without_safe_update

KINDS = ("confident", "doubtful", "guardrail", "unusable", "routed")
PUT, PATCH = "PUT /api/v2/tickets/#", "PATCH /issues/#"
AT_PYLON = Setting("sqlite", 1, service=False, bulk=False, helpdesk="pylon")
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
    tickets: tuple[str, ...] = KINDS,
) -> RoundPlan:
    return RoundPlan(1, setting, tickets, ("confident",), deaths, moves, mishaps, job_seconds=0.0)


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


@pytest.mark.slow
def test_killed_passes_at_pylon_break_no_promise_and_ask_nothing_between_a_last_look_and_its_write(
    campaign: Campaign,
) -> None:
    deaths = (
        at("after POST /issues/search"),
        IN_FLIGHT,
        at(f"before {PATCH}"),
        at("before POST /issues/#/note"),
    )
    moves = (
        Move(Moment.READ, 1, Deed.REPLY),
        Move(Moment.READ, 2, Deed.TAG),
        Move(Moment.DOWN, 3, Deed.ROUTE),
    )
    mishaps = (Mishap("write", "lost", 1, 1), Mishap("poll", "nulls", 0, 2))
    # Only what goes to people gets a note, and none is left behind a write whose answer was lost.  Two are,
    # whichever come first: with three such tickets the last death always finds a note to come before.
    tickets = (*KINDS, "unusable", "unusable")

    outcome = campaign.play(plan(AT_PYLON, deaths, moves=moves, mishaps=mishaps, tickets=tickets))

    assert outcome.found == []
    assert outcome.kills == 4
    assert outcome.effects >= 4
    assert outcome.glimpses is not None
    assert outcome.glimpses.requests == 0


@pytest.mark.slow
@pytest.mark.parametrize(
    ("weaken", "move", "broken"),
    [
        (Stale("read"), Move(Moment.READ, 1, Deed.ROUTE), Broken.OVERRULED),
        (without_merging, Move(Moment.ARRIVED, 1, Deed.TAG), Broken.TAGS_LOST),
        (Stale("write"), Move(Moment.WRITTEN, 1, Deed.OVERWRITE), Broken.TAGS_LOST),
    ],
    ids=["no last look", "tags not merged", "tags not mended"],
)
def test_the_audit_notices_an_adapter_for_pylon_with(
    campaign: Campaign, weaken: Weaken, move: Move, broken: Broken
) -> None:
    alone = RoundPlan(1, AT_PYLON, ("confident",), (), ((),), (move,), (), 0.0)

    sound = campaign.play(alone)
    weak = campaign.play(alone, weaken=weaken)

    assert sound.found == []
    assert broken in {each for each, _ in weak.found}


@pytest.mark.parametrize("deed", [Deed.ROUTE, Deed.TAG])
def test_who_comes_between_the_last_look_and_the_write_is_counted_and_not_called_a_broken_promise(
    campaign: Campaign, deed: Deed
) -> None:
    move = Move(Moment.LOOKED, 1, deed)

    outcome = campaign.play(RoundPlan(1, AT_PYLON, ("confident",), (), ((),), (move,), (), 0.0))

    assert outcome.found == []
    assert outcome.glimpses is not None
    assert (outcome.glimpses.overtaken, outcome.glimpses.tags) == ((1, 0) if deed is Deed.ROUTE else (0, 1))


@pytest.mark.parametrize("helpdesk", RANGES)
def test_a_seed_and_a_number_make_the_same_plan_again(helpdesk: str) -> None:
    steps = {
        (helpdesk, database, service, bulk): (f"after {PUT}", f"before {PUT}")
        for helpdesk in RANGES
        for database in ("sqlite", "postgresql")
        for service in (False, True)
        for bulk in (False, True)
    }

    first, second, other = (draw(seed, 7, ("postgresql", 2), steps, helpdesk) for seed in (1, 1, 2))

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
