"""``connector undo`` as its user meets it."""

from __future__ import annotations

import os
import pty
import signal
import subprocess
import sys

import pytest

from connector.sandbox.faults import Fault, answer
from tests.cli.conftest import Eventually, Place


@pytest.fixture
def routed(place: Place) -> list[int]:
    """Three tickets that one pass has routed; they can be written to at once."""
    tickets = [place.ticket() for _ in range(3)]
    assert place.run("run", "--once").code == 0
    return tickets


def groups(place: Place, *tickets: int) -> list[int | None]:
    return [place.zendesk.tickets()[each].group_id for each in tickets]


def test_an_undo_says_what_it_did_and_why_not_and_leaves_no_tag_of_ours(
    place: Place, routed: list[int]
) -> None:
    first, second, taken = routed
    place.zendesk.person_sets(taken, group=place.zendesk.add_group("Elsewhere"))

    ended = place.run("undo", "--since", "2h")

    assert ended.code == 0, ended.err
    assert groups(place, first, second) == [None, None]
    assert groups(place, taken) != [None]
    assert place.zendesk.tickets()[first].tags == ()
    assert "a person changed the group" in ended.out
    assert "Billing → none" in ended.out
    assert "2 undone, 1 left alone" in ended.err
    assert "Private notes stay" in ended.err


def test_a_dry_run_tells_the_same_and_changes_nothing(place: Place, routed: list[int]) -> None:
    writes = place.zendesk.writes()
    ledger = (place.folder / "connector.db").read_bytes()

    ended = place.run("undo", "--since", "2h", "--dry-run", "--json")

    assert ended.code == 0, ended.err
    assert ended.last_json["mode"] == "dry_run"
    assert ended.last_json["undone"] == {"dry_run": 3}
    assert {row["ticket_id"] for row in ended.last_json["tickets"]} == {str(each) for each in routed}
    assert place.zendesk.writes() == writes
    assert (place.folder / "connector.db").read_bytes() == ledger


def test_a_pass_is_undone_by_its_id_and_a_second_time_nothing_happens(place: Place) -> None:
    place.ticket()
    pass_id = place.run("run", "--once", "--json").last_json["pass_id"]

    other = place.run("undo", "--pass", "20200101T000000-abcdef", "--json").last_json
    first = place.run("undo", "--pass", pass_id, "--json").last_json
    second = place.run("undo", "--pass", pass_id, "--json").last_json

    assert [each["undone"] for each in (other, first, second)] == [{}, {"applied": 1}, {}]
    assert len(place.zendesk.writes()) == 2


def test_single_tickets_are_undone_and_the_reports_say_so(place: Place, routed: list[int]) -> None:
    chosen, kept, other = routed

    ended = place.run("undo", "--ticket", str(chosen), "--ticket", str(other))

    decisions = place.run("decisions", "--json").out.splitlines()
    listed = place.run("decisions", "--ticket", str(chosen))
    story = place.run("explain", str(chosen))
    assert ended.code == 0, ended.err
    assert groups(place, chosen, other) == [None, None]
    assert groups(place, kept) != [None]
    assert sum('"undone_at": null' in line for line in decisions) == 1
    assert "undone" in listed.out
    assert "undone: back in group none" in story.out


def test_no_key_for_claude_is_needed(place: Place, routed: list[int]) -> None:
    assert place.run("undo", "--since", "2h", ANTHROPIC_API_KEY="").code == 0


@pytest.mark.parametrize("arguments", [(), ("--since", "2h", "--ticket", "5")])
def test_the_choice_must_be_one(place: Place, arguments: tuple[str, ...]) -> None:
    ended = place.run("undo", *arguments)

    assert ended.code == 2
    assert "give one of --since, --pass and --ticket" in ended.err


def test_while_a_service_owns_the_file_it_is_75_and_a_dry_run_works(
    place: Place, eventually: Eventually
) -> None:
    place.ticket()
    service = place.start("run")
    assert eventually(lambda: bool(place.zendesk.writes()))

    refused = place.run("undo", "--since", "2h")
    rehearsed = place.run("undo", "--since", "2h", "--dry-run")

    service.send_signal(signal.SIGTERM)
    service.wait(timeout=30)
    assert (refused.code, rehearsed.code) == (75, 0), rehearsed.err
    assert "owns connector.db" in refused.err


def test_an_outage_is_69_and_a_second_run_finishes(place: Place, routed: list[int]) -> None:
    place.zendesk.faults.add(Fault(answer(503), method="PUT", times=50))

    broken = place.run("undo", "--since", "2h", "--json")
    place.zendesk.faults.clear()
    mended = place.run("undo", "--since", "2h")

    assert broken.code in (69, 75), broken.err
    assert mended.code == 0, mended.err
    assert groups(place, *routed) == [None, None, None]
    assert len(place.zendesk.writes()) == 6


@pytest.mark.parametrize(("said", "undone"), [("n", False), ("y", True)])
def test_at_a_terminal_it_asks_first(place: Place, routed: list[int], said: str, undone: bool) -> None:
    ours, theirs = pty.openpty()
    process = subprocess.Popen(
        [sys.executable, "-m", "connector", "undo", "--since", "2h"],
        cwd=place.folder,
        env=place.environment,
        stdin=theirs,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    place.started.append(process)
    os.close(theirs)
    os.write(ours, f"{said}\n".encode())

    _, err = process.communicate(timeout=60)

    os.close(ours)
    assert process.returncode == 0, err
    assert "3 tickets" in err
    assert (groups(place, *routed) == [None, None, None]) is undone
