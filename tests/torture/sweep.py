"""What can go wrong, as plans: every single kill, kills with human moves, several kills, lost answers."""

from __future__ import annotations

import itertools
import random
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field

from tests.torture.ordeal import Ordeal
from tests.torture.plans import DEEDS, SOUND, Deed, Delivery, Move, Plan, Trouble, Weakness
from tests.torture.story import Stage

MOVED_AT = (
    "pages.before",  # before the poll
    "ask.before",  # while the model thinks
    "claim_writes.committed",  # before we read again
    "intend_writes.committed",  # between our read and our write
    "apply.before",
    "apply.after",  # after our write
    "down",  # while the process is dead
)
UNGUARDED_AT = (
    *MOVED_AT,
    "look.after",  # between our last look and our write
    "land.after",  # between our write and our look at it
)
_TICKETS = ("t1", "t2", "t3")
MOVES = tuple(Move(*each) for each in itertools.product(MOVED_AT, _TICKETS, DEEDS))
UNGUARDED_MOVES = tuple(Move(*each) for each in itertools.product(UNGUARDED_AT, _TICKETS, Deed))
FAILING = ("pages.before", "fetch.before", "find_write.before", "apply.before", "ask.before", "ask.after")
LANDINGS = (
    "lease_poll.begun",
    "fetch.before",
    "fetch.after",
    "intend_writes.committed",
    "end_write.committed",
)
UNGUARDED_LANDINGS = (*LANDINGS, "look.after", "land.after")


@dataclass
class Tally:
    """What a sweep did and found."""

    scenarios: int = 0
    kills: int = 0
    moves: int = 0
    effects: int = 0
    paid: int = 0
    needed: int = 0
    overtaken: int = 0  # people who came between the last look and the write
    broken: dict[Plan, list[str]] = field(default_factory=dict)

    def add(self, ordeal: Ordeal, broken: list[str]) -> None:
        self.scenarios += 1
        self.kills += len(ordeal.kills)
        self.moves += len(ordeal.plan.moves)
        self.effects += ordeal.effects.total()
        self.paid += ordeal.paid.total()
        self.needed += len(ordeal.paid)
        self.overtaken += len(ordeal.overtaken)
        if broken:
            self.broken[ordeal.plan] = broken


def sweep(stage: Stage, plans: Iterable[Plan], weakness: Weakness = SOUND) -> Tally:
    """Play every plan to its end."""
    tally = Tally()
    for plan in plans:
        tally.add(*stage.play(plan, weakness))
    return tally


def length(stage: Stage, weakness: Weakness = SOUND) -> int:
    """How many moments the undisturbed story passes."""
    ordeal, _ = stage.play(weakness=weakness)
    return len(ordeal.lives[0].moments)


def single_kills(count: int) -> Iterator[Plan]:
    """A kill at every moment."""
    for moment in range(1, count + 1):
        yield Plan((moment,))


def kills_with_moves(
    count: int, seed: int, per_kill: int = 1, moves: Sequence[Move] = MOVES
) -> Iterator[Plan]:
    """A kill at every moment together with moves of people, all of which come up in turn."""
    shuffled = list(moves)
    random.Random(seed).shuffle(shuffled)
    turn = itertools.cycle(shuffled)
    for moment in range(1, count + 1):
        for _ in range(per_kill):
            yield Plan((moment,), moves=(next(turn),))


def moves_around_the_write() -> Iterator[Plan]:
    """Every deed right before a write that nothing guards, and right after it."""
    return (Plan(moves=(move,)) for move in UNGUARDED_MOVES if move.moment in {"look.after", "land.after"})


def several_kills(
    count: int,
    seed: int,
    scenarios: int,
    moves: Sequence[Move] = MOVES,
    landings: Sequence[str] = LANDINGS,
) -> Iterator[Plan]:
    """Two or three kills, also within the recovery, with up to two moves and a write of uncertain fate."""
    chance = random.Random(seed)
    for _ in range(scenarios):
        first = chance.randint(1, count)
        deaths = (first, *(chance.randint(1, 60) for _ in range(chance.randint(1, 2))))
        some = tuple(chance.sample(moves, chance.randint(0, 2)))
        deliveries = tuple(chance.choices(tuple(Delivery), weights=(5, 1, 1, 1), k=6))
        yield Plan(deaths, some, deliveries, chance.choice(landings), stray=chance.random() < 0.5)


def kills_with_troubles(count: int, seed: int, scenarios: int) -> Iterator[Plan]:
    """Kills while an upstream fails or slows us down, with moves of people and writes of uncertain fate."""
    chance = random.Random(seed)
    for _ in range(scenarios):
        deaths = tuple(chance.randint(1, count) for _ in range(chance.randint(1, 2)))
        troubles = tuple(
            Trouble(chance.choice(FAILING), chance.randint(1, 6), chance.random() < 0.3)
            for _ in range(chance.randint(1, 5))
        )
        moves = tuple(chance.sample(MOVES, chance.randint(0, 2)))
        deliveries = tuple(chance.choices(tuple(Delivery), weights=(5, 1, 1, 1), k=6))
        yield Plan(deaths, moves, deliveries, chance.choice(LANDINGS), troubles)


def sampled(plans: Iterator[Plan], every: int, seed: int) -> Iterator[Plan]:
    """One of ``every`` plans; which one of them is up to the seed."""
    return itertools.islice(plans, seed % every, None, every)


def lost_answers(under_way: str = "apply.before", landings: Sequence[str] = LANDINGS) -> Iterator[Plan]:
    """Each write lost, unanswered or late, without a kill; and killed while it was ``under_way``."""
    for place, fate in itertools.product(range(4), (Delivery.LOST, Delivery.UNANSWERED)):
        yield Plan(deliveries=(*[Delivery.ANSWERED] * place, fate))
    for landing in landings:
        yield Plan(deliveries=(Delivery.LATE,) * 3, late_at=landing)
        yield Plan((under_way,), late_at=landing, stray=True)
        yield Plan((under_way,), (Move("down", "t1", Deed.REPLY),), late_at=landing, stray=True)
