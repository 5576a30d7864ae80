"""A SQLite file belongs to one process, is readable by one user, and fails with advice."""

from __future__ import annotations

import hashlib
import os
import sqlite3
import stat
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from connector.clock import ManualClock
from connector.domain.ticket import Disposition
from connector.errors import SettingsError, StoreInUse, StoreUnusable, Unavailable
from connector.ports import Screened
from connector.store import Store, open_store


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return tmp_path / "ledger.db"


@pytest.fixture
def url(file: Path) -> str:
    return f"sqlite:///{file}"


def digest(file: Path) -> str:
    return hashlib.sha256(file.read_bytes()).hexdigest()


def test_a_new_database_is_private_and_survives_power_cuts(store: Store, file: Path) -> None:
    pragmas = ("journal_mode", "synchronous", "foreign_keys", "secure_delete")

    with store.database.read("test") as tx:
        values = [tx.exec_driver_sql(f"PRAGMA {each}").scalar() for each in pragmas]

    assert values == ["wal", 2, 1, 1]
    modes = {each.name: stat.S_IMODE(each.stat().st_mode) for each in file.parent.iterdir()}
    assert set(modes.values()) == {0o600}, modes


def test_a_second_opener_is_turned_away_with_the_owners_pid(
    store: Store, url: str, clock: ManualClock
) -> None:
    with pytest.raises(StoreInUse, match=f"another process \\(pid {os.getpid()}\\) owns ledger.db"):
        open_store(url, clock=clock)


def test_the_file_is_free_after_closing(url: str, clock: ManualClock) -> None:
    open_store(url, clock=clock).close()

    again = open_store(url, clock=clock)

    again.close()


def test_a_store_that_fails_to_open_leaves_no_lock(file: Path, url: str, clock: ManualClock) -> None:
    file.write_text("something else\n" * 100)
    with pytest.raises(StoreUnusable):
        open_store(url, clock=clock)
    file.unlink()

    open_store(url, clock=clock).close()


def test_a_file_that_is_no_database_stays_as_it_is(file: Path, url: str, clock: ManualClock) -> None:
    file.write_text("something else\n" * 1000)
    before = digest(file)

    with pytest.raises(StoreUnusable, match="it is not a SQLite database; correct"):
        open_store(url, clock=clock)

    assert digest(file) == before


def test_a_database_of_something_else_stays_as_it_is(file: Path, url: str, clock: ManualClock) -> None:
    with closing(sqlite3.connect(file)) as other:
        other.execute("CREATE TABLE customers (id INTEGER)")
    before = digest(file)

    with pytest.raises(StoreUnusable, match="it holds something else"):
        open_store(url, clock=clock)

    assert digest(file) == before


def test_a_damaged_database_is_reported(file: Path, url: str, clock: ManualClock) -> None:
    open_store(url, clock=clock).close()
    with file.open("r+b") as damaged:
        damaged.seek(4096)
        damaged.write(b"\xff" * (file.stat().st_size - 4096))

    with pytest.raises(StoreUnusable, match="it is damaged; move it away"):
        open_store(url, clock=clock)


def test_a_full_disk_stops_with_advice_and_stores_nothing(store: Store, desk: Any) -> None:
    ledger = store.ledger("desk", "w1")
    lease = desk.lease(ledger)
    with store.database.read("test") as tx:
        pages = tx.exec_driver_sql("PRAGMA page_count").scalar()
    store.database.configure(f"max_page_count={pages}")
    tickets = [desk.make_ticket(id=f"t{number}", text="x" * 5000) for number in range(100)]

    with pytest.raises(StoreUnusable, match="the disk is full; free some space"):
        ledger.store_page(lease, "c1", [Screened(each, Disposition.ORIGINAL) for each in tickets], ())

    store.database.configure("max_page_count=1000000")
    assert desk.lease(ledger).checkpoint is None
    assert ledger.due().submissions == 0


def test_a_read_only_database_is_reported(store: Store, url: str, clock: ManualClock, desk: Any) -> None:
    with (
        closing(open_store(url, clock=clock, read_only=True)) as reader,
        pytest.raises(StoreUnusable, match="it is read-only; make the file"),
    ):
        desk.lease(reader.ledger("desk", "w1"))


def test_a_missing_directory_is_reported(tmp_path: Path, clock: ManualClock) -> None:
    with pytest.raises(StoreUnusable, match="nowhere does not exist; create it"):
        open_store(f"sqlite:///{tmp_path}/nowhere/ledger.db", clock=clock)


def test_a_directory_in_place_of_a_file_is_reported(tmp_path: Path, clock: ManualClock) -> None:
    (tmp_path / "ledger.db").mkdir()

    with pytest.raises(StoreUnusable, match="is a directory"):
        open_store(f"sqlite:///{tmp_path}/ledger.db", clock=clock)


@pytest.mark.skipif(not Path("/sys/kernel").is_dir(), reason="needs a place where nobody may write")
def test_an_unwritable_directory_is_reported(clock: ManualClock) -> None:
    with pytest.raises(StoreUnusable, match="make it and its directory writable"):
        open_store("sqlite:////sys/kernel/ledger.db", clock=clock)


def test_a_database_locked_by_another_program_is_only_unavailable(
    store: Store, file: Path, desk: Any
) -> None:
    store.database.configure("busy_timeout=50")
    with closing(sqlite3.connect(file, isolation_level=None)) as other:
        other.execute("BEGIN IMMEDIATE")

        with pytest.raises(Unavailable, match="is locked by another program"):
            desk.lease(store.ledger("desk", "w1"))


@pytest.mark.parametrize(
    ("url", "problem"),
    [
        ("mysql://user:hunter2@host/db", "mysql is not supported"),
        ("no url, but hunter2", "should be like sqlite"),
    ],
)
def test_a_url_that_cannot_work_is_reported_without_its_password(
    url: str, problem: str, clock: ManualClock
) -> None:
    with pytest.raises(SettingsError, match=problem) as caught:
        open_store(url, clock=clock)

    assert "hunter2" not in str(caught.value)


def test_an_error_of_the_database_quotes_no_ticket(store: Store, desk: Any) -> None:
    ledger = store.ledger("desk", "w1")
    with store.database.write("test") as tx:
        tx.exec_driver_sql("DROP TABLE submissions")

    with pytest.raises(StoreUnusable) as caught:
        desk.arrive(ledger, "t1", text="my card is 4111")

    assert str(caught.value).endswith("refused a statement (SQLITE_ERROR, store_page)")
    assert caught.value.__cause__ is None
    assert caught.value.__suppress_context__


def test_readers_see_the_ledger_while_its_owner_writes(
    store: Store, url: str, clock: ManualClock, desk: Any
) -> None:
    desk.arrive(store.ledger("desk", "w1"), "t1")

    with closing(open_store(url, clock=clock, read_only=True)) as reader:
        revisions = reader.reports().story("t1").revisions

    assert len(revisions) == 1


def test_reading_leaves_no_file_behind(url: str, file: Path, clock: ManualClock, desk: Any) -> None:
    with closing(open_store(url, clock=clock)) as store:
        desk.arrive(store.ledger("desk", "w1"), "t1")
    before = {each.name: digest(each) for each in file.parent.iterdir()}

    with closing(open_store(url, clock=clock, read_only=True)) as reader:
        reader.reports().story("t1")

    assert {each.name: digest(each) for each in file.parent.iterdir()} == before


def test_reading_a_database_that_does_not_exist_creates_none(
    url: str, file: Path, clock: ManualClock
) -> None:
    with closing(open_store(url, clock=clock, read_only=True)) as reader:
        assert reader.reports().decisions() == []

    assert list(file.parent.iterdir()) == []
