"""What people read out of the ledger: lists, totals, and the story of one ticket."""

from __future__ import annotations

from datetime import timedelta
from decimal import Decimal
from typing import Any

import pytest

from connector.clock import ManualClock
from connector.domain.classification import Tier
from connector.domain.decision import Applied, Cause, Kind, Outcome, Route
from connector.domain.ticket import Disposition
from connector.pipeline.retry import Plight
from connector.store import SqlLedger, Store
from connector.store.processes import Sign

HUMAN = Route(None, "human", "19", "Support", ("ai_needs_human",), None, None)


@pytest.fixture
def busy(store: Store, ledger: SqlLedger, desk: Any, clock: ManualClock) -> Store:
    """Three tickets a minute apart: one routed and applied, one failed, one refused by the helpdesk."""
    ledger.start_pass("once")
    facts: list[dict[str, Any]] = [
        {},
        {"kind": Kind.FAILED_OPEN, "cause": Cause.INTERNAL_ERROR, "classification": None, "route": HUMAN},
        {"kind": Kind.ESCALATED, "cause": Cause.GUARDRAIL, "route": HUMAN},
    ]
    outcomes = (Outcome.APPLIED, Outcome.APPLIED, Outcome.REJECTED)
    for number, (fact, outcome) in enumerate(zip(facts, outcomes, strict=True), start=1):
        desk.arrive(ledger, f"t{number}")
        claim = desk.claim(ledger)
        ledger.end_call(ledger.begin_call(claim, Tier.CHEAP, "cheap-1", Decimal("0.01")), desk.answer())
        ledger.decide(claim, desk.decision(claim, **fact))
        applied = Applied(claim.ticket.id, outcome, f"after-{number}", clock.now(), "11")
        ledger.end_write(desk.claim_write(ledger), outcome, applied, f"because {number}")
        clock.advance(60)
    desk.arrive(ledger, "t1", disposition=Disposition.CORRECTION, version="v9", group="12")
    desk.arrive(ledger, "t4")
    return store


def test_decisions_come_newest_first(busy: Store) -> None:
    rows = busy.reports().decisions()

    assert [row.ticket_id for row in rows] == ["t3", "t2", "t1"]
    assert rows[0].outcome is Outcome.REJECTED
    assert rows[0].write_reason == "because 3"
    assert rows[2].decision.reason == "asks for a refund"
    assert rows[0].pass_id == busy.reports().last_pass().id  # type: ignore[union-attr]  # a pass was begun


@pytest.mark.parametrize(
    ("filters", "found"),
    [
        ({"limit": 1}, ["t3"]),
        ({"team": "billing"}, ["t1"]),
        ({"kind": "escalated"}, ["t3"]),
        ({"kind": Kind.FAILED_OPEN}, ["t2"]),
        ({"cause": Cause.GUARDRAIL}, ["t3"]),
        ({"outcome": Outcome.APPLIED}, ["t2", "t1"]),
        ({"ticket": "t2"}, ["t2"]),
        ({"ticket": "t2", "team": "billing"}, []),
    ],
)
def test_every_filter_narrows(busy: Store, filters: dict[str, Any], found: list[str]) -> None:
    assert [row.ticket_id for row in busy.reports().decisions(**filters)] == found


def test_since_counts_from_a_moment(busy: Store, desk: Any) -> None:
    middle = busy.reports().decisions(ticket="t2")[0].decision.decided_at

    assert [row.ticket_id for row in busy.reports().decisions(since=middle)] == ["t3", "t2"]
    assert busy.reports().totals(since=middle).decisions == 2


def test_parked_is_what_broke_and_what_was_refused(busy: Store) -> None:
    rows = busy.reports().parked()

    assert [(row.ticket_id, row.plight) for row in rows] == [
        ("t3", Plight.WRITE_REJECTED),
        ("t2", Plight.FAILED_OPEN),
    ]
    assert [row.ticket_id for row in busy.reports().parked(limit=1)] == ["t3"]
    assert [row.ticket_id for row in busy.reports().parked(since=rows[0].at)] == ["t3"]


def test_totals_add_up(busy: Store) -> None:
    totals = busy.reports().totals()

    (model,) = totals.models
    assert totals.decisions == 3
    assert totals.by_kind == {"escalated": 1, "failed_open": 1, "routed": 1}
    assert totals.by_tier == {"cheap": 2, "none": 1}
    assert totals.by_team == {"billing": 1, "none": 2}
    assert totals.by_outcome == {"applied": 2, "rejected": 1}
    assert (totals.corrections, totals.waiting_submissions, totals.waiting_writes) == (1, 1, 0)
    assert (model.model, model.calls, model.lost) == ("cheap-1", 3, 0)
    assert (model.input_tokens, model.cache_read_tokens) == (3600, 600)
    assert totals.cost_usd == model.cost_usd == Decimal("0.00375")


def test_totals_of_nothing_are_zero(store: Store) -> None:
    totals = store.reports().totals()

    assert (totals.decisions, totals.models, totals.cost_usd) == (0, (), Decimal(0))


def test_a_story_holds_everything_that_happened_to_a_ticket(busy: Store) -> None:
    story = busy.reports().story("t1")

    assert [each.disposition for each in story.revisions] == [Disposition.ORIGINAL, Disposition.CORRECTION]
    assert story.submissions[0].ticket is not None
    assert [(each.state, each.cost_usd) for each in story.calls] == [("ok", Decimal("0.00125"))]
    assert story.decisions[0].decision.steps[0].tier is Tier.CHEAP
    assert story.writes[0].outcome is Outcome.APPLIED
    assert [(each.from_group, each.to_group) for each in story.corrections] == [("11", "12")]
    assert story.cost_usd == Decimal("0.00125")
    assert not story.is_empty


def test_the_story_of_an_unknown_ticket_is_empty(busy: Store) -> None:
    assert busy.reports().story("t99").is_empty


def test_a_pass_is_kept_with_its_summary(store: Store, ledger: SqlLedger, clock: ManualClock) -> None:
    started = clock.now()
    pass_id = ledger.start_pass("once")
    running = store.reports().last_pass()
    clock.advance(5)
    ledger.end_pass(pass_id, {"polled": 3, "cost": 0.25, "decided": {"cheap": 3}})

    ended = store.reports().last_pass()

    assert running is not None
    assert (running.id, running.finished_at) == (pass_id, None)
    assert ended is not None
    assert (ended.mode, ended.started_at, ended.finished_at) == ("once", started, clock.now())
    assert ended.summary == {"polled": 3, "cost": 0.25, "decided": {"cheap": 3}}


def test_there_is_no_last_pass_before_the_first(store: Store) -> None:
    assert store.reports().last_pass() is None


MINUTE = timedelta(minutes=1)


def test_a_pass_that_is_noted_is_a_sign_of_life_and_goes_on(
    store: Store, ledger: SqlLedger, clock: ManualClock
) -> None:
    pass_id = ledger.start_pass("live")
    began = store.reports().last_sign(clock.now(), MINUTE)
    clock.advance(3600)
    ledger.note_pass(pass_id, {"polled": 0, "trouble": {"poll": "HTTP 503"}})

    noted = store.reports().last_sign(clock.now(), MINUTE)

    assert began == Sign(clock.now() - timedelta(hours=1), {})
    assert noted == Sign(clock.now(), {"poll": "HTTP 503"})


def test_only_the_living_say_what_is_wrong(store: Store, clock: ManualClock) -> None:
    dead, alive = store.ledger("desk", "dead"), store.ledger("desk", "alive")
    dead.note_pass(dead.start_pass("live"), {"trouble": {"poll": "HTTP 503"}})
    clock.advance(61)
    alive.note_pass(alive.start_pass("live"), {"trouble": {"claude": "HTTP 529"}})

    assert store.reports().last_sign(clock.now(), MINUTE) == Sign(clock.now(), {"claude": "HTTP 529"})


def test_signs_of_before_the_clock_was_set_back_do_not_count(
    store: Store, ledger: SqlLedger, clock: ManualClock
) -> None:
    pass_id = ledger.start_pass("live")
    ledger.end_pass(pass_id, {})
    clock.jump(-3600)
    again = ledger.start_pass("live")
    clock.advance(30)
    ledger.note_pass(again, {})
    clock.advance(1800)

    sign = store.reports().last_sign(clock.now(), MINUTE)

    assert sign == Sign(clock.now() - timedelta(seconds=1800), {})


def test_a_service_that_died_days_ago_is_told_with_its_last_sign(
    store: Store, ledger: SqlLedger, clock: ManualClock
) -> None:
    ledger.end_pass(ledger.start_pass("live"), {"trouble": {"poll": "HTTP 503"}})
    died = clock.now()
    clock.advance(3 * 86_400)

    assert store.reports().last_sign(clock.now(), MINUTE) == Sign(died, {})


def test_nobody_ever_is_no_sign(store: Store, clock: ManualClock) -> None:
    assert store.reports().last_sign(clock.now(), MINUTE) is None
