"""An undo of a whole backlog through the real adapter, and what the next pass makes of it."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import pytest

from connector.bootstrap import connect, connect_undo, open_reports
from connector.clock import ManualClock
from connector.pipeline.summary import Summary
from connector.pipeline.sync import run_pass
from connector.pipeline.undo import Selection
from connector.ports import Event
from connector.sandbox.claude_api import ClaudeSandbox
from connector.sandbox.faults import Fault
from connector.sandbox.server import App, Request, Response
from connector.sandbox.zendesk_api import ZendeskSandbox
from connector.settings import Settings, load_settings

COUNT = 40  # eight or more go through an update job


@dataclass
class Account:
    """An account whose time can be moved, and the real connector's passes and undos over it."""

    clock: ManualClock
    zendesk: ZendeskSandbox
    claude: ClaudeSandbox
    settings: Settings
    elsewhere: int

    def run(self) -> dict[str, Any]:
        summary = Summary()
        with connect(self.settings, self.clock, summary) as connector:
            run_pass(connector.stages)
        return summary.as_json()

    def undo(self) -> dict[str, str]:
        """Per ticket the outcome of its undo."""
        events: list[Event] = []
        with connect_undo(self.settings, self.clock, events.append, Selection()) as undoing:
            assert undoing.ledger is not None
            undoing.undo.run(undoing.ledger.start_pass("undo"), Selection())
        ended = [event.facts for event in events if event.name == "ticket.undone"]
        return {facts["ticket_id"]: facts["outcome"] for facts in ended}

    def groups(self, tickets: list[int]) -> set[int | None]:
        now = self.zendesk.tickets()
        return {now[each].group_id for each in tickets}


@pytest.fixture(params=["sqlite", "postgresql"])
def account(request: pytest.FixtureRequest, clock: ManualClock, store_url: str) -> Iterator[Account]:
    url = store_url if request.param == "sqlite" else request.getfixturevalue("postgres").url
    with (
        ZendeskSandbox(clock.timestamp, rate_limits=False) as zendesk,
        ClaudeSandbox(api_key="key") as claude,
    ):
        overrides = {
            "helpdesk": {
                "kind": "zendesk",
                "base_url": zendesk.url,
                "client_id": zendesk.credentials.client_id,
                "client_secret": zendesk.credentials.client_secret,
            },
            "llm": {"api_key": "key", "base_url": claude.url},
            "store": {"url": url},
        }
        settings = load_settings(overrides=overrides, environment={}, use_file=False, secret_dirs=[]).settings
        for name in [*settings.groups().values(), settings.helpdesk.human_group]:
            zendesk.add_group(name)
        yield Account(clock, zendesk, claude, settings, zendesk.add_group("Elsewhere"))


@pytest.fixture
def routed(account: Account) -> list[int]:
    """A backlog that one pass has routed."""
    tickets = [
        account.zendesk.create_ticket(f"Charged twice {number}", "Please refund me", tags=["vip"])
        for number in range(COUNT)
    ]
    account.clock.advance(120)
    assert account.run()["written"] == {"applied": COUNT}
    account.clock.advance(120)
    return tickets


def test_a_backlog_is_undone_in_one_job_and_comes_back_as_an_echo(
    account: Account, routed: list[int]
) -> None:
    assert None not in account.groups(routed)
    calls, puts = len(account.claude.calls), _puts(account)

    outcomes = account.undo()
    account.clock.advance(120)
    after = account.run()

    assert outcomes == {str(each): "applied" for each in routed}
    assert _puts(account) == puts + 1
    assert account.groups(routed) == {None}
    assert {account.zendesk.tickets()[each].tags for each in routed} == {("vip",)}
    assert after["screened"] == {"echo": COUNT}
    assert (after["written"], len(account.claude.calls)) == ({}, calls)
    with open_reports(account.settings, account.clock) as reports:
        assert (reports.totals().corrections, reports.totals().undone) == (0, COUNT)


def test_in_a_job_of_which_half_fails_people_keep_theirs_and_the_rest_is_undone(
    account: Account, routed: list[int]
) -> None:
    theirs, ours = routed[::2], routed[1::2]

    def people_are_faster(request: Request, app: App) -> Response:
        for each in theirs:
            account.zendesk.person_sets(each, group=account.elsewhere)
        return app(request)

    account.zendesk.faults.add(Fault(people_are_faster, path="/api/v2/tickets/update_many", times=1))

    outcomes = account.undo()

    assert {outcomes[str(each)] for each in theirs} == {"superseded"}
    assert {outcomes[str(each)] for each in ours} == {"applied"}
    assert (account.groups(theirs), account.groups(ours)) == ({account.elsewhere}, {None})


def _puts(account: Account) -> int:
    return sum(request.method == "PUT" for request in account.zendesk.requests)
