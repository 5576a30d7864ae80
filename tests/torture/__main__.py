"""The torture as a report: python -m tests.torture [SEED] [SCALE] [--rounds N] [--helpdesk H] [--replay N].

SEED draws every plan.  SCALE multiplies scenarios and rounds (0: none within this process); ``--rounds`` sets
the rounds of real processes alone (0: none), ``--replay`` plays a single one of them again.  ``--helpdesk``
plays at one helpdesk alone; without it, a third as many rounds are played at Pylon as at Zendesk.
"""

from __future__ import annotations

import argparse
import logging
import os
import signal
import sys
import tempfile
import time
from collections.abc import Iterable, Iterator, Mapping, Sequence
from itertools import chain
from pathlib import Path

from tests.support.postgres import running
from tests.torture.explorer import explore
from tests.torture.plans import SOUND, Plan, Weakness
from tests.torture.processes import report as processes
from tests.torture.processes.campaign import campaign
from tests.torture.processes.plan import RANGES
from tests.torture.story import Stage, file_stage, schema_stage
from tests.torture.sweep import (
    UNGUARDED_LANDINGS,
    UNGUARDED_MOVES,
    kills_with_moves,
    kills_with_troubles,
    length,
    lost_answers,
    moves_around_the_write,
    sampled,
    several_kills,
    single_kills,
    sweep,
)
from tests.torture.weakened import CARELESS, SILENT, UNGUARDED, WEAKNESSES

_ROUNDS = 120
_EXAMPLES = 40


def main() -> int:
    """Returns how many promises were broken, and how many weakened connectors passed for sound ones."""
    wanted = _arguments()
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))  # servers and processes are ended then, too
    logging.getLogger("connector.sandbox").setLevel(logging.CRITICAL)  # its clients die all the time
    if wanted.replay:
        with campaign() as opened:
            return processes.replay(opened, wanted.seed, wanted.replay, wanted.helpdesk or "zendesk")
    helpdesks = [wanted.helpdesk] if wanted.helpdesk else list(RANGES)
    broken = sweeps(wanted.seed, wanted.scale, helpdesks) if wanted.scale else 0
    rounds = round(_ROUNDS * wanted.scale) if wanted.rounds is None else wanted.rounds
    if rounds:
        shares = dict.fromkeys(helpdesks, rounds)
        if len(shares) > 1:
            shares["pylon"] = -(-rounds // 3)
        with campaign() as opened:
            steps = opened.recorded(*shares)
            broken += processes.play(opened, wanted.seed, shares, steps)
            broken += processes.play_controls(opened, wanted.seed, helpdesks, steps)
    print(f"{broken} broken", flush=True)
    return broken


def sweeps(seed: int, scale: float, helpdesks: Sequence[str]) -> int:
    """Kills within this process: where a write is guarded, as at Zendesk, and where none is, as at Pylon."""
    print(
        f"{'scenarios':42}{'played':>8}{'kills':>8}{'moves':>8}{'writes':>8}{'paid':>10}{'broken':>8}{'s':>8}"
    )
    with tempfile.TemporaryDirectory() as folder:
        files = file_stage(Path(folder))
        broken = _guarded(files, seed, scale) if "zendesk" in helpdesks else 0
        return broken + (_unguarded(files, seed, scale) if "pylon" in helpdesks else 0)


def _guarded(files: Stage, seed: int, scale: float) -> int:
    """On both databases."""
    with running(os.environ) as server, server.schema() as schema:
        broken = _sound(files, _plans(length(files), seed, scale))
        broken += _line(
            files,
            "silent helpdesk: two or three kills",
            several_kills(length(files), seed, round(20 * scale)),
            SILENT,
        )
        with schema_stage(schema) as schemas:
            broken += _sound(schemas, _sampled_plans(length(schemas), seed, scale))
            broken += _explored("postgresql", schemas, round(_EXAMPLES * scale))
        broken += _explored("sqlite", files, round(2 * _EXAMPLES * scale))
        count = length(files)
        return broken + sum(
            _toothless(files, name, kills_with_moves(count, seed), weakness)
            for name, weakness in WEAKNESSES.items()
        )


def _unguarded(stage: Stage, seed: int, scale: float) -> int:
    """On a file."""
    count, every = length(stage, UNGUARDED), max(1, round(1 / scale))
    moved = list(sampled(kills_with_moves(count, seed, moves=UNGUARDED_MOVES), every, seed))
    around = list(moves_around_the_write())
    plans: Mapping[str, Iterable[Plan]] = {
        "every single kill": sampled(single_kills(count), every, seed),
        "every kill with a person's move": moved,
        "a person right before or after": around,
        "two or three kills, lost answers": several_kills(
            count, seed, round(40 * scale), UNGUARDED_MOVES, UNGUARDED_LANDINGS
        ),
        "answers lost, late, never sent": lost_answers("look.after", UNGUARDED_LANDINGS),
    }
    broken = sum(_line(stage, f"unguarded: {name}", each, UNGUARDED) for name, each in plans.items())
    broken += _explored("unguarded", stage, round(_EXAMPLES * scale), UNGUARDED)
    careless = [*moved, *around]  # which kill a move meets is chance: not every control would be put to it
    return broken + sum(_toothless(stage, name, careless, weakness) for name, weakness in CARELESS.items())


def _plans(count: int, seed: int, scale: float) -> Mapping[str, Iterator[Plan]]:
    every = max(1, round(1 / scale))
    return {
        "every single kill": sampled(single_kills(count), every, seed),
        "every kill with a person's move": sampled(
            kills_with_moves(count, seed, max(1, round(scale))), every, seed
        ),
        "two or three kills, moves, lost answers": several_kills(count, seed, round(40 * scale)),
        "kills while an upstream fails": kills_with_troubles(count, seed, round(40 * scale)),
        "answers lost, late, never sent": lost_answers(),
    }


def _sampled_plans(count: int, seed: int, scale: float) -> Mapping[str, Iterator[Plan]]:
    every = max(1, round(4 / scale))
    return {
        "postgresql: sampled kills": sampled(single_kills(count), every, seed),
        "postgresql: sampled kills with moves": sampled(kills_with_moves(count, seed), every, seed),
        "postgresql: kills, troubles, lost answers": chain(
            several_kills(count, seed, round(15 * scale)), kills_with_troubles(count, seed, round(15 * scale))
        ),
    }


def _sound(stage: Stage, plans: Mapping[str, Iterator[Plan]]) -> int:
    return sum(_line(stage, name, each, SOUND) for name, each in plans.items())


def _line(stage: Stage, name: str, plans: Iterable[Plan], weakness: Weakness) -> int:
    began = time.perf_counter()
    tally = sweep(stage, plans, weakness)
    paid = f"{tally.paid}/{tally.needed}"
    print(
        f"{name:42}{tally.scenarios:8}{tally.kills:8}{tally.moves:8}{tally.effects:8}{paid:>10}"
        f"{len(tally.broken):8}{time.perf_counter() - began:8.1f}",
        flush=True,
    )
    if tally.overtaken:
        print(f"{'':10}{tally.overtaken} people came between the last look and the write")
    if weakness in (SOUND, SILENT, UNGUARDED):
        for plan, problems in tally.broken.items():
            print(f"  {plan}: {'; '.join(problems)}")
    return len(tally.broken)


def _toothless(stage: Stage, name: str, plans: Iterable[Plan], weakness: Weakness) -> int:
    return _line(stage, f"weakened: {name}", plans, weakness) == 0


def _explored(where: str, stage: Stage, examples: int, weakness: Weakness = SOUND) -> int:
    began = time.perf_counter()
    try:
        explore(stage, examples, weakness)
    except Exception as found:  # noqa: BLE001 - Hypothesis raises whatever the machine raised
        print(f"  Hypothesis on {where}: {found}", *getattr(found, "__notes__", ()), sep="\n  ")
        return 1
    name, seconds = f"{where}: lives that Hypothesis drew", time.perf_counter() - began
    print(f"{name:42}{examples:8}{'':34}{0:8}{seconds:8.1f}", flush=True)
    return 0


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog="python -m tests.torture", description=(__doc__ or "").splitlines()[0]
    )
    parser.add_argument("seed", nargs="?", type=int, default=1)
    parser.add_argument("scale", nargs="?", type=float, default=1.0)
    parser.add_argument("--rounds", type=int, help="rounds of real processes; 0: none")
    parser.add_argument("--helpdesk", choices=sorted(RANGES), help="where the processes work")
    parser.add_argument("--replay", type=int, metavar="ROUND", help="play this round again, and only it")
    return parser.parse_args()


if __name__ == "__main__":
    sys.exit(1 if main() else 0)
