"""What reading costs: a request about who opened an issue only where the answer decides something."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from datetime import timedelta
from random import Random
from typing import Any

import pytest

from connector.clock import ManualClock
from connector.domain.ticket import Author, Ticket
from connector.helpdesk.pylon import PylonHelpdesk, connect_pylon
from connector.sandbox.pylon_api import PylonSandbox

_DAY = timedelta(days=1)


@pytest.fixture
def tenant(clock: ManualClock) -> Iterator[PylonSandbox]:
    with PylonSandbox(clock.timestamp, rate_limits=False) as sandbox:
        yield sandbox


class Connected:
    """The adapter at a tenant, and what its feed brings."""

    def __init__(self, tenant: PylonSandbox, clock: ManualClock, **options: Any) -> None:
        self.tenant, self.clock = tenant, clock
        self.pylon: PylonHelpdesk = connect_pylon(
            name="pylon",
            base_url=tenant.url,
            clock=clock,
            api_token=tenant.token,
            random=Random(7),  # noqa: S311 - jitter, not secrets
            **options,
        )

    def poll(self) -> dict[str, Ticket]:
        """A scan over what was created since yesterday, or changed since."""
        pages = self.pylon.pages(None, self.clock.now() - _DAY)
        return {ticket.id: ticket for page in pages for ticket in page.tickets}

    def asked(self, ending: str = "/messages") -> list[str]:
        return [each.path for each in self.tenant.requests if each.path.endswith(ending)]


@pytest.fixture
def connected(tenant: PylonSandbox, clock: ManualClock) -> Iterator[Any]:
    opened: list[Connected] = []

    def connect(**options: Any) -> Connected:
        opened.append(Connected(tenant, clock, **options))
        return opened[-1]

    yield connect
    for each in opened:
        each.pylon.close()


def test_an_issue_in_a_team_is_routed_already_and_nobody_asks_who_opened_it(
    tenant: PylonSandbox, connected: Any
) -> None:
    tenant.create_issue("Routed", "<p>x</p>", team=tenant.add_team("Billing"))
    at = connected()

    at.poll()

    assert at.asked() == []


def test_an_issue_in_a_team_that_counts_as_the_inbox_is_asked_about_like_one_without(
    tenant: PylonSandbox, connected: Any
) -> None:
    inbox, billing = tenant.add_team("Triage"), tenant.add_team("Billing")
    waiting = tenant.create_issue("Waits", "<p>x</p>", team=inbox, author="agent", opened_public=True)
    tenant.create_issue("Routed", "<p>x</p>", team=billing)
    at = connected(inbox_groups=("triage",))
    at.pylon.groups()

    found = at.poll()

    assert at.asked() == [f"/issues/{waiting}/messages"]
    assert found[waiting].author is Author.AGENT


def test_until_the_teams_are_known_every_team_may_be_the_inbox(tenant: PylonSandbox, connected: Any) -> None:
    issue = tenant.create_issue("Waits", "<p>x</p>", team=tenant.add_team("Triage"))
    at = connected(inbox_groups=("Triage",))

    at.poll()

    assert at.asked() == [f"/issues/{issue}/messages"]


def test_what_was_created_before_the_first_poll_looks_is_too_old_to_ask_about(
    tenant: PylonSandbox, connected: Any, clock: ManualClock
) -> None:
    issue = tenant.create_issue("Old", "<p>x</p>", created_at=clock.timestamp() - 2 * 86_400)
    tenant.person_sets(issue, title="Old and changed")
    at = connected()

    found = at.poll()

    assert set(found) == {issue}
    assert at.asked() == []


@pytest.mark.parametrize("body", ["<p>In a form</p>", ""])
def test_words_that_were_read_to_know_the_opener_are_not_read_again(
    tenant: PylonSandbox, connected: Any, body: str
) -> None:
    issue = tenant.create_issue("Form", body, source="form")
    at = connected()

    found = at.poll()

    assert (found[issue].text or "") == ("In a form" if body else "")
    assert len(at.asked()) == 1


@pytest.mark.parametrize(
    ("issue", "asks"),
    [
        ({}, False),
        ({"source": "slack"}, False),
        ({"source": "form"}, True),
        ({"state": "waiting_on_you"}, True),
        ({"body_html": ""}, True),
    ],
)
def test_where_openers_need_not_be_confirmed_only_an_issue_in_doubt_is_asked_about(
    tenant: PylonSandbox, connected: Any, issue: dict[str, Any], asks: bool
) -> None:
    created = tenant.create_issue("Help", **({"body_html": "<p>x</p>"} | issue))
    at = connected(confirms_openers=False)

    found = at.poll()

    assert found[created].author is Author.CUSTOMER
    assert bool(at.asked()) is asks


def test_an_answered_issue_is_asked_about_even_where_openers_need_not_be_confirmed(
    tenant: PylonSandbox, connected: Any
) -> None:
    issue = tenant.create_issue("Hello", "<p>Our news</p>", author="agent", opened_public=True)
    tenant.agent_reply(issue, "<p>Did you see it?</p>")
    tenant.person_sets(issue, state="new")
    at = connected(confirms_openers=False)

    assert at.poll()[issue].author is Author.AGENT


@pytest.mark.parametrize(("confirms", "messages"), [(True, 70), (False, 10)])
def test_a_hundred_new_issues_cost_a_request_each_only_where_they_may_be_originals(
    tenant: PylonSandbox, connected: Any, clock: ManualClock, confirms: bool, messages: int
) -> None:
    billing = tenant.add_team("Billing")
    for number in range(100):
        facts: dict[str, Any] = {"source": "form" if number % 10 == 0 else "email"}
        if number % 10 >= 7:
            facts["team"] = billing
        tenant.create_issue(f"Issue {number}", "<p>x</p>", created_at=clock.timestamp() - 600, **facts)
    at = connected(confirms_openers=confirms)

    at.poll()

    assert Counter(each.path.rpartition("/")[2] for each in tenant.requests) == {
        "search": 1,
        "messages": messages,
    }


def test_limits_that_an_operator_knows_better_replace_the_published_ones(
    tenant: PylonSandbox, connected: Any, clock: ManualClock
) -> None:
    issue = tenant.create_issue("Help", "<p>x</p>")
    at = connected(requests_per_minute={"issues": 10}, rate_share=1.0)
    started = clock.now()

    for _ in range(10):
        at.pylon.fetch([issue])
    unhurried = clock.now() - started
    at.pylon.fetch([issue])

    assert unhurried < timedelta(seconds=5)
    assert clock.now() - started > timedelta(seconds=5)


def test_words_of_a_form_are_there_when_the_issue_is_read_again(tenant: PylonSandbox, connected: Any) -> None:
    issue = tenant.create_issue("Form", "<p>In a form</p>", source="form")
    at = connected()
    at.poll()

    found = at.pylon.fetch([issue])[issue]

    assert found.text == "In a form"
    assert len(at.asked()) == 1
