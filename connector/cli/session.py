"""What every command that works begins with: settings, logging, a clock that signals can stop."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING

from connector.cli.chosen import one
from connector.cli.output import say
from connector.clock import SystemClock
from connector.pipeline import whose
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

    @property
    def name(self) -> str:
        """What the ledger calls the helpdesk."""
        return self.settings.helpdesk.ledger_name

    def each(self) -> tuple[Session, ...]:
        """A session per helpdesk, with a hub of its own that tells this one."""
        helpdesks = self.settings.per_helpdesk()
        return tuple(replace(self, settings=one, hub=Hub([self.hub])) for one in helpdesks)

    @contextmanager
    def connected(self, *, dry_run: bool = False, role: Role = Role.ALL) -> Iterator[Connector]:
        from connector.bootstrap import connect

        with connect(self.settings, self.clock, self.hub, dry_run=dry_run, role=role) as connector:
            yield connector


@contextmanager
def session(
    config: Path | None,
    *,
    level: Level | None = None,
    past: bool = False,
    helpdesk: str | None = None,
    each: bool = False,
) -> Iterator[Session]:
    """Settings read, logging configured, and a sandbox started if that is the configured helpdesk.

    The settings are those of the one ``helpdesk``, or with ``each`` of all, unless one is named.  ``past``:
    the sandbox's tickets are solved ones.
    """
    from connector.cli.playground import is_emulated, playground_for
    from connector.observe.logs import LogObserver, configure_logging

    loaded = load_settings(config)
    for warning in loaded.warnings:
        say(f"warning: {warning}")
    settings = loaded.settings
    if helpdesk is not None or not each:
        settings = one(settings, helpdesk)
    configure_logging(
        level or settings.log.level, settings.log.format, secrets=loaded.settings.secret_values()
    )
    log: Observer = LogObserver()
    name = settings.one_of_several
    hub = Hub([whose.of(name, log) if name else log])
    clock = SystemClock()
    with playground_for(settings, past=past) as effective:
        yield Session(effective, clock, hub, emulated=is_emulated(settings))
