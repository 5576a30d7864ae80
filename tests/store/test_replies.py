"""Replies in the ledger: which routings still count, what waits for a second look, who wrote before."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest

from connector.clock import ManualClock
from connector.domain.decision import Applied, Cause, Kind, Outcome
from connector.domain.ticket import Disposition, Reply, Standing, Status
from connector.pipeline.undo import Selection
from connector.ports import Screened
from connector.store import SqlLedger, Store, Whose
from tests.store.conftest import Desk

AFTER = Standing("v2", Status.NEW, "11", None, "normal", ("ai_routed",))


def written(ledger: SqlLedger, desk: Desk, ticket: str = "t1", **decision: Any) -> None:
    """A ticket that we routed."""
    desk.arrive(ledger, ticket, created_at=desk.clock.now(), updated_at=desk.clock.now())
    desk.decide(ledger, **decision)
    end(ledger, desk)


def end(ledger: SqlLedger, desk: Desk, outcome: Outcome = Outcome.APPLIED) -> None:
    claim = desk.claim_write(ledger)
    ledger.intend_writes([(claim, claim.ticket)])
    applied = Applied(claim.ticket.id, outcome, "v2", desk.clock.now(), "11", left=AFTER)
    ledger.end_write(claim, outcome, applied, "")


def speaks(ledger: SqlLedger, desk: Desk, ticket: str = "t1", version: str = "v3", **facts: Any) -> Reply:
    """A page brings the requester's reply."""
    since = ledger.routings([ticket])[ticket].heard_until if ledger.routings([ticket]) else desk.clock.now()
    reply = Reply(since, desk.clock.now())
    revision = desk.make_ticket(id=ticket, version=version, **facts)
    screened = Screened(revision, Disposition.UPDATE, reply)
    ledger.store_page(desk.lease(ledger), f"r{version}", [screened], ())
    return reply


def test_a_routing_counts_with_what_was_heard(ledger: SqlLedger, desk: Desk, clock: ManualClock) -> None:
    heard = clock.now()
    written(ledger, desk)

    ours = ledger.routings(["t1", "t2"])

    assert set(ours) == {"t1"}
    assert ours["t1"].decision.id == "decision-t1"
    assert (ours["t1"].left, ours["t1"].left_group) == (AFTER, "11")
    assert ours["t1"].since == ours["t1"].heard_until == heard


@pytest.mark.parametrize(
    "decision",
    [{"kind": Kind.ESCALATED}, {"kind": Kind.FAILED_OPEN}, {"cause": Cause.MATERIAL_CHANGE}],
)
def test_what_people_have_or_was_changed_once_does_not_count(
    ledger: SqlLedger, desk: Desk, decision: dict[str, Any]
) -> None:
    written(ledger, desk, **decision)

    assert ledger.routings(["t1"]) == {}


def test_a_corrected_a_pending_and_an_undone_routing_do_not_count(
    ledger: SqlLedger, desk: Desk, store: Store
) -> None:
    written(ledger, desk, "moved")
    desk.arrive(ledger, "moved", disposition=Disposition.CORRECTION, version="v9", group="12")
    written(ledger, desk, "undone")
    store.undos("desk", "w1").enlist("p", Selection(tickets=("undone",)))
    desk.arrive(ledger, "pending")
    desk.decide(ledger)

    assert ledger.routings(["moved", "undone", "pending"]) == {}


def test_a_reply_waits_as_a_submission_without_the_classified_words(
    ledger: SqlLedger, desk: Desk, clock: ManualClock
) -> None:
    written(ledger, desk)
    clock.advance(3600)
    reply = speaks(ledger, desk)

    claim = desk.claim(ledger)

    assert (claim.generation, claim.reply) == (2, reply)
    assert claim.routing is not None
    assert claim.routing.decision.id == "decision-t1"
    assert claim.ticket.text is None


def test_a_page_that_comes_twice_queues_a_reply_once(ledger: SqlLedger, desk: Desk, store: Store) -> None:
    written(ledger, desk)

    for _ in range(2):
        speaks(ledger, desk)

    assert len(store.reports().story("t1").submissions) == 2


def test_a_dismissed_look_is_over_and_later_words_begin_behind_it(
    ledger: SqlLedger, desk: Desk, clock: ManualClock, store: Store
) -> None:
    written(ledger, desk)
    clock.advance(3600)
    first = speaks(ledger, desk)

    ledger.dismiss(desk.claim(ledger), "no change")
    clock.advance(3600)
    second = speaks(ledger, desk, version="v4")

    assert second.since == first.until
    assert store.reports().story("t1").submissions[1].reason == "no change"
    assert desk.claim(ledger).generation == 3


def test_of_two_looks_that_change_a_ticket_at_once_the_first_counts(
    ledger: SqlLedger, desk: Desk, clock: ManualClock, store: Store
) -> None:
    written(ledger, desk)
    for version in ("v3", "v4"):
        clock.advance(60)
        speaks(ledger, desk, version=version)

    for claim in ledger.claim_submissions(2):
        ledger.decide(claim, desk.decision(claim, id="the-change", cause=Cause.MATERIAL_CHANGE))

    story = store.reports().story("t1")
    assert [each.decision.id for each in story.decisions] == ["decision-t1", "the-change"]
    assert len(story.writes) == 2
    assert {each.state for each in story.submissions} == {"decided"}


def test_whoever_is_forgotten_gets_no_second_look(ledger: SqlLedger, desk: Desk, store: Store) -> None:
    written(ledger, desk)
    store.eraser("desk").forget(Whose(tickets=("t1",)))

    speaks(ledger, desk)

    assert ledger.claim_submissions(1) == []


def test_a_reply_that_waits_when_its_requester_is_forgotten_says_nothing_of_them(
    ledger: SqlLedger, desk: Desk, store: Store
) -> None:
    written(ledger, desk)
    speaks(ledger, desk)

    store.eraser("desk").forget(Whose(requesters=("901",)))

    claim = desk.claim(ledger)
    assert (claim.ticket.requester, claim.ticket.subject) == (None, "")


def test_earlier_tickets_are_those_of_the_same_requester_in_the_time_before(
    ledger: SqlLedger, desk: Desk, clock: ManualClock, store: Store
) -> None:
    now = clock.now()
    ages = {"old": 25, "recent": 3, "other": 2, "this": 0, "later": -1}
    for ticket, hours in ages.items():
        requester = "902" if ticket == "other" else "901"
        desk.arrive(ledger, ticket, created_at=now - timedelta(hours=hours), requester=requester)

    counted = count(ledger)
    store.eraser("desk").forget(Whose(tickets=("recent",)))

    assert counted == {"old": 0, "recent": 1, "other": 0, "this": 1, "later": 2}
    assert count(ledger) == {"old": 0, "recent": 0, "other": 0, "this": 0, "later": 1}


def test_earlier_tickets_are_found_by_an_index(store: Store) -> None:
    is_sqlite = store.database.engine.dialect.name == "sqlite"
    asked = (
        "SELECT count(*) FROM submissions WHERE helpdesk = 'd' AND requester = '9'"
        " AND opened_at >= 1 AND opened_at <= 2 AND ticket_id <> 't'"
    )
    with store.database.read("plan") as tx:
        if not is_sqlite:
            tx.exec_driver_sql("SET LOCAL enable_seqscan = off")  # the table is empty
        explained = tx.exec_driver_sql(f"EXPLAIN {'QUERY PLAN ' if is_sqlite else ''}{asked}")
        plan = " ".join(str(row) for row in explained)

    assert "ix_submissions_requester" in plan


def count(ledger: SqlLedger) -> dict[str, int]:
    """What is counted for each ticket that waits."""
    claims = ledger.claim_submissions(9, timedelta(hours=24))
    for claim in claims:
        ledger.return_submission(claim)
    return {claim.ticket.id: claim.earlier for claim in claims}
