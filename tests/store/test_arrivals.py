"""Tickets that came by another way than the feed are stored beside it, each once, whatever comes first."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy import select

from connector.clock import ManualClock
from connector.domain.decision import Applied, Outcome
from connector.domain.ticket import Arrival, Disposition, History, Reply, Unreadable
from connector.ports import Screened
from connector.store import SqlLedger, Store
from connector.store.tables import submissions
from tests.store.conftest import Desk


def take(
    ledger: SqlLedger,
    desk: Desk,
    *ids: str,
    arrival: Arrival = Arrival.FAST,
    disposition: Disposition = Disposition.ORIGINAL,
    reply: Reply | None = None,
    **facts: Any,
) -> Mapping[Disposition, int]:
    """These tickets arrive by another way than the feed."""
    revisions = [Screened(desk.make_ticket(id=each, **facts), disposition, reply) for each in ids]
    return ledger.store_arrivals(revisions, (), arrival)


def write(ledger: SqlLedger, desk: Desk) -> None:
    """The next submission is decided and its write applied, which makes version v2 in group 11."""
    desk.decide(ledger)
    claim = desk.claim_write(ledger)
    ledger.intend_writes([(claim, claim.ticket)])
    applied = Applied(claim.ticket.id, Outcome.APPLIED, "v2", desk.clock.now(), "11")
    ledger.end_write(claim, Outcome.APPLIED, applied, "")


def arrivals(store: Store) -> list[tuple[str, int, str]]:
    columns = submissions.c.ticket_id, submissions.c.generation, submissions.c.arrived_by
    with store.database.read("test") as tx:
        return [(row[0], row[1], row[2]) for row in tx.execute(select(*columns).order_by(submissions.c.id))]


# --- Beside the feed --------------------------------------------------------------------------------------


def test_what_comes_before_any_poll_waits_for_triage_and_leaves_the_feed_where_it_was(
    ledger: SqlLedger, desk: Desk
) -> None:
    counts = take(ledger, desk, "t1", "t2")

    horizon = ledger.horizon()
    lease = desk.lease(ledger)
    assert counts == {Disposition.ORIGINAL: 2}
    assert ledger.due().submissions == 2
    assert ledger.history(["t1"]) == {"t1": History(Disposition.ORIGINAL)}
    assert (horizon, lease.checkpoint) == (None, None)


def test_the_horizon_is_that_of_the_first_poll(ledger: SqlLedger, desk: Desk, clock: ManualClock) -> None:
    first = desk.lease(ledger).horizon
    clock.advance(3600)

    take(ledger, desk, "t1")
    desk.lease(ledger)

    assert ledger.horizon() == first


def test_a_poller_keeps_its_lease_and_its_checkpoint_while_others_store(
    ledger: SqlLedger, rival: SqlLedger, desk: Desk
) -> None:
    lease = desk.lease(rival)
    rival.store_page(lease, "c1", (), ())

    take(ledger, desk, "t1")
    rival.store_page(lease, "c2", (), ())

    assert desk.lease(rival).checkpoint == "c2"


def test_how_a_submission_reached_us_is_on_record_for_all_its_generations(
    store: Store, ledger: SqlLedger, desk: Desk, clock: ManualClock
) -> None:
    desk.arrive(ledger, "polled")
    take(ledger, desk, "fast", arrival=Arrival.FAST)
    take(ledger, desk, "nudged", arrival=Arrival.NUDGE)
    refused = {claim.ticket.id: claim for claim in ledger.claim_submissions(9)}["fast"]
    ledger.decide(refused, desk.decision(refused))
    other = desk.decision(refused, id="instead")
    ledger.end_write(desk.claim_write(ledger), Outcome.REJECTED, None, "422", other)
    reply = Reply(clock.now(), clock.now() + timedelta(seconds=9))
    take(ledger, desk, "polled", disposition=Disposition.UPDATE, version="v2", reply=reply)

    assert arrivals(store) == [
        ("polled", 1, "poll"),
        ("fast", 1, "fast"),
        ("nudged", 1, "nudge"),
        ("fast", 2, "fast"),
        ("polled", 2, "fast"),
    ]
    tickets = ("polled", "fast", "nudged", "unheard of")
    ways = [store.reports().story(each).arrival for each in tickets]
    assert ways == [Arrival.POLL, Arrival.FAST, Arrival.NUDGE, Arrival.POLL]


def test_what_cannot_be_read_is_kept_once(ledger: SqlLedger) -> None:
    lost = [Unreadable("t1", "no updated_at"), Unreadable(None, "no id")]

    first = ledger.store_arrivals((), lost, Arrival.FAST)
    again = ledger.store_arrivals((), lost, Arrival.FAST)

    assert (first, again) == ({Disposition.UNREADABLE: 2}, {Disposition.DUPLICATE: 2})


@pytest.mark.parametrize("moment", ["begun", "committing"])
def test_a_kill_on_the_way_stores_nothing_and_the_feed_brings_it_all_the_same(
    ledger: SqlLedger, desk: Desk, crash: Any, killed: Any, moment: str
) -> None:
    crash.armed = f"store_arrivals.{moment}"
    with pytest.raises(killed):
        take(ledger, desk, "t1")

    counts = desk.arrive(ledger, "t1")

    assert counts == {Disposition.ORIGINAL: 1}
    assert ledger.due().submissions == 1


# --- Judged before somebody else stored it ----------------------------------------------------------------


@pytest.mark.parametrize("first", ["feed", "fast lane"])
@pytest.mark.parametrize(("version", "expected"), [("v1", Disposition.DUPLICATE), ("v2", Disposition.UPDATE)])
def test_a_ticket_that_two_ways_took_for_new_is_one_submission(
    ledger: SqlLedger, rival: SqlLedger, desk: Desk, first: str, version: str, expected: Disposition
) -> None:
    if first == "feed":
        won = desk.arrive(ledger, "t1", version="v1")
        lost = take(rival, desk, "t1", version=version)
    else:
        won = dict(take(rival, desk, "t1", version="v1"))
        lost = desk.arrive(ledger, "t1", version=version)

    assert (won, lost) == ({Disposition.ORIGINAL: 1}, {expected: 1})
    assert ledger.due().submissions == 1
    assert desk.claim(ledger).ticket.version == "v1"


def test_the_verdict_that_was_stored_first_stays(ledger: SqlLedger, desk: Desk) -> None:
    take(ledger, desk, "t1", disposition=Disposition.ALREADY_ROUTED, version="v2")

    late = desk.arrive(ledger, "t1", version="v1")

    assert late == {Disposition.UPDATE: 1}
    assert ledger.history(["t1"]) == {"t1": History(Disposition.ALREADY_ROUTED)}
    assert ledger.due().submissions == 0


def test_a_restored_ticket_gets_its_new_chance_by_either_way(ledger: SqlLedger, desk: Desk) -> None:
    desk.arrive(ledger, "t1", disposition=Disposition.DELETED)

    assert take(ledger, desk, "t1", version="v2") == {Disposition.ORIGINAL: 1}


# --- Out of order -----------------------------------------------------------------------------------------


def test_a_correction_that_two_ways_bring_counts_once(store: Store, ledger: SqlLedger, desk: Desk) -> None:
    desk.arrive(ledger, "t1")
    write(ledger, desk)
    moved: dict[str, Any] = {"disposition": Disposition.CORRECTION, "version": "v3", "group": "12"}

    first = take(ledger, desk, "t1", **moved)
    second = desk.arrive(ledger, "t1", **moved)
    later = desk.arrive(ledger, "t1", **moved | {"version": "v4"})

    assert (first, second, later) == (
        {Disposition.CORRECTION: 1},
        {Disposition.DUPLICATE: 1},
        {Disposition.UPDATE: 1},
    )
    assert len(store.reports().story("t1").corrections) == 1


@pytest.mark.parametrize(
    ("order", "moves"),
    [
        (("v3", "v4"), [("11", "13"), ("13", "12")]),
        (("v4", "v3"), [("11", "12")]),  # v3 came late: the ticket is not back in group 13
    ],
)
def test_a_move_from_before_the_one_that_we_know_is_no_correction(
    store: Store, ledger: SqlLedger, desk: Desk, order: tuple[str, str], moves: list[tuple[str, str]]
) -> None:
    desk.arrive(ledger, "t1")
    write(ledger, desk)
    now = desk.clock.now()
    states: dict[str, dict[str, Any]] = {
        "v3": {"group": "13", "updated_at": now + timedelta(seconds=10)},
        "v4": {"group": "12", "updated_at": now + timedelta(seconds=20)},
    }

    for version in order:
        take(ledger, desk, "t1", disposition=Disposition.CORRECTION, version=version, **states[version])
    after = desk.arrive(ledger, "t1", disposition=Disposition.CORRECTION, version="v5", **states["v4"])

    assert [(each.from_group, each.to_group) for each in store.reports().story("t1").corrections] == moves
    assert after == {Disposition.UPDATE: 1}


# --- Replies ----------------------------------------------------------------------------------------------


def test_a_reply_of_which_the_first_way_did_not_tell_is_heard_when_the_feed_tells(
    ledger: SqlLedger, desk: Desk, clock: ManualClock
) -> None:
    desk.arrive(ledger, "t1")
    write(ledger, desk)
    reply = Reply(clock.now(), clock.now() + timedelta(seconds=5))
    take(ledger, desk, "t1", disposition=Disposition.ECHO, version="v2")

    counts = ledger.store_page(
        desk.lease(ledger),
        "c9",
        [Screened(desk.make_ticket(id="t1", version="v2"), Disposition.ECHO, reply)],
        (),
    )

    assert counts == {Disposition.DUPLICATE: 1}
    assert desk.claim(ledger).reply == reply


def test_words_that_two_ways_bring_are_heard_once(
    ledger: SqlLedger, desk: Desk, clock: ManualClock, store: Store
) -> None:
    desk.arrive(ledger, "t1")
    write(ledger, desk)
    began, spoke, later = (clock.now() + timedelta(seconds=each) for each in (0, 5, 8))

    for version, until in (("v3", spoke), ("v4", spoke), ("v5", later)):  # all judged by what was known first
        reply = Reply(began, until)
        take(ledger, desk, "t1", disposition=Disposition.UPDATE, version=version, reply=reply)

    heard = [each.reply for each in store.reports().story("t1").submissions]
    assert heard == [None, Reply(began, spoke), Reply(spoke, later)]
