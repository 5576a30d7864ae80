"""Several helpdesks in one process: they share Claude and the day's money, and not their troubles."""

from __future__ import annotations

import threading
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from decimal import Decimal
from threading import Barrier

import pytest

from connector.bootstrap import connect_all
from connector.domain.ticket import Disposition
from connector.errors import SettingsError, Unavailable
from connector.pipeline.sync import Stages, run_pass
from connector.ports import Event
from connector.sandbox.faults import Fault, answer
from connector.sandbox.zendesk_api import NewTicketWebhook
from connector.web.opening import hearing
from tests.support.twins import NAMES, Twins


def test_in_one_process_a_budget_of_its_own_stops_one_and_not_the_other(twins: Twins) -> None:
    twins.arrives()
    twins.let_pay("bolt", Decimal(0))
    twins.clock.advance(300)

    with connect_all(twins.settings, twins.clock, twins.events.append) as helpdesks:
        at_once(helpdesks)

    assert [event.facts["helpdesk"] for event in twins.events if event.name == "model.called"] == ["acme"]
    assert [event.facts["helpdesk"] for event in twins.events if event.name == "budget.spent"] == ["bolt"]


def test_in_one_process_they_share_the_cached_prompt(twins: Twins) -> None:
    for _ in range(4):
        twins.arrives()
    twins.clock.advance(300)

    with connect_all(twins.settings, twins.clock, twins.events.append) as helpdesks:
        at_once(helpdesks)

    written = [call for call in twins.claude.calls if call.usage.cache_creation_input_tokens]
    assert (len(twins.claude.calls), len(written)) == (8, 1)
    assert {len(zendesk.writes()) for zendesk in twins.accounts.values()} == {4}


def test_in_one_process_no_more_calls_are_begun_than_there_are_workers(twins: Twins) -> None:
    for _ in range(4):
        twins.arrives()
    twins.clock.advance(300)
    workers = twins.settings.llm.workers
    twins.crowd.barrier = Barrier(workers + 1)

    with connect_all(twins.settings, twins.clock, twins.events.append) as helpdesks:
        at_once(helpdesks)

    assert twins.crowd.met == 7
    assert 1 <= twins.crowd.most <= workers


def test_an_outage_of_claude_is_told_once_and_about_no_helpdesk(twins: Twins) -> None:
    for _ in range(8):
        twins.arrives()
    twins.clock.advance(300)
    twins.claude.faults.add(Fault(answer(500), times=None))

    with connect_all(twins.settings, twins.clock, twins.events.append) as helpdesks:
        for stages in helpdesks:
            stages.intake.run()
            stages.triage.run()

    (down,) = [event.facts for event in twins.events if event.name == "upstream.down"]
    assert (down["upstream"], "helpdesk" in down) == ("claude", False)


def test_an_outage_of_one_is_told_by_its_name_and_leaves_the_other_alone(twins: Twins) -> None:
    twins.arrives()
    twins.clock.advance(300)

    with connect_all(twins.settings, twins.clock, twins.events.append) as (acme, bolt):
        twins.accounts["acme"].faults.add(Fault(answer(503), times=None))
        for _ in range(5):
            with pytest.raises(Unavailable):
                acme.intake.run()
        run_pass(bolt)

    told = [event.facts for event in twins.events if event.name == "upstream.down"]
    assert [(facts["upstream"], facts["helpdesk"]) for facts in told] == [("acme", "acme")]
    assert [len(zendesk.writes()) for zendesk in twins.accounts.values()] == [0, 1]


def test_a_start_tells_which_of_them_lacks_a_group(twins: Twins) -> None:
    twins.accounts["bolt"].delete_group(twins.groups["Billing bolt"])

    with (
        pytest.raises(SettingsError, match=r'^helpdesk "bolt": team billing: group "Billing bolt"'),
        connect_all(twins.settings, twins.clock, twins.events.append),
    ):
        pass

    assert twins.run("acme")["acme"]["polled"] == 0  # the database was let go


def at_once(helpdesks: Sequence[Stages]) -> None:
    """A pass of each, side by side as the service runs them."""
    with ThreadPoolExecutor(len(helpdesks)) as threads:
        for ended in [threads.submit(run_pass, stages) for stages in helpdesks]:
            ended.result()


def test_the_webhook_of_one_is_signed_with_its_own_secret_and_brings_its_own_ticket(twins: Twins) -> None:
    heard, refused = threading.Event(), threading.Event()

    def listen(event: Event) -> None:
        twins.events.append(event)
        if event.name in ("nudge.heard", "nudge.refused"):
            (heard if event.name == "nudge.heard" else refused).set()

    with connect_all(twins.settings, twins.clock, listen) as stages:
        both = [
            (settings, each.nudges)
            for settings, each in zip(twins.settings.per_helpdesk(), stages, strict=True)
            if each.nudges is not None
        ]
        with hearing(both, twins.clock, listen) as listener:
            acme, secret = twins.accounts["acme"], "a-signing-secret-of-acme"
            for name in NAMES:  # at bolt's address it proves nothing
                url = f"http://{listener.address}/hooks/{name}"
                acme.webhooks.add(NewTicketWebhook(url, secret, acme.world.now))
            ticket = twins.arrives()
            assert heard.wait(20)
            assert refused.wait(20)
            for _, nudges in both:
                nudges.run()

    stored = [event.facts for event in twins.events if event.name == "page.stored"]
    assert [(each["helpdesk"], each["dispositions"]) for each in stored] == [
        ("acme", {Disposition.ORIGINAL: 1})
    ]
    assert twins.count("submissions") == 1
    assert twins.story("acme", ticket).submissions
