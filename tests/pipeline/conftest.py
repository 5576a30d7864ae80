"""A whole connector around an in-memory helpdesk, an in-memory ledger and a model that answers as told."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import timedelta

import pytest

from connector.classify.cascade import Cascade
from connector.classify.guardrail import Guardrail
from connector.classify.phrases import Phrases
from connector.clock import ManualClock
from connector.domain.classification import Classification
from connector.domain.taxonomy import Axis, Taxonomy
from connector.helpdesk.memory import MemoryHelpdesk
from connector.pipeline.breaker import Breaker
from connector.pipeline.intake import Intake, IntakePolicy
from connector.pipeline.questions import Desk
from connector.pipeline.sync import Stages
from connector.pipeline.triage import Triage, TriageLimits
from connector.pipeline.write_back import WriteBack, WritePolicy
from connector.ports import Event, broadcast
from connector.routing import RoutingPolicy
from connector.store import open_store
from tests.support.world import MakeTicket, ScriptedModel, World


@pytest.fixture
def world(
    clock: ManualClock,
    taxonomy: Taxonomy,
    policy: RoutingPolicy,
    make_ticket: MakeTicket,
    labelled: Callable[..., Classification],
) -> Iterator[World]:
    events: list[Event] = []
    observer = broadcast([events.append])
    helpdesk = MemoryHelpdesk(clock, [*policy.groups.values(), policy.human])
    model = ScriptedModel(lambda tier, _: labelled(tier))
    store = open_store("sqlite://", clock=clock)
    ledger = store.ledger("memory", worker="w1")
    breaker = Breaker("claude", clock, observer)
    desk = Desk(ledger, model, breaker, clock, observer)
    cascade = Cascade(taxonomy, policy, Guardrail(Phrases(("lawsuit",))), thresholds=dict.fromkeys(Axis, 0.7))
    inbox = frozenset({"77"})
    stages = Stages(
        intake=Intake(helpdesk, ledger, clock, observer, IntakePolicy(inbox, timedelta(hours=24))),
        triage=Triage("memory", helpdesk, desk, cascade, TriageLimits(workers=4)),
        write_back=WriteBack(helpdesk, ledger, clock, observer, WritePolicy(inbox)),
        ledger=ledger,
        clock=clock,
    )
    yield World(clock, helpdesk, model, ledger, stages, make_ticket, events)
    store.close()
