"""Several processes share the work: a poller only reads, a worker only works, and a pass minds its own."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from threading import Event as Flag
from typing import Any

from connector.clock import ManualClock
from connector.domain.classification import Classification, Tier
from connector.pipeline.role import Role
from connector.pipeline.sync import run_pass
from connector.store import Store
from tests.support.world import World

LEASE_SECONDS = 180.0


def test_a_poller_stores_what_arrives_and_leaves_nothing_for_itself(world: World) -> None:
    world.arrives()

    due = run_pass(replace(world.stages, role=Role.POLLER))

    assert (due.left, world.ledger.due().submissions) == (0, 1)
    assert (world.model.asked, world.helpdesk.writes) == ([], [])


def test_a_worker_finishes_what_waits_and_does_not_poll(world: World) -> None:
    world.arrives()
    run_pass(replace(world.stages, role=Role.POLLER))
    world.arrives()

    due = run_pass(replace(world.stages, role=Role.WORKER))

    assert due.left == 0
    assert len(world.helpdesk.writes) == 1
    assert len(world.told("poll.started")) == 1


def test_a_pass_beside_a_busy_replica_does_its_own_and_defers_nothing(
    world: World, store: Store, clock: ManualClock
) -> None:
    tickets = [world.arrives() for _ in range(6)]
    world.stages.intake.run()
    busy = store.ledger("memory", "busy")
    held = {claim.ticket.id for claim in busy.claim_submissions(2)}

    due = run_pass(world.stages)

    written = {change.seen.id for change in world.helpdesk.writes}
    assert (due.left, due.elsewhere) == (0, 2)
    assert written == set(tickets) - held


def test_what_was_put_back_is_deferred_also_beside_a_busy_replica(
    world: World, store: Store, clock: ManualClock
) -> None:
    for _ in range(2):
        world.arrives()
    world.stages.intake.run()
    busy = store.ledger("memory", "busy")
    (claim,) = busy.claim_submissions(1)
    busy.defer_submission(claim, 600, "Claude is down", counts=False)
    busy.claim_submissions(1)

    due = run_pass(world.stages)

    assert (due.left, due.elsewhere) == (1, 1)


def test_a_pass_works_while_another_process_polls(world: World, store: Store, clock: ManualClock) -> None:
    world.arrives()
    leader = store.ledger("memory", "leader")
    world.stages.intake.run()
    world.ledger.release()
    assert leader.lease_poll(clock.now()) is not None

    due = run_pass(world.stages)

    assert world.told("poll.skipped") == [{"reason": "another process polls"}]
    assert (due.left, len(world.helpdesk.writes)) == (0, 1)


def test_threads_that_are_free_take_new_work_while_one_call_takes_its_time(
    world: World, labelled: Callable[..., Classification]
) -> None:
    world.arrives(subject="the first call after a pause goes alone")
    run_pass(world.stages)
    world.arrives(subject="slow")
    world.stages.intake.run()
    quick_was_asked = Flag()
    waited: list[bool] = []

    def reply(tier: Tier, ticket: Any) -> Classification:
        if ticket["subject"] == "slow":
            world.arrives(subject="quick")
            world.stages.intake.run()
            waited.append(quick_was_asked.wait(30))
        else:
            quick_was_asked.set()
        return labelled(tier)

    world.model.reply = reply

    world.stages.triage.run()

    assert waited == [True]
