"""What was written together is put on record together, and a failure there costs nobody a second write."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import pytest

from connector.domain.decision import Applied, Change, Outcome
from connector.domain.ticket import Status
from connector.errors import LeaseLost, RateLimited, Unavailable
from connector.pipeline.write_back import WriteBack, WritePolicy
from connector.store import Store
from tests.support.world import World

MANY = 25  # enough to be written together


@pytest.fixture
def tickets(world: World) -> list[str]:
    """Tickets that wait for their writes."""
    found = [world.arrives() for _ in range(MANY)]
    world.stages.intake.run()
    world.stages.triage.run()
    return found


@pytest.fixture
def counted(world: World, monkeypatch: pytest.MonkeyPatch) -> dict[str, int]:
    """How often each method was called that ends writes."""
    calls = {"end_write": 0, "end_writes": 0}

    def count(name: str) -> Callable[..., Any]:
        method = getattr(world.ledger, name)

        def counting(*arguments: Any, **named: Any) -> Any:
            calls[name] += 1
            return method(*arguments, **named)

        return counting

    for name in calls:
        monkeypatch.setattr(world.ledger, name, count(name))
    return calls


def outcomes(store: Store, tickets: Sequence[str]) -> list[Outcome | None]:
    return [write.outcome for each in tickets for write in store.reports().story(each).writes]


def written(world: World) -> list[str]:
    return sorted(write.seen.id for write in world.helpdesk.writes)


def test_one_transaction_ends_a_whole_batch(
    world: World, tickets: list[str], counted: dict[str, int], store: Store
) -> None:
    world.stages.write_back.run()

    assert counted == {"end_write": 0, "end_writes": 1}
    assert written(world) == sorted(tickets)
    assert outcomes(store, tickets) == [Outcome.APPLIED] * MANY
    assert sorted(each["ticket_id"] for each in world.told("ticket.written")) == sorted(tickets)


def test_a_few_are_put_on_record_one_by_one_as_they_are_written(
    world: World, counted: dict[str, int]
) -> None:
    for _ in range(3):
        world.arrives()

    world.run()

    assert counted == {"end_write": 3, "end_writes": 0}


def test_what_was_refused_or_gone_ends_by_itself_beside_the_others(
    world: World, tickets: list[str], counted: dict[str, int], store: Store
) -> None:
    gone, moved, *others = tickets
    first = iter([True])

    def before(_: Change) -> None:
        if next(first, False):
            world.helpdesk.person(gone, status=Status.DELETED)
            world.helpdesk.person(moved, tags=("vip",))

    world.helpdesk.on_apply = before
    world.stages.write_back.run()

    assert counted == {"end_write": 1, "end_writes": 1}
    assert outcomes(store, [gone, moved]) == [Outcome.GONE, None]  # a conflict is read again
    assert outcomes(store, others) == [Outcome.APPLIED] * len(others)


def test_a_lost_lease_among_them_takes_nothing_from_the_others(
    world: World, tickets: list[str], store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(world.ledger, "end_writes", raising(LeaseLost("taken over")))
    lost, *others = tickets
    end = world.ledger.end_write

    def one_is_lost(claim: Any, *arguments: Any) -> None:
        if claim.ticket_id == lost:
            raise LeaseLost("taken over")
        end(claim, *arguments)

    monkeypatch.setattr(world.ledger, "end_write", one_is_lost)
    world.stages.write_back.run()

    assert [each["ticket_id"] for each in world.told("lease.lost")] == [lost]
    assert outcomes(store, others) == [Outcome.APPLIED] * len(others)


def test_writes_that_the_ledger_could_not_end_are_found_and_not_repeated(
    world: World, tickets: list[str], store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    with monkeypatch.context() as away:
        away.setattr(world.ledger, "end_writes", raising(Unavailable("the database is not reachable")))
        with pytest.raises(Unavailable):
            world.stages.write_back.run()
    world.clock.advance(600)  # their leases run out
    world.run()

    assert written(world) == sorted(tickets)
    assert outcomes(store, tickets) == [Outcome.APPLIED] * MANY


@dataclass
class SlowedDown:
    """Asks for patience after the first ten changes, each of which it made."""

    inner: Any

    def __getattr__(self, name: str) -> Any:
        return getattr(self.inner, name)

    def apply(self, changes: Sequence[Change]) -> Iterator[Applied]:
        yield from self.inner.apply(changes[:10])
        raise RateLimited("slow down", retry_after_seconds=5.0)


def test_what_was_written_before_an_error_is_on_record(
    world: World, tickets: list[str], store: Store
) -> None:
    slowed: Any = SlowedDown(world.helpdesk)
    policy = WritePolicy(frozenset({"77"}), notes="off")
    work = WriteBack(slowed, world.ledger, world.clock, world.events.append, policy)

    with pytest.raises(RateLimited):
        work.run()

    assert [each is Outcome.APPLIED for each in outcomes(store, tickets)].count(True) == 10
    world.clock.advance(60)
    world.run()
    assert written(world) == sorted(tickets)
    assert outcomes(store, tickets) == [Outcome.APPLIED] * MANY


def raising(error: Exception) -> Callable[..., Any]:
    def method(*_: Any, **__: Any) -> Any:
        raise error

    return method
