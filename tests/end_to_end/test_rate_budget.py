"""Who shares a database shares the count of requests; who is alone on a file writes none."""

from __future__ import annotations

from contextlib import closing
from pathlib import Path

import pytest
from sqlalchemy import select

from connector.clock import SystemClock
from connector.store import open_store
from connector.store.tables import rate_budgets
from tests.end_to_end.conftest import Town

on_postgresql = pytest.mark.parametrize("store_url", ["postgresql"], indirect=True)
on_a_file = pytest.mark.parametrize("store_url", ["sqlite"], indirect=True)


@pytest.fixture
def store_url(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    if request.param == "sqlite":
        return f"sqlite:///{tmp_path / 'ledger.db'}"
    url: str = request.getfixturevalue("postgres").url
    return url


def counted(url: str) -> dict[str, int]:
    """How many permits of each bucket the database says were granted lately."""
    with (
        closing(open_store(url, clock=SystemClock(), read_only=True)) as store,
        store.database.read("test") as tx,
    ):
        rows = tx.execute(select(rate_budgets)).all()
    return {row.bucket: sum(permits for _, permits in row.granted) for row in rows}


@on_postgresql
def test_a_pass_counts_its_requests_for_all(town: Town, store_url: str) -> None:
    town.run()

    exports = sum("/incremental/" in served.path for served in town.zendesk.requests)
    found = counted(store_url)
    assert found.keys() == {"account", "incremental export"}
    assert found["incremental export"] >= exports >= 1


@on_postgresql
def test_a_dry_run_counts_for_itself(town: Town, store_url: str) -> None:
    open_store(store_url, clock=SystemClock()).close()

    town.run(dry_run=True)

    assert counted(store_url) == {}


@on_a_file
def test_a_pass_on_a_file_counts_in_memory(town: Town, store_url: str) -> None:
    town.run()

    assert counted(store_url) == {}
