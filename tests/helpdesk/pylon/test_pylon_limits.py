"""Pylon's limits, which no header tells: a refusal is waited out, and nothing is done twice."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta
from random import Random

import pytest

from connector.clock import ManualClock
from connector.domain.decision import Change, Outcome
from connector.domain.ticket import Ticket
from connector.errors import RateLimited
from connector.helpdesk.pylon import PylonHelpdesk, connect_pylon
from connector.sandbox.faults import Fault, too_many_requests
from connector.sandbox.pylon_api import PylonSandbox, mishaps


@pytest.fixture
def tenant(clock: ManualClock) -> Iterator[PylonSandbox]:
    with PylonSandbox(clock.timestamp) as sandbox:
        yield sandbox


@pytest.fixture
def pylon(tenant: PylonSandbox, clock: ManualClock) -> Iterator[PylonHelpdesk]:
    jitter = Random(7)  # noqa: S311 - jitter, not secrets
    opened = connect_pylon(
        name="pylon", base_url=tenant.url, clock=clock, api_token=tenant.token, random=jitter
    )
    yield opened
    opened.close()


def change_of(pylon: PylonHelpdesk, issue: str, team: str) -> Change:
    seen = pylon.fetch([issue])[issue]
    assert isinstance(seen, Ticket)
    return Change(seen=seen, decision_id=f"d-{issue}", group=team, add_tags=("ai_routed",))


def test_a_first_poll_of_many_new_issues_waits_whenever_the_limit_refuses(
    tenant: PylonSandbox, pylon: PylonHelpdesk, clock: ManualClock
) -> None:
    issues = {tenant.create_issue(f"Issue {n}", "<p>x</p>") for n in range(60)}

    found = {
        ticket.id for page in pylon.pages(None, clock.now() - timedelta(days=1)) for ticket in page.tickets
    }

    assert found == issues
    assert tenant.limits.refusals == 2  # of 60 requests 20 a minute are let through


def test_writes_wait_for_the_limit_and_each_takes_effect_once(
    tenant: PylonSandbox, pylon: PylonHelpdesk
) -> None:
    team = tenant.add_team("Billing")
    issues = [tenant.create_issue(f"Issue {n}", "<p>x</p>") for n in range(25)]
    changes = [change_of(pylon, issue, team) for issue in issues]

    outcomes = [applied.outcome for applied in pylon.apply(changes)]

    assert outcomes == [Outcome.APPLIED] * 25
    assert [len(tenant.writes(issue)) for issue in issues] == [1] * 25
    assert {tenant.issues()[issue].team_id for issue in issues} == {team}


def test_a_person_who_acts_while_a_write_waits_for_the_limit_stands(
    tenant: PylonSandbox, pylon: PylonHelpdesk, clock: ManualClock
) -> None:
    billing, elsewhere = tenant.add_team("Billing"), tenant.add_team("Elsewhere")
    issue = tenant.create_issue("Help", "<p>x</p>")
    change = change_of(pylon, issue, billing)
    before = clock.now()

    def move() -> None:
        tenant.person_sets(issue, team=elsewhere)

    second_look = Fault(mishaps.person_first(move), method="GET", path=f"/issues/{issue}$", after=1)
    tenant.faults.add(Fault(too_many_requests("30"), method="PATCH"))
    tenant.faults.add(second_look)
    (applied,) = pylon.apply([change])

    assert applied.outcome is Outcome.CONFLICT
    assert tenant.issues()[issue].team_id == elsewhere
    assert tenant.writes(issue) == ()
    assert clock.now() - before >= timedelta(seconds=30)


def test_a_limit_that_stays_shut_puts_the_write_back(tenant: PylonSandbox, pylon: PylonHelpdesk) -> None:
    issue = tenant.create_issue("Help", "<p>x</p>")
    change = change_of(pylon, issue, tenant.add_team("Billing"))
    tenant.faults.add(Fault(too_many_requests("30"), method="PATCH", times=None))

    with pytest.raises(RateLimited):
        list(pylon.apply([change]))

    assert tenant.writes(issue) == ()
