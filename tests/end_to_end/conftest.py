"""Both emulators on loopback and the settings that lead there; the connector in between is the real one."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from connector.bootstrap import connect
from connector.clock import ManualClock, SystemClock
from connector.pipeline.summary import Summary
from connector.pipeline.sync import run_pass
from connector.sandbox.claude_api import ClaudeSandbox
from connector.sandbox.zendesk_api import ZendeskSandbox
from connector.settings import Settings, load_settings
from tests.support.twins import Twins, open_twins

INBOX = "Inbox"


@dataclass
class Town:
    """A helpdesk, a model and a database of their own; ``run`` is one pass of the real connector."""

    zendesk: ZendeskSandbox
    claude: ClaudeSandbox
    groups: dict[str, int]
    settings: Settings

    def run(self, *, dry_run: bool = False) -> dict[str, Any]:
        clock, summary = SystemClock(), Summary()
        with connect(self.settings, clock, summary, dry_run=dry_run) as connector:
            due = run_pass(connector.stages)
        return summary.as_json() | {"deferred": due.left, "held_elsewhere": due.elsewhere}


@pytest.fixture
def store_url(tmp_path: Path) -> str:
    return f"sqlite:///{tmp_path / 'ledger.db'}"


@pytest.fixture
def town(store_url: str) -> Iterator[Town]:
    with ZendeskSandbox(rate_limits=False) as zendesk, ClaudeSandbox(api_key="key") as claude:
        overrides = {
            "helpdesk": {
                "kind": "zendesk",
                "base_url": zendesk.url,
                "client_id": zendesk.credentials.client_id,
                "client_secret": zendesk.credentials.client_secret,
                "inbox_groups": [INBOX],
                "tier_field": "tier",
                "arr_field": "arr",
            },
            "llm": {"api_key": "key", "base_url": claude.url},
            "store": {"url": store_url},
        }
        settings = load_settings(overrides=overrides, environment={}, use_file=False, secret_dirs=[]).settings
        names = [*settings.groups().values(), settings.helpdesk.human_group, INBOX]
        groups = {name: zendesk.add_group(name) for name in names}
        yield Town(zendesk, claude, groups, settings)


@pytest.fixture(params=["sqlite", "postgresql"])
def twins(request: pytest.FixtureRequest, clock: ManualClock, store_url: str) -> Iterator[Twins]:
    url = store_url if request.param == "sqlite" else request.getfixturevalue("postgres").url
    with open_twins(clock, url) as opened:
        yield opened


Populate = Callable[..., Any]
