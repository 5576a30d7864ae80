"""A connector around a helpdesk in memory, served for real: real scheduler, real threads, short intervals."""

from __future__ import annotations

import signal
import threading
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from typing import Any

import pytest

from connector.breaker import Breaker
from connector.classify.cascade import Cascade
from connector.classify.guardrail import Guardrail
from connector.classify.phrases import Phrases
from connector.cli.session import Hub
from connector.clock import SystemClock
from connector.domain.classification import Classification
from connector.domain.taxonomy import Axis, Taxonomy
from connector.domain.ticket import Page, Ticket, Unreadable
from connector.helpdesk.memory import MemoryHelpdesk
from connector.pipeline.intake import Intake, IntakePolicy
from connector.pipeline.questions import Desk
from connector.pipeline.sync import Stages
from connector.pipeline.triage import Triage, TriageLimits
from connector.pipeline.write_back import WriteBack, WritePolicy
from connector.ports import Event
from connector.routing import RoutingPolicy
from connector.service.serving import Rhythm, background_scheduler, serve
from connector.store import Store, open_store
from tests.support.world import ScriptedModel


class Told(list[Event]):
    """An observer that remembers."""

    def __call__(self, event: Event) -> None:
        self.append(event)

    @property
    def names(self) -> list[str]:
        return [event.name for event in self]


@pytest.fixture
def told() -> Told:
    return Told()


class Visited(MemoryHelpdesk):
    """A helpdesk that says when it is polled; a test may make the poll do something else."""

    def __init__(self, clock: SystemClock) -> None:
        super().__init__(clock, [])
        self.polls: list[float] = []
        self.visit: Callable[[], object] = lambda: None
        self.young_for: list[float] = []  # how long versions take to settle, look by look; then they have
        self.reads: list[float] = []

    def pages(self, checkpoint: str | None, start_at: datetime) -> Iterator[Page]:
        self.polls.append(self._clock.monotonic())
        self.visit()
        return super().pages(checkpoint, start_at)

    def fetch(self, ticket_ids: Sequence[str]) -> Mapping[str, Ticket | Unreadable]:
        self.reads.append(self._clock.monotonic())
        left = self.young_for.pop(0) if self.young_for else 0.0
        return {
            each: replace(found, settles_in_seconds=left) if isinstance(found, Ticket) else found
            for each, found in super().fetch(ticket_ids).items()
        }


@dataclass
class Served:
    """A service in this process; `run` serves until ``until`` is true, and then asks it to stop."""

    clock: SystemClock
    helpdesk: Visited
    store: Store
    stages: Stages
    told: Told
    hub: Hub
    scheduler: Any = field(default_factory=background_scheduler)
    rhythm: Rhythm = field(
        default_factory=lambda: Rhythm(poll_seconds=0.2, work_seconds=0.2, shutdown_seconds=5)
    )

    def run(self, until: Callable[[], bool] = lambda: False) -> int:
        ended = threading.Event()

        def watch() -> None:
            while not ended.wait(0.02):
                if until():
                    self.clock.stop()

        watcher = threading.Thread(target=watch, daemon=True)
        watcher.start()
        try:
            return serve([self.stages], self.clock, self.hub, self.rhythm, self.hub.sinks, self.scheduler)
        finally:
            ended.set()
            watcher.join()

    def with_silence(self, seconds: float) -> None:
        """How long no sign of life is allowed."""
        self.rhythm = replace(self.rhythm, least_silence_seconds=seconds)


@pytest.fixture
def served(
    told: Told, taxonomy: Taxonomy, policy: RoutingPolicy, labelled: Callable[..., Classification]
) -> Iterator[Served]:
    clock, hub = SystemClock(), Hub([told])
    helpdesk = Visited(clock)
    model = ScriptedModel(lambda tier, _: labelled(tier))
    store = open_store("sqlite://", clock=clock)
    ledger = store.ledger("memory", worker="w1")
    desk = Desk(ledger, model, Breaker("claude", clock, hub), clock, hub)
    cascade = Cascade(taxonomy, policy, Guardrail(Phrases(())), thresholds=dict.fromkeys(Axis, 0.7))
    stages = Stages(
        intake=Intake(helpdesk, ledger, clock, hub, IntakePolicy(frozenset(), timedelta(hours=24))),
        triage=Triage("memory", helpdesk, desk, cascade, TriageLimits(workers=2)),
        write_back=WriteBack(helpdesk, ledger, clock, hub, WritePolicy(frozenset())),
        ledger=ledger,
        clock=clock,
    )
    before = {each: signal.getsignal(each) for each in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP)}
    made = Served(clock, helpdesk, store, stages, told, hub)
    yield made
    if made.scheduler.running:  # as it is when the service was stuck
        made.scheduler.shutdown()
    for each, handler in before.items():
        signal.signal(each, handler)
    clock.stop()
    store.close()
