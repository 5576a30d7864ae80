"""Webhooks of both emulated helpdesks, over HTTP, through the real endpoint into the real pipeline."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field, replace

import pytest

from connector.bootstrap import Connector, connect
from connector.clock import ManualClock
from connector.pipeline.nudges import Nudges
from connector.pipeline.role import Role
from connector.pipeline.sync import run_pass
from connector.ports import Event
from connector.sandbox.claude_api import ClaudeSandbox
from connector.sandbox.faults import Fault, answer
from connector.sandbox.pylon_api import NewIssueWebhook, PylonSandbox
from connector.sandbox.zendesk_api import NewTicketWebhook, ZendeskSandbox
from connector.settings import Settings, load_settings
from connector.web.opening import hearing

SECRET = "a-signing-secret-of-the-webhook"


@dataclass
class Told:
    """An observer that can be waited on."""

    events: list[Event] = field(default_factory=list)
    changed: threading.Condition = field(default_factory=threading.Condition)

    def __call__(self, event: Event) -> None:
        with self.changed:
            self.events.append(event)
            self.changed.notify_all()

    def count(self, name: str) -> int:
        return sum(event.name == name for event in self.events)

    def wait(self, name: str, count: int = 1) -> None:
        with self.changed:
            assert self.changed.wait_for(lambda: self.count(name) >= count, 20), self.events


@dataclass
class Hearing:
    """A connector that listens; its stages run when the test says so."""

    connector: Connector
    nudges: Nudges
    url: str
    told: Told

    def work(self) -> None:
        self.nudges.run()
        run_pass(replace(self.connector.stages, role=Role.WORKER))  # without a poll


@contextmanager
def at_work(settings: Settings, clock: ManualClock) -> Iterator[Hearing]:
    told = Told()
    with connect(settings, clock, told) as connector:
        nudges = connector.stages.nudges
        assert nudges is not None
        with hearing([(settings, nudges)], clock, told) as listener:
            url = f"http://{listener.address}/hooks/{settings.helpdesk.ledger_name}"
            yield Hearing(connector, nudges, url, told)


@pytest.fixture
def claude() -> Iterator[ClaudeSandbox]:
    with ClaudeSandbox(api_key="key") as model:
        yield model


def settings_for(claude: ClaudeSandbox, store_url: str, helpdesk: dict[str, object]) -> Settings:
    overrides = {
        "helpdesk": helpdesk,
        "llm": {"api_key": "key", "base_url": claude.url},
        "store": {"url": store_url},
        "nudge": {"enabled": True, "listen": "127.0.0.1:0", "secret": SECRET},
    }
    return load_settings(overrides=overrides, environment={}, use_file=False, secret_dirs=[]).settings


@pytest.fixture
def zendesk(clock: ManualClock) -> Iterator[ZendeskSandbox]:
    with ZendeskSandbox(clock.timestamp, rate_limits=False) as account:
        yield account


@pytest.fixture
def at_zendesk(
    zendesk: ZendeskSandbox, claude: ClaudeSandbox, store_url: str, clock: ManualClock
) -> Iterator[Hearing]:
    login = zendesk.credentials
    helpdesk: dict[str, object] = {
        "kind": "zendesk",
        "base_url": zendesk.url,
        "client_id": login.client_id,
        "client_secret": login.client_secret,
    }
    settings = settings_for(claude, store_url, helpdesk)
    for name in {*settings.groups().values(), settings.helpdesk.human_group}:
        zendesk.add_group(name)
    with at_work(settings, clock) as hears:
        yield hears


def test_what_the_webhook_brought_comes_back_from_the_export_as_known(
    at_zendesk: Hearing, zendesk: ZendeskSandbox, clock: ManualClock
) -> None:
    zendesk.webhooks.add(NewTicketWebhook(at_zendesk.url, SECRET, zendesk.world.now, "trigger"))
    tickets = [zendesk.create_ticket(f"Charged {number} times", "Please refund.") for number in range(3)]
    at_zendesk.told.wait("nudge.heard", 3)
    at_zendesk.work()
    written = [write.ticket_id for write in zendesk.writes()]

    clock.advance(300)
    run_pass(at_zendesk.connector.stages)

    brought = [event.facts["dispositions"] for event in at_zendesk.told.events if event.name == "page.stored"]
    assert sorted(written) == sorted(tickets)
    assert len(zendesk.writes()) == 3
    assert sum(counts.get("original", 0) for counts in brought) == 3
    assert sum(counts.get("correction", 0) for counts in brought) == 0


def test_a_made_up_ticket_costs_a_few_requests_and_nothing_else(
    at_zendesk: Hearing, zendesk: ZendeskSandbox, clock: ManualClock
) -> None:
    assert at_zendesk.nudges.offer("4711")
    for _ in range(10):
        at_zendesk.work()
        clock.advance(2)

    asked = [each for each in zendesk.requests if each.path == "/api/v2/tickets/4711"]
    assert [each.status for each in asked] == [404] * 4
    assert zendesk.writes() == ()
    assert at_zendesk.told.count("page.stored") == 0
    assert at_zendesk.connector.ledger.due().left == 0


def test_a_webhook_that_somebody_else_signed_reads_nothing(
    at_zendesk: Hearing, zendesk: ZendeskSandbox
) -> None:
    zendesk.webhooks.add(NewTicketWebhook(at_zendesk.url, "the-secret-of-another", zendesk.world.now))
    before = len(zendesk.requests)

    zendesk.create_ticket("Charged twice", "Please refund.")
    at_zendesk.told.wait("nudge.refused")
    at_zendesk.work()

    assert len(zendesk.requests) == before
    assert zendesk.writes() == ()


def test_a_ticket_that_is_not_shown_yet_is_read_a_second_later(
    at_zendesk: Hearing, zendesk: ZendeskSandbox, clock: ManualClock
) -> None:
    zendesk.webhooks.add(NewTicketWebhook(at_zendesk.url, SECRET, zendesk.world.now))
    zendesk.faults.add(Fault(answer(404, b"{}"), "GET", r"/api/v2/tickets/\d+$"))
    ticket = zendesk.create_ticket("Charged twice", "Please refund.")
    at_zendesk.told.wait("nudge.heard")
    at_zendesk.work()
    early = zendesk.writes()

    clock.advance(1)
    at_zendesk.work()

    assert early == ()
    assert [write.ticket_id for write in zendesk.writes()] == [ticket]


def test_an_issue_that_pylon_tells_of_is_routed_once(
    claude: ClaudeSandbox, store_url: str, clock: ManualClock
) -> None:
    with PylonSandbox(clock.timestamp, rate_limits=False) as pylon:
        login: dict[str, object] = {"kind": "pylon", "base_url": pylon.url, "api_token": pylon.token}
        settings = settings_for(claude, store_url, login)
        for name in sorted({*settings.groups().values(), settings.helpdesk.human_group}):
            pylon.add_team(name)
        with at_work(settings, clock) as hears:
            pylon.webhooks.add(NewIssueWebhook(hears.url, SECRET))
            issue = pylon.create_issue("Charged twice", "<p>Please refund the second charge.</p>")
            hears.told.wait("nudge.heard")
            hears.work()
            routed = [write.issue_id for write in pylon.writes()]
            clock.advance(300)
            run_pass(hears.connector.stages)

        assert set(routed) == {issue}
        assert len(pylon.writes()) == len(routed)
