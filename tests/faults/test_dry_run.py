"""A rehearsal in the midst of faults leaves no trace."""

from __future__ import annotations

from hashlib import sha256
from random import Random

import pytest

from connector.sandbox.ticket_factory import populate
from tests.faults.conftest import BuildTown
from tests.faults.storm import Storm


@pytest.mark.parametrize("seed", range(6))
def test_a_dry_run_in_a_storm_only_reads_and_leaves_the_ledger_as_it_was(
    seed: int, build_town: BuildTown
) -> None:
    town = build_town()
    lived = town.ticket()
    assert town.run().code == 0
    assert len(town.zendesk.writes(lived)) == 1
    populate(town.zendesk, 24, seed, routed_group=town.groups["Billing"])
    before, ledger = town.zendesk.tickets(), sha256(town.database.read_bytes()).digest()
    asked = len(town.zendesk.requests)
    storm = Storm(town, Random(seed))
    storm.brew(backlog=True)

    codes = []
    for _ in range(10):
        codes.append(town.run(dry_run=True).code)
        town.clock.advance(60)

    sent = {(each.method, each.path) for each in town.zendesk.requests[asked:] if each.method != "GET"}
    assert storm.struck
    assert sent <= {("POST", "/oauth/tokens")}
    assert town.zendesk.tickets() == before
    assert sha256(town.database.read_bytes()).digest() == ledger
    assert set(codes) <= {0, 69, 75, 77, 78}
