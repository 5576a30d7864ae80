"""Five hundred mixed tickets over real HTTP: every original once, nothing else touched."""

from __future__ import annotations

from pathlib import Path

import pytest

from connector.sandbox.ticket_factory import ORIGINALS, Kind, populate
from tests.end_to_end.conftest import INBOX, Town


def originals(made: dict[Kind, list[int]]) -> set[int]:
    return {ticket for kind, tickets in made.items() if kind in ORIGINALS for ticket in tickets}


@pytest.fixture
def made(town: Town) -> dict[Kind, list[int]]:
    return populate(town.zendesk, 500, 11, routed_group=town.groups["Billing"])


def test_every_original_is_routed_exactly_once_and_nothing_else_is_touched(
    town: Town, made: dict[Kind, list[int]]
) -> None:
    before = town.zendesk.tickets()

    summary = town.run()

    after = town.zendesk.tickets()
    written = [write.ticket_id for write in town.zendesk.writes()]
    assert sorted(written) == sorted(originals(made))
    assert all(after[ticket] == before[ticket] for ticket in set(after) - originals(made))
    assert all(after[ticket].group_id in town.groups.values() for ticket in originals(made))
    assert all(set(before[ticket].tags) <= set(after[ticket].tags) for ticket in originals(made))
    assert summary["written"] == {"applied": len(originals(made))}
    assert (summary["polled"], summary["deferred"]) == (500, 0)


def test_each_kind_of_ticket_gets_its_disposition(town: Town, made: dict[Kind, list[int]]) -> None:
    summary = town.run()

    expected = {
        "original": len(originals(made)),
        "agent_authored": len(made[Kind.AGENT_CREATED]) + len(made[Kind.PRIVATE]),
        "already_routed": len(made[Kind.ROUTED]),
    } | {
        kind.value: len(made[kind])
        for kind in (
            Kind.FOLLOW_UP,
            Kind.MERGED,
            Kind.SAMPLE,
            Kind.SIDE_CONVERSATION,
            Kind.SOLVED,
            Kind.CLOSED,
            Kind.DELETED,
        )
    }
    assert summary["screened"] == expected


def test_a_second_pass_makes_no_model_call_and_no_write(town: Town, made: dict[Kind, list[int]]) -> None:
    town.run()
    calls, writes = len(town.claude.calls), len(town.zendesk.writes())

    summary = town.run()

    assert (len(town.claude.calls), len(town.zendesk.writes())) == (calls, writes)
    assert (summary["model_calls"], summary["written"], summary["decided"]) == (0, {}, {})


def test_a_dry_run_writes_nothing_and_leaves_the_next_pass_all_the_work(
    town: Town, made: dict[Kind, list[int]], tmp_path: Path
) -> None:
    before = town.zendesk.tickets()

    rehearsed = town.run(dry_run=True)
    untouched = town.zendesk.tickets() == before
    non_get = {served.path for served in town.zendesk.requests if served.method != "GET"}
    lived = town.run()

    assert untouched
    assert non_get == {"/oauth/tokens"}
    assert rehearsed["written"] == {"dry_run": len(originals(made))}
    assert rehearsed["decided"] == lived["decided"]
    assert lived["written"] == {"applied": len(originals(made))}


def test_a_dry_run_creates_no_database(town: Town, made: dict[Kind, list[int]], tmp_path: Path) -> None:
    town.run(dry_run=True)

    assert list(tmp_path.glob("ledger.db*")) == []


def test_a_ticket_in_an_inbox_group_counts_as_unrouted(town: Town) -> None:
    ticket = town.zendesk.create_ticket(
        "Refund",
        "Please refund the invoice.",
        group=town.groups[INBOX],
        created_at=town.zendesk.world.now() - 300,
    )

    town.run()

    assert town.zendesk.tickets()[ticket].group_id != town.groups[INBOX]


def test_a_hostile_ticket_can_only_misroute_itself(town: Town, made: dict[Kind, list[int]]) -> None:
    town.run()

    known = set(town.settings.groups())
    tags = [tag for ticket in made[Kind.INJECTION] for tag in town.zendesk.tickets()[ticket].tags]
    assert not any("root" in tag for tag in tags)
    assert {tag.removeprefix("ai_team__") for tag in tags if tag.startswith("ai_team__")} <= known
