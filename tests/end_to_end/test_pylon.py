"""The whole connector over an emulated Pylon: a feed without order, writes without a condition."""

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
from connector.sandbox.faults import Fault, lose_response
from connector.sandbox.pylon_api import PylonSandbox, mishaps
from connector.sandbox.pylon_api.refusal import Refused
from connector.settings import Settings, load_settings


@dataclass
class Tenant:
    """A tenant whose time can be moved, and the real connector's passes over it."""

    clock: ManualClock
    pylon: PylonSandbox
    claude: ClaudeSandbox
    settings: Settings
    teams: dict[str, str]

    def run(self, *, dry_run: bool = False, after_seconds: float = 300) -> dict[str, Any]:
        """A pass, some minutes after whatever happened before it."""
        self.clock.advance(after_seconds)
        summary = Summary()
        with connect(self.settings, self.clock, summary, dry_run=dry_run) as connector:
            run_pass(connector.stages)
        return summary.as_json()

    def undo(self) -> list[str]:
        events: list[Event] = []
        with connect_undo(self.settings, self.clock, events.append, Selection()) as undoing:
            assert undoing.ledger is not None
            undoing.undo.run(undoing.ledger.start_pass("undo"), Selection())
        return [event.facts["outcome"] for event in events if event.name == "ticket.undone"]

    def arrives(self, **facts: Any) -> str:
        return self.pylon.create_issue("Charged twice", "<p>Please refund the second charge.</p>", **facts)


@pytest.fixture(params=["sqlite", "postgresql"])
def tenant(request: pytest.FixtureRequest, clock: ManualClock, store_url: str) -> Iterator[Tenant]:
    url = store_url if request.param == "sqlite" else request.getfixturevalue("postgres").url
    with (
        PylonSandbox(clock.timestamp, rate_limits=False) as pylon,
        ClaudeSandbox(api_key="key") as claude,
    ):
        overrides = {
            "helpdesk": {"kind": "pylon", "base_url": pylon.url, "api_token": pylon.token},
            "llm": {"api_key": "key", "base_url": claude.url},
            "store": {"url": url},
        }
        settings = load_settings(overrides=overrides, environment={}, use_file=False, secret_dirs=[]).settings
        names = {*settings.groups().values(), settings.helpdesk.human_group, "Elsewhere"}
        yield Tenant(clock, pylon, claude, settings, {name: pylon.add_team(name) for name in sorted(names)})


def test_originals_are_routed_once_and_come_back_as_echoes(tenant: Tenant) -> None:
    issues = [tenant.arrives(tags=["vip"]) for _ in range(5)]
    tenant.arrives(author="agent", source="manual")
    tenant.arrives(team=tenant.teams["Elsewhere"])

    first = tenant.run()
    calls = len(tenant.claude.calls)
    second = tenant.run()
    third = tenant.run()

    assert first["screened"] == {"original": 5, "agent_authored": 1, "already_routed": 1}
    assert first["written"] == {"applied": 5}
    assert {len(tenant.pylon.writes(each)) for each in issues} == {1}
    assert all("vip" in tenant.pylon.issues()[each].tags for each in issues)
    assert None not in {tenant.pylon.issues()[each].team_id for each in issues}
    assert second["screened"] == {"echo": 5}
    assert third["screened"] == {}
    assert len(tenant.claude.calls) == calls
    assert len(tenant.pylon.writes()) == 5


def test_what_comes_again_because_scans_overlap_is_a_duplicate(tenant: Tenant) -> None:
    tenant.arrives(team=tenant.teams["Elsewhere"])

    first = tenant.run(after_seconds=10)
    second = tenant.run(after_seconds=10)

    assert first["screened"] == {"already_routed": 1}
    assert second["screened"] == {"duplicate": 1}


def test_a_person_who_moves_an_issue_within_the_second_of_our_write_is_heard(tenant: Tenant) -> None:
    issue = tenant.arrives()

    def move() -> None:
        tenant.pylon.person_sets(issue, team=tenant.teams["Elsewhere"])

    tenant.pylon.faults.add(Fault(mishaps.person_after(move), method="PATCH"))

    tenant.run()
    again = tenant.run()
    tenant.run()

    assert again["screened"] == {"correction": 1}
    assert tenant.pylon.issues()[issue].team_id == tenant.teams["Elsewhere"]
    assert len(tenant.pylon.writes(issue)) == 1


def test_a_person_who_is_faster_than_our_write_stands(tenant: Tenant) -> None:
    issue = tenant.arrives()

    def move() -> None:
        tenant.pylon.person_sets(issue, team=tenant.teams["Elsewhere"])

    path = f"/issues/{issue}$"  # read once by the stage, and once more by the adapter: here they part
    tenant.pylon.faults.add(Fault(mishaps.person_first(move), method="GET", path=path, after=1))

    told = tenant.run()

    assert told["written"] == {"superseded": 1}
    assert tenant.pylon.issues()[issue].team_id == tenant.teams["Elsewhere"]
    assert tenant.pylon.writes(issue) == ()


@pytest.mark.parametrize("arrives", [True, False])
def test_a_write_of_which_nobody_knows_takes_effect_once(tenant: Tenant, arrives: bool) -> None:
    issue = tenant.arrives(tags=["vip"])
    mishap = lose_response() if arrives else mishaps.refuse(Refused(502, "bad gateway"))
    tenant.pylon.faults.add(Fault(mishap, method="PATCH"))

    told = tenant.run()

    assert told["written"] == {"applied": 1}
    assert len(tenant.pylon.writes(issue)) == 1
    assert "vip" in tenant.pylon.issues()[issue].tags


def test_a_dry_run_decides_and_leaves_no_trace(tenant: Tenant) -> None:
    tenant.arrives()

    rehearsed = tenant.run(dry_run=True)
    live = tenant.run()

    assert rehearsed["written"] == {"dry_run": 1}
    assert live["screened"] == {"original": 1}
    assert live["written"] == {"applied": 1}
    assert len(tenant.pylon.writes()) == 1


def test_a_scan_that_breaks_off_loses_nothing(tenant: Tenant) -> None:
    issues = {tenant.arrives(team=tenant.teams["Elsewhere"]) for _ in range(120)}
    broken = Fault(mishaps.refuse(Refused(400, "odd")), path="/issues/search", after=1)
    tenant.pylon.faults.add(broken)

    with pytest.raises(Exception, match="the issue search answered 400"):
        tenant.run()
    whole = tenant.run()

    assert whole["screened"] == {"duplicate": 100, "already_routed": 20}
    assert len(issues) == 120


def test_words_of_the_requester_that_change_everything_bring_in_a_person(tenant: Tenant) -> None:
    issue = tenant.arrives()
    tenant.run()

    tenant.pylon.customer_reply(issue, "<p>My lawyer will contact you about this.</p>")
    told = tenant.run()

    assert told["escalated"] == 1
    assert tenant.pylon.issues()[issue].team_id == tenant.teams[tenant.settings.helpdesk.human_group]


def test_an_undo_puts_everything_back_and_is_no_correction(tenant: Tenant) -> None:
    issue = tenant.arrives(tags=["vip"])
    tenant.run()
    tenant.clock.advance(60)

    outcomes = tenant.undo()
    after = tenant.run()

    now = tenant.pylon.issues()[issue]
    assert outcomes == ["applied"]
    assert (now.team_id, now.tags, dict(now.values)) == (None, ("vip",), {})
    assert after["written"] == {}
    with open_reports(tenant.settings, tenant.clock) as reports:
        assert (reports.totals().corrections, reports.totals().undone) == (0, 1)
