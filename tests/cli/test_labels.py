"""``connector labels`` as people run it: from solved tickets to the database, to a file, and back."""

from __future__ import annotations

import csv
import json
import stat
from pathlib import Path

import pytest

from connector.sandbox.tickets import labels_csv
from connector.settings import Settings
from tests.cli.conftest import Ended, Eventually, Place


def group_of(place: Place, team: str) -> int:
    name = Settings().groups()[team]
    return next(group.id for group in place.zendesk.world.live_groups() if group.name == name)


def solve(place: Place, ticket: int, team: str) -> None:
    """A person puts a ticket where it belongs and solves it, long enough ago for the export."""
    agent = place.zendesk.agent
    place.zendesk.person_sets(ticket, group=group_of(place, team), assignee=agent, status="solved")
    place.time.skip(120)


def rows(text: str) -> list[dict[str, str]]:
    return list(csv.DictReader(text.splitlines(keepends=True)))


def build(place: Place, *arguments: str) -> Ended:
    return place.run("labels", "build", "--since", "1d", *arguments)


def test_solved_tickets_become_labels_and_the_file_is_private(place: Place) -> None:
    solve(place, place.ticket("=cmd", "@bank Please\nrefund me"), "billing")
    solve(place, place.ticket("Odd log-in", "Somebody logged in from Mars"), "security")
    place.ticket("Still open", "Waiting")

    ended = build(place, "--out", "labels.csv")

    assert ended.code == 0, ended.err
    path = place.folder / "labels.csv"
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    found = rows(path.read_bytes().decode())
    assert [(row["subject"], row["first_message"], row["team"], row["source"]) for row in found] == [
        ("'=cmd", "'@bank Please\nrefund me", "billing", "resolved"),
        ("Odd log-in", "Somebody logged in from Mars", "security", "resolved"),
    ]
    assert "billing: 1, too few, needs 99 more" in ended.err
    assert "Left out: unsolved 1" in ended.err
    assert ended.out == ""
    assert "Mars" not in ended.err
    assert not (place.folder / "connector.db").exists()
    assert place.zendesk.writes() == ()


def test_what_the_connector_routed_counts_only_where_a_person_moved_it(place: Place) -> None:
    stayed, moved = place.ticket(), place.ticket()
    assert place.run("run", "--once").code == 0
    solve(place, stayed, "billing")
    solve(place, moved, "security")

    ended = build(place, "--out", "-")

    assert [(row["ticket_id"], row["team"], row["source"]) for row in rows(ended.out)] == [
        (str(moved), "security", "correction")
    ]
    assert "ours 1" in ended.err


def test_forgotten_words_are_no_labels(place: Place) -> None:
    ticket = place.ticket()
    solve(place, ticket, "billing")
    assert place.run("forget", "--ticket", str(ticket)).code == 0

    ended = build(place, "--out", "-")

    assert (ended.code, rows(ended.out)) == (0, [])
    assert "forgotten 1" in ended.err


def test_it_works_while_the_service_owns_the_database(place: Place, eventually: Eventually) -> None:
    solve(place, place.ticket(), "billing")
    service, lock = place.start("run"), place.folder / "connector.db.lock"
    assert eventually(lambda: lock.exists() and lock.read_text().strip() == str(service.pid))

    ended = build(place, "--out", "-")

    assert (ended.code, len(rows(ended.out))) == (0, 1), ended.err
    assert service.poll() is None


def test_a_file_that_is_there_is_not_overwritten(place: Place) -> None:
    (place.folder / "labels.csv").write_text("mine")

    ended = build(place, "--out", "labels.csv")

    assert (ended.code, "is there already" in ended.err) == (2, True)
    assert (place.folder / "labels.csv").read_text() == "mine"


@pytest.mark.parametrize(
    ("arguments", "changes", "code"),
    [
        (["--out", "nowhere/labels.csv"], {}, 78),
        ([], {"CONNECTOR_HELPDESK__CLIENT_SECRET": "wrong"}, 77),
        ([], {"CONNECTOR_HELPDESK__BASE_URL": "http://127.0.0.1:9"}, 69),
    ],
)
def test_what_cannot_be_built_says_so_by_its_exit_code(
    place: Place, arguments: list[str], changes: dict[str, str], code: int
) -> None:
    ended = place.run("labels", "build", *arguments, **changes)

    assert ended.code == code, ended.err
    assert ended.out == ""


def test_what_was_built_can_be_counted(place: Place) -> None:
    solve(place, place.ticket(), "billing")
    build(place, "--out", "labels.csv")

    counted = place.run("labels", "stats", "labels.csv", "--json").last_json

    assert counted["tickets"] == 1
    assert counted["axes"]["team"]["classes"]["billing"] == {
        "labels": 1,
        "share": 1.0,
        "missing": 99,
        "enough": False,
    }
    assert counted["axes"]["urgency"]["labelled"] == 0


def test_the_labels_of_the_demo_are_counted_for_people(place: Place) -> None:
    (place.folder / "demo.csv").write_bytes(labels_csv())

    ended = place.run("labels", "stats", "demo.csv")

    assert ended.code == 0
    assert any(line.split()[:4] == ["team", "billing", "42", "8.7%"] for line in ended.out.splitlines())
    assert "483 tickets" in ended.err


def test_duplicates_and_conflicts_are_named_by_ticket_and_never_by_text(place: Place) -> None:
    text = "ticket_id,first_message,team\n1,Secret words,billing\n2,secret  words,product\n"
    (place.folder / "labels.csv").write_text(text)

    ended = place.run("labels", "stats", "labels.csv")

    assert "1 say what an earlier one says; 1 conflicts" in ended.err
    assert "same words, different team (billing, product): 1, 2" in ended.err
    assert "ecret" not in ended.out + ended.err


def test_a_file_with_mistakes_is_2_and_every_mistake_has_its_line(place: Place) -> None:
    text = "first_message,team\nSecret words,biling\nSecret words,Billing!\n"
    (place.folder / "labels.csv").write_text(text)

    ended = place.run("labels", "stats", "labels.csv", "--json")

    assert (ended.code, ended.out) == (2, "")
    assert 'labels.csv:2:B: settings.toml has no team "biling"; did you mean "billing"?' in ended.err
    assert 'labels.csv:3:B: settings.toml has no team what stands there; did you mean "billing"?' in ended.err
    assert "ecret" not in ended.err


def test_a_file_that_is_not_there_is_2(place: Place) -> None:
    assert place.run("labels", "stats", str(Path("none.csv"))).code == 2


def test_json_is_one_line(place: Place) -> None:
    (place.folder / "labels.csv").write_text("first_message,team\nHi,billing\n")

    ended = place.run("labels", "stats", "labels.csv", "--json")

    (line,) = ended.out.splitlines()
    assert json.loads(line)["duplicates"] == 0


# --- Stored labels ----------------------------------------------------------------------------------------


def stored(place: Place) -> list[dict[str, str]]:
    ended = place.run("labels", "export", "-")
    assert ended.code == 0, ended.err
    return rows(ended.out)


def test_a_file_is_stored_exported_and_stored_again_without_any_change(place: Place) -> None:
    (place.folder / "labels.csv").write_bytes(labels_csv())

    first = place.run("labels", "import", "labels.csv", "--json")
    exported = place.run("labels", "export", "again.csv")
    again = place.run("labels", "import", "again.csv", "--json")

    assert first.last_json == {
        "file": "labels.csv",
        "tickets": 483,
        "new": 483,
        "changed": 0,
        "same": 0,
        "unlabelled": 0,
        "forgotten": 0,
    }
    assert "keep it as you keep the tickets" in exported.err
    assert stat.S_IMODE((place.folder / "again.csv").stat().st_mode) == 0o600
    before, after = (
        rows((place.folder / name).read_bytes().decode()) for name in ("labels.csv", "again.csv")
    )
    assert after == before
    assert again.last_json == {**first.last_json, "file": "again.csv", "new": 0, "same": 483}


def test_a_mistake_keeps_the_whole_file_out_and_a_difference_is_told_with_its_place(place: Place) -> None:
    head = "ticket_id,first_message,team\n"
    (place.folder / "first.csv").write_text(f"{head}7,Secret words,billing\n")
    (place.folder / "other.csv").write_text(
        f"{head}9,Later,\n8,Hi,product\n7,Secret words,security\n8,Hi,billing\n"
    )
    assert place.run("labels", "import", "first.csv").code == 0

    refused = place.run("labels", "import", "other.csv")

    assert (refused.code, refused.out, "ecret" in refused.err) == (2, "", False)
    assert (
        'other.csv:4:C: "security", but "billing" is stored; --replace takes the file\'s\n'
        'other.csv:5:C: "billing", but line 3 says "product"'
    ) in refused.err
    assert [(row["ticket_id"], row["team"]) for row in stored(place)] == [("7", "billing")]


def test_built_labels_are_stored_and_replaced_and_forgotten(place: Place) -> None:
    kept, gone = place.ticket(), place.ticket("Odd log-in", "Somebody logged in from Mars")
    solve(place, kept, "billing")
    solve(place, gone, "security")

    built = build(place)
    forgotten = place.run("forget", "--ticket", str(gone), "--json")
    (place.folder / "mine.csv").write_text(
        f"ticket_id,subject,first_message,team\n{kept},Charged twice,Please refund my invoice.,product\n"
        f"{gone},Odd log-in,Somebody logged in from Mars,security\n"
        "900,Not read yet,Hello,\n"
    )
    replaced = place.run("labels", "import", "mine.csv", "--replace")

    assert (built.code, built.out) == (0, ""), built.err
    assert "Labels stored: 2 new, 0 changed, 0 as they were" in built.err
    assert forgotten.last_json["labels"] == 1
    assert "`connector train` makes the local model anew" in forgotten.err
    assert "1 left out: they have no class yet" in replaced.err
    assert "1 left out: their words were erased on request" in replaced.err
    (row,) = stored(place)
    assert (row["ticket_id"], row["team"]) == (str(kept), "product")


def test_beside_a_service_labels_are_read_and_a_file_may_be_built_but_nothing_is_stored(
    place: Place, eventually: Eventually
) -> None:
    solve(place, place.ticket(), "billing")
    (place.folder / "labels.csv").write_text("first_message,team\nHi,billing\n")
    service, lock = place.start("run"), place.folder / "connector.db.lock"
    assert eventually(lambda: lock.exists() and lock.read_text().strip() == str(service.pid))

    refused = [place.run("labels", "import", "labels.csv"), build(place)]

    assert [each.code for each in refused] == [75, 75]
    assert all("stop the service for this, or move to PostgreSQL" in each.err for each in refused)
    assert "with --out FILE" in refused[1].err
    assert place.run("labels", "stats", "--json").last_json["tickets"] == 0
    assert service.poll() is None
