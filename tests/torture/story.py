"""The scenario that is told again for every kill: all ways through the cascade, replies, and a correction."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from itertools import count
from pathlib import Path

from connector.clock import ManualClock
from connector.store import open_store, upgrade
from tests.support.postgres import Schema
from tests.torture.audit import audit
from tests.torture.homes import FileHome, Home, SchemaHome
from tests.torture.ordeal import Ordeal
from tests.torture.plans import SOUND, Deed, Plan, Weakness

UNDISTURBED = Plan()


def first_day(ordeal: Ordeal) -> None:
    """Three submissions arrive; after a pass a customer replies, a person moves a ticket, a fourth comes."""
    for kind in ("confident", "doubtful", "guardrail"):
        ordeal.arrives(kind)
    ordeal.run()
    ordeal.clock.advance(60)
    ordeal.does(Deed.REPLY, "t1")
    ordeal.does(Deed.ROUTE, "t2")
    ordeal.arrives("unusable")
    ordeal.run()
    ordeal.clock.advance(60)
    ordeal.does(Deed.REPLY, "t3")
    ordeal.settle()


class Stage:
    """Where scenarios are played; each of them begins with an empty ledger."""

    def __init__(self, home: Callable[[], Home]) -> None:
        """``home`` makes a new place, or empties the one that was there."""
        self._home = home

    def ordeal(self, plan: Plan = UNDISTURBED, weakness: Weakness = SOUND) -> Ordeal:
        return Ordeal(self._home(), plan, weakness)

    def play(
        self,
        plan: Plan = UNDISTURBED,
        weakness: Weakness = SOUND,
        story: Callable[[Ordeal], None] = first_day,
    ) -> tuple[Ordeal, list[str]]:
        """Play a scenario to its end; returns it with the promises it broke."""
        ordeal = self.ordeal(plan, weakness)
        try:
            story(ordeal)
            return ordeal, audit(ordeal)
        finally:
            ordeal.end()
            ordeal.home.tear_down()


def file_stage(folder: Path) -> Stage:
    """Scenarios on SQLite files in ``folder``."""
    empty = folder / "empty.db"
    with closing(open_store(f"sqlite:///{empty}", clock=ManualClock())):
        pass
    numbers = count(1)

    def home() -> FileHome:
        place = folder / str(next(numbers))
        place.mkdir()
        shutil.copyfile(empty, place / "ledger.db")
        return FileHome(place / "ledger.db")

    return Stage(home)


@contextmanager
def schema_stage(schema: Schema) -> Iterator[Stage]:
    """Scenarios in one schema of PostgreSQL, one after the other."""
    upgrade(schema.url)
    with closing(SchemaHome(schema)) as only:

        def home() -> SchemaHome:
            only.empty()
            return only

        yield Stage(home)
