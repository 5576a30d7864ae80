"""``connector forget`` as people run it: a process of its own on a real database."""

from __future__ import annotations

import json
import sqlite3
import stat
from contextlib import closing

import pytest
from sqlalchemy import make_url

from connector.sandbox.claude_api import failure
from tests.cli.conftest import Eventually, Place
from tests.support.postgres import Schema

CANARY = "canary-7f3a of a customer"


def jane_writes(place: Place, *texts: str) -> tuple[int, list[str]]:
    """Tickets of Jane that the export shows already."""
    jane = place.zendesk.add_user("Jane", email="jane@example.com")
    at = place.zendesk.world.now() - 300
    tickets = [
        place.zendesk.create_ticket(f"About {CANARY}", text, requester=jane, created_at=at) for text in texts
    ]
    return jane, [str(ticket) for ticket in tickets]


def raw(place: Place) -> bytes:
    return b"".join(path.read_bytes() for path in place.folder.glob("connector.db*"))


def dump(place: Place) -> str:
    """The database as SQL."""
    with closing(sqlite3.connect(f"file:{place.folder / 'connector.db'}?mode=ro", uri=True)) as database:
        return "\n".join(database.iterdump())


def owner_of(place: Place) -> str:
    return (place.folder / "connector.db.lock").read_text().strip()


def test_a_person_is_found_by_address_and_no_byte_of_theirs_is_left(place: Place) -> None:
    jane, tickets = jane_writes(place, f"{CANARY}: please refund my invoice.", f"{CANARY}: where is it?")
    other = str(place.ticket("Joe's invoice", "Joe asks for a refund."))
    place.run("run", "--once")
    before = raw(place)

    rehearsed = place.run("forget", "--requester", "Jane@example.com", "--dry-run", "--json")
    untouched = raw(place) == before
    ended = place.run("forget", "--requester", "Jane@example.com", "--json")

    assert CANARY.encode() in before
    assert untouched
    found = ended.last_json
    assert (ended.code, found["tickets"], found["requesters"]) == (0, sorted(tickets), [str(jane)])
    assert (found["texts"], found["decisions"], found["clean"]) == (2, 2, True)
    assert rehearsed.last_json == found | {"dry_run": True}
    assert "delete the tickets or the user there" in ended.err
    after = raw(place)
    assert CANARY.encode() not in after
    assert f'"{jane}"'.encode() not in after
    assert b"Joe asks for a refund." in after
    assert "words" not in place.run("explain", other).out


def test_explain_says_why_the_words_are_gone_and_keeps_the_decision(place: Place) -> None:
    _, (ticket,) = jane_writes(place, "Please refund my invoice.")
    place.run("run", "--once")

    ended = place.run("forget", "--ticket", ticket)

    assert ended.out.startswith("Erased: texts 1, answers of models 1, reasons of decisions 1, labels 0\n")
    told = place.run("explain", ticket)
    assert "its words were erased on request (connector forget)" in told.out
    assert "decided: routed (confident) because: erased" in told.out
    asked = place.run("explain", ticket, "--ask")
    assert (asked.code, "its text was erased" in asked.err) == (1, True)


def test_explain_says_what_retention_did(place: Place) -> None:
    _, (ticket,) = jane_writes(place, f"{CANARY}: please refund my invoice.")

    ended = place.run("run", "--once", CONNECTOR_PRIVACY__RETENTION_DAYS="0")

    assert ended.code == 0
    assert CANARY not in dump(place)
    assert "erased by retention ([privacy] retention_days)" in place.run("explain", ticket).out


def test_the_service_sweeps_when_it_starts(place: Place, eventually: Eventually) -> None:
    jane_writes(place, f"{CANARY}: please refund my invoice.")
    place.run("run", "--once")
    kept = dump(place)

    place.environment["CONNECTOR_PRIVACY__RETENTION_DAYS"] = "0"
    place.start("run")

    assert CANARY in kept
    assert eventually(lambda: CANARY not in dump(place))


def test_a_ticket_that_waits_goes_to_a_person_and_no_model_reads_it(place: Place) -> None:
    _, (ticket,) = jane_writes(place, f"{CANARY}: please refund my invoice.")
    place.claude.script(*[failure(529)] * 50)
    assert place.run("run", "--once").code == 75

    ended = place.run("forget", "--requester", "jane@example.com")
    calls = len(place.claude.calls)
    again = place.run("run", "--once", "--json").last_json

    assert f"so they go to a person, unread: {ticket}" in ended.out
    assert (again["escalated"], len(place.claude.calls)) == (1, calls)
    assert CANARY.encode() not in raw(place)


def test_while_the_service_runs_on_sqlite_forgetting_waits_and_looking_works(
    place: Place, eventually: Eventually
) -> None:
    _, (ticket,) = jane_writes(place, f"{CANARY}: please refund my invoice.")
    place.run("run", "--once")
    service = place.start("run")
    assert eventually(lambda: owner_of(place) == str(service.pid))

    refused = place.run("forget", "--ticket", ticket)
    looked = place.run("forget", "--ticket", ticket, "--dry-run")

    assert refused.code == 75
    assert "stop the service, forget, start it again" in refused.err
    assert "Would erase: texts 1," in looked.out


def test_an_unknown_address_is_1_and_says_what_else_can_be_named(place: Place) -> None:
    ended = place.run("forget", "--requester", "nobody@example.com")

    assert ended.code == 1
    assert "name the requester's id, or the tickets" in ended.err


@pytest.mark.parametrize("arguments", [[], ["--dry-run"]])
def test_without_a_name_nothing_is_forgotten(place: Place, arguments: list[str]) -> None:
    ended = place.run("forget", *arguments)

    assert ended.code == 2
    assert "name a --requester or a --ticket" in ended.err


def test_a_database_that_is_not_there_holds_nothing_of_anybody(place: Place) -> None:
    ended = place.run("forget", "--requester", "4711", "--dry-run", "--json")

    assert (ended.code, ended.last_json["texts"]) == (0, 0)
    assert not (place.folder / "connector.db").exists()


def test_on_postgresql_it_works_while_the_service_runs(
    place: Place, postgres: Schema, eventually: Eventually
) -> None:
    place.environment["CONNECTOR_STORE__URL"] = make_url(postgres.url).render_as_string(hide_password=False)
    _, (ticket,) = jane_writes(place, f"{CANARY}: please refund my invoice.")
    service = place.start("run")
    assert eventually(lambda: "done" in json.dumps(postgres.rows().get("writes", [])))
    before = json.dumps(postgres.rows())

    ended = place.run("forget", "--requester", "jane@example.com", "--json")

    assert CANARY in before
    assert (ended.code, ended.last_json["tickets"]) == (0, [ticket])
    assert CANARY not in json.dumps(postgres.rows())
    assert "write-ahead log and archives" in ended.err
    assert service.poll() is None


@pytest.mark.parametrize("umask", ["000", "022"])
def test_every_file_is_private_whatever_the_umask(place: Place, umask: str) -> None:
    place.ticket()
    commands = (["run", "--dry-run"], ["run", "--once"], ["forget", "--ticket", "1"])

    for command in commands:
        ended = place.python(
            f"import os, runpy, sys; os.umask(0o{umask});"
            f" sys.argv = ['connector', *{command!r}]; runpy.run_module('connector', run_name='__main__')"
        )
        assert ended.code == 0, ended.err

    modes = {path.name: stat.S_IMODE(path.stat().st_mode) for path in place.folder.glob("connector.db*")}
    assert set(modes) >= {"connector.db", "connector.db.lock"}
    assert set(modes.values()) == {0o600}, modes
