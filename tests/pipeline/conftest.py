"""A whole connector around an in-memory helpdesk, a ledger on either database and a scripted model."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import timedelta

import pytest

from connector.breaker import Breaker
from connector.classify.cascade import Cascade
from connector.classify.guardrail import Guardrail
from connector.classify.phrases import Phrases
from connector.clock import ManualClock
from connector.domain.classification import Classification
from connector.domain.taxonomy import Axis, Taxonomy
from connector.domain.ticket import Group
from connector.helpdesk.memory import MemoryHelpdesk
from connector.pipeline.intake import Intake, IntakePolicy
from connector.pipeline.questions import Desk
from connector.pipeline.retention import Retention
from connector.pipeline.sync import Stages
from connector.pipeline.triage import Triage, TriageLimits
from connector.pipeline.write_back import WriteBack, WritePolicy
from connector.ports import Event, broadcast
from connector.routing import RoutingPolicy
from connector.store import Store, open_store
from tests.support.postgres import keep_time
from tests.support.world import MakeTicket, ScriptedModel, World


@pytest.fixture(params=["sqlite", "postgresql"])
def store(request: pytest.FixtureRequest, clock: ManualClock) -> Iterator[Store]:
    url = "sqlite://" if request.param == "sqlite" else request.getfixturevalue("postgres").url
    opened = open_store(url, clock=clock)
    keep_time(opened, clock)
    yield opened
    opened.close()


@pytest.fixture
def world(
    store: Store,
    clock: ManualClock,
    taxonomy: Taxonomy,
    policy: RoutingPolicy,
    make_ticket: MakeTicket,
    labelled: Callable[..., Classification],
) -> World:
    events: list[Event] = []
    observer = broadcast([events.append])
    helpdesk = MemoryHelpdesk(clock, [*policy.groups.values(), policy.human, Group("77", "Inbox")])
    model = ScriptedModel(lambda tier, _: labelled(tier))
    ledger = store.ledger("memory", worker="w1")
    breaker = Breaker("claude", clock, observer)
    desk = Desk(ledger, model, breaker, clock, observer)
    cascade = Cascade(taxonomy, policy, Guardrail(Phrases(("lawsuit",))), thresholds=dict.fromkeys(Axis, 0.7))
    inbox = frozenset({"77"})
    stages = Stages(
        intake=Intake(helpdesk, ledger, clock, observer, IntakePolicy(inbox, timedelta(hours=24))),
        triage=Triage("memory", helpdesk, desk, cascade, TriageLimits(workers=4)),
        write_back=WriteBack(helpdesk, ledger, clock, observer, WritePolicy(inbox, routing=policy)),
        ledger=ledger,
        clock=clock,
        retention=Retention(store.eraser("memory"), clock, observer, timedelta(days=30)),
    )
    return World(clock, helpdesk, model, ledger, stages, make_ticket, events)
