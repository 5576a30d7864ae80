"""After `forget`, no byte of a SQLite database's files holds what was erased."""

from __future__ import annotations

import random
from collections.abc import Iterable
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from connector.clock import ManualClock
from connector.domain.decision import Outcome
from connector.domain.ticket import Disposition
from connector.ports import Screened
from connector.store import SqlLedger, Store, Whose, open_store

SEEDS = (0, 1, 4, 8)  # without rewriting the file, 0, 4 and 8 would leave copies behind


def canary(ticket: str) -> str:
    return f"canary-of-{ticket}."


def raw(folder: Path) -> bytes:
    """The database, its journal, its index of the journal, and whatever else lies beside them."""
    return b"".join(path.read_bytes() for path in sorted(folder.iterdir()))


def held_in(folder: Path, tickets: Iterable[str]) -> list[str]:
    data = raw(folder)
    return [each for each in tickets if canary(each).encode() in data]


def fill(ledger: SqlLedger, desk: Any, chance: random.Random) -> list[str]:
    """Tickets of all lengths, from a line to many pages of the database, at every stage of their lives.

    Rows that grow and shrink make the database move others, and that leaves copies behind.
    """
    tickets: list[str] = []
    for page in range(8):
        arriving = [f"t{page}x{number}" for number in range(chance.randint(1, 60))]
        ledger.store_page(
            desk.lease(ledger), f"c{page}", [ticket(desk, each, chance) for each in arriving], ()
        )
        tickets += arriving
        for claim in ledger.claim_submissions(chance.randint(0, 60)):
            if chance.random() < 0.5:
                ledger.decide(
                    claim, desk.decision(claim, reason=canary(claim.ticket.id) * chance.randint(1, 9))
                )
            else:
                ledger.defer_submission(claim, 0, "wait " * chance.randint(1, 60), counts=False)
        for write in ledger.claim_writes(chance.randint(0, 20)):
            ledger.end_write(write, Outcome.APPLIED, None, "")
    return tickets


def ticket(desk: Any, ticket_id: str, chance: random.Random) -> Screened:
    words = canary(ticket_id) * chance.choice((1, 3, 6, 20, 100, 400))
    made = desk.make_ticket(id=ticket_id, requester=canary(ticket_id), text=words, subject=words[:80])
    return Screened(made, Disposition.ORIGINAL)


@pytest.mark.parametrize("seed", SEEDS)
def test_no_file_holds_a_byte_of_what_was_forgotten(
    tmp_path: Path, clock: ManualClock, desk: Any, seed: int
) -> None:
    chance = random.Random(seed)  # noqa: S311 - repeatable tickets, no secret
    with closing(open_store(f"sqlite:///{tmp_path}/ledger.db", clock=clock)) as store:
        tickets = fill(store.ledger("desk", "w1"), desk, chance)
        gone = chance.sample(tickets, len(tickets) // 2)
        kept = sorted(set(tickets) - set(gone))
        before = held_in(tmp_path, tickets)

        eraser = store.eraser("desk")
        eraser.forget(Whose(tickets=tuple(gone)))
        is_clean = eraser.scrub()

        left = held_in(tmp_path, gone)
        still_there = held_in(tmp_path, kept)
    assert is_clean
    assert sorted(before) == sorted(tickets)
    assert left == []
    assert still_there == kept
    assert held_in(tmp_path, gone) == [], "nor does closing bring it back"


def test_a_reader_in_the_way_is_reported_and_scrubbing_again_ends_it(
    tmp_path: Path, clock: ManualClock, desk: Any
) -> None:
    url = f"sqlite:///{tmp_path}/ledger.db"
    with closing(open_store(url, clock=clock)) as store, closing(_reader(url, clock)) as reader:
        store.database.configure("busy_timeout=50")
        desk.arrive(store.ledger("desk", "w1"), "t1", text=canary("t1"))
        eraser = store.eraser("desk")

        with reader.database.read("test") as tx:
            tx.exec_driver_sql("SELECT count(*) FROM submissions").scalar()
            eraser.forget(Whose(tickets=("t1",)))
            first = eraser.scrub()
        second = eraser.scrub()

        left = held_in(tmp_path, ["t1"])
    assert (first, second, left) == (False, True, [])


def _reader(url: str, clock: ManualClock) -> Store:
    return open_store(url, clock=clock, read_only=True)


def test_a_sweep_empties_the_journal(tmp_path: Path, clock: ManualClock) -> None:
    with closing(open_store(f"sqlite:///{tmp_path}/ledger.db", clock=clock)) as store:
        journal = tmp_path / "ledger.db-wal"
        filled = journal.stat().st_size

        settled = store.eraser("desk").settle()

        assert settled
        assert filled > 0
        assert journal.stat().st_size == 0
