"""Broken promises by name, and what excuses a question that is asked again."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from enum import StrEnum

from connector.domain.classification import Tier


class Broken(StrEnum):
    """The promises, by what it is called when one is broken."""

    LOST = "lost"
    STUCK = "stuck"
    DOUBLED = "doubled"
    SECOND_NOTE = "second note"
    OVERRULED = "overruled"
    TAGS_LOST = "tags lost"
    PAID_TWICE = "paid twice"
    CHECKPOINT_AHEAD = "checkpoint ahead"
    UNDECIDED = "undecided write"
    VERDICT_CHANGED = "verdict changed"
    LEDGER_LIES = "ledger lies"
    WRONG_END = "wrong end"
    PROGRAM_FAILED = "program failed"


Finding = tuple[Broken, str]


@dataclass
class Excuses:
    """Why a question may be asked again: its answer was lost with a process, on the wire, or with a lease.

    Or it came later than anybody waits for it, which a machine that stalls can do to any call.
    """

    questions: Counter[tuple[int, Tier]] = field(default_factory=Counter)
    wire: Counter[tuple[int, Tier]] = field(default_factory=Counter)
    late: Counter[tuple[int, Tier]] = field(default_factory=Counter)
    leases: Counter[int] = field(default_factory=Counter)  # that ran out, by number
    interrupted: frozenset[int] = frozenset()  # processes that were killed or stopped

    def of(self, number: int, tier: Tier) -> int:
        key = (number, tier)
        return self.questions[key] + self.wire[key] + self.late[key] + self.leases[number]
