"""Several processes on one PostgreSQL as their operator meets them, also when the database goes away."""

from __future__ import annotations

import json
import os
import signal
import threading
from collections import Counter
from collections.abc import Iterator

import pytest

from connector.sandbox.faults import Fault, delay
from tests.cli.conftest import Eventually, Place
from tests.support.postgres import PrivateServer, Schema, Server, private

THINKING = Fault(delay(3.0), path="/v1/messages")


@pytest.fixture
def shared(place: Place, postgres: Schema) -> Place:
    place.environment |= {"CONNECTOR_STORE__URL": postgres.url, "CONNECTOR_POLL__INTERVAL_SECONDS": "1"}
    return place


@pytest.fixture
def mortal(place: Place, postgres_server: Server) -> Iterator[PrivateServer]:
    """A database server that a test may stop; only there where others run too."""
    with private(os.environ) as server:
        place.environment |= {
            "CONNECTOR_STORE__URL": server.address,
            "CONNECTOR_POLL__INTERVAL_SECONDS": "1",
        }
        yield server


def test_a_poller_and_a_worker_do_the_work_together(shared: Place, eventually: Eventually) -> None:
    shared.start("run", "--role", "poller")
    worker = shared.start("run", "--role", "worker")
    ticket = shared.ticket()

    written = eventually(lambda: bool(shared.zendesk.writes(ticket)))

    assert written
    polled = {served.path.split("?")[0] for served in shared.zendesk.requests if "incremental" in served.path}
    assert len(polled) == 1
    worker.send_signal(signal.SIGTERM)
    _, err = worker.communicate(timeout=40)
    assert (worker.returncode, "page.stored" in err, "ticket.written" in err) == (0, False, True)


def test_one_pass_beside_a_service_works_and_says_that_another_process_polls(
    shared: Place, eventually: Eventually
) -> None:
    first = shared.ticket()
    shared.start("run")
    assert eventually(lambda: bool(shared.zendesk.writes(first)))

    beside = shared.run("run", "--once", "--json")

    assert beside.code == 0, beside.err
    assert (beside.last_json["polled_elsewhere"], beside.last_json["polled"]) == (True, 0)
    assert "Another process polls" in beside.err


def test_a_poller_fills_the_queue_and_a_worker_empties_it(shared: Place) -> None:
    shared.ticket()

    filled = shared.run("run", "--once", "--json", "--role", "poller")
    emptied = shared.run("run", "--once", "--json", "--role", "worker")

    assert (filled.code, filled.last_json["screened"], filled.last_json["decided"]) == (
        0,
        {"original": 1},
        {},
    )
    assert (emptied.code, emptied.last_json["polled"]) == (0, 0)
    assert emptied.last_json["written"] == {"applied": 1}


@pytest.mark.parametrize("role", ["poller", "worker"])
def test_a_sqlite_file_has_no_place_for_a_part_of_the_work(place: Place, role: str) -> None:
    ended = place.run("run", "--once", "--role", role)

    assert ended.code == 78
    assert "PostgreSQL" in ended.err


def test_a_dry_run_has_no_role(place: Place) -> None:
    assert place.run("run", "--dry-run", "--role", "worker").code == 2


def test_a_pass_that_loses_its_database_is_69_and_writes_nothing(
    place: Place, mortal: PrivateServer, eventually: Eventually
) -> None:
    place.claude.faults.add(THINKING)
    place.ticket()
    once = place.start("run", "--once", "--json")
    assert eventually(lambda: place.claude.high_water > 0)

    mortal.stop()

    out, err = once.communicate(timeout=60)
    assert once.returncode == 69, err
    assert "is not reachable at the moment" in json.loads(out.splitlines()[-1])["error"]
    assert "Traceback" not in err
    assert place.zendesk.writes() == ()


def test_a_service_goes_on_when_its_database_is_back_and_each_stage_complains_once(
    place: Place, mortal: PrivateServer, eventually: Eventually
) -> None:
    place.claude.faults.add(THINKING)
    interrupted = place.ticket()
    service = place.start("run")
    said: list[str] = []
    assert service.stderr is not None
    reader = threading.Thread(target=said.extend, args=(service.stderr,))
    reader.start()
    assert eventually(lambda: place.claude.high_water > 0)

    mortal.stop()
    assert eventually(lambda: any('"stage.paused"' in line for line in said))
    assert eventually(lambda: len(place.claude.calls) > 0)
    mortal.start()
    later = place.ticket()
    assert eventually(lambda: bool(place.zendesk.writes(later)))
    with mortal.connect() as admin:  # as if the three minutes of its lease had passed
        admin.execute("UPDATE submissions SET lease_until = 0 WHERE state = 'leased'")
    assert eventually(lambda: bool(place.zendesk.writes(interrupted)))

    service.send_signal(signal.SIGTERM)
    assert service.wait(timeout=40) == 0, said
    reader.join(timeout=40)
    events = [json.loads(line) for line in said if line.startswith("{")]
    paused = Counter(event["stage"] for event in events if event["event"] == "stage.paused")
    assert Counter(write.ticket_id for write in place.zendesk.writes()) == {interrupted: 1, later: 1}
    assert set(paused.values()) == {1}, said
