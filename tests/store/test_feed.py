"""Pages are stored with their checkpoint, every revision once, and what is known comes back."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest

from connector.clock import ManualClock
from connector.domain.decision import Applied, Outcome
from connector.domain.ticket import Disposition, History, Unreadable
from connector.errors import LeaseLost
from connector.ports import Screened
from connector.store import SqlLedger, Store


def write(ledger: SqlLedger, desk: Any, group: str | None = "11") -> None:
    """The next submission is decided and its write applied, which makes version v2."""
    desk.decide(ledger)
    claim = desk.claim_write(ledger)
    ledger.intend_writes([(claim, claim.ticket)])
    applied = Applied(claim.ticket.id, Outcome.APPLIED, "v2", desk.clock.now(), group)
    ledger.end_write(claim, Outcome.APPLIED, applied, "")


# --- The right to poll ------------------------------------------------------------------------------------


def test_the_first_horizon_stays_for_ever(ledger: SqlLedger, clock: ManualClock) -> None:
    first = clock.now() - timedelta(hours=24)
    ledger.lease_poll(first)
    clock.advance(3600)

    lease = ledger.lease_poll(clock.now())

    assert lease is not None
    assert lease.horizon == first


def test_a_poll_resumes_at_the_checkpoint_of_the_last_page(ledger: SqlLedger, desk: Any) -> None:
    lease = desk.lease(ledger)
    ledger.store_page(lease, "c1", (), ())
    ledger.store_page(lease, "c2", (), ())

    again = desk.lease(ledger)

    assert (lease.checkpoint, again.checkpoint) == (None, "c2")
    assert again.epoch > lease.epoch


def test_only_one_worker_polls_until_its_lease_runs_out(
    ledger: SqlLedger, rival: SqlLedger, clock: ManualClock, desk: Any
) -> None:
    desk.lease(ledger)

    refused = rival.lease_poll(clock.now())
    clock.advance(181)
    granted = rival.lease_poll(clock.now())

    assert refused is None
    assert granted is not None


def test_every_page_renews_the_lease(
    ledger: SqlLedger, rival: SqlLedger, clock: ManualClock, desk: Any
) -> None:
    lease = desk.lease(ledger)
    clock.advance(170)
    ledger.store_page(lease, "c1", (), ())
    clock.advance(170)

    assert rival.lease_poll(clock.now()) is None


def test_a_page_of_a_poller_that_was_replaced_is_void(
    ledger: SqlLedger, rival: SqlLedger, clock: ManualClock, desk: Any
) -> None:
    stale = desk.lease(ledger)
    clock.advance(181)
    desk.arrive(rival, "t2")

    with pytest.raises(LeaseLost):
        ledger.store_page(stale, "stale", [Screened(desk.make_ticket(id="t1"), Disposition.ORIGINAL)], ())

    assert ledger.history(["t1"]) == {}
    assert desk.lease(rival).checkpoint == "c1"


def test_an_older_lease_of_the_same_worker_is_void_too(ledger: SqlLedger, desk: Any) -> None:
    older = desk.lease(ledger)
    desk.lease(ledger)

    with pytest.raises(LeaseLost):
        ledger.store_page(older, "c1", (), ())


def test_helpdesks_have_their_own_checkpoints(store: Store, desk: Any) -> None:
    one, other = store.ledger("one", "w1"), store.ledger("other", "w1")
    desk.arrive(one, "t1")

    assert desk.lease(other).checkpoint is None
    assert other.history(["t1"]) == {}


# --- Pages ------------------------------------------------------------------------------------------------


def test_what_is_new_is_counted_and_what_came_before_is_a_duplicate(ledger: SqlLedger, desk: Any) -> None:
    first = desk.arrive(ledger, "t1", "t2")

    second = desk.arrive(ledger, "t1", "t2", "t3")

    assert first == {Disposition.ORIGINAL: 2}
    assert second == {Disposition.ORIGINAL: 1, Disposition.DUPLICATE: 2}
    assert ledger.due().submissions == 3


def test_two_edits_in_one_second_are_two_revisions(ledger: SqlLedger, desk: Any) -> None:
    desk.arrive(ledger, "t1")

    counts = desk.arrive(ledger, "t1", disposition=Disposition.UPDATE, fingerprint="f1")

    assert counts == {Disposition.UPDATE: 1}


@pytest.mark.parametrize(
    ("second", "expected"),
    [
        ({"version": "v2"}, {Disposition.ORIGINAL: 1, Disposition.UPDATE: 1}),
        ({}, {Disposition.ORIGINAL: 1, Disposition.DUPLICATE: 1}),
    ],
)
def test_a_ticket_twice_in_one_page_is_one_submission(
    ledger: SqlLedger, desk: Any, second: dict[str, str], expected: dict[Disposition, int]
) -> None:
    page = [
        Screened(desk.make_ticket(id="t1"), Disposition.ORIGINAL),
        Screened(desk.make_ticket(id="t1", **second), Disposition.ORIGINAL),
    ]

    counts = ledger.store_page(desk.lease(ledger), "c1", page, ())

    assert counts == expected
    assert ledger.due().submissions == 1
    assert desk.claim(ledger).ticket == page[0].ticket


def test_a_ticket_settled_earlier_in_the_page_does_not_become_an_original(
    ledger: SqlLedger, desk: Any
) -> None:
    page = [
        Screened(desk.make_ticket(id="t1", version="v1"), Disposition.ALREADY_ROUTED),
        Screened(desk.make_ticket(id="t1", version="v2"), Disposition.ORIGINAL),
    ]

    counts = ledger.store_page(desk.lease(ledger), "c1", page, ())

    assert counts == {Disposition.ALREADY_ROUTED: 1, Disposition.UPDATE: 1}
    assert ledger.due().submissions == 0


def test_only_originals_wait_for_triage(ledger: SqlLedger, desk: Any) -> None:
    others = [each for each in Disposition if each is not Disposition.ORIGINAL]

    for number, disposition in enumerate(others):
        desk.arrive(ledger, f"t{number}", disposition=disposition)

    assert ledger.due().submissions == 0


def test_unreadable_tickets_are_kept_with_their_reason(store: Store, ledger: SqlLedger, desk: Any) -> None:
    lost = [Unreadable("t1", "no updated_at"), Unreadable(None, "no id"), Unreadable(None, "no id")]

    counts = ledger.store_page(desk.lease(ledger), "c1", (), lost)
    again = ledger.store_page(desk.lease(ledger), "c2", (), lost[:1])

    (revision,) = store.reports().story("t1").revisions
    assert counts == {Disposition.UNREADABLE: 3}
    assert again == {Disposition.DUPLICATE: 1}
    assert (revision.disposition, revision.reason) == (Disposition.UNREADABLE, "no updated_at")


def test_a_page_of_a_thousand_is_stored_whole(ledger: SqlLedger, desk: Any) -> None:
    ids = [f"t{number}" for number in range(1000)]

    counts = desk.arrive(ledger, *ids, disposition=Disposition.SOLVED)

    assert counts == {Disposition.SOLVED: 1000}
    assert len(ledger.history(ids)) == 1000


# --- What is known ----------------------------------------------------------------------------------------


def test_nothing_is_known_of_a_ticket_that_never_came(ledger: SqlLedger) -> None:
    assert ledger.history(["t1"]) == {}
    assert ledger.history([]) == {}


def test_the_first_verdict_is_remembered(ledger: SqlLedger, desk: Any) -> None:
    desk.arrive(ledger, "t1", disposition=Disposition.AGENT_AUTHORED)
    desk.arrive(ledger, "t1", disposition=Disposition.UPDATE, version="v2")

    assert ledger.history(["t1", "t2"]) == {"t1": History(Disposition.AGENT_AUTHORED)}


@pytest.mark.parametrize("disposition", [Disposition.DELETED, Disposition.UNREADABLE])
def test_a_restored_ticket_gets_a_new_chance(ledger: SqlLedger, desk: Any, disposition: Disposition) -> None:
    desk.arrive(ledger, "t1", disposition=disposition)

    assert ledger.history(["t1"]) == {}
    assert desk.arrive(ledger, "t1", version="v2") == {Disposition.ORIGINAL: 1}


def test_what_our_write_produced_is_remembered(ledger: SqlLedger, desk: Any, clock: ManualClock) -> None:
    desk.arrive(ledger, "t1")
    write(ledger, desk)

    assert ledger.history(["t1"]) == {"t1": History(Disposition.ORIGINAL, "v2", clock.now(), "11")}


def test_a_write_that_changed_nothing_produced_nothing(ledger: SqlLedger, desk: Any) -> None:
    desk.arrive(ledger, "t1")
    desk.decide(ledger)
    ledger.end_write(desk.claim_write(ledger), Outcome.SUPERSEDED, None, "a person changed the group")

    assert ledger.history(["t1"]) == {"t1": History(Disposition.ORIGINAL)}


# --- Corrections ------------------------------------------------------------------------------------------


def test_a_correction_says_from_where_to_where(store: Store, ledger: SqlLedger, desk: Any) -> None:
    desk.arrive(ledger, "t1")
    write(ledger, desk)

    desk.arrive(ledger, "t1", disposition=Disposition.CORRECTION, version="v3", group="12")
    desk.arrive(ledger, "t1", disposition=Disposition.CORRECTION, version="v4", group=None)

    moves = [(each.from_group, each.to_group) for each in store.reports().story("t1").corrections]
    assert moves == [("11", "12"), ("12", None)]


def test_a_reply_on_a_ticket_that_was_moved_is_no_further_correction(
    store: Store, ledger: SqlLedger, desk: Any
) -> None:
    desk.arrive(ledger, "t1")
    write(ledger, desk)
    desk.arrive(ledger, "t1", disposition=Disposition.CORRECTION, version="v3", group="12")

    counts = desk.arrive(ledger, "t1", disposition=Disposition.CORRECTION, version="v4", group="12")

    assert counts == {Disposition.UPDATE: 1}
    assert len(store.reports().story("t1").corrections) == 1


def test_a_correction_delivered_twice_is_stored_once(store: Store, ledger: SqlLedger, desk: Any) -> None:
    desk.arrive(ledger, "t1")
    write(ledger, desk)

    for _ in range(2):
        desk.arrive(ledger, "t1", disposition=Disposition.CORRECTION, version="v3", group="12")

    assert len(store.reports().story("t1").corrections) == 1
