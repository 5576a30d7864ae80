"""A town whose helpdesk and model may be hostile, and the tickets of people who try."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

import pytest

from connector.clock import ManualClock
from tests.support.town import Town, open_town

_CORPUS = Path(__file__).with_name("hostile_tickets.jsonl")


@dataclass(frozen=True, slots=True)
class Hostile:
    """A ticket that wants more than an answer; ``guarded`` if one of its words is for people only."""

    id: str
    trick: str
    language: str
    guarded: bool
    subject: str
    text: str


@pytest.fixture(scope="session")
def corpus() -> list[Hostile]:
    return [Hostile(**json.loads(line)) for line in _CORPUS.read_text(encoding="utf-8").splitlines()]


class BuildTown(Protocol):
    def __call__(self, name: str = "ledger", **options: Any) -> Town: ...


@pytest.fixture
def build_town(tmp_path: Path, clock: ManualClock) -> Iterator[BuildTown]:
    """Opens a town, or several; ``options`` are those of `open_town`."""
    with ExitStack() as opened:

        def build(name: str = "ledger", **options: Any) -> Town:
            return opened.enter_context(open_town(tmp_path / f"{name}.db", clock, **options))

        yield build


@pytest.fixture
def town(build_town: BuildTown) -> Town:
    return build_town()
