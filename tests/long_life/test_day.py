"""A day of tickets, outages and clock jumps leaves nothing behind that grows."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest


@pytest.mark.slow
@pytest.mark.timeout(400)
def test_a_simulated_day_keeps_every_promise_of_a_long_life() -> None:
    # A process of its own: its memory, handles and threads are what is measured.
    ended = subprocess.run(
        [sys.executable, "-m", "tests.long_life", "--day", "--tickets", "600", "--json"],
        cwd=Path(__file__).parents[2],
        capture_output=True,
        text=True,
        timeout=380,
        check=False,
    )

    assert ended.stdout, ended.stderr
    found = json.loads(ended.stdout)
    assert found["problems"] == []
    assert ended.returncode == 0
    assert found["submissions"] > 500
    assert found["poll intervals"] > 1200
