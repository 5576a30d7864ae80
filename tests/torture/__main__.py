"""The crash sweep as a report: python -m tests.torture [seed] [scale]."""

from __future__ import annotations

import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path

from tests.torture.ordeal import SOUND, Plan, Weakness
from tests.torture.story import Stage
from tests.torture.sweep import (
    kills_with_moves,
    length,
    lost_answers,
    several_kills,
    single_kills,
    sweep,
)
from tests.torture.weakened import SILENT, WEAKNESSES


def report(seed: int, scale: int) -> int:
    """Print what was done and found; returns how many promises of the sound connector were broken."""
    print(
        f"{'scenarios':42}{'played':>8}{'kills':>8}{'moves':>8}{'writes':>8}{'paid':>10}{'broken':>8}{'s':>8}"
    )
    with tempfile.TemporaryDirectory() as folder:
        stage = Stage(Path(folder))
        count = length(stage)
        plans: dict[str, Callable[[], Iterator[Plan]]] = {
            "every single kill": lambda: single_kills(count),
            "every kill with a person's move": lambda: kills_with_moves(count, seed, scale),
            "two or three kills, moves, lost answers": lambda: several_kills(count, seed, 40 * scale),
            "answers lost, late, never sent": lost_answers,
        }
        broken = sum(_line(stage, name, make(), SOUND) for name, make in plans.items())
        broken += _line(
            stage, "silent helpdesk: two or three kills", several_kills(count, seed, 20 * scale), SILENT
        )
        for name, weakness in WEAKNESSES.items():
            _line(stage, f"weakened: {name}", kills_with_moves(count, seed), weakness)
    return broken


def _line(stage: Stage, name: str, plans: Iterator[Plan], weakness: Weakness) -> int:
    began = time.perf_counter()
    tally = sweep(stage, plans, weakness)
    paid = f"{tally.paid}/{tally.needed}"
    print(
        f"{name:42}{tally.scenarios:8}{tally.kills:8}{tally.moves:8}{tally.effects:8}{paid:>10}"
        f"{len(tally.broken):8}{time.perf_counter() - began:8.1f}",
        flush=True,
    )
    if weakness is SOUND:
        for plan, problems in tally.broken.items():
            print(f"  {plan}: {'; '.join(problems)}")
    return len(tally.broken)


if __name__ == "__main__":
    numbers = [int(each) for each in sys.argv[1:3]]
    sys.exit(1 if report(*numbers, *(1, 1)[len(numbers) :]) else 0)
