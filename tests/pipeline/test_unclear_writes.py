"""A write of which nobody knows, at a helpdesk that cannot tell whose a change is, or refuse a stale one."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import pytest

from connector.domain.decision import Applied, Change, Outcome
from connector.domain.ticket import Ticket
from connector.pipeline.write_back import WriteBack, WritePolicy
from connector.store import Store
from tests.support.world import World


@dataclass
class Silent:
    """Loses the answer of each write in ``arrives``, whether it arrives or not; afterwards it works."""

    inner: Any
    arrives: list[bool] = field(default_factory=list)

    def __getattr__(self, name: str) -> Any:
        return getattr(self.inner, name)

    @property
    def capabilities(self) -> Any:
        return replace(self.inner.capabilities, conditional_write=False, bulk_size=1)

    def find_write(self, seen: Ticket, change_id: str) -> bool | None:
        return None

    def apply(self, changes: Sequence[Change]) -> Iterator[Applied]:
        for change in changes:
            if not self.arrives:
                yield from self.inner.apply([change])
                continue
            if self.arrives.pop(0):
                list(self.inner.apply([change]))
            yield Applied(change.seen.id, Outcome.UNCLEAR, detail="the answer was lost")


def write_back(world: World, helpdesk: Any) -> None:
    policy = WritePolicy(frozenset({"77"}), notes="off")
    WriteBack(helpdesk, world.ledger, world.clock, world.events.append, policy).run()
    world.clock.advance(60)


@pytest.fixture
def ticket(world: World) -> str:
    """One that waits for its write."""
    ticket_id = world.arrives(tags=("vip",))
    world.stages.intake.run()
    world.stages.triage.run()
    return ticket_id


@pytest.mark.parametrize("then", [{}, {"tags": ("vip", "mine")}, {"subject": "Still waiting"}])
def test_one_that_did_not_arrive_is_sent_again_whatever_has_changed_since(
    world: World, ticket: str, then: dict[str, Any]
) -> None:
    write_back(world, Silent(world.helpdesk, [False]))
    world.helpdesk.person(ticket, **then)

    write_back(world, Silent(world.helpdesk))

    after = world.helpdesk.tickets[ticket]
    assert [facts["outcome"] for facts in world.told("ticket.written")] == ["applied"]
    assert (after.group, len(world.helpdesk.writes)) == ("11", 1)
    assert {*then.get("tags", ("vip",)), "ai_routed"} <= set(after.tags)


@pytest.mark.parametrize("then", [{}, {"group": "12"}, {"assignee": "5"}, {"tags": ("vip", "theirs")}])
def test_one_that_arrived_is_recognised_and_not_sent_again_whatever_has_changed_since(
    world: World, store: Store, ticket: str, then: dict[str, Any]
) -> None:
    write_back(world, Silent(world.helpdesk, [True]))
    if then:
        world.helpdesk.person(ticket, **then)
    left = world.helpdesk.tickets[ticket]

    write_back(world, Silent(world.helpdesk))

    (write,) = store.reports().story(ticket).writes
    assert (write.outcome, write.reason) == (Outcome.APPLIED, "found our earlier write by its traces")
    assert (world.helpdesk.tickets[ticket], len(world.helpdesk.writes)) == (left, 1)


def test_one_that_did_not_arrive_gives_way_to_a_person_who_came_meanwhile(world: World, ticket: str) -> None:
    write_back(world, Silent(world.helpdesk, [False]))
    world.helpdesk.person(ticket, group="12")

    write_back(world, Silent(world.helpdesk))

    assert [facts["outcome"] for facts in world.told("ticket.written")] == ["superseded"]
    assert world.helpdesk.writes == []


def test_a_conflict_leaves_no_doubt_to_the_worker_that_goes_on(
    world: World, store: Store, ticket: str
) -> None:
    world.before_the_first_write(lambda: world.helpdesk.person(ticket, subject="Still waiting"))

    write_back(world, Silent(world.helpdesk))
    (deferred,) = store.reports().story(ticket).writes
    write_back(world, Silent(world.helpdesk))

    (write,) = store.reports().story(ticket).writes
    assert (deferred.outcome, deferred.maybe_sent) == (None, False)
    assert (write.outcome, len(world.helpdesk.writes)) == (Outcome.APPLIED, 1)
