"""The whole connector with its ledger on PostgreSQL: the same results, with one replica and with several."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor

import pytest

from connector.sandbox.ticket_factory import ORIGINALS, Kind, populate
from connector.store import SchemaState, schema_state
from tests.end_to_end.conftest import Town
from tests.support.postgres import Schema


@pytest.fixture
def store_url(postgres: Schema) -> str:
    return postgres.url


@pytest.fixture
def originals(town: Town) -> list[int]:
    """Two hundred mixed tickets arrive; these are the ones to route."""
    made: dict[Kind, list[int]] = populate(town.zendesk, 200, 11, routed_group=town.groups["Billing"])
    return sorted(ticket for kind, tickets in made.items() if kind in ORIGINALS for ticket in tickets)


def written(town: Town) -> list[int]:
    return sorted(write.ticket_id for write in town.zendesk.writes())


def times_polled(town: Town) -> int:
    return sum("/incremental/" in served.path for served in town.zendesk.requests)


def test_every_original_is_routed_once_and_a_second_pass_has_nothing_to_do(
    town: Town, originals: list[int]
) -> None:
    first = town.run()
    calls, polls, after_first = len(town.claude.calls), times_polled(town), written(town)

    second = town.run()

    assert (first["polled"], first["deferred"], first["failed"]) == (200, 0, 0)
    assert first["written"] == {"applied": len(originals)}
    assert after_first == originals
    assert times_polled(town) > polls
    assert (len(town.claude.calls), written(town)) == (calls, originals)
    assert (second["model_calls"], second["written"], second["decided"]) == (0, {}, {})


def test_two_replicas_at_once_share_the_work_and_write_every_ticket_once(
    town: Town, originals: list[int]
) -> None:
    with ThreadPoolExecutor(2) as replicas:
        summaries = list(replicas.map(lambda _: town.run(), range(2)))
    last = town.run()

    assert written(town) == originals
    assert sum(each["polled"] for each in summaries) == 200
    assert sum(each["written"].get("applied", 0) for each in [*summaries, last]) == len(originals)


def test_a_dry_run_on_an_empty_database_leaves_it_empty(
    town: Town, store_url: str, originals: list[int]
) -> None:
    rehearsed = town.run(dry_run=True)

    assert rehearsed["written"] == {"dry_run": len(originals)}
    assert written(town) == []
    assert schema_state(store_url) == SchemaState(None)


def test_a_dry_run_changes_nothing_in_a_ledger_in_use(
    town: Town, store_url: str, postgres: Schema, originals: list[int]
) -> None:
    town.run()
    before = postgres.rows()

    town.run(dry_run=True)

    assert postgres.rows() == before
