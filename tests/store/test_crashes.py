"""A kill inside any transaction leaves all of it or nothing, and the work ends exactly once all the same."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import pytest

from connector.clock import ManualClock
from connector.domain.classification import Tier
from connector.domain.decision import Applied, Outcome
from connector.domain.ticket import Disposition
from connector.ports import Due, Screened
from connector.store import SqlLedger, Store

METHODS = (
    "lease_poll",
    "store_page",
    "claim_submissions",
    "begin_call",
    "end_call",
    "decide",
    "claim_writes",
    "intend_writes",
    "end_write",
)


def live(ledger: SqlLedger, desk: Any) -> None:
    """The life of one ticket, from wherever the ledger says it is."""
    lease = desk.lease(ledger)
    if lease.checkpoint is None:
        ledger.store_page(lease, "c1", [Screened(desk.make_ticket(id="t1"), Disposition.ORIGINAL)], ())
    for claim in ledger.claim_submissions(1):
        if not any(call.answer for call in claim.calls):
            call = ledger.begin_call(claim, Tier.CHEAP, "cheap-1", Decimal("0.01"))
            ledger.end_call(call, desk.answer())
        ledger.decide(claim, desk.decision(claim))
    for write in ledger.claim_writes(1):
        ledger.intend_writes([(write, write.ticket)])
        applied = Applied("t1", Outcome.APPLIED, "v2", desk.clock.now(), "11")
        ledger.end_write(write, Outcome.APPLIED, applied, "")


@pytest.mark.parametrize("moment", ["begun", "committing", "committed"])
@pytest.mark.parametrize("method", METHODS)
def test_a_kill_anywhere_costs_at_most_the_call_under_way(
    store: Store, clock: ManualClock, desk: Any, crash: Any, killed: Any, method: str, moment: str
) -> None:
    crash.armed = f"{method}.{moment}"
    with pytest.raises(killed):
        live(store.ledger("desk", "before"), desk)

    clock.advance(181)
    live(store.ledger("desk", "after"), desk)

    story = store.reports().story("t1")
    assert [each.disposition for each in story.revisions] == [Disposition.ORIGINAL]
    assert [each.state for each in story.submissions] == ["decided"]
    assert [each.outcome for each in story.writes] == [Outcome.APPLIED]
    assert len(story.decisions) == 1
    assert [each.state for each in story.calls].count("ok") == 1
    assert len(story.calls) <= 2
    assert store.ledger("desk", "later").due() == Due(0, 0, None)


def test_a_page_that_was_not_committed_moves_no_checkpoint(
    ledger: SqlLedger, desk: Any, crash: Any, killed: Any
) -> None:
    lease = desk.lease(ledger)
    crash.armed = "store_page.committing"

    with pytest.raises(killed):
        ledger.store_page(lease, "c1", [Screened(desk.make_ticket(id="t1"), Disposition.ORIGINAL)], ())

    assert desk.lease(ledger).checkpoint is None
    assert ledger.history(["t1"]) == {}
    assert ledger.due().submissions == 0


def test_a_decision_that_was_not_committed_leaves_no_write(
    store: Store, ledger: SqlLedger, desk: Any, crash: Any, killed: Any
) -> None:
    desk.arrive(ledger, "t1")
    claim = desk.claim(ledger)
    crash.armed = "decide.committing"

    with pytest.raises(killed):
        ledger.decide(claim, desk.decision(claim))

    story = store.reports().story("t1")
    assert (story.decisions, story.writes) == ((), ())
    ledger.decide(claim, desk.decision(claim))


def test_an_error_of_ours_leaves_the_database_free_for_others(
    ledger: SqlLedger, desk: Any, crash: Any, killed: Any
) -> None:
    crash.armed = "lease_poll.begun"
    with pytest.raises(killed):
        desk.lease(ledger)

    assert desk.arrive(ledger, "t1") == {Disposition.ORIGINAL: 1}


def test_every_method_is_one_transaction(ledger: SqlLedger, desk: Any, crash: Any) -> None:
    live(ledger, desk)

    committed = [moment.removesuffix(".committed") for moment in crash.seen if moment.endswith(".committed")]
    assert committed[-len(METHODS) :] == list(METHODS)
