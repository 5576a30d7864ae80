"""Several helpdesks in one service: what happens at one moves, wakes and worries only its own jobs."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing
from types import SimpleNamespace
from typing import Any

import pytest

from connector.clock import ManualClock
from connector.pipeline.role import Role
from connector.ports import Event
from connector.service.branch import Branch
from connector.service.serving import Rhythm
from connector.service.watchdog import Watchdog
from connector.store import Store, open_store

NAMES = ("acme", "bolt")


@pytest.fixture
def store(clock: ManualClock) -> Iterator[Store]:
    with closing(open_store("sqlite://", clock=clock)) as opened:
        yield opened


@pytest.fixture
def woken() -> list[str]:
    return []


@pytest.fixture
def branches(store: Store, clock: ManualClock, woken: list[str]) -> tuple[Branch, ...]:
    """Both helpdesks, with stages that do nothing."""
    idle: Any = SimpleNamespace(run=lambda: None)

    def branch(name: str) -> Branch:
        stages: Any = SimpleNamespace(
            helpdesk=name,
            ledger=store.ledger(name, f"worker-{name}"),
            clock=clock,
            role=Role.ALL,
            intake=idle,
            triage=idle,
            write_back=idle,
            retention=idle,
            fast=None,
            nudges=None,
        )
        return Branch(stages, Rhythm(), lambda job, _seconds=0.0: woken.append(job))

    return tuple(branch(name) for name in NAMES)


def tell(branches: tuple[Branch, ...], name: str, level: str = "info", **facts: Any) -> None:
    for branch in branches:
        for observer in branch.observers:
            observer(Event(name, level, facts))


def test_each_job_bears_the_name_of_its_helpdesk(branches: tuple[Branch, ...]) -> None:
    jobs = [job for branch in branches for job in branch.jobs]

    assert jobs == [
        f"{job}:{name}" for name in NAMES for job in ("passes", "poll", "triage", "write_back", "retention")
    ]


def test_a_page_of_one_wakes_its_triage_and_no_other(branches: tuple[Branch, ...], woken: list[str]) -> None:
    tell(branches, "page.stored", helpdesk="bolt", tickets=1, dispositions={"original": 1})

    assert woken == ["triage:bolt"]


def test_a_pass_counts_what_its_own_helpdesk_did_and_says_whose_it_is(
    branches: tuple[Branch, ...], store: Store
) -> None:
    for branch in branches:
        branch.passes.begin()
    tell(branches, "page.stored", helpdesk="acme", tickets=3, dispositions={"original": 3})

    for branch in branches:
        branch.end()

    with store.database.read("passes") as tx:
        ended = [row.summary for row in tx.exec_driver_sql("SELECT summary FROM passes ORDER BY worker")]
    assert ['"polled":3' in each.replace(" ", "") for each in ended] == [True, False]
    assert ["acme" in each for each in ended] == [True, False]


def test_what_is_wrong_at_one_is_its_own_and_what_is_wrong_with_claude_is_everybodys(
    branches: tuple[Branch, ...],
) -> None:
    tell(branches, "stage.paused", "warning", helpdesk="acme", stage="poll:acme", error="HTTP 503")
    tell(branches, "upstream.down", "warning", upstream="claude", error="HTTP 529")

    assert [branch.state for branch in branches] == [
        "acme: poll:acme waits: HTTP 503; claude waits: HTTP 529",
        "bolt: claude waits: HTTP 529",
    ]


def test_the_watchdog_takes_no_helpdesks_life_for_anothers(clock: ManualClock) -> None:
    watchdog = Watchdog(clock, silence_seconds=10)
    watchdog.watch({f"poll:{name}": 1.0 for name in NAMES})

    for _ in range(15):
        clock.advance(1)
        watchdog.look()
        watchdog(Event("page.stored", "info", {"helpdesk": "acme", "arrival": "poll"}))

    assert watchdog.look() == ("poll:bolt",)
