"""What a round of real processes did, and what the audit found."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field

from tests.torture.processes.finding import Finding
from tests.torture.processes.plan import End, RoundPlan
from tests.torture.processes.windows import Glimpses


@dataclass
class Outcome:
    """What a round did and found."""

    plan: RoundPlan
    ends: Counter[End] = field(default_factory=Counter)
    lives: int = 0
    cpu_s: float = 0.0
    seconds: float = 0.0
    moves: int = 0
    faults: Counter[str] = field(default_factory=Counter)
    tickets: int = 0
    effects: int = 0
    paid: int = 0
    needed: int = 0
    excused: int = 0
    given_up: int = 0
    failed_open: int = 0
    glimpses: Glimpses | None = None
    found: list[Finding] = field(default_factory=list)

    @property
    def kills(self) -> int:
        return sum(self.ends[end] for end in (End.AT_STEP, End.AT_RANDOM, End.IN_FLIGHT))
