"""What every command that works begins with: settings, logging, a clock that signals can stop."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

from connector.cli.output import say
from connector.clock import SystemClock
from connector.pipeline.role import Role
from connector.ports import Event, Observer
from connector.settings import Settings, load_settings

if TYPE_CHECKING:
    from connector.bootstrap import Connector
    from connector.observe.logs import Level


@dataclass(slots=True)
class Hub:
    """The observer that the connector tells; commands hang theirs into ``sinks`` and take them out again."""

    sinks: list[Observer] = field(default_factory=list)

    def __call__(self, event: Event) -> None:
        for sink in tuple(self.sinks):
            sink(event)


@dataclass(frozen=True, slots=True)
class Session:
    """A configured command at work."""

    settings: Settings
    clock: SystemClock
    hub: Hub
    emulated: bool = False  # helpdesk and model are the playground's

    @contextmanager
    def connected(self, *, dry_run: bool = False, role: Role = Role.ALL) -> Iterator[Connector]:
        from connector.bootstrap import connect

        with connect(self.settings, self.clock, self.hub, dry_run=dry_run, role=role) as connector:
            yield connector


@contextmanager
def session(config: Path | None, *, level: Level | None = None, past: bool = False) -> Iterator[Session]:
    """Settings read, logging configured, and a sandbox started if that is the configured helpdesk.

    ``past``: the sandbox's tickets are solved ones.
    """
    from connector.cli.playground import playground_for
    from connector.observe.logs import LogObserver, configure_logging

    loaded = load_settings(config)
    for warning in loaded.warnings:
        say(f"warning: {warning}")
    settings = loaded.settings
    configure_logging(level or settings.log.level, settings.log.format, secrets=settings.secret_values())
    hub = Hub([LogObserver()])
    clock = SystemClock()
    with playground_for(settings, past=past) as effective:
        yield Session(effective, clock, hub, emulated=settings.helpdesk.kind == "sandbox")
