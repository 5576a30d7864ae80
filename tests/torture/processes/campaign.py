"""Many rounds at the same time: a few hands play one after another."""

from __future__ import annotations

import itertools
import os
import shutil
import tempfile
from collections.abc import Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor, as_completed
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path

from tests.support.postgres import Server, running
from tests.torture.business import KINDS
from tests.torture.processes.databases import Database, file_in, schema_of
from tests.torture.processes.nursery import Nursery
from tests.torture.processes.outcome import Outcome
from tests.torture.processes.plan import BULK_TICKETS, RANGES, SETTINGS, RoundPlan, Setting, Steps, draw
from tests.torture.processes.round import Round
from tests.torture.processes.weaken import Weaken

HANDS = 5


@dataclass
class Campaign:
    """Everything that rounds need; ``folder`` holds what they leave behind while they are played."""

    nursery: Nursery
    server: Server
    folder: Path

    def play(self, plan: RoundPlan, *, weaken: Weaken | None = None, record: Path | None = None) -> Outcome:
        """One round, in a place of its own."""
        with self._place(plan.setting.database) as (place, database):
            return Round(plan, self.nursery, database, place, weaken=weaken, record=record).play()

    def play_all(self, plans: Sequence[RoundPlan], weaken: Weaken | None = None) -> Iterator[Outcome]:
        """Rounds in the order in which they end."""
        with ThreadPoolExecutor(HANDS, thread_name_prefix="round") as hands:
            played: list[Future[Outcome]] = [hands.submit(self.play, plan, weaken=weaken) for plan in plans]
            try:
                for each in as_completed(played):
                    yield each.result()
            finally:
                hands.shutdown(wait=False, cancel_futures=True)  # after an error, only what has begun goes on

    def recorded(self, *helpdesks: str) -> Steps:
        """The steps of undisturbed runs, in every setting that plans of these helpdesks distinguish."""
        every = itertools.product(helpdesks, ("sqlite", "postgresql"), (False, True), (False, True))
        settings = [each for each in every if not each[-1] or RANGES[each[0]].bulk]
        with ThreadPoolExecutor(HANDS, thread_name_prefix="record") as hands:
            return dict(zip(settings, hands.map(self._record, settings), strict=True))

    def _record(self, setting: tuple[str, str, bool, bool]) -> Sequence[str]:
        helpdesk, database, service, bulk = setting
        lines = self.folder / f"{helpdesk}-{database}-{service}-{bulk}.steps"
        where = Setting(database, 1, service, bulk, helpdesk)
        outcome = self.play(_undisturbed(where), record=lines)
        if outcome.found:
            raise RuntimeError(f"an undisturbed run broke promises: {outcome.found}")
        return sorted({line.split(" ", 1)[1] for line in lines.read_text().splitlines()})

    @contextmanager
    def _place(self, database: str) -> Iterator[tuple[Path, Database]]:
        place = Path(tempfile.mkdtemp(dir=self.folder))
        try:
            if database == "sqlite":
                yield place, file_in(place)
            else:
                with schema_of(self.server) as schema:
                    yield place, schema
        finally:
            shutil.rmtree(place)


@contextmanager
def campaign() -> Iterator[Campaign]:
    """A launcher, a PostgreSQL server and a folder.  Raises NoServer where there is no PostgreSQL."""
    with ExitStack() as opened:
        folder = Path(opened.enter_context(tempfile.TemporaryDirectory(prefix="torture-")))
        server = opened.enter_context(running(os.environ))
        yield Campaign(opened.enter_context(Nursery()), server, folder)


def deal(seed: int, rounds: int, steps: Steps, helpdesk: str = "zendesk") -> list[RoundPlan]:
    """``rounds`` plans, the databases and numbers of replicas in turn."""
    pairs = itertools.cycle(SETTINGS)
    return [draw(seed, number, next(pairs), steps, helpdesk) for number in range(1, rounds + 1)]


def _undisturbed(where: Setting) -> RoundPlan:
    kinds = itertools.islice(itertools.cycle(KINDS), BULK_TICKETS if where.bulk else 6)
    return RoundPlan(0, where, tuple(kinds), (), ((),), (), (), 0.3)
