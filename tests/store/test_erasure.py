"""Words leave the ledger when they are old, unwanted or deleted at the helpdesk, and do not come back."""

from __future__ import annotations

import sqlite3
import threading
from collections.abc import Iterator
from contextlib import closing
from dataclasses import replace
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any

import pytest
from sqlalchemy import make_url, select, text
from sqlalchemy.schema import CreateIndex, CreateTable

from connector.clock import ManualClock
from connector.domain.classification import Tier
from connector.domain.decision import Applied, Outcome
from connector.domain.ticket import Disposition, Status
from connector.errors import LeaseLost
from connector.ports import Due, Screened
from connector.store import SqlEraser, SqlLedger, Store, Whose, open_store
from connector.store.erasure import older_than
from connector.store.personal import ERASED, Erasure
from connector.store.tables import metadata, submissions
from tests.support.postgres import keep_time
from tests.support.world import MakeTicket

SQLITE = make_url("sqlite://").get_dialect()()
CANARY = "canary-7f3a"
JANE = f"jane-{CANARY}"


@pytest.fixture
def eraser(store: Store) -> SqlEraser:
    return store.eraser("desk")


def dump(store: Store) -> str:
    """Every value of every row."""
    with store.database.read("test") as tx:
        return "\n".join(
            repr(tuple(row))
            for name in metadata.tables
            for row in tx.execute(text(f"SELECT * FROM {name}"))  # noqa: S608 - our own tables
        )


def arrive(ledger: SqlLedger, desk: Any, *ids: str, **facts: Any) -> None:
    words = {
        "subject": f"About {CANARY}",
        "text": f"{CANARY} asks",
        "requester": JANE,
        "organization": CANARY,
    }
    desk.arrive(ledger, *ids, **(words | facts))


def classify(ledger: SqlLedger, desk: Any) -> None:
    """The next submission is asked about and decided, by a model that quotes the ticket."""
    claim = desk.claim(ledger)
    found = replace(desk.labelled(), reason=f"{CANARY} wants a refund")
    ledger.end_call(
        ledger.begin_call(claim, Tier.CHEAP, "m", Decimal("0.01")),
        replace(desk.answer(), classification=found),
    )
    ledger.decide(claim, desk.decision(claim, reason=found.reason, classification=found, steps=()))


def write(ledger: SqlLedger, desk: Any, outcome: Outcome = Outcome.APPLIED) -> None:
    claim = desk.claim_write(ledger)
    ledger.intend_writes([(claim, claim.ticket)])
    applied = Applied(claim.ticket.id, outcome, "v2", desk.clock.now(), "11")
    ledger.end_write(claim, outcome, applied, f"upstream said {CANARY}")


def finish(ledger: SqlLedger, desk: Any, ticket: str, **facts: Any) -> None:
    arrive(ledger, desk, ticket, **facts)
    classify(ledger, desk)
    write(ledger, desk)


def ago(clock: ManualClock, **age: float) -> datetime:
    return clock.now() - timedelta(**age)


# --- Retention --------------------------------------------------------------------------------------------


def test_old_words_are_erased_and_the_decision_stays(
    store: Store, ledger: SqlLedger, eraser: SqlEraser, desk: Any, clock: ManualClock
) -> None:
    finish(ledger, desk, "t1")
    clock.advance(86_400)

    erased = eraser.erase_older(ago(clock, hours=23), 10)

    assert erased == 1
    story = store.reports().story("t1")
    (submission,), (call,), (decided,), (written,) = (
        story.submissions,
        story.calls,
        story.decisions,
        story.writes,
    )
    assert (submission.ticket, submission.erased_because) == (None, Erasure.RETENTION)
    assert submission.erased_at == clock.now()
    assert call.answer is None
    assert call.cost_usd == Decimal("0.00125")
    decision = decided.decision
    assert decision.classification is not None
    assert decision.classification.team == desk.labelled().team
    assert (decision.route.team, decision.cost_usd) == ("billing", Decimal("0.00125"))
    assert decision.reason == ERASED
    assert written.outcome is Outcome.APPLIED
    assert written.seen is not None, "an undo needs it"
    assert dump(store).count(CANARY) == 1, "only the write's reason, which no customer writes"
    assert JANE not in dump(store)


def test_words_that_are_young_or_wait_stay(
    store: Store, ledger: SqlLedger, eraser: SqlEraser, desk: Any, clock: ManualClock
) -> None:
    arrive(ledger, desk, "unwritten")
    classify(ledger, desk)
    arrive(ledger, desk, "leased")
    desk.claim(ledger)
    arrive(ledger, desk, "pending")
    clock.advance(30 * 86_400)
    arrive(ledger, desk, "young", requester="902")
    before = dump(store)

    erased = eraser.erase_older(ago(clock, days=1), 10)

    assert erased == 0
    assert dump(store) == before


def test_what_is_written_late_is_kept_from_then_on(
    ledger: SqlLedger, eraser: SqlEraser, desk: Any, clock: ManualClock
) -> None:
    arrive(ledger, desk, "t1")
    classify(ledger, desk)
    clock.advance(10 * 86_400)
    write(ledger, desk)

    assert eraser.erase_older(ago(clock, days=5), 10) == 0
    clock.advance(6 * 86_400)
    assert eraser.erase_older(ago(clock, days=5), 10) == 1


def test_a_sweep_that_was_killed_goes_on_where_it_was(
    store: Store,
    ledger: SqlLedger,
    eraser: SqlEraser,
    desk: Any,
    clock: ManualClock,
    crash: Any,
    killed: Any,
) -> None:
    for number in range(5):
        finish(ledger, desk, f"t{number}")
    clock.advance(86_400)
    before = ago(clock, hours=1)
    assert eraser.erase_older(before, 2) == 2
    crash.armed = "erase_older.committing"
    with pytest.raises(killed):
        eraser.erase_older(before, 2)

    swept = [eraser.erase_older(before, 2) for _ in range(3)]

    assert swept == [2, 1, 0]
    assert JANE not in dump(store)


def test_another_helpdesks_words_stay(store: Store, ledger: SqlLedger, desk: Any, clock: ManualClock) -> None:
    finish(ledger, desk, "t1")
    clock.advance(86_400)
    other = store.eraser("another")

    swept = other.erase_older(clock.now(), 10)
    found = other.forget(Whose((JANE,), ("t1",)))

    assert (swept, found.texts) == (0, 0)
    assert JANE in dump(store)


def test_a_sweep_reads_the_index_of_what_has_text() -> None:
    due = select(submissions.c.id).where(*older_than("desk", 1)).order_by(submissions.c.seen_at).limit(10)
    statement = due.compile(dialect=SQLITE, compile_kwargs={"literal_binds": True})

    with closing(sqlite3.connect(":memory:")) as place:
        for table in metadata.sorted_tables:
            place.execute(str(CreateTable(table).compile(dialect=SQLITE)))
        for index in submissions.indexes:
            place.execute(str(CreateIndex(index).compile(dialect=SQLITE)))
        plan = [row[3] for row in place.execute(f"EXPLAIN QUERY PLAN {statement}")]

    assert any("ix_submissions_with_text (helpdesk=? AND seen_at<?)" in step for step in plan), plan
    assert not any("TEMP B-TREE" in step for step in plan), plan


# --- Forgetting -------------------------------------------------------------------------------------------


def test_forgetting_leaves_nothing_of_a_person_in_any_table(
    store: Store, ledger: SqlLedger, eraser: SqlEraser, desk: Any
) -> None:
    finish(ledger, desk, "done")
    arrive(ledger, desk, "unwritten")
    classify(ledger, desk)
    arrive(ledger, desk, "leased")
    desk.claim(ledger)
    arrive(ledger, desk, "pending")
    desk.arrive(ledger, "joe", requester="902", text="Where is my order?")

    found = eraser.forget(Whose((JANE,)))

    assert found.tickets == ("done", "leased", "pending", "unwritten")
    assert found.waiting == ("leased", "pending")
    assert (found.texts, found.decisions, found.answers) == (4, 2, 2)
    assert CANARY not in dump(store)
    assert "Where is my order?" in dump(store)


def test_looking_tells_the_same_and_changes_nothing(
    store: Store, ledger: SqlLedger, eraser: SqlEraser, desk: Any
) -> None:
    finish(ledger, desk, "done")
    arrive(ledger, desk, "pending")
    before = dump(store)

    seen = eraser.look(Whose((JANE,), ("nowhere",)))

    assert dump(store) == before
    assert eraser.forget(Whose((JANE,), ("nowhere",))) == seen


def test_a_running_worker_can_store_nothing_about_a_forgotten_ticket(
    store: Store, ledger: SqlLedger, eraser: SqlEraser, desk: Any
) -> None:
    arrive(ledger, desk, "t1")
    claim = desk.claim(ledger)
    call = ledger.begin_call(claim, Tier.CHEAP, "m", Decimal("0.01"))
    eraser.forget(Whose((JANE,)))

    found = replace(desk.labelled(), reason=f"{CANARY} wants a refund")
    ledger.end_call(call, replace(desk.answer(), classification=found))
    for late in (
        lambda: ledger.begin_call(claim, Tier.STRONG, "m", Decimal("0.01")),
        lambda: ledger.decide(claim, desk.decision(claim, reason=CANARY)),
        lambda: ledger.defer_submission(claim, 1, CANARY, counts=False),
        lambda: ledger.return_submission(claim),
    ):
        with pytest.raises(LeaseLost):
            late()

    assert CANARY not in dump(store)
    (told,) = store.reports().story("t1").calls
    assert (told.state, told.cost_usd) == ("error", Decimal("0.01")), "it counts at what it may have cost"


def test_a_forgotten_ticket_that_waits_is_claimed_again_without_words(
    ledger: SqlLedger, eraser: SqlEraser, desk: Any
) -> None:
    arrive(ledger, desk, "t1", group="77", status=Status.OPEN)
    desk.claim(ledger)

    eraser.forget(Whose((JANE,)))

    ticket = desk.claim(ledger).ticket
    assert (ticket.subject, ticket.text, ticket.requester) == ("", "", None)
    assert (ticket.id, ticket.group, ticket.status) == ("t1", "77", Status.OPEN)


def test_a_write_that_waits_goes_on_with_facts_and_leaves_none(
    store: Store, ledger: SqlLedger, eraser: SqlEraser, desk: Any, clock: ManualClock
) -> None:
    arrive(ledger, desk, "t1", tags=(f"vip-{CANARY}",))
    classify(ledger, desk)
    eraser.forget(Whose(tickets=("t1",)))

    claim = desk.claim_write(ledger)
    ledger.intend_writes([(claim, replace(claim.ticket, tags=(f"vip-{CANARY}",)))])
    ledger.end_write(claim, Outcome.APPLIED, None, "")
    eraser.erase_older(None, 10)

    assert claim.decision.reason == ERASED
    assert claim.decision.route.group == "11"
    story = store.reports().story("t1")
    assert [each.outcome for each in story.writes] == [Outcome.APPLIED]
    assert [each.ticket for each in story.submissions] == [None]
    assert CANARY not in dump(store)


def test_old_words_of_a_forgotten_person_do_not_come_back(
    store: Store, ledger: SqlLedger, eraser: SqlEraser, desk: Any, clock: ManualClock
) -> None:
    finish(ledger, desk, "t1")
    eraser.forget(Whose((JANE,)))

    clock.advance(60)
    arrive(ledger, desk, "t1")  # the overlap delivers it again
    arrive(ledger, desk, "t1", version="v9", fingerprint="f9")  # a reply to it
    arrive(ledger, desk, "t2")  # written before, polled only now

    assert CANARY not in dump(store)
    assert desk.claim(ledger).ticket.text == "", "a person gets it, unread"
    (late,) = store.reports().story("t2").submissions
    assert late.erased_because is Erasure.REQUEST


def test_what_a_forgotten_person_writes_later_is_a_new_request(
    ledger: SqlLedger, eraser: SqlEraser, desk: Any, clock: ManualClock
) -> None:
    eraser.forget(Whose((JANE,)))

    arrive(ledger, desk, "t1", created_at=clock.now() + timedelta(seconds=1))

    assert desk.claim(ledger).ticket.requester == JANE


def test_whose_words_may_not_be_stored_again_can_be_asked(
    eraser: SqlEraser, make_ticket: MakeTicket, clock: ManualClock
) -> None:
    at = clock.now()
    named, earlier, later, other = (
        make_ticket(id="t1", created_at=at),
        make_ticket(id="t2", requester=JANE, created_at=at),
        make_ticket(id="t3", requester=JANE, created_at=at + timedelta(seconds=1)),
        make_ticket(id="t4", created_at=at),
    )
    everything = [named, earlier, later, other]
    before = eraser.barred(everything)

    eraser.forget(Whose((JANE,), ("t1",)))

    assert before == frozenset()
    assert eraser.barred(everything) == {"t1", "t2"}


def test_forgetting_again_reaches_what_was_written_in_between(
    store: Store, ledger: SqlLedger, eraser: SqlEraser, desk: Any, clock: ManualClock
) -> None:
    eraser.forget(Whose((JANE,)))
    clock.advance(60)
    eraser.forget(Whose((JANE,)))

    arrive(ledger, desk, "t1", created_at=clock.now() - timedelta(seconds=1))

    assert CANARY not in dump(store)


def test_a_ticket_forgotten_before_it_was_polled_stays_forgotten(
    store: Store, ledger: SqlLedger, eraser: SqlEraser, desk: Any, clock: ManualClock
) -> None:
    eraser.forget(Whose(tickets=("t1",)))

    arrive(ledger, desk, "t1", created_at=clock.now() + timedelta(days=1))

    assert CANARY not in dump(store)


def test_a_tombstone_does_not_say_whose_it_is(store: Store, eraser: SqlEraser) -> None:
    eraser.forget(Whose((JANE,), ("ticket-4711",)))

    assert JANE not in dump(store)
    assert "ticket-4711" not in dump(store)


def test_a_kill_while_forgetting_leaves_the_tombstone_and_the_rest_for_a_repetition(
    store: Store, ledger: SqlLedger, eraser: SqlEraser, desk: Any, crash: Any, killed: Any
) -> None:
    finish(ledger, desk, "t1")
    crash.armed = "forget.committing"
    with pytest.raises(killed):
        eraser.forget(Whose((JANE,)))
    arrive(ledger, desk, "t2")

    assert desk.claim(ledger).ticket.text == ""
    assert eraser.forget(Whose((JANE,))).tickets == ("t1",)
    assert CANARY not in dump(store)


@pytest.fixture
def slow_page(url: str, clock: ManualClock) -> Iterator[tuple[Store, threading.Event, threading.Event]]:
    """A store whose pages wait, right before they are committed, until they may go on."""
    waits, may_go_on = threading.Event(), threading.Event()

    def hold(moment: str) -> None:
        if moment == "store_page.committing":
            waits.set()
            assert may_go_on.wait(30)

    with closing(open_store(url, clock=clock, failpoint=hold)) as store:
        keep_time(store, clock)
        yield store, waits, may_go_on


def test_a_page_that_is_being_stored_meanwhile_is_forgotten_too(slow_page: Any, desk: Any) -> None:
    store, waits, may_go_on = slow_page
    ledger = store.ledger("desk", "w1")
    polling = threading.Thread(target=arrive, args=(ledger, desk, "t1"))
    forgetting = threading.Thread(target=store.eraser("desk").forget, args=(Whose((JANE,)),))

    polling.start()
    assert waits.wait(30)
    forgetting.start()
    forgetting.join(0.3)
    held_up = forgetting.is_alive()
    may_go_on.set()
    polling.join(30)
    forgetting.join(30)

    assert held_up, "it must wait for the page, or it would miss it"
    assert CANARY not in dump(store)


# --- Deleted at the helpdesk ------------------------------------------------------------------------------


def delivered(ledger: SqlLedger, desk: Any, disposition: Disposition, **facts: Any) -> None:
    """A later revision of t1, as intake screens it."""
    ticket = desk.make_ticket(id="t1", **facts)
    ledger.store_page(desk.lease(ledger), facts["version"], [Screened(ticket, disposition)], ())


@pytest.mark.parametrize("words", [CANARY, "SCRUBBED"])
@pytest.mark.parametrize("far", ["pending", "leased", "unwritten", "written"])
def test_a_deleted_ticket_is_erased_with_the_page_that_says_so(
    store: Store, ledger: SqlLedger, desk: Any, far: str, words: str
) -> None:
    arrive(ledger, desk, "t1")
    if far == "leased":
        desk.claim(ledger)
    if far in ("unwritten", "written"):
        classify(ledger, desk)
    if far == "written":
        write(ledger, desk)

    delivered(
        ledger, desk, Disposition.UPDATE, version="v2", status=Status.DELETED, subject=words, text=words
    )

    assert CANARY not in dump(store)
    (submission,) = store.reports().story("t1").submissions
    assert submission.erased_because is Erasure.DELETED


def test_a_page_that_is_not_committed_erases_nothing(
    store: Store, ledger: SqlLedger, desk: Any, crash: Any, killed: Any
) -> None:
    arrive(ledger, desk, "t1")
    crash.armed = "store_page.committing"

    with pytest.raises(killed):
        delivered(ledger, desk, Disposition.UPDATE, version="v2", status=Status.DELETED)

    assert CANARY in dump(store)


def test_a_ticket_restored_in_the_same_page_keeps_its_words(
    store: Store, ledger: SqlLedger, desk: Any
) -> None:
    arrive(ledger, desk, "t1")
    revisions = [
        Screened(desk.make_ticket(id="t1", version="v2", status=Status.DELETED), Disposition.UPDATE),
        Screened(desk.make_ticket(id="t1", version="v3", status=Status.OPEN), Disposition.UPDATE),
    ]

    ledger.store_page(desk.lease(ledger), "c9", revisions, ())

    assert CANARY in dump(store)


def test_a_deletion_delivered_again_says_nothing_new(store: Store, ledger: SqlLedger, desk: Any) -> None:
    desk.arrive(ledger, "t1", disposition=Disposition.DELETED, version="v1", status=Status.DELETED)
    delivered(ledger, desk, Disposition.ORIGINAL, version="v2", text=CANARY)  # restored

    delivered(ledger, desk, Disposition.UPDATE, version="v1", status=Status.DELETED)

    assert CANARY in dump(store)


def test_a_deleted_ticket_that_waited_comes_to_rest(ledger: SqlLedger, desk: Any) -> None:
    arrive(ledger, desk, "t1")
    delivered(ledger, desk, Disposition.UPDATE, version="v2", status=Status.DELETED)

    desk.decide(ledger)
    write(ledger, desk, Outcome.GONE)

    assert ledger.due() == Due(0, 0, None)
