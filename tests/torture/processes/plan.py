"""What will go wrong in a round: drawn from a seed, so that it can be printed and drawn again.

The plan is what repeats.  Several processes on one machine never run in the same order twice.
"""

from __future__ import annotations

import random
import signal
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum

from tests.torture.business import KINDS
from tests.torture.plans import DEEDS, Deed
from tests.torture.processes.steps import NO_FATE, Fate

BULK_TICKETS = 28  # eight or more due writes go through one bulk update
ROUTED = "routed"  # a ticket that somebody has routed before we see it


class End(StrEnum):
    """How the life of a process ends, or is interrupted."""

    AT_STEP = "killed at a step"
    AT_RANDOM = "killed at random"
    IN_FLIGHT = "killed in flight"  # while a request of its is under way
    STOPPED = "stopped"  # SIGSTOP for longer than its leases, then SIGCONT
    DRAINED = "drained"  # SIGTERM


@dataclass(frozen=True, slots=True)
class Death:
    """``fate`` for AT_STEP and, if it has a name, STOPPED; ``seconds`` of life for the others.

    In flight, the process dies while its ``nth`` request of ``kind`` is held; the request then takes effect
    ``seconds`` after its death, or never.
    """

    end: End
    fate: Fate = NO_FATE
    seconds: float = 0.0
    kind: str = ""
    nth: int = 1
    takes_effect: bool = True


class Moment(StrEnum):
    """When people act on a ticket."""

    ARRIVED = "before the poll"
    THINKING = "while the model thinks"
    READ = "between re-read and write"
    LOOKED = "between the last look and the write"
    SENT = "while the write is under way"
    JOB = "between bulk update and job"
    WRITTEN = "after the write"
    DOWN = "while a process is dead"


@dataclass(frozen=True, slots=True)
class Move:
    """A deed done to ticket ``number`` the first time that the moment comes for it."""

    moment: Moment
    number: int
    deed: Deed


@dataclass(frozen=True, slots=True)
class Mishap:
    """The requests ``after`` to ``after + times`` of ``kind`` suffer ``trouble``."""

    kind: str
    trouble: str
    after: int
    times: int


@dataclass(frozen=True, slots=True)
class Setting:
    """Where a round is played: which database, how many replicas, as services or pass by pass."""

    database: str
    replicas: int
    service: bool
    bulk: bool
    helpdesk: str = "zendesk"

    def __str__(self) -> str:
        how = "services" if self.service else "passes"
        return f"{self.helpdesk}, {self.database} ×{self.replicas}, {how}{', bulk' if self.bulk else ''}"


@dataclass(frozen=True, slots=True)
class RoundPlan:
    """All of a round that chance decides: ``deaths`` per replica, the tickets' kinds, moves and mishaps."""

    number: int
    setting: Setting
    tickets: tuple[str, ...]
    arrivals: tuple[str, ...]  # one with each new life
    deaths: tuple[tuple[Death, ...], ...]
    moves: tuple[Move, ...]
    mishaps: tuple[Mishap, ...]
    job_seconds: float

    @property
    def lines(self) -> list[str]:
        """The plan for a person to read."""
        return [
            f"round {self.number}: {self.setting}; {len(self.tickets)} tickets, {len(self.arrivals)} later",
            *(f"  {each}" for lives in self.deaths for each in lives),
            *(f"  {each}" for each in (*self.moves, *self.mishaps)),
        ]


SETTINGS: Mapping[tuple[str, int], int] = {  # deaths of each replica
    ("sqlite", 1): 7,
    ("postgresql", 1): 7,
    ("postgresql", 2): 4,
    ("postgresql", 4): 3,
}
_LOST_ANSWERS = frozenset({"lost", "truncated"})  # of those that come too late the ledger tells
_LATEST = 12
Steps = Mapping[tuple[str, str, bool, bool], Sequence[str]]
"""The steps of undisturbed runs, by (helpdesk, database, service, bulk)."""


@dataclass(frozen=True, slots=True)
class Range:
    """What can happen at one helpdesk: which requests suffer what, or are held, and what people do when.

    ``recovery`` are steps that an undisturbed run does not take: what it does only after a kill.
    """

    troubles: Mapping[str, tuple[str, ...]]
    suffering: tuple[str, ...]
    held: tuple[str, ...]
    recovery: tuple[str, ...]
    moments: tuple[Moment, ...]
    deeds: tuple[Deed, ...]
    afterwards: tuple[Deed, ...]  # right after our write
    bulk: float  # how often there are bulk updates


_ASK = ("reset", "lost", "500", "529", "429", "truncated", "timeout")
_GATEWAY = ("500", "502", "503", "504")
RANGES: Mapping[str, Range] = {
    "zendesk": Range(
        {
            "poll": ("reset", "lost", "500", "503", "429", "truncated", "html"),
            "read": ("reset", "lost", "500", "503", "429", "truncated"),
            "audits": ("reset", "503", "truncated"),
            "write": ("reset", "lost", "500", "503", "429", "truncated", "slow"),
            "bulk": ("reset", "lost", "503", "429", "truncated"),
            "job": ("reset", "500", "truncated"),
            "ask": _ASK,
        },
        suffering=("poll", "read", "write", "write", "bulk", "job", "audits", "ask", "ask"),
        held=("poll", "ask", "ask", "read", "write", "write", "bulk", "bulk", "job"),
        recovery=("before GET /api/v2/tickets/#/audits", "after GET /api/v2/tickets/#/audits"),
        moments=tuple(moment for moment in Moment if moment is not Moment.LOOKED),
        deeds=DEEDS,
        afterwards=(Deed.REVERT, Deed.ROUTE, Deed.TAG),
        bulk=0.3,
    ),
    "pylon": Range(
        {
            "poll": ("reset", "lost", *_GATEWAY, "429", "429x", "truncated", "html", "nulls"),
            "read": ("reset", "lost", *_GATEWAY, "429", "429x", "truncated", "nulls"),
            "messages": ("reset", "503", "429x", "truncated", "nulls"),
            "write": ("reset", "lost", *_GATEWAY, "429", "429x", "truncated", "slow", "nulls"),
            "note": ("reset", "lost", "503", "429"),
            "ask": _ASK,
        },
        suffering=("poll", "read", "read", "messages", "write", "write", "write", "note", "ask"),
        held=("poll", "ask", "read", "read", "write", "write", "write", "note"),
        recovery=(),
        moments=tuple(moment for moment in Moment if moment is not Moment.JOB),
        deeds=DEEDS,
        afterwards=(Deed.REVERT, Deed.ROUTE, Deed.TAG, Deed.OVERWRITE),
        bulk=0.0,
    ),
}


def loses_the_answer(trouble: str) -> bool:
    """Whether the request was served and its answer never arrived."""
    return trouble in _LOST_ANSWERS


def draw(seed: int, number: int, pair: tuple[str, int], steps: Steps, helpdesk: str = "zendesk") -> RoundPlan:
    """Round ``number`` on ``pair``: the database and how many replicas."""
    chance, there = random.Random(f"{seed}/{number}"), RANGES[helpdesk]
    service, bulk = chance.random() < 0.35, chance.random() < there.bulk
    setting = Setting(*pair, service=service, bulk=bulk, helpdesk=helpdesk)
    recorded = (*steps[helpdesk, setting.database, service, bulk], *there.recovery)
    kinds = [*KINDS, "confident", ROUTED]
    tickets = tuple(chance.choices(kinds, k=BULK_TICKETS if setting.bulk else chance.randint(4, 8)))
    lives = SETTINGS[pair] + 2 * (not setting.service)  # a pass is often over before its end has come
    deaths = tuple(
        tuple(_death(chance, there, recorded) for _ in range(lives)) for _ in range(setting.replicas)
    )
    arrivals = tuple(chance.choices(kinds, k=lives * setting.replicas))
    everything = len(tickets) + len(arrivals)
    moves = tuple(_move(chance, there, everything, len(tickets)) for _ in range(chance.randint(2, 6)))
    mishaps = tuple(_mishap(chance, there) for _ in range(chance.choice((0, 0, 1, 2, 4))))
    return RoundPlan(
        number, setting, tickets, arrivals, deaths, moves, mishaps, round(chance.uniform(0, 0.8), 2)
    )


def _death(chance: random.Random, there: Range, recorded: Sequence[str]) -> Death:
    (end,) = chance.choices(tuple(End), weights=(60, 17, 14, 6, 3))
    # Mostly the first of its name: later ones come only where there is much to do.
    nth = min(1 + int(chance.expovariate(0.8)), _LATEST)
    at = Fate(chance.choice(recorded), nth)
    seconds = round(chance.uniform(0.03, 1.2), 2)
    match end:
        case End.AT_STEP:
            return Death(end, at)
        case End.STOPPED if chance.random() < 0.7:
            return Death(end, Fate(at.name, at.nth, signal.SIGSTOP))
        case End.IN_FLIGHT:
            kind, effect = chance.choice(there.held), chance.random() < 0.75
            return Death(end, seconds=seconds, kind=kind, nth=chance.randint(1, 2), takes_effect=effect)
        case _:
            return Death(end, seconds=seconds)


def _move(chance: random.Random, there: Range, tickets: int, first: int) -> Move:
    moment = chance.choice(there.moments)
    deeds = there.afterwards if moment is Moment.WRITTEN else there.deeds
    number = chance.randint(1, first if moment is Moment.JOB else tickets)
    return Move(moment, number, chance.choice(deeds))


def _mishap(chance: random.Random, there: Range) -> Mishap:
    kind = chance.choice(there.suffering)
    return Mishap(
        kind, chance.choice(there.troubles[kind]), chance.randint(0, 5), chance.choice((1, 1, 1, 2, 3))
    )
