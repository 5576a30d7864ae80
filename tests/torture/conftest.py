"""One empty ledger for all scenarios of the sweep."""

from __future__ import annotations

import pytest

from tests.torture.story import Stage
from tests.torture.sweep import length


@pytest.fixture(scope="package")
def stage(tmp_path_factory: pytest.TempPathFactory) -> Stage:
    return Stage(tmp_path_factory.mktemp("torture"))


@pytest.fixture(scope="package")
def count(stage: Stage) -> int:
    """How many moments the undisturbed story passes."""
    return length(stage)
