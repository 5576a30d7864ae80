"""A backfill takes up what nobody has routed, once, beside the service, and within its budget."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any

import pytest

from connector.breaker import Breaker
from connector.classify.cascade import Cascade
from connector.classify.guardrail import Guardrail
from connector.classify.phrases import Phrases
from connector.classify.reading import Reader
from connector.domain.classification import Tier
from connector.domain.taxonomy import Axis, Taxonomy
from connector.domain.ticket import Status
from connector.errors import StoreInUse, Unavailable
from connector.pipeline.backfill import OUT_OF_PATIENCE, Backfill, DirectWork, Past
from connector.pipeline.purse import CarefulQuestions, Purse
from connector.pipeline.questions import Desk
from connector.pipeline.role import Lane, Role
from connector.pipeline.summary import Summary
from connector.pipeline.survey import Survey, Surveyor
from connector.pipeline.sync import Stages
from connector.pipeline.triage import Triage, TriageLimits
from connector.pipeline.write_back import WriteBack, WritePolicy
from connector.ports import broadcast
from connector.routing import RoutingPolicy
from connector.store import Store
from tests.support.world import World

INBOX = frozenset({"77"})
RESERVE = Decimal("0.01")  # of the scripted model; an answer costs a hundredth of it


@dataclass
class History:
    """The world of a service, and the backfills that are started in it."""

    world: World
    store: Store
    cascade: Cascade
    routing: RoutingPolicy

    def grew_old(self, **facts: Any) -> str:
        """A ticket that came long before the service."""
        return self.world.arrives(**{"created_at": self.world.clock.now() - timedelta(days=10)} | facts)

    @property
    def since(self) -> datetime:
        return self.world.clock.now() - timedelta(days=30)

    def backfill(
        self, *, limit: int | None = None, purse: Purse | None = None, portion: int = 2
    ) -> str | None:
        """One run in a process of its own; returns why it ended early."""
        world, summary = self.world, Summary()
        paid = purse or Purse()
        observer = broadcast([world.events.append, summary])
        with self.store.alone("backfill"):
            ledger = self.store.ledger("memory", worker="b1", lane=Lane.BACKFILL)
            desk = Desk(ledger, world.model, Breaker("claude", world.clock, observer), world.clock, observer)
            triage = Triage(
                "memory",
                world.helpdesk,
                desk,
                self.cascade,
                TriageLimits(workers=2, max_wait_seconds=10**6),
                put=lambda desk, claim, ticket, shown: CarefulQuestions(desk, claim, ticket, shown, paid),
            )
            policy = WritePolicy(INBOX, routing=self.routing)
            write_back = WriteBack(world.helpdesk, ledger, world.clock, observer, policy)
            stages = replace(
                world.stages,
                triage=triage,
                write_back=write_back,
                ledger=ledger,
                retention=None,
                role=Role.WORKER,
            )
            self.stages: Stages = stages
            past = Past(world.helpdesk, ledger.history, INBOX)
            backlog = self.store.backlog("memory")
            run = Backfill(past, backlog, world.clock, observer, DirectWork(stages), portion)
            pass_id = ledger.start_pass("backfill")
            try:
                return run.run(pass_id, self.since, limit)
            finally:
                ledger.end_pass(pass_id, summary.as_json())
                ledger.release()

    def survey(self, limit: int | None = None) -> Survey:
        ledger, backlog = self.store.ledger("memory", worker="s1"), self.store.backlog("memory")
        past = Past(self.world.helpdesk, ledger.history, INBOX)
        experience = backlog.experience(self.since)
        surveyor = Surveyor(past, self.cascade, Reader(), self.world.model, experience, workers=2)
        return surveyor.look(self.since, limit, backlog.left())

    def groups(self, *tickets: str) -> list[str | None]:
        return [self.world.helpdesk.tickets[each].group for each in tickets]

    @property
    def left(self) -> int:
        return self.store.backlog("memory").left()


@pytest.fixture
def history(world: World, store: Store, taxonomy: Taxonomy, policy: RoutingPolicy) -> History:
    guardrail = Guardrail(Phrases(("lawsuit",)))
    return History(
        world, store, Cascade(taxonomy, policy, guardrail, thresholds=dict.fromkeys(Axis, 0.7)), policy
    )


def test_what_was_too_old_for_the_service_is_routed_and_then_known_to_it(history: History) -> None:
    old = [history.grew_old() for _ in range(5)]
    before = history.world.run()

    stopped = history.backfill()
    after = history.world.run()

    assert before.screened == {"too_old": 5}
    assert stopped is None
    assert history.groups(*old) == ["11"] * 5
    assert len(history.world.model.asked) == 5
    assert (after.screened["echo"], after.decided.total()) == (5, 0)


def test_a_backfill_before_the_first_poll_takes_nothing_away_from_the_service(history: History) -> None:
    old, fresh = history.grew_old(), history.world.arrives()

    history.backfill()
    later = history.world.arrives()
    summary = history.world.run()

    assert history.groups(old, fresh, later) == ["11"] * 3
    assert len(history.world.model.asked) == 3
    assert summary.decided.total() == 1


def test_what_somebody_has_routed_solved_or_the_service_has_done_is_left_alone(history: History) -> None:
    done = history.world.arrives()
    history.world.run()
    taken = history.grew_old(group="12")
    solved = history.grew_old(status=Status.SOLVED)
    older = history.world.arrives(created_at=history.since - timedelta(days=1))
    asked = len(history.world.model.asked)

    history.backfill()

    assert history.groups(done, taken, solved, older) == ["11", "12", None, None]
    assert len(history.world.model.asked) == asked


def test_the_checkpoint_of_the_service_stays_where_it_is(history: History) -> None:
    history.grew_old()
    history.world.run()
    history.grew_old()
    before = history.world.ledger.lease_poll(history.since)

    history.backfill()

    after = history.world.ledger.lease_poll(history.since)
    assert before is not None
    assert after is not None
    assert (after.checkpoint, after.horizon) == (before.checkpoint, before.horizon)


def test_a_second_run_finds_nothing_to_do(history: History) -> None:
    history.grew_old()
    history.backfill()

    history.backfill()

    assert len(history.world.model.asked) == 1
    assert len(history.world.helpdesk.writes) == 1


def test_a_limit_ends_a_run_and_the_next_one_goes_on(history: History) -> None:
    old = [history.grew_old() for _ in range(5)]

    stopped = history.backfill(limit=3)
    first = history.groups(*old)
    history.backfill()

    assert stopped is None
    assert first.count("11") == 3
    assert history.groups(*old) == ["11"] * 5


def test_it_stops_before_a_call_that_could_exceed_the_limit_and_goes_on_with_a_new_one(
    history: History,
) -> None:
    old = [history.grew_old() for _ in range(4)]
    limit = RESERVE + Decimal("0.0001")  # two answers are paid, and a third could cost too much

    purse = Purse(limit)
    stopped = history.backfill(purse=purse)
    paid, left = len(history.world.model.asked), history.left
    history.backfill()

    assert stopped is not None
    assert "could exceed the limit" in stopped
    assert (paid, purse.spent_usd) == (2, Decimal("0.0002"))
    assert left == 2
    assert history.groups(*old) == ["11"] * 4
    assert len(history.world.model.asked) == 4


def test_what_a_backfill_left_is_not_the_services(history: History) -> None:
    history.grew_old()
    history.world.model.reply = lambda *_: Unavailable("down", retry_after_seconds=60)

    stopped = history.backfill()
    history.world.clock.advance(3600)
    asked = len(history.world.model.asked)
    summary = history.world.run()

    assert stopped == OUT_OF_PATIENCE
    assert history.left == 1
    assert (summary.decided.total(), len(history.world.model.asked)) == (0, asked)


def test_a_run_waits_for_an_upstream_that_asks_for_a_minute(
    history: History, labelled: Callable[..., Any]
) -> None:
    old = [history.grew_old() for _ in range(4)]
    failures = iter([Unavailable("slow down", retry_after_seconds=60)])
    history.world.model.reply = lambda tier, _: next(failures, None) or labelled(tier)

    stopped = history.backfill()

    assert stopped is None
    assert history.groups(*old) == ["11"] * 4


def test_an_outage_of_hours_sends_no_backlog_to_people(
    history: History, labelled: Callable[..., Any]
) -> None:
    old = history.grew_old()
    history.world.model.reply = lambda *_: Unavailable("down", retry_after_seconds=60)
    history.backfill()
    history.world.clock.advance(6 * 3600)
    history.backfill()
    history.world.clock.advance(6 * 3600)

    history.world.model.reply = lambda tier, _: labelled(tier)
    stopped = history.backfill()

    assert stopped is None
    assert history.groups(old) == ["11"]


def test_a_stop_takes_in_no_more_tickets(history: History, labelled: Callable[..., Any]) -> None:
    for _ in range(6):
        history.grew_old()

    def stop(tier: Tier, _: object) -> Any:
        history.world.clock.stop()
        return labelled(tier)

    history.world.model.reply = stop
    stopped = history.backfill()

    assert stopped == "asked to stop"
    assert 1 <= len(history.world.model.asked) <= 2
    assert history.left == 2


def test_two_backfills_do_not_work_on_one_database(history: History) -> None:
    if not history.store.is_shared:
        pytest.skip("a SQLite file has one owner anyway")

    with history.store.alone("backfill"), pytest.raises(StoreInUse, match="already"):
        history.backfill()

    assert history.backfill() is None


def test_a_survey_counts_bounds_and_writes_nothing(history: History) -> None:
    for text in ("You charged me twice.", "My lawsuit is ready."):
        history.grew_old(text=text)
    history.grew_old(group="12")

    found = history.survey()

    assert (found.tickets, found.free, found.waiting) == (2, 1, 0)
    assert found.screened == {"original": 2, "already_routed": 1}
    assert found.most_usd == 2 * RESERVE  # one call to each model
    assert found.is_guess
    assert found.expected_usd < found.most_usd
    assert history.world.model.asked == []
    assert history.world.ledger.history(["t1", "t2", "t3"]) == {}


def test_a_survey_goes_by_what_calls_did_cost(history: History) -> None:
    for _ in range(2):
        history.world.arrives()
    history.world.run()
    for _ in range(3):
        history.grew_old()

    found = history.survey(limit=2)

    assert (found.tickets, found.is_guess, found.expected_usd) == (2, False, Decimal("0.0002"))


def test_a_person_who_was_faster_wins(history: History) -> None:
    old = history.grew_old()
    history.world.before_the_first_write(lambda: history.world.helpdesk.person(old, group="12"))

    history.backfill()
    history.world.clock.advance(60)
    history.backfill()

    assert history.groups(old) == ["12"]
