"""An undo that is killed at any moment, and run again, undoes each write once and overrules nobody."""

from __future__ import annotations

from collections import Counter
from contextlib import suppress
from dataclasses import dataclass, field

import pytest

from connector.domain.decision import Applied, Change
from connector.pipeline.undo import Selection, Undo
from connector.store import open_store
from tests.torture.business import SECURITY
from tests.torture.mortality import Death, Killed, Life
from tests.torture.ordeal import Ordeal
from tests.torture.plans import Deed
from tests.torture.story import Stage, file_stage
from tests.torture.unguarded import Patch
from tests.torture.upstreams import MortalHelpdesk

TICKETS = ("t1", "t2", "t3")
LONGER_THAN_A_LEASE_SECONDS = 200.0


def three_are_routed(ordeal: Ordeal) -> None:
    """Three submissions are written back; then a person takes the third."""
    for _ in TICKETS:
        ordeal.arrives("confident")
    ordeal.settle()
    ordeal.does(Deed.ROUTE, "t3")
    ordeal.settle()
    ordeal.end()


@dataclass
class Taken:
    """An undo over what an ordeal left, in as many lives as it needs."""

    ordeal: Ordeal
    effects: Counter[str] = field(default_factory=Counter)
    unannounced: list[str] = field(default_factory=list)
    lives: list[Life] = field(default_factory=list)
    sending: Change | Patch | None = None

    def live(self, death: Death = None) -> None:
        """One life of the command; the process may be killed in it."""
        life = Life(death, lambda *_: None)
        self.lives.append(life)
        number, clock = len(self.lives), self.ordeal.clock
        with suppress(Killed):
            store = open_store(self.ordeal.home.url, clock=clock, failpoint=life)
            helpdesk = MortalHelpdesk(life, self.ordeal.helpdesk, self.deliver)
            try:
                queue = store.undos("memory", f"undo-{number}")
                Undo(helpdesk, queue, clock, lambda _: None).run(f"undo-{number}", Selection())
            finally:
                if life.is_over:
                    self.ordeal.home.outlive()
                self.sending = helpdesk.sending
                store.close()

    def deliver(self, change: Change) -> Applied:
        announced = self.ordeal.remains.rows(
            "SELECT 1 FROM undos WHERE ticket_id = ? AND maybe_sent", change.seen.id
        )
        if not announced:
            self.unannounced.append(change.seen.id)
        count = len(self.ordeal.helpdesk.writes)
        (applied,) = self.ordeal.helpdesk.apply([change])
        self.effects[change.seen.id] += len(self.ordeal.helpdesk.writes) - count
        return applied

    def poll(self) -> None:
        """The service runs for a while and sees what has become of the tickets."""
        self.ordeal.clock.advance(LONGER_THAN_A_LEASE_SECONDS)
        self.ordeal.settle()
        self.ordeal.end()

    def audit(self, people_took: set[str]) -> list[str]:
        """Every broken promise; empty when all were kept."""
        rows = self.ordeal.remains.rows
        outcomes = dict(rows("SELECT ticket_id, outcome FROM undos"))
        found = [f"not announced: {each}" for each in self.unannounced]
        for ticket_id in TICKETS:
            group, times = self.ordeal.helpdesk.tickets[ticket_id].group, self.effects[ticket_id]
            wanted = SECURITY.id if ticket_id in people_took else None
            if times != (ticket_id not in people_took) or group != wanted:
                found.append(f"{ticket_id} undone {times} times, in group {group}")
            if outcomes[ticket_id] != ("applied" if times else "superseded"):
                found.append(f"{ticket_id} undone {times} times, the ledger says {outcomes[ticket_id]}")
        corrections = {str(row[0]) for row in rows("SELECT ticket_id FROM corrections")}
        if not corrections <= people_took:
            found.append(f"our own undo counts as a correction of {corrections - people_took}")
        if rows("SELECT 1 FROM submissions WHERE generation > 1") or self.ordeal.helpdesk.notes:
            found.append("taken for a new submission")
        return found + self.ordeal.violations


def undone(stage: Stage) -> Taken:
    ordeal = stage.ordeal()
    three_are_routed(ordeal)
    return Taken(ordeal)


@pytest.fixture(scope="module")
def moments(tmp_path_factory: pytest.TempPathFactory) -> list[str]:
    """What an undisturbed undo passes."""
    taken = undone(file_stage(tmp_path_factory.mktemp("undisturbed")))
    taken.live()
    taken.poll()

    assert taken.audit({"t3"}) == []
    assert len(taken.lives[0].moments) > 20
    return taken.lives[0].moments


@pytest.mark.slow
def test_no_kill_breaks_a_promise(stage: Stage, moments: list[str]) -> None:
    broken: dict[int, list[str]] = {}
    for moment in range(1, len(moments) + 1):
        taken = undone(stage)

        taken.live(moment)
        taken.poll()
        taken.live()
        taken.poll()

        if found := taken.audit({"t3"}):
            broken[moment] = found

    assert broken == {}


@pytest.mark.slow
def test_a_person_who_takes_a_ticket_while_the_command_is_dead_keeps_it(
    stage: Stage, moments: list[str]
) -> None:
    broken: dict[int, list[str]] = {}
    for moment in range(1, len(moments) + 1, 2):
        taken = undone(stage)

        taken.live(moment)
        if not taken.effects["t1"]:
            taken.ordeal.does(Deed.ROUTE, "t1")
        taken.live()
        taken.poll()

        took = {"t3"} if taken.effects["t1"] else {"t1", "t3"}
        if found := taken.audit(took):
            broken[moment] = found

    assert broken == {}


def test_a_change_that_was_under_way_at_the_kill_may_still_arrive(stage: Stage) -> None:
    taken = undone(stage)
    taken.live("apply.before")
    assert isinstance(taken.sending, Change)

    taken.deliver(taken.sending)
    taken.poll()
    taken.live()
    taken.poll()

    assert taken.audit({"t3"}) == []
