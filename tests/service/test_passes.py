"""The passes of a service: everything that is decided belongs to one."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing
from types import SimpleNamespace
from typing import Any

import pytest

from connector.clock import ManualClock
from connector.ports import Event
from connector.service.passes import Passes
from connector.store import Store, open_store

ARRIVED = Event("page.stored", "info", {"tickets": 3, "dispositions": {"original": 3}})


class CountsOpenPasses:
    """A ledger that remembers, at each step, how many passes had begun and not ended."""

    def __init__(self, inner: Any) -> None:
        self._inner = inner
        self.open = [0]

    def start_pass(self, mode: str) -> str:
        pass_id: str = self._inner.start_pass(mode)
        self.open.append(self.open[-1] + 1)
        return pass_id

    def end_pass(self, pass_id: str, summary: Any) -> None:
        self._inner.end_pass(pass_id, summary)
        self.open.append(self.open[-1] - 1)


@pytest.fixture
def store(clock: ManualClock) -> Iterator[Store]:
    with closing(open_store("sqlite://", clock=clock)) as opened:
        yield opened


@pytest.fixture
def ledger(store: Store) -> CountsOpenPasses:
    return CountsOpenPasses(store.ledger("desk", "w1"))


@pytest.fixture
def passes(ledger: CountsOpenPasses, clock: ManualClock) -> Passes:
    stages: Any = SimpleNamespace(ledger=ledger, clock=clock, helpdesk="")
    return Passes(stages, "live")


def test_between_two_passes_there_is_no_moment_without_one(ledger: CountsOpenPasses, passes: Passes) -> None:
    passes.begin()
    for _ in range(3):
        passes(ARRIVED)
        passes.turn_over()

    assert ledger.open == [0, 1, 2, 1, 2, 1, 2, 1]


def test_the_last_pass_is_ended_with_what_it_did(
    ledger: CountsOpenPasses, passes: Passes, store: Store
) -> None:
    passes.begin()
    passes(ARRIVED)

    passes.end()

    row = store.reports().last_pass()
    assert row is not None
    assert row.summary is not None
    assert (ledger.open[-1], row.summary["polled"]) == (0, 3)


@pytest.mark.parametrize(("stage", "state"), [("poll", "poll waits: HTTP 503"), ("nudge", "healthy")])
def test_what_only_saves_time_is_no_bad_health(passes: Passes, stage: str, state: str) -> None:
    passes.begin()

    passes(Event("stage.paused", "warning", {"stage": stage, "error": "HTTP 503", "retry_s": 5}))

    assert passes.state == state
