"""A town for one connector: emulated helpdesk and model, a ledger, and a clock that waiting moves."""

from __future__ import annotations

import os
import sqlite3
from collections.abc import Iterator, Mapping
from contextlib import closing, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from connector.bootstrap import connect
from connector.clock import ManualClock
from connector.errors import ConnectorError
from connector.pipeline.summary import Summary
from connector.pipeline.sync import run_pass
from connector.ports import Event, broadcast
from connector.sandbox.claude_api import ClaudeSandbox
from connector.sandbox.zendesk_api import ZendeskSandbox
from connector.settings import Settings, load_settings

INBOX = "Inbox"


@dataclass(frozen=True, slots=True)
class Ended:
    """A pass as its caller sees it: the exit code, what was counted, and the error that ended it, if any."""

    code: int
    summary: Mapping[str, Any]
    error: ConnectorError | None = None


@dataclass
class Town:
    """``run`` is one ``--once``: connect, one pass, everything closed again.  Nothing waits in real time."""

    clock: ManualClock
    zendesk: ZendeskSandbox
    claude: ClaudeSandbox
    settings: Settings
    groups: Mapping[str, int]
    database: Path
    events: list[Event] = field(default_factory=list)
    taken: set[int] = field(default_factory=set)  # tickets that a person took

    def run(self, *, dry_run: bool = False) -> Ended:
        """The exit codes are those of ``connector run --once``; only errors made for operators are caught."""
        summary = Summary()
        observer = broadcast([summary, self.events.append])
        try:
            with connect(self.settings, self.clock, observer, dry_run=dry_run) as connector:
                left = run_pass(connector.stages)
        except ConnectorError as error:
            return Ended(error.exit_code, summary.as_json(), error)
        return Ended(os.EX_TEMPFAIL if left.left else os.EX_OK, summary.as_json())

    def run_until_rest(self, most_passes: int = 60, pause_seconds: float = 60.0) -> list[Ended]:
        """Passes, a minute apart, until one ends well; `most_passes` without that is an AssertionError."""
        passes = []
        for _ in range(most_passes):
            passes.append(self.run())
            if passes[-1].code == os.EX_OK:
                return passes
            self.clock.advance(pause_seconds)
        raise AssertionError(f"no rest after {most_passes} passes: {passes[-1]}")

    def ticket(
        self, subject: str = "Charged twice", text: str = "Please refund my invoice.", **facts: Any
    ) -> int:
        """A ticket that the export shows already."""
        facts = {"created_at": self.zendesk.world.now() - 300} | facts
        return self.zendesk.create_ticket(subject, text, **facts)

    def told(self, name: str) -> list[Mapping[str, Any]]:
        return [event.facts for event in self.events if event.name == name]

    def rows(self, sql: str, *values: object) -> list[Mapping[str, Any]]:
        """What the ledger's file holds, read with plain SQL."""
        with closing(sqlite3.connect(f"file:{self.database}?mode=ro", uri=True)) as database:
            database.row_factory = sqlite3.Row
            return [dict(row) for row in database.execute(sql, values)]


@contextmanager
def open_town(
    database: Path,
    clock: ManualClock,
    *,
    zendesk_ahead_seconds: float = 0.0,
    claude_ahead_seconds: float = 0.0,
    zendesk: Mapping[str, Any] | None = None,
    claude: Mapping[str, Any] | None = None,
    settings: Mapping[str, Any] | None = None,
) -> Iterator[Town]:
    """``zendesk`` and ``claude`` are options of the emulators; ``settings`` replaces some of the settings."""
    at_zendesk = {"rate_limits": False} | dict(zendesk or {})
    at_claude = {"api_key": "key"} | dict(claude or {})
    with (
        ZendeskSandbox(lambda: clock.timestamp() + zendesk_ahead_seconds, **at_zendesk) as helpdesk,
        ClaudeSandbox(now=lambda: clock.timestamp() + claude_ahead_seconds, **at_claude) as model,
    ):
        ours: dict[str, Any] = {
            "helpdesk": {
                "kind": "zendesk",
                "base_url": helpdesk.url,
                "client_id": helpdesk.credentials.client_id,
                "client_secret": helpdesk.credentials.client_secret,
                "inbox_groups": [INBOX],
            },
            "llm": {"api_key": "key", "base_url": model.url, "workers": 2},
            "store": {"url": f"sqlite:///{database}"},
        }
        for section, values in (settings or {}).items():
            is_list = not isinstance(values, Mapping)
            ours[section] = values if is_list else ours.get(section, {}) | dict(values)
        loaded = load_settings(overrides=ours, environment={}, use_file=False, secret_dirs=[]).settings
        names = [*loaded.groups().values(), loaded.helpdesk.human_group, INBOX]
        groups = {name: helpdesk.add_group(name) for name in names}
        yield Town(clock, helpdesk, model, loaded, groups, database)
