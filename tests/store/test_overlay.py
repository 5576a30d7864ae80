"""A dry run knows what the real ledger knows and leaves no trace in it."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from contextlib import closing, contextmanager
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from connector.clock import ManualClock
from connector.domain.classification import Tier
from connector.domain.decision import Applied, Outcome
from connector.domain.ticket import Arrival, Disposition
from connector.ports import Due, PastCall, Screened
from connector.store import SqlLedger, Store, open_store, overlay


@pytest.fixture
def url(tmp_path: Path) -> str:
    return f"sqlite:///{tmp_path}/ledger.db"


@contextmanager
def rehearsal(url: str, clock: ManualClock) -> Iterator[SqlLedger]:
    with (
        closing(open_store(url, clock=clock, read_only=True)) as base,
        closing(open_store("sqlite://", clock=clock)) as scratch,
    ):
        yield overlay(base, scratch, "desk", "dry")


@pytest.fixture
def real(url: str, clock: ManualClock) -> Iterator[Store]:
    store = open_store(url, clock=clock)
    yield store
    store.close()


def play(ledger: SqlLedger, desk: Any) -> list[str]:
    """Everything due is decided and written; returns the tickets written."""
    for claim in ledger.claim_submissions(100):
        ledger.end_call(ledger.begin_call(claim, Tier.CHEAP, "m", Decimal("0.01")), desk.answer())
        ledger.decide(claim, desk.decision(claim))
    written = []
    for write in ledger.claim_writes(100):
        ledger.end_write(write, Outcome.DRY_RUN, None, "")
        written.append(write.ticket.id)
    return sorted(written)


def test_a_dry_run_leaves_every_byte_as_it_was(
    url: str, tmp_path: Path, clock: ManualClock, desk: Any
) -> None:
    with closing(open_store(url, clock=clock)) as store:
        ledger = store.ledger("desk", "w1")
        desk.arrive(ledger, "t1", "t2")
        desk.decide(ledger)
        ledger.release()
    before = {each.name: hashlib.sha256(each.read_bytes()).digest() for each in tmp_path.iterdir()}

    with rehearsal(url, clock) as dry:
        pass_id = dry.start_pass("dry_run")
        desk.arrive(dry, "t3")
        written = play(dry, desk)
        dry.end_pass(pass_id, {"polled": 1})
        dry.release()

    assert written == ["t1", "t2", "t3"]
    assert {each.name: hashlib.sha256(each.read_bytes()).digest() for each in tmp_path.iterdir()} == before


def test_what_comes_by_another_way_than_the_feed_is_rehearsed_without_a_trace(
    url: str, tmp_path: Path, clock: ManualClock, desk: Any
) -> None:
    with closing(open_store(url, clock=clock)) as store:
        horizon = desk.lease(store.ledger("desk", "w1")).horizon
        desk.arrive(store.ledger("desk", "w1"), "t1")
    before = {each.name: hashlib.sha256(each.read_bytes()).digest() for each in tmp_path.iterdir()}
    tickets = [Screened(desk.make_ticket(id=each), Disposition.ORIGINAL) for each in ("t1", "t2")]

    with rehearsal(url, clock) as dry:
        rehearsed = dry.horizon()
        dry.history(["t1", "t2"])
        counts = dry.store_arrivals(tickets, (), Arrival.FAST)

    assert rehearsed == horizon
    assert counts == {Disposition.ORIGINAL: 1, Disposition.DUPLICATE: 1}
    assert {each.name: hashlib.sha256(each.read_bytes()).digest() for each in tmp_path.iterdir()} == before


def test_a_dry_run_without_a_database_creates_none(
    url: str, tmp_path: Path, clock: ManualClock, desk: Any
) -> None:
    with rehearsal(url, clock) as dry:
        desk.arrive(dry, "t1")
        written = play(dry, desk)

    assert written == ["t1"]
    assert list(tmp_path.iterdir()) == []


def test_a_dry_run_leaves_a_live_pass_all_the_work(url: str, clock: ManualClock, desk: Any) -> None:
    with rehearsal(url, clock) as dry:
        desk.arrive(dry, "t1")
        play(dry, desk)

    with closing(open_store(url, clock=clock)) as store:
        counts = desk.arrive(store.ledger("desk", "w1"), "t1")

    assert counts == {Disposition.ORIGINAL: 1}


def test_it_resumes_at_the_real_checkpoint_while_the_service_polls(
    real: Store, url: str, clock: ManualClock, desk: Any
) -> None:
    ledger = real.ledger("desk", "w1")
    lease = desk.lease(ledger)
    ledger.store_page(lease, "c9", (), ())
    clock.advance(3600)

    with rehearsal(url, clock) as dry:
        rehearsed = dry.lease_poll(clock.now())

    assert rehearsed is not None
    assert (rehearsed.checkpoint, rehearsed.horizon) == ("c9", lease.horizon)


def test_what_the_real_ledger_knows_is_known(real: Store, url: str, clock: ManualClock, desk: Any) -> None:
    ledger = real.ledger("desk", "w1")
    desk.arrive(ledger, "t1")
    desk.decide(ledger)
    applied = Applied("t1", Outcome.APPLIED, "v2", clock.now(), "11")
    ledger.end_write(desk.claim_write(ledger), Outcome.APPLIED, applied, "")

    with rehearsal(url, clock) as dry:
        known = dry.history(["t1", "t2"])
        again = desk.arrive(dry, "t1", disposition=Disposition.UPDATE)

    assert known == ledger.history(["t1"])
    assert again == {Disposition.DUPLICATE: 1}


def test_what_the_dry_run_saw_itself_is_known_too(url: str, clock: ManualClock, desk: Any) -> None:
    with rehearsal(url, clock) as dry:
        desk.arrive(dry, "t1")

        assert dry.history(["t1"])["t1"].verdict is Disposition.ORIGINAL


def test_an_answer_that_was_paid_is_not_paid_again_in_a_dry_run(
    real: Store, url: str, clock: ManualClock, desk: Any
) -> None:
    ledger = real.ledger("desk", "w1")
    desk.arrive(ledger, "t1")
    claim = desk.claim(ledger)
    answer = desk.answer()
    ledger.end_call(ledger.begin_call(claim, Tier.CHEAP, "m", Decimal("0.01")), answer)

    with rehearsal(url, clock) as dry:
        rehearsed = desk.claim(dry)

    assert rehearsed.calls == (PastCall(Tier.CHEAP, answer),)
    ledger.decide(claim, desk.decision(claim))


def test_the_copy_is_bounded(real: Store, url: str, clock: ManualClock, desk: Any) -> None:
    desk.arrive(real.ledger("desk", "w1"), *(f"t{number}" for number in range(10)))

    with (
        closing(open_store(url, clock=clock, read_only=True)) as base,
        closing(open_store("sqlite://", clock=clock)) as scratch,
    ):
        dry = overlay(base, scratch, "desk", "dry", most=4)

        assert dry.due() == Due(4, 0, 0.0)


def test_other_helpdesks_are_not_copied(real: Store, url: str, clock: ManualClock, desk: Any) -> None:
    desk.arrive(real.ledger("other", "w1"), "t1")

    with rehearsal(url, clock) as dry:
        assert dry.due() == Due(0, 0, None)
