"""The rounds of real processes as a report."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field, replace

from tests.torture.plans import Deed
from tests.torture.processes.audit import Broken
from tests.torture.processes.campaign import Campaign, deal
from tests.torture.processes.gate import Weaken, without_memory, without_safe_update
from tests.torture.processes.outcome import Outcome
from tests.torture.processes.plan import SETTINGS, End, Moment, Move, RoundPlan, Steps

CONTROLS: dict[str, Weaken] = {
    "no safe update": without_safe_update,
    "no safe update, no audits": without_memory,
}
_SHOWN = (
    Broken.LOST,
    Broken.STUCK,
    Broken.DOUBLED,
    Broken.SECOND_NOTE,
    Broken.OVERRULED,
    Broken.TAGS_LOST,
    Broken.PAID_TWICE,
)
_CONTROL_ROUNDS = 6


@dataclass
class Line:
    """The sum of some rounds."""

    rounds: int = 0
    ends: Counter[End] = field(default_factory=Counter)
    sums: Counter[str] = field(default_factory=Counter)
    broken: Counter[Broken] = field(default_factory=Counter)

    def add(self, outcome: Outcome) -> None:
        self.rounds += 1
        self.ends.update(outcome.ends)
        self.broken.update(broken for broken, _ in outcome.found)
        counted = (
            "kills",
            "lives",
            "moves",
            "tickets",
            "effects",
            "paid",
            "needed",
            "given_up",
            "failed_open",
        )
        self.sums.update({name: getattr(outcome, name) for name in counted})
        self.sums["faults"] += outcome.faults.total()

    def __add__(self, other: Line) -> Line:
        return Line(
            self.rounds + other.rounds,
            self.ends + other.ends,
            self.sums + other.sums,
            self.broken + other.broken,
        )

    def shown(self, name: str) -> str:
        sums, others = self.sums, self.broken.total() - sum(self.broken[each] for each in _SHOWN)
        did = (
            self.rounds,
            sums["kills"],
            self.ends[End.STOPPED],
            self.ends[End.DRAINED],
            sums["moves"],
            sums["faults"],
            sums["tickets"],
            sums["effects"],
        )
        found = (*(self.broken[each] for each in _SHOWN), others)
        paid = f"{sums['paid']}/{sums['needed']}"
        tired = f"{sums['failed_open']}+{sums['given_up']}"
        numbers = "".join(f"{number:7}" for number in did)
        return f"{name:15}{numbers}{paid:>11}{tired:>7}  " + "".join(f"{number:7}" for number in found)


def heading() -> str:
    """The first line of the table; ``tired`` is failed open + given up for too many attempts."""
    did = ("rounds", "kills", "stops", "drains", "moves", "faults", "tickts", "writes")
    found = ("lost", "stuck", "double", "notes", "overr.", "tags", "paid 2", "other")
    columns = "".join(f"{name:>7}" for name in did)
    return f"{'processes':15}{columns}{'paid':>11}{'tired':>7}  " + "".join(f"{name:>7}" for name in found)


def play(campaign: Campaign, seed: int, rounds: int, steps: Steps) -> int:
    """Play so many rounds and print what they did and found; returns how many broke a promise."""
    lines = {pair: Line() for pair in SETTINGS}
    broken: list[Outcome] = []
    for done, outcome in enumerate(campaign.play_all(deal(seed, rounds, steps)), 1):
        lines[outcome.plan.setting.database, outcome.plan.setting.replicas].add(outcome)
        if outcome.found:
            broken.append(outcome)
            show(outcome)
        if done % 20 == 0 or done == rounds:
            kills = sum(line.sums["kills"] for line in lines.values())
            print(f"  {done} of {rounds} rounds, {kills} kills, {len(broken)} broken", flush=True)
    print(heading())
    for (database, replicas), line in lines.items():
        print(line.shown(f"{database} ×{replicas}"))
    print(line_of_all(list(lines.values())).shown("all"))
    how = line_of_all(list(lines.values())).ends
    print("  " + ", ".join(f"{count} {end}" for end, count in how.items()))
    return len(broken)


def line_of_all(lines: Sequence[Line]) -> Line:
    """The sum of the lines."""
    whole = Line()
    for line in lines:
        whole = whole + line
    return whole


def play_controls(campaign: Campaign, seed: int, steps: Steps) -> int:
    """The same without what the connector relies on; returns how many of the controls the audit passed."""
    toothless = 0
    print(heading())
    for name, weaken in CONTROLS.items():
        line = Line()
        for outcome in campaign.play_all(_provoked(seed, steps), weaken):
            line.add(outcome)
        print(line.shown(name[:15]), flush=True)
        toothless += not line.broken[Broken.OVERRULED]
    return toothless


def _provoked(seed: int, steps: Steps) -> list[RoundPlan]:
    """Rounds in which people are quicker again and again."""
    moves = tuple(Move(Moment.READ, number, Deed.ROUTE) for number in range(1, 4))
    return [replace(plan, moves=moves, mishaps=()) for plan in deal(seed, _CONTROL_ROUNDS, steps)]


def replay(campaign: Campaign, seed: int, number: int) -> int:
    """Play one round again, and show its plan; returns how many promises it broke."""
    plan = deal(seed, number, campaign.recorded())[-1]
    outcome = campaign.play(plan)
    show(outcome)
    print(f"  {outcome.kills} kills, {outcome.tickets} tickets, {len(outcome.found)} broken promises")
    return len(outcome.found)


def show(outcome: Outcome) -> None:
    """A round's plan, and what was found."""
    print("\n".join(outcome.plan.lines))
    for broken, what in outcome.found:
        print(f"  BROKEN {broken}: {what}", flush=True)
