"""The second look survives a kill at every moment at which durable state changes."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any

import pytest

from connector.breaker import Breaker
from connector.classify.cascade import Cascade
from connector.classify.guardrail import Guardrail
from connector.classify.phrases import Phrases
from connector.clock import ManualClock
from connector.domain.classification import Classification
from connector.domain.decision import Applied, Change
from connector.domain.taxonomy import Axis, Taxonomy
from connector.domain.ticket import Group
from connector.helpdesk.memory import MemoryHelpdesk
from connector.pipeline.intake import Intake, IntakePolicy
from connector.pipeline.questions import Desk
from connector.pipeline.second_look import LookPolicy, SecondLook
from connector.pipeline.sync import Stages, run_pass
from connector.pipeline.triage import Triage, TriageLimits
from connector.pipeline.write_back import WriteBack, WritePolicy
from connector.ports import broadcast
from connector.routing import RoutingPolicy
from connector.store import Store, open_store
from tests.support.postgres import keep_time
from tests.support.world import MakeTicket, ScriptedModel


class Killed(BaseException):
    """What a kill leaves behind: nothing after this point ran."""


@dataclass
class Death:
    """Kills at the ``at``-th moment, once; None: never, and the moments are counted."""

    at: int | None = None
    passed: int = 0
    is_over: bool = field(default=True)

    def __call__(self, _: str) -> None:
        if self.is_over:
            return
        self.passed += 1
        if self.passed == self.at:
            self.is_over = True
            raise Killed


@dataclass
class Mortal:
    """A helpdesk whose caller may die right before and right after it was asked."""

    inner: MemoryHelpdesk
    death: Death

    def __getattr__(self, name: str) -> Any:
        return getattr(self.inner, name)

    def messages(self, *about: Any) -> Any:
        self.death("messages.before")
        found = self.inner.messages(*about)
        self.death("messages.after")
        return found

    def apply(self, changes: list[Change]) -> Iterator[Applied]:
        for change in changes:
            self.death("apply.before")
            applied = next(self.inner.apply([change]))
            self.death("apply.after")
            yield applied


Live = Callable[[Death], "Lived"]


@dataclass
class Lived:
    """What is left once a killed process was followed by others until nothing was due."""

    helpdesk: MemoryHelpdesk
    store: Store
    asked: int


@pytest.fixture
def live(
    taxonomy: Taxonomy,
    policy: RoutingPolicy,
    make_ticket: MakeTicket,
    labelled: Callable[..., Classification],
) -> Iterator[Live]:
    opened: list[Store] = []

    def run(death: Death) -> Lived:
        clock = ManualClock()
        store = open_store("sqlite://", clock=clock, failpoint=death)
        keep_time(store, clock)
        opened.append(store)
        groups = [*policy.groups.values(), policy.human, Group("77", "Inbox")]
        helpdesk = MemoryHelpdesk(clock, groups)
        model = ScriptedModel(lambda tier, _: labelled(tier))

        def pass_of(worker: str) -> None:
            run_pass(_stages(worker, Mortal(helpdesk, death), store, model, clock, taxonomy, policy))

        now = clock.now()
        helpdesk.put(make_ticket(id="t1", group="77", created_at=now, requester_spoke_at=now))
        pass_of("w0")
        clock.advance(3600)
        helpdesk.says("t1", "It is worse, and my lawyer knows.")
        death.is_over = False
        with suppress(Killed):
            pass_of("w1")
        death.is_over = True
        for number in range(2, 4):
            clock.advance(600)
            pass_of(f"w{number}")
        return Lived(helpdesk, store, len(model.asked))

    yield run
    for store in opened:
        store.close()


def test_no_single_kill_loses_or_doubles_an_escalation(live: Live) -> None:
    counting = Death()
    live(counting)
    assert counting.passed > 20

    for moment in range(1, counting.passed + 1):
        lived = live(Death(at=moment))

        ours = [write for write in lived.helpdesk.writes if write.seen.id == "t1"]
        told = lived.store.reports().decisions(ticket="t1")
        assert len(ours) == 2, moment
        assert lived.helpdesk.tickets["t1"].group == "19", moment
        assert len(lived.helpdesk.notes["t1"]) == 1, moment
        assert [row.decision.cause for row in told] == ["material_change", "confident"], moment
        assert lived.asked == 1, moment  # nothing is paid for what a word settles


def _stages(
    worker: str,
    helpdesk: Any,
    store: Store,
    model: ScriptedModel,
    clock: ManualClock,
    taxonomy: Taxonomy,
    policy: RoutingPolicy,
) -> Stages:
    observer = broadcast([])
    ledger = store.ledger("memory", worker)
    inbox = frozenset({"77"})
    cascade = Cascade(
        taxonomy, policy, Guardrail(Phrases(("my lawyer",))), thresholds=dict.fromkeys(Axis, 0.7)
    )
    desk = Desk(ledger, model, Breaker("claude", clock, observer), clock, observer)
    look = SecondLook("memory", helpdesk, desk, cascade, LookPolicy(ask_model=True))
    hears = IntakePolicy(inbox, timedelta(hours=24), hears_replies=True)
    return Stages(
        intake=Intake(helpdesk, ledger, clock, observer, hears),
        triage=Triage("memory", helpdesk, desk, cascade, TriageLimits(workers=1), second_look=look),
        write_back=WriteBack(helpdesk, ledger, clock, observer, WritePolicy(inbox, routing=policy)),
        ledger=ledger,
        clock=clock,
    )
