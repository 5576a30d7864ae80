"""The rounds of real processes as a report."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace

from tests.torture.plans import Deed
from tests.torture.processes.campaign import Campaign, deal
from tests.torture.processes.finding import Broken
from tests.torture.processes.outcome import Outcome
from tests.torture.processes.plan import End, Moment, Move, RoundPlan, Setting, Steps
from tests.torture.processes.weaken import (
    Stale,
    Weaken,
    without_memory,
    without_merging,
    without_safe_update,
)
from tests.torture.processes.windows import Glimpses


@dataclass(frozen=True, slots=True)
class Control:
    """What is taken away, what people do about it to the first tickets, and what the audit must find."""

    weaken: Weaken
    moment: Moment
    deed: Deed
    finds: Broken
    helpdesk: str = "zendesk"


CONTROLS: Mapping[str, Control] = {
    "no safe update": Control(without_safe_update, Moment.READ, Deed.ROUTE, Broken.OVERRULED),
    "no update, no audits": Control(without_memory, Moment.READ, Deed.ROUTE, Broken.OVERRULED),
    "pylon, no last look": Control(Stale("read"), Moment.READ, Deed.ROUTE, Broken.OVERRULED, "pylon"),
    "pylon, not merged": Control(without_merging, Moment.ARRIVED, Deed.TAG, Broken.TAGS_LOST, "pylon"),
    "pylon, not mended": Control(Stale("write"), Moment.WRITTEN, Deed.OVERWRITE, Broken.TAGS_LOST, "pylon"),
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
    glimpses: Glimpses | None = None

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
        if outcome.glimpses is not None:
            self.glimpses = outcome.glimpses + (self.glimpses or Glimpses())

    def __add__(self, other: Line) -> Line:
        return Line(
            self.rounds + other.rounds,
            self.ends + other.ends,
            self.sums + other.sums,
            self.broken + other.broken,
            _sum(self.glimpses, other.glimpses),
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
        return f"{name:20}{numbers}{paid:>11}{tired:>7}  " + "".join(f"{number:7}" for number in found)


def heading() -> str:
    """The first line of the table; ``tired`` is failed open + given up for too many attempts."""
    did = ("rounds", "kills", "stops", "drains", "moves", "faults", "tickts", "writes")
    found = ("lost", "stuck", "double", "notes", "overr.", "tags", "paid 2", "other")
    columns = "".join(f"{name:>7}" for name in did)
    return f"{'processes':20}{columns}{'paid':>11}{'tired':>7}  " + "".join(f"{name:>7}" for name in found)


def play(campaign: Campaign, seed: int, rounds: Mapping[str, int], steps: Steps) -> int:
    """Play so many rounds on each helpdesk, print what they did and found; returns how many were broken."""
    plans = [plan for helpdesk, count in rounds.items() for plan in deal(seed, count, steps, helpdesk)]
    lines = {name: Line() for name in dict.fromkeys(_name(plan.setting) for plan in plans)}
    broken: list[Outcome] = []
    for done, outcome in enumerate(campaign.play_all(plans), 1):
        lines[_name(outcome.plan.setting)].add(outcome)
        if outcome.found:
            broken.append(outcome)
            show(outcome)
        if done % 20 == 0 or done == len(plans):
            kills = sum(line.sums["kills"] for line in lines.values())
            print(f"  {done} of {len(plans)} rounds, {kills} kills, {len(broken)} broken", flush=True)
    print(heading())
    for name, line in lines.items():
        print(line.shown(name))
    whole = line_of_all(list(lines.values()))
    print(whole.shown("all"))
    print("  " + ", ".join(f"{count} {end}" for end, count in whole.ends.items()))
    if whole.glimpses is not None:
        print(f"  pylon, {whole.glimpses}")
    return len(broken) + _is_wide(whole.glimpses)


def _name(setting: Setting) -> str:
    there = "" if setting.helpdesk == "zendesk" else f"{setting.helpdesk} "
    return f"{there}{setting.database} ×{setting.replicas}"


def _sum(one: Glimpses | None, other: Glimpses | None) -> Glimpses | None:
    return one if other is None else other if one is None else one + other


def _is_wide(glimpses: Glimpses | None) -> bool:
    """Whether anything was asked between a last look and a write."""
    return glimpses is not None and glimpses.requests > 0


def line_of_all(lines: Sequence[Line]) -> Line:
    """The sum of the lines."""
    whole = Line()
    for line in lines:
        whole = whole + line
    return whole


def play_controls(campaign: Campaign, seed: int, helpdesks: Sequence[str], steps: Steps) -> int:
    """The same without what the connector relies on; returns how many of the controls the audit passed."""
    toothless = 0
    print(heading())
    for name, control in CONTROLS.items():
        if control.helpdesk not in helpdesks:
            continue
        line = Line()
        for outcome in campaign.play_all(_provoked(seed, steps, control), control.weaken):
            line.add(outcome)
        print(line.shown(name), flush=True)
        toothless += not line.broken[control.finds]
    return toothless


def _provoked(seed: int, steps: Steps, control: Control) -> list[RoundPlan]:
    """Rounds in which people act at the worst moment again and again."""
    moves = tuple(Move(control.moment, number, control.deed) for number in range(1, 4))
    plans = deal(seed, _CONTROL_ROUNDS, steps, control.helpdesk)
    return [replace(plan, moves=moves, mishaps=()) for plan in plans]


def replay(campaign: Campaign, seed: int, number: int, helpdesk: str) -> int:
    """Play one round again, and show its plan; returns how many promises it broke."""
    plan = deal(seed, number, campaign.recorded(helpdesk), helpdesk)[-1]
    outcome = campaign.play(plan)
    show(outcome)
    print(f"  {outcome.kills} kills, {outcome.tickets} tickets, {len(outcome.found)} broken promises")
    return len(outcome.found)


def show(outcome: Outcome) -> None:
    """A round's plan, and what was found."""
    print("\n".join(outcome.plan.lines))
    if outcome.glimpses is not None:
        print(f"  {outcome.glimpses}")
    for broken, what in outcome.found:
        print(f"  BROKEN {broken}: {what}", flush=True)
