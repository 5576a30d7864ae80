"""A ticket that is deleted at the helpdesk leaves the ledger with the next poll."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest

from connector.bootstrap import connect
from connector.cli.playground import Playground, playground
from connector.cli.stand_in import ZendeskStandIn
from connector.clock import SystemClock
from connector.pipeline.summary import Summary
from connector.pipeline.sync import run_pass
from connector.settings import Settings, load_settings

CANARY = "canary-7f3a"


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    store = {"url": f"sqlite:///{tmp_path / 'ledger.db'}"}
    return load_settings(overrides={"store": store}, environment={}, use_file=False, secret_dirs=[]).settings


@pytest.fixture
def ground(settings: Settings) -> Iterator[Playground]:
    with playground(settings) as running:
        yield running


def run(ground: Playground, settings: Settings) -> None:
    summary = Summary()
    with connect(ground.effective(settings), SystemClock(), summary) as connector:
        run_pass(connector.stages)


def dump(tmp_path: Path) -> str:
    with closing(sqlite3.connect(tmp_path / "ledger.db")) as database:
        return "\n".join(database.iterdump())


@pytest.mark.parametrize("scrubbed", [False, True], ids=["deleted", "scrubbed"])
def test_a_deleted_or_scrubbed_ticket_is_erased(
    ground: Playground, settings: Settings, tmp_path: Path, scrubbed: bool
) -> None:
    assert isinstance(ground.helpdesk, ZendeskStandIn)
    zendesk = ground.helpdesk.sandbox
    ticket = zendesk.create_ticket(CANARY, f"{CANARY}: refund my invoice", created_at=ground.world() - 600)
    run(ground, settings)
    before = dump(tmp_path)

    (zendesk.scrub if scrubbed else zendesk.delete)(ticket)
    ground.world.skip(120)
    run(ground, settings)

    assert before.count(CANARY) >= 1
    assert CANARY not in dump(tmp_path)
    assert "deleted" in dump(tmp_path)
