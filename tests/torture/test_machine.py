"""No life of the connector that Hypothesis draws breaks a promise."""

from __future__ import annotations

import pytest

from tests.torture.explorer import explore
from tests.torture.story import Stage

pytestmark = pytest.mark.timeout(600)  # seconds on an idle machine are minutes on a busy one


@pytest.mark.slow
def test_no_order_of_kills_moves_and_lost_writes_breaks_a_promise(stage: Stage) -> None:
    explore(stage, examples=25)


@pytest.mark.slow
def test_no_order_breaks_a_promise_on_postgresql(postgres_stage: Stage) -> None:
    explore(postgres_stage, examples=8)
