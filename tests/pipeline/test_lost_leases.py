"""A worker whose lease ran out drops its work without harm: somebody else has it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from connector.domain.classification import Tier
from connector.domain.ticket import Ticket
from tests.support.world import Reply, World


def test_a_write_whose_lease_ran_out_is_settled_by_reading_back(world: World) -> None:
    tickets = [world.arrives() for _ in range(3)]

    def takes_for_ever() -> None:
        world.clock.advance(600)  # longer than a lease
        world.ledger.claim_writes(100)  # another worker takes over, and dies

    world.before_the_first_write(takes_for_ever)
    world.run()
    world.clock.advance(600)
    world.run()

    assert sorted(write.seen.id for write in world.helpdesk.writes) == sorted(tickets)
    assert len(world.told("lease.lost")) == 3
    assert [each["outcome"] for each in world.told("ticket.written")] == ["applied"] * 3


def test_a_decision_whose_lease_ran_out_is_made_by_the_other_worker(world: World) -> None:
    ticket: Ticket = world.helpdesk.tickets[world.arrives()]
    reply = world.model.reply
    slow = iter([True])

    def takes_for_ever(tier: Tier, asked: Mapping[str, Any]) -> Reply:
        if next(slow, False):
            world.clock.advance(600)
            world.ledger.claim_submissions(100)  # another worker takes over, and dies
        return reply(tier, asked)

    world.model.reply = takes_for_ever
    world.run()
    world.clock.advance(600)
    world.run()

    assert len(world.told("lease.lost")) == 1
    assert [write.seen.id for write in world.helpdesk.writes] == [ticket.id]
