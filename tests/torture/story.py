"""The scenario that is told again for every kill: all ways through the cascade, replies, and a correction."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from contextlib import closing
from pathlib import Path

from connector.clock import ManualClock
from connector.store import open_store
from tests.torture.audit import audit
from tests.torture.ordeal import SOUND, Deed, Ordeal, Plan, Weakness

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
    """A folder with an empty ledger in it, from which every scenario starts."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._empty = folder / "empty.db"
        self._count = 0
        with closing(open_store(f"sqlite:///{self._empty}", clock=ManualClock())):
            pass

    def ordeal(self, plan: Plan = UNDISTURBED, weakness: Weakness = SOUND) -> Ordeal:
        self._count += 1
        place = self._folder / str(self._count)
        place.mkdir()
        shutil.copyfile(self._empty, place / "ledger.db")
        return Ordeal(place / "ledger.db", plan, weakness)

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
            shutil.rmtree(ordeal.path.parent)
