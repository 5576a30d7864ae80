"""Labels outlive the words they came with, until the person who wrote them asks to be forgotten."""

from __future__ import annotations

from contextlib import closing
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from connector.clock import ManualClock
from connector.domain.decision import Outcome
from connector.domain.taxonomy import Axis
from connector.domain.ticket import Status
from connector.quality.dataset import LabelledTicket, Source
from connector.quality.merging import Take
from connector.store import SqlEraser, SqlLabels, SqlLedger, Store, Whose, open_store

JANE = "901"

FULL = LabelledTicket(
    text="Line one\r\nwith \0 and 🙂",
    labels={Axis.TEAM: "billing", Axis.URGENCY: "high"},
    ticket_id="35436",
    subject="Charged twice",
    tier="enterprise",
    severity="sev2",
    route="Billing → Refunds",
    why="wants money back",
    source=Source.REVIEW,
    reviewer="kim",
    labelled_at=datetime(2026, 3, 31, 12, 30, 1, 250_000, tzinfo=UTC),
    requester=JANE,
)


@pytest.fixture
def book(store: Store) -> SqlLabels:
    return store.labels("desk")


@pytest.fixture
def eraser(store: Store) -> SqlEraser:
    return store.eraser("desk")


def label(ticket_id: str, team: str = "billing", **facts: Any) -> LabelledTicket:
    return LabelledTicket(f"Words of {ticket_id}", {Axis.TEAM: team}, ticket_id, **facts)


def ids(book: SqlLabels) -> list[str]:
    return [each.ticket_id for each in book.tickets()]


def test_a_label_comes_back_as_it_was_stored(book: SqlLabels) -> None:
    plain = LabelledTicket("Hi", {Axis.TYPE: "bug_report"})

    found = book.store([FULL, plain], Take.NEITHER)

    assert (len(found.fresh), found.same) == (2, 0)
    assert book.tickets() == (FULL, plain)
    assert [(each.key, each.labels) for each in book.outlines()] == [
        ("35436", FULL.labels),
        (plain.digest, plain.labels),
    ]


def test_labels_are_found_by_the_key_that_a_model_knows_them_by(book: SqlLabels) -> None:
    nameless = LabelledTicket("Hi", {Axis.TEAM: "billing"})
    book.store([FULL, nameless, label("8")], Take.NEITHER)

    found = book.find(["35436", nameless.key, "none"])

    assert {key: each.text for key, each in found.items()} == {"35436": FULL.text, nameless.digest: "Hi"}
    assert book.find([]) == {}


def test_storing_the_same_again_stores_nothing(book: SqlLabels) -> None:
    precise = replace(FULL, labelled_at=datetime(2026, 3, 31, 12, 30, 1, 250_999, tzinfo=UTC))

    first = book.store([precise, label("8")], Take.NEW)
    again = book.store([precise, label("8")], Take.NEW)

    assert (len(first.fresh), len(again.fresh), len(again.changed), again.same) == (2, 0, 0, 2)
    assert ids(book) == ["35436", "8"]


def test_a_single_clash_keeps_all_of_it_out(book: SqlLabels) -> None:
    book.store([label("7")], Take.NEITHER)

    refused = book.store([label("8"), label("7", "security")], Take.NEITHER)

    assert [(each.at, each.said, each.stands) for each in refused.clashes] == [(1, "security", "billing")]
    assert ids(book) == ["7"]


def test_what_is_to_be_taken_replaces_what_was_stored_and_nothing_else(book: SqlLabels) -> None:
    book.store([label("7"), label("8")], Take.NEITHER)

    changed = book.store([label("7", "security")], Take.NEW)

    assert (len(changed.changed), changed.clashes) == (1, ())
    assert [each.labels[Axis.TEAM] for each in book.tickets()] == ["security", "billing"]


def test_what_was_seen_at_the_helpdesk_never_replaces_what_somebody_read(book: SqlLabels) -> None:
    book.store([label("7", source=Source.REVIEW), label("8", source=Source.RESOLVED)], Take.NEITHER)
    seen = [label(each, "security", source=Source.RESOLVED) for each in ("7", "8", "9")]

    found = book.store(seen, Take.READ)

    assert (len(found.fresh), len(found.changed), len(found.clashes)) == (1, 1, 1)
    assert [each.labels[Axis.TEAM] for each in book.tickets()] == ["billing", "security", "security"]


def test_every_helpdesk_has_labels_of_its_own(store: Store, book: SqlLabels) -> None:
    other = store.labels("elsewhere")
    other.store([label("7", "security")], Take.NEITHER)

    book.store([label("7")], Take.NEITHER)
    store.eraser("desk").forget(Whose(tickets=("7",)))

    assert (ids(book), ids(other)) == ([], ["7"])


# --- Forgetting -------------------------------------------------------------------------------------------


def test_a_forgotten_ticket_has_no_label_and_no_file_brings_it_back(
    book: SqlLabels, eraser: SqlEraser
) -> None:
    book.store([FULL, label("8")], Take.NEITHER)

    seen, found = eraser.look(Whose(tickets=("35436",))), eraser.forget(Whose(tickets=("35436",)))
    again = book.store([label("9"), FULL, label("8")], Take.NEITHER)

    assert seen.labels == found.labels == 1
    assert (again.barred, len(again.fresh), again.same) == (1, 1, 1)
    assert ids(book) == ["8", "9"]


def test_a_forgotten_person_has_no_labels_even_where_the_ledger_knows_them_no_more(
    book: SqlLabels, eraser: SqlEraser
) -> None:
    book.store([FULL, label("8", requester="902")], Take.NEITHER)

    found = eraser.forget(Whose(requesters=(JANE,)))
    again = book.store([replace(FULL, requester="")], Take.NEITHER)

    assert (found.labels, again.barred) == (1, 1)
    assert ids(book) == ["8"]


def test_whose_words_a_file_holds_is_taken_from_the_ledger(
    book: SqlLabels, eraser: SqlEraser, ledger: SqlLedger, desk: Any
) -> None:
    desk.arrive(ledger, "7", "8", requester=JANE)
    desk.arrive(ledger, "9", requester="902")

    book.store([label("7"), label("9")], Take.NEITHER)

    assert [each.requester for each in book.tickets()] == [JANE, "902"]
    assert eraser.forget(Whose(requesters=(JANE,))).labels == 1
    assert ids(book) == ["9"]


def test_a_ticket_that_the_helpdesk_deletes_has_no_label(
    book: SqlLabels, ledger: SqlLedger, desk: Any
) -> None:
    desk.arrive(ledger, "7", "8")
    book.store([label("7"), label("8")], Take.NEITHER)

    desk.arrive(ledger, "7", version="v2", fingerprint="f2", status=Status.DELETED)

    assert ids(book) == ["8"]


def test_retention_leaves_labels_alone(
    book: SqlLabels, eraser: SqlEraser, ledger: SqlLedger, desk: Any, clock: ManualClock
) -> None:
    desk.arrive(ledger, "7")
    desk.decide(ledger)
    write = desk.claim_write(ledger)
    ledger.end_write(write, Outcome.APPLIED, None, "")
    book.store([label("7")], Take.NEITHER)

    clock.advance(timedelta(days=400).total_seconds())
    erased = eraser.erase_older(clock.now(), 100)

    assert erased == 1
    assert [each.text for each in book.tickets()] == ["Words of 7"]


def test_no_byte_of_a_forgotten_label_is_left_in_the_files(tmp_path: Path, clock: ManualClock) -> None:
    labels = [LabelledTicket(f"canary-{at}. " * at, {Axis.TEAM: "billing"}, str(at)) for at in range(1, 60)]
    gone = {str(at) for at in range(1, 60, 2)}
    with closing(open_store(f"sqlite:///{tmp_path}/ledger.db", clock=clock)) as store:
        store.labels("desk").store(labels, Take.NEITHER)

        eraser = store.eraser("desk")
        eraser.forget(Whose(tickets=tuple(gone)))
        assert eraser.scrub()

        held = b"".join(path.read_bytes() for path in tmp_path.iterdir())
    assert {each.ticket_id for each in labels if f"canary-{each.ticket_id}.".encode() in held} == {
        each.ticket_id for each in labels
    } - gone
