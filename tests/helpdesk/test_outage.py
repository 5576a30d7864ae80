"""During an outage of the helpdesk one breaker stops every stage: the account sees probes, nothing else."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import timedelta
from typing import Any

import pytest

from connector.breaker import Breaker
from connector.clock import ManualClock
from connector.domain.decision import Change, Outcome
from connector.domain.ticket import Ticket
from connector.errors import Unavailable
from connector.helpdesk.zendesk import ZendeskHelpdesk
from connector.ports import Event
from connector.sandbox.faults import Behaviour, Fault, answer, html, reset, too_many_requests
from connector.sandbox.zendesk_api import ZendeskSandbox

OUTAGE = Fault(answer(503), times=None)


@pytest.fixture
def account(clock: ManualClock) -> Iterator[ZendeskSandbox]:
    with ZendeskSandbox(clock.timestamp, rate_limits=False) as sandbox:
        yield sandbox


@pytest.fixture
def told() -> list[Event]:
    return []


@pytest.fixture
def zendesk(
    connect: Callable[..., ZendeskHelpdesk], account: ZendeskSandbox, clock: ManualClock, told: list[Event]
) -> ZendeskHelpdesk:
    return connect(
        base_url=account.url,
        client_id=account.credentials.client_id,
        client_secret=account.credentials.client_secret,
        breaker=Breaker("zendesk", clock, told.append),
    )


def failures(zendesk: ZendeskHelpdesk, times: int) -> None:
    """So many reads, whatever comes of them."""
    for _ in range(times):
        with pytest.raises(Unavailable):
            zendesk.fetch(["1"])


def test_an_outage_costs_five_requests_and_a_probe_per_cooldown_and_is_said_once(
    zendesk: ZendeskHelpdesk, account: ZendeskSandbox, clock: ManualClock, told: list[Event]
) -> None:
    zendesk.check()
    account.faults.add(OUTAGE)
    before = len(account.requests)

    for _ in range(3600):
        failures(zendesk, 1)
        clock.advance(1)
    during = len(account.requests) - before
    account.faults.clear()
    clock.advance(600)
    zendesk.check()

    # After five failures: 30, 60, 120, 240, 480 and then 600 seconds apart.
    assert 5 + 9 <= during <= 5 + 10
    assert [event.name for event in told] == ["upstream.down", "upstream.up"]
    assert told[0].facts["upstream"] == "zendesk"


def test_poll_fetch_and_write_stop_together_and_go_on_together(
    zendesk: ZendeskHelpdesk,
    account: ZendeskSandbox,
    clock: ManualClock,
) -> None:
    group = account.add_group("Billing")
    ticket = account.create_ticket("Charged twice", "Please refund.", created_at=clock.timestamp() - 300)
    seen = zendesk.fetch([str(ticket)])[str(ticket)]
    assert isinstance(seen, Ticket)
    change = Change(decision_id="d-1", seen=seen, group=str(group), add_tags=("ai_billing",))
    stages: list[Callable[[], Any]] = [
        lambda: list(zendesk.pages(None, clock.now() - timedelta(hours=1))),
        lambda: zendesk.fetch([str(ticket)]),
        lambda: list(zendesk.apply([change])),
    ]
    account.faults.add(Fault(answer(500), method="GET", times=None))  # only reading fails
    failures(zendesk, 2)
    asked = len(account.requests)

    for stage in stages:
        with pytest.raises(Unavailable, match="zendesk is down") as raised:
            stage()
        assert raised.value.retry_after_seconds == pytest.approx(30, abs=10)
    silent = len(account.requests) - asked
    account.faults.clear()
    clock.advance(30)
    pages, _, (written,) = (stage() for stage in stages)

    assert silent == 0
    assert [each.id for page in pages for each in page.tickets] == [str(ticket)]
    assert written.outcome is Outcome.APPLIED


@pytest.mark.parametrize(
    "behaviour", [reset(), html(200), answer(502), answer(504)], ids=["reset", "HTML", "502", "504"]
)
def test_answers_that_nobody_can_use_are_failures(
    zendesk: ZendeskHelpdesk, account: ZendeskSandbox, told: list[Event], behaviour: Behaviour
) -> None:
    zendesk.check()
    account.faults.add(Fault(behaviour, times=None))

    failures(zendesk, 4)

    assert len(account.faults.fired) == 5
    assert [event.name for event in told] == ["upstream.down"]


@pytest.mark.parametrize(
    "behaviour",
    [too_many_requests("1"), too_many_requests(), answer(403), answer(408)],
    ids=["429", "429 without Retry-After", "403", "408"],
)
def test_a_helpdesk_that_refuses_is_up(
    zendesk: ZendeskHelpdesk, account: ZendeskSandbox, told: list[Event], behaviour: Behaviour
) -> None:
    zendesk.check()
    account.faults.add(Fault(behaviour, times=None))

    failures(zendesk, 6)

    assert len(account.faults.fired) >= 6
    assert told == []


def test_a_token_that_cannot_be_had_is_the_same_outage(
    zendesk: ZendeskHelpdesk, account: ZendeskSandbox, told: list[Event]
) -> None:
    account.faults.add(Fault(answer(503), path="/oauth/tokens", times=None))

    failures(zendesk, 4)

    assert len(account.requests) == 5
    assert [event.name for event in told] == ["upstream.down"]


def test_failures_with_a_success_between_them_are_no_outage(
    zendesk: ZendeskHelpdesk, account: ZendeskSandbox, told: list[Event]
) -> None:
    zendesk.check()
    for _ in range(4):
        account.faults.add(Fault(answer(503), times=2))
        zendesk.groups()

    assert len(account.faults.fired) == 8
    assert told == []
