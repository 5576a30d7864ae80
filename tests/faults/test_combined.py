"""Faults of both upstreams, one by one and many at once: every original ends exactly once."""

from __future__ import annotations

from random import Random

import pytest

from connector.sandbox.ticket_factory import ORIGINALS, populate
from tests.faults.audit import audit
from tests.faults.conftest import BuildTown
from tests.faults.menu import CLAUDE, JOBS, ZENDESK, Dish
from tests.faults.storm import Storm

SEEDS = range(30)
ALONE = [
    pytest.param(f"{upstream}: {name}", dish, id=f"{upstream}-{name}".replace(" ", "-"))
    for upstream, menu in (("zendesk", ZENDESK), ("claude", CLAUDE))
    for name, dish in menu.items()
]
# Nobody reads audits unless a write's answer was lost before.
NEEDS_A_LOST_ANSWER = {"zendesk: audits forbidden"}


@pytest.mark.parametrize(("name", "dish"), ALONE)
def test_no_fault_alone_loses_doubles_or_overrules_anything(
    name: str, dish: Dish, build_town: BuildTown
) -> None:
    town = build_town()
    is_job = name.partition(": ")[2] in JOBS
    originals = {town.ticket(text=f"Please refund invoice {n}.") for n in range(25 if is_job else 3)}
    before = town.zendesk.tickets()
    storm = Storm(town, Random(1))
    if name in NEEDS_A_LOST_ANSWER:
        storm.plan("zendesk: write's answer lost", ZENDESK["write's answer lost"], after=0, times=1)
    storm.plan(name, dish, after=0, times=min(2, dish.most_times))

    storm.run()
    town.clock.advance(60)
    storm.calm()

    assert name in {struck for struck, *_ in storm.struck}
    assert audit(town, before, originals, storm.refused) == []


@pytest.mark.parametrize("seed", SEEDS)
def test_no_mixture_of_faults_loses_doubles_or_overrules_anything(seed: int, build_town: BuildTown) -> None:
    random = Random(seed)
    town = build_town(
        zendesk_ahead_seconds=random.choice((-600, 0, 0, 600)),
        claude_ahead_seconds=random.choice((-600, 0, 600)),
    )
    count = random.choice((12, 24, 48))
    made = populate(town.zendesk, count, seed, routed_group=town.groups["Billing"])
    originals = {ticket for kind, tickets in made.items() if kind in ORIGINALS for ticket in tickets}
    before = town.zendesk.tickets()
    storm = Storm(town, random)
    storm.brew(backlog=count == 48)

    storm.ride_out()

    assert audit(town, before, originals, storm.refused) == []
    calls, writes = len(town.claude.calls), len(town.zendesk.writes())
    assert town.run().code == 0
    assert (len(town.claude.calls), len(town.zendesk.writes())) == (calls, writes)
