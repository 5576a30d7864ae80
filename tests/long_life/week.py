"""A service that lives through days in minutes: the real scheduler, stages and ledger on a moved clock."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path
from typing import IO, Any, cast

from connector.breaker import Breaker
from connector.cli.session import Hub
from connector.clock import ManualClock
from connector.observe.logs import LogObserver, configure_logging
from connector.pipeline.intake import Intake, IntakePolicy
from connector.pipeline.questions import Desk
from connector.pipeline.sync import Stages
from connector.pipeline.triage import Triage, TriageLimits
from connector.pipeline.write_back import WriteBack, WritePolicy
from connector.service import Rhythm, Service
from connector.store import Store, open_store
from tests.long_life.gauges import CountedLog, Gauges, Intervals, Reading, TicketLines, allocated_blocks
from tests.long_life.town import DAY, HOUR, MONDAY, Outage, Town, TownHelpdesk, TownModel, WorldTime
from tests.support.simulated_scheduler import SimulatedScheduler
from tests.torture.business import INBOX, cascade

PARTS = ("helpdesk_down", "model_down", "quiet")


@dataclass(frozen=True)
class Plan:
    """What is to happen, in seconds after Monday, midnight."""

    days: int
    tickets: int
    helpdesk_down: Outage
    model_down: Outage
    jumps: dict[float, float]  # in which hour the connector's wall clock jumps, and how far
    quiet: Outage  # a night in which nobody does anything
    look_every: int = 24  # hours between two readings
    work_seconds: float = 15.0
    seed: int = 1


def week(tickets: int = 50_000) -> Plan:
    return Plan(
        7,
        tickets,
        helpdesk_down=Outage(2 * DAY + 9 * HOUR, 2 * DAY + 15 * HOUR),
        model_down=Outage(4 * DAY + 9 * HOUR, 4 * DAY + 15 * HOUR),
        jumps={DAY + 11 * HOUR: -HOUR, 3 * DAY + 12 * HOUR: DAY, 5 * DAY + 3 * HOUR: HOUR},
        quiet=Outage(6 * DAY + 3 * HOUR, 6 * DAY + 6 * HOUR),
    )


def day(tickets: int = 3_000) -> Plan:
    return Plan(
        1,
        tickets,
        helpdesk_down=Outage(9 * HOUR, 11 * HOUR),
        model_down=Outage(14 * HOUR, 16 * HOUR),
        jumps={8 * HOUR: -HOUR, 12 * HOUR: DAY, 18 * HOUR: HOUR},
        quiet=Outage(3 * HOUR, 6 * HOUR),
        look_every=6,
        work_seconds=30.0,
    )


@dataclass
class Part:
    """What a part of the time logged: all lines, and those that are not one of a ticket or of a page."""

    hours: int = 0
    lines: int = 0
    size: int = 0
    others: int = 0


@dataclass
class Life:
    """A connector at work, and what was measured of it."""

    plan: Plan
    clock: ManualClock
    town: Town
    service: Service
    scheduler: SimulatedScheduler
    store: Store
    gauges: Gauges
    intervals: Intervals
    model: TownModel
    work: TicketLines
    parts: dict[str, Part] = field(default_factory=lambda: {name: Part() for name in PARTS})
    stuck: int = 0
    blocks_early: int = 0
    blocks_left: int = (
        0  # Python's memory blocks at the end, of a town without tickets, more than after an hour
    )

    def live(self, report: Callable[[Reading], object]) -> None:
        """All of the days with their readings, then as long as anything can be left to do."""
        self.service.start()
        for hour in range(24 * self.plan.days):
            self._hour(hour)
            if hour == 0:
                self.blocks_early = allocated_blocks()
            if (hour + 1) % self.plan.look_every == 0:
                report(self.gauges.read())
        end = self.clock.monotonic() + 2 * HOUR
        while self.clock.monotonic() < end:
            self._tick()
        self.town.helpdesk.forget(MONDAY + timedelta(days=99), MONDAY + timedelta(days=99))
        self.blocks_left = allocated_blocks() - self.blocks_early

    def _hour(self, hour: int) -> None:
        log, start = self.gauges.log, hour * HOUR
        before = _all(log, self.work)
        for at, seconds in self.plan.jumps.items():
            if at // HOUR == hour:
                self.clock.jump(seconds)
        while self.clock.monotonic() < start + HOUR:
            self._tick()
        # A change is polled within the longest outage; people are done with a ticket within two days.
        now = MONDAY + timedelta(seconds=self.clock.monotonic())
        self.town.helpdesk.forget(now - timedelta(hours=8), now - timedelta(days=2))
        lines, size, expected = (now - then for now, then in zip(_all(log, self.work), before, strict=True))
        for name in PARTS:
            if start in getattr(self.plan, name) and start + HOUR - 1 in getattr(self.plan, name):
                part = self.parts[name]
                part.hours += 1
                part.lines += lines
                part.size += size
                part.others += lines - expected

    def _tick(self) -> None:
        self.town.until(self.clock.monotonic())
        self.intervals.ignore = self.town.helpdesk.is_down
        self.stuck += bool(self.service.look())
        self.scheduler.step(self.plan.work_seconds)


def _all(log: CountedLog, work: TicketLines) -> tuple[int, int, int]:
    return log.lines, log.size, work.lines


@contextmanager
def connected(plan: Plan, folder: Path) -> Iterator[Life]:
    """A connector on a new ledger in ``folder``, with its log at level info counted, not kept."""
    clock = ManualClock(MONDAY)
    time, log = WorldTime(clock), CountedLog()
    configure_logging("info", "json", stream=cast("IO[Any]", log))  # type: ignore[arg-type]
    intervals, work = Intervals(clock), TicketLines()
    hub = Hub([LogObserver(), intervals, work])
    helpdesk = TownHelpdesk(time, plan.helpdesk_down, plan.tickets)
    town = Town(helpdesk, plan.tickets, plan.days, plan.seed)
    model = TownModel(time, plan.model_down)
    store = open_store(f"sqlite:///{folder / 'ledger.db'}", clock=clock)
    ledger, inbox = store.ledger("memory", worker="w1"), frozenset({INBOX.id})
    desk = Desk(ledger, model, Breaker("claude", clock, hub), clock, hub)
    stages = Stages(
        intake=Intake(helpdesk, ledger, clock, hub, IntakePolicy(inbox, timedelta(hours=24))),
        triage=Triage("memory", helpdesk, desk, cascade(), TriageLimits()),
        write_back=WriteBack(helpdesk, ledger, clock, hub, WritePolicy(inbox)),
        ledger=ledger,
        clock=clock,
    )
    with SimulatedScheduler.simulated(clock) as scheduler:
        rhythm = Rhythm(work_seconds=plan.work_seconds)
        service = Service([stages], clock, hub, rhythm, scheduler)
        hub.sinks += [service.watchdog, service.branches[0].passes]
        gauges = Gauges(folder / "ledger.db", log)
        yield Life(plan, clock, town, service, scheduler, store, gauges, intervals, model, work)
    store.close()
