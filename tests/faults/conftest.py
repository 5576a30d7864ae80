"""Both emulators, the real connector in between, and one clock that only moves when somebody waits."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any, Protocol

import pytest

from connector.clock import ManualClock
from tests.support.town import Town, open_town


class BuildTown(Protocol):
    def __call__(self, **options: Any) -> Town: ...


@pytest.fixture
def build_town(tmp_path: Path, clock: ManualClock) -> Iterator[BuildTown]:
    """Opens a town; ``options`` are those of `open_town`."""
    with ExitStack() as opened:

        def build(**options: Any) -> Town:
            return opened.enter_context(open_town(tmp_path / "ledger.db", clock, **options))

        yield build


@pytest.fixture
def town(build_town: BuildTown) -> Town:
    return build_town()
