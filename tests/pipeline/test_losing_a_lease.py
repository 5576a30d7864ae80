"""A replica that slept for longer than its lease drops what others took over and goes on with the rest."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import Any

from connector.clock import ManualClock
from connector.domain.classification import Tier
from connector.domain.decision import Change, Outcome
from connector.domain.ticket import Page, Ticket
from connector.pipeline.intake import Intake, IntakePolicy
from connector.pipeline.write_back import WriteBack, WritePolicy
from connector.store import Store
from tests.support.world import World

LEASE_SECONDS = 180


class Pausing:
    """The helpdesk of a replica to which something happens whenever it has read."""

    def __init__(self, helpdesk: Any, meanwhile: Callable[[], object]) -> None:
        self._helpdesk = helpdesk
        self._meanwhile = meanwhile

    def __getattr__(self, name: str) -> Any:
        return getattr(self._helpdesk, name)

    def fetch(self, ticket_ids: Sequence[str]) -> Any:
        found = self._helpdesk.fetch(ticket_ids)
        self._meanwhile()
        return found

    def pages(self, checkpoint: str | None, start_at: Any) -> Iterator[Page]:
        for page in self._helpdesk.pages(checkpoint, start_at):
            self._meanwhile()
            yield page


def test_writes_that_another_replica_took_over_are_left_to_it(
    world: World, store: Store, clock: ManualClock
) -> None:
    tickets = [world.arrives() for _ in range(4)]
    world.stages.intake.run()
    world.stages.triage.run()
    rival, paused = store.ledger("memory", "w2"), store.ledger("memory", "w3")
    taken: list[str] = []

    def sleep_too_long() -> None:
        if not taken:
            clock.advance(LEASE_SECONDS + 1)
            taken.extend(claim.ticket.id for claim in rival.claim_writes(1))

    helpdesk: Any = Pausing(world.helpdesk, sleep_too_long)
    WriteBack(helpdesk, paused, clock, world.events.append, WritePolicy(frozenset({"77"}))).run()
    clock.advance(2)
    world.stages.write_back.run()

    written = [change.seen.id for change in world.helpdesk.writes]
    assert len(taken) == 1
    assert sorted(written + taken) == sorted(tickets)


def test_two_replicas_that_both_send_the_same_write_have_one_effect(
    world: World, store: Store, clock: ManualClock
) -> None:
    ticket = world.arrives()
    world.stages.intake.run()
    world.stages.triage.run()
    policy = WritePolicy(frozenset({"77"}))
    rival = WriteBack(world.helpdesk, store.ledger("memory", "w2"), clock, world.events.append, policy)

    def sleep_too_long() -> None:
        """The write is announced and all but sent when its sender freezes; another replica does it."""
        clock.advance(LEASE_SECONDS + 1)
        rival.run()

    world.before_the_first_write(sleep_too_long)
    world.stages.write_back.run()

    assert [write.seen.id for write in world.helpdesk.writes] == [ticket]
    assert [each["outcome"] for each in world.told("ticket.written")] == ["applied"]
    assert world.told("lease.lost") == [{"ticket_id": ticket}]
    assert world.ledger.due().writes == 0


def test_a_write_that_arrives_after_another_replica_found_it_missing_has_no_effect(
    world: World, store: Store, clock: ManualClock
) -> None:
    ticket = world.arrives()
    world.stages.intake.run()
    world.stages.triage.run()
    frozen, rival = store.ledger("memory", "w2"), store.ledger("memory", "w3")
    (claim,) = frozen.claim_writes(1)
    seen = world.helpdesk.fetch([ticket])[ticket]
    assert isinstance(seen, Ticket)
    frozen.intend_writes([(claim, seen)])

    clock.advance(LEASE_SECONDS + 1)
    policy = WritePolicy(frozenset({"77"}))
    WriteBack(world.helpdesk, rival, clock, world.events.append, policy).run()
    route = claim.decision.route
    (late,) = world.helpdesk.apply([Change(claim.decision.id, seen, route.group, route.tags, route.priority)])

    assert late.outcome is Outcome.CONFLICT
    assert [write.seen.id for write in world.helpdesk.writes] == [ticket]


def test_a_page_that_comes_after_the_right_to_poll_is_gone_is_not_stored(
    world: World, store: Store, clock: ManualClock
) -> None:
    world.arrives()
    rival, paused = store.ledger("memory", "w2"), store.ledger("memory", "w3")

    def sleep_too_long() -> None:
        clock.advance(LEASE_SECONDS + 1)
        assert rival.lease_poll(clock.now()) is not None

    helpdesk: Any = Pausing(world.helpdesk, sleep_too_long)
    policy = IntakePolicy(frozenset(), lookback=clock.now() - clock.now())
    Intake(helpdesk, paused, clock, world.events.append, policy).run()

    assert world.told("poll.skipped") == [{"reason": "another process took over"}]
    assert rival.due().submissions == 0


def test_a_decision_that_comes_too_late_is_void_and_the_answer_is_not_paid_twice(
    world: World, store: Store, clock: ManualClock
) -> None:
    world.arrives()
    world.stages.intake.run()
    rival = store.ledger("memory", "w2")
    answer = world.model.reply
    taken: list[Any] = []

    def think_too_long(tier: Tier, ticket: Any) -> Any:
        clock.advance(LEASE_SECONDS + 1)
        taken.extend(rival.claim_submissions(1))
        return answer(tier, ticket)

    world.model.reply = think_too_long
    world.stages.triage.run()

    (claim,) = taken
    assert store.reports().decisions() == []
    assert claim.lease_epoch == 2
    assert [call.state for call in store.reports().story(claim.ticket.id).calls] == ["ok"]
