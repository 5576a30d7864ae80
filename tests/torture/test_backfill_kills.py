"""A backfill in batches, killed at every commit and at every request, hands in, pays and writes once."""

from __future__ import annotations

import random
import shutil
from collections.abc import Callable, Iterator
from contextlib import closing
from dataclasses import dataclass
from datetime import datetime
from itertools import count
from pathlib import Path
from typing import Any

import pytest

from connector.clock import ManualClock
from connector.pipeline.batching import BatchLine, Handed
from connector.store import open_store
from tests.torture.homes import FileHome
from tests.torture.mortality import Death
from tests.torture.past import PastOrdeal, Vendor, audit, open_vendor

pytestmark = pytest.mark.timeout(600)  # seconds on an idle machine are minutes on a busy one

KINDS = ("confident", "doubtful", "guardrail", "doubtful")
Play = Callable[..., PastOrdeal]


@pytest.fixture(scope="module")
def vendor() -> Iterator[Vendor]:
    with open_vendor() as opened:
        yield opened


@pytest.fixture(scope="module")
def play(tmp_path_factory: pytest.TempPathFactory, vendor: Vendor) -> Play:
    """Plays a backlog to its end, each time with an empty ledger."""
    folder, numbers = tmp_path_factory.mktemp("past"), count(1)
    empty = folder / "empty.db"
    with closing(open_store(f"sqlite:///{empty}", clock=ManualClock())):
        pass

    def work(*deaths: Death, **weakness: Any) -> PastOrdeal:
        place = folder / str(next(numbers))
        place.mkdir()
        shutil.copyfile(empty, place / "ledger.db")
        ordeal = PastOrdeal(FileHome(place / "ledger.db"), vendor, deaths, **weakness)
        ordeal.grew_old(*KINDS)
        ordeal.run_to_the_end()
        return ordeal

    return work


@pytest.fixture(scope="module")
def moments(play: Play) -> list[str]:
    """What an undisturbed backfill passes."""
    ordeal = play()
    assert audit(ordeal) == []
    return ordeal.lives[0].moments


def test_an_undisturbed_backfill_passes_the_same_moments_in_every_run(moments: list[str], play: Play) -> None:
    again = play()

    assert again.lives[0].moments == moments
    assert {"intend_batch.committed", "POST messages/batches.after", "end_batch.committed"} <= set(moments)
    assert moments.count("POST messages/batches.before") == 2  # to the cheap model, and to the strong one


@pytest.mark.slow
def test_no_kill_hands_anything_in_twice_or_loses_or_pays_it_twice(moments: list[str], play: Play) -> None:
    broken = {}
    for number in lasting(moments):
        ordeal = play(number)
        if problems := audit(ordeal):
            broken[number, ordeal.kills[0]] = problems
        shutil.rmtree(_folder(ordeal))

    assert broken == {}


@pytest.mark.slow
def test_no_second_kill_within_the_recovery_does_either(moments: list[str], play: Play) -> None:
    chance, broken = random.Random(5), {}
    for _ in range(8):
        deaths = (chance.randint(1, len(moments)), chance.randint(1, 60))
        ordeal = play(*deaths)
        if problems := audit(ordeal):
            broken[deaths] = problems
        shutil.rmtree(_folder(ordeal))

    assert broken == {}


def test_a_kill_right_after_handing_in_is_settled_by_looking_at_the_vendor(play: Play) -> None:
    ordeal = play("POST messages/batches.after")

    assert ordeal.kills == ["POST messages/batches.after"]
    assert audit(ordeal) == []


def test_a_kill_right_before_handing_in_hands_it_in_once_it_is_certain_that_nothing_arrived(
    play: Play,
) -> None:
    ordeal = play("intend_batch.committed")

    assert audit(ordeal) == []
    assert ordeal.rows("SELECT reason FROM batches ORDER BY id")[0] == ("it never arrived",)


@dataclass
class Blind:
    """A line that finds no batch at the vendor.  All that it does not mention goes to the line itself."""

    line: BatchLine

    def __getattr__(self, name: str) -> Any:
        return getattr(self.line, name)

    def handed_since(self, _moment: datetime) -> Iterator[Handed]:
        return iter(())


def test_a_connector_that_does_not_look_at_the_vendor_is_found_out(play: Play) -> None:
    ordeal = play("POST messages/batches.after", weaken=Blind)

    assert [problem for problem in audit(ordeal) if "handed in 2 times" in problem]


def lasting(moments: list[str]) -> list[int]:
    """The moments that change something for a successor: a kill anywhere else leaves the same."""
    ends = (".committed", ".after")
    return [number for number, moment in enumerate(moments, 1) if moment.endswith(ends)]


def _folder(ordeal: PastOrdeal) -> Path:
    return Path(ordeal.home.url.removeprefix("sqlite:///")).parent
