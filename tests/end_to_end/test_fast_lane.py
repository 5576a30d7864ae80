"""The fast lane against the emulated Zendesk, whose export hides the last minute."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from connector.bootstrap import Connector, connect
from connector.clock import ManualClock
from connector.ports import broadcast
from tests.support.town import Town, open_town


@contextmanager
def connected(town: Town) -> Iterator[Connector]:
    with connect(town.settings, town.clock, broadcast([town.events.append])) as connector:
        yield connector


@pytest.fixture
def town(tmp_path: Path, clock: ManualClock) -> Iterator[Town]:
    with open_town(tmp_path / "ledger.db", clock) as opened:
        yield opened


def comes_in(town: Town, **facts: Any) -> int:
    """A ticket of this second."""
    return town.zendesk.create_ticket("Charged twice", "Please refund my invoice.", **facts)


def work(connector: Connector) -> None:
    connector.stages.triage.run()
    connector.stages.write_back.run()


def look(connector: Connector) -> None:
    assert connector.stages.fast is not None
    connector.stages.fast.run()


def test_a_ticket_is_routed_within_seconds_while_the_export_still_hides_it(
    town: Town, clock: ManualClock
) -> None:
    with connected(town) as connector:
        connector.stages.intake.run()
        ticket = comes_in(town)
        clock.advance(5)
        connector.stages.intake.run()
        hidden = town.rows("SELECT ticket_id FROM submissions")

        look(connector)
        work(connector)

    assert hidden == []
    (write,) = town.zendesk.writes(ticket)
    assert write.at - town.zendesk.tickets()[ticket].created_at < 10
    assert town.rows("SELECT arrived_by, state FROM submissions") == [
        {"arrived_by": "fast", "state": "decided"}
    ]


def test_the_export_brings_the_same_ticket_later_and_nothing_happens_again(
    town: Town, clock: ManualClock
) -> None:
    with connected(town) as connector:
        connector.stages.intake.run()
        routed, replied, moved = (comes_in(town) for _ in range(3))
        clock.advance(3)
        look(connector)
        town.zendesk.customer_reply(replied, "And another thing.")  # before our write
        clock.advance(3)
        work(connector)
        clock.advance(3)
        town.zendesk.person_sets(moved, group=town.groups["Support"], assignee=town.zendesk.agent)
        clock.advance(120)
        connector.stages.intake.run()
        work(connector)
        look(connector)

    assert [len(town.zendesk.writes(each)) for each in (routed, replied, moved)] == [1, 1, 1]
    assert len(town.rows("SELECT id FROM submissions WHERE generation = 1")) == 3
    assert [row["ticket_id"] for row in town.rows("SELECT ticket_id FROM corrections")] == [str(moved)]
    verdicts = {
        ticket: [
            row["disposition"]
            for row in town.rows(
                "SELECT disposition FROM revisions WHERE ticket_id = ? ORDER BY seen_at", str(ticket)
            )
        ]
        for ticket in (routed, moved)
    }
    assert verdicts == {routed: ["original", "echo"], moved: ["original", "correction"]}


def test_a_process_that_dies_behind_the_lane_has_lost_nothing(town: Town, clock: ManualClock) -> None:
    with connected(town) as connector:
        connector.stages.intake.run()
        checkpoint = town.rows("SELECT checkpoint FROM checkpoints")
        ticket = comes_in(town)
        clock.advance(1)
        look(connector)
        assert town.rows("SELECT checkpoint FROM checkpoints") == checkpoint

    clock.advance(120)
    town.run_until_rest()

    assert len(town.zendesk.writes(ticket)) == 1
    assert len(town.rows("SELECT id FROM submissions")) == 1


def test_tickets_that_the_settings_do_not_poll_are_not_taken_by_the_lane_either(
    town: Town, clock: ManualClock
) -> None:
    with connected(town) as connector:
        connector.stages.intake.run()
        comes_in(town, support_type="ai_agent")
        look(connector)

    assert town.rows("SELECT ticket_id FROM revisions") == []


def test_a_quiet_lane_costs_one_request_a_look(town: Town, clock: ManualClock) -> None:
    with connected(town) as connector:
        connector.stages.intake.run()
        for _ in range(30):
            comes_in(town)
        look(connector)
        before = len(town.zendesk.requests)

        for _ in range(5):
            clock.advance(5)
            look(connector)

    asked = [served.path for served in town.zendesk.requests[before:]]
    assert asked == ["/api/v2/tickets"] * 5


def test_a_dry_run_and_a_pass_do_not_use_it(town: Town, clock: ManualClock) -> None:
    comes_in(town)

    town.run(dry_run=True)
    town.run()

    assert "/api/v2/tickets" not in {served.path for served in town.zendesk.requests}
