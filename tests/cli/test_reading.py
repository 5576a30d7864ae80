"""The commands that only look: check, decisions, explain, config, db."""

from __future__ import annotations

import json
import re
import sqlite3
from contextlib import closing

import pytest

from connector.sandbox.claude_api.script import Scripted
from connector.store.schema import HEAD
from tests.cli.conftest import KEY, SECRET, Place


def test_check_is_one_line_per_thing_and_all_are_well(place: Place) -> None:
    ended = place.run("check")

    lines = ended.out.splitlines()
    assert ended.code == 0, ended.out
    assert [line.split()[0] for line in lines] == ["ok"] * 7
    assert not (place.folder / "connector.db").exists()


def test_check_names_the_next_step_of_a_failure(place: Place) -> None:
    ended = place.run("check", CONNECTOR_HELPDESK__HUMAN_GROUP="Humans")

    assert ended.code == 78
    assert re.search(r'^fail +groups .*"Humans" does not exist.* → ', ended.out, re.MULTILINE)


def test_check_as_json(place: Place) -> None:
    found = place.run("check", "--json", ANTHROPIC_API_KEY="wrong").last_json

    states = {each["check"]: each["state"] for each in found}
    assert (states["helpdesk"], states["cheap model"]) == ("ok", "fail")


def test_what_was_done_to_the_words_is_told(place: Place) -> None:
    german = "Die Rechnung stimmt nicht, schreiben Sie an jane@example.com oder joe@example.com."
    ticket = str(place.ticket("Rechnung falsch", f"{german}\n\n--\nJane Doe"))
    known, kinds = '["de", "fr"]', '["email"]'
    done = place.run(
        "run", "--once", "--json", CONNECTOR_LANGUAGES__KNOWN=known, CONNECTOR_PRIVACY__REDACT=kinds
    )

    (row,) = [json.loads(line) for line in place.run("decisions", "--json").out.splitlines()]
    told = place.run("explain", ticket)

    assert done.last_json["languages"] == {"de": 1}
    assert row["reading"] == {
        "language": "de",
        "is_foreign": True,
        "redacted": {"email": 2},
        "cut_chars": 13,
        "left_out_tokens": 0,
    }
    assert (
        "read: language de (not a primary one), so the strong model was asked first; hidden email 2; "
        in told.out
    )


def test_decisions_are_listed_and_explained(place: Place) -> None:
    ticket = str(place.ticket())
    guarded = str(place.ticket(text="My lawyer will hear of this."))
    place.run("run", "--once")

    listed = place.run("decisions")
    escalated = place.run("decisions", "--kind", "escalated", "--json")
    told = place.run("explain", ticket)

    assert ticket in listed.out
    assert guarded in listed.out
    rows = [json.loads(line) for line in escalated.out.splitlines()]
    assert [(row["ticket_id"], row["cause"], row["outcome"]) for row in rows] == [
        (guarded, "guardrail", "applied")
    ]
    for part in (
        "polled: original",
        "cheap model claude-haiku-5-5",
        "decided: routed",
        "written back: applied",
    ):
        assert part in told.out


def test_explain_asks_the_strong_model_when_told_to(place: Place) -> None:
    ticket = str(place.ticket())
    place.run("run", "--once")
    before = len(place.claude.calls)

    ended = place.run("explain", ticket, "--ask")

    assert ended.code == 0, ended.err
    assert [call.model for call in place.claude.calls[before:]] == ["claude-sonnet-5-5"]
    assert len(ended.out) > len(place.run("explain", ticket).out)


def test_a_ticket_nobody_has_seen_is_said_to_be_unknown(place: Place) -> None:
    ended = place.run("explain", "404")

    assert ended.code == 1
    assert "not in the ledger" in ended.err


@pytest.mark.parametrize("age", ["yesterday", "7", "-3h", "3 hours ago"])
def test_an_age_that_is_none_is_an_error_that_shows_one(place: Place, age: str) -> None:
    ended = place.run("decisions", f"--since={age}")

    assert ended.code == 78
    assert "24h" in ended.err


def test_config_show_says_where_each_value_comes_from_and_hides_secrets(place: Place) -> None:
    (place.folder / "settings.toml").write_text("[poll]\ninterval_seconds = 30\n")

    rows = {row["key"]: row for row in place.run("config", "show", "--json").last_json}
    table = place.run("config", "show").out

    assert rows["poll.interval_seconds"]["source"] == "settings.toml:2"
    assert rows["helpdesk.client_secret"]["source"] == "CONNECTOR_HELPDESK__CLIENT_SECRET"
    assert "poll.interval_seconds" in table
    for hidden in (KEY, SECRET):
        assert hidden not in table + json.dumps(rows)


def test_the_example_settings_can_be_used_as_they_are(place: Place) -> None:
    place.ticket()
    (place.folder / "settings.toml").write_text(place.run("config", "example").out)

    assert place.run("run", "--once", "--json").last_json["written"] == {"applied": 1}


def test_db_upgrade_creates_the_database_and_is_safe_to_repeat(place: Place) -> None:
    first, second = place.run("db", "upgrade"), place.run("db", "upgrade")

    assert (first.code, first.out.strip()) == (0, f"schema {HEAD} (was empty)")
    assert (second.code, second.out.strip()) == (0, f"schema {HEAD} (already)")


def test_a_file_that_is_no_database_is_78_and_stays_as_it_is(place: Place) -> None:
    (place.folder / "connector.db").write_bytes(
        b"not a database at all, but long enough to look like one" * 40
    )
    before = (place.folder / "connector.db").read_bytes()

    ended = place.run("run", "--once")

    assert ended.code == 78
    assert "connector.db" in ended.err
    assert (place.folder / "connector.db").read_bytes() == before


def test_a_reader_that_has_gone_gets_no_traceback(place: Place) -> None:
    process = place.start("config", "example")
    assert process.stdout is not None
    process.stdout.close()

    process.wait(timeout=30)

    assert process.stderr is not None
    assert "Traceback" not in process.stderr.read()


def test_help_answers_without_the_heavy_packages(place: Place) -> None:
    ended = place.run("--help")
    heavy = {"anthropic", "requests", "sqlalchemy", "rich"}
    program = f"import sys, connector.cli.app; print(sorted({heavy} & set(sys.modules)))"

    assert ended.code == 0
    assert place.python(program).out.strip() == "[]"


def test_health_is_bad_until_the_first_good_poll_and_good_after_it(place: Place) -> None:
    place.ticket()
    before = place.run("health")
    place.run("run", "--once")

    after = place.run("health", "--json")

    assert (before.code, "NOT HEALTHY: never polled" in before.out) == (69, True)
    assert (after.code, after.last_json["healthy"], after.last_json["waiting_writes"]) == (0, True, 0)


def test_health_is_bad_when_the_last_good_poll_is_too_long_ago(place: Place) -> None:
    place.run("run", "--once")
    with closing(sqlite3.connect(place.folder / "connector.db", isolation_level=None)) as ledger:
        ledger.execute("UPDATE checkpoints SET polled_at = polled_at - 301000")

    ended = place.run("health", CONNECTOR_POLL__INTERVAL_SECONDS="60")

    assert ended.code == 69
    assert "NOT HEALTHY: last good poll 30" in ended.out


def test_shadow_classes_are_counted_and_explained(place: Place) -> None:
    shadow = {"name": "chargebacks", "parent": "billing", "state": "shadow"}
    teams = json.dumps([{"name": "billing"}, shadow, {"name": "general"}])
    ticket = str(place.ticket())
    place.claude.script(Scripted(changes={"team": "chargebacks", "team_confidence": 0.9}))
    place.run("run", "--once", CONNECTOR_TEAMS=teams)

    counted = place.run("decisions", "--shadow", "--json").last_json
    listed = place.run("decisions", "--shadow")
    told = place.run("explain", ticket)

    assert counted == {
        "axis": "team",
        "name": "chargebacks",
        "acted_as": "billing",
        "named": 1,
        "confident": 1,
        "mean_confidence": 0.9,
        "moved": 0,
    }
    assert "chargebacks" in listed.out
    assert "team billing 0.90 (shadow chargebacks)" in told.out
    assert "group Billing" in told.out


def test_health_tells_what_was_spent_of_the_budget_today(place: Place) -> None:
    budget = {"CONNECTOR_BUDGET__DAILY_USD": "5"}
    place.ticket()
    place.run("run", "--once", **budget)

    plain, facts = place.run("health", **budget), place.run("health", "--json", **budget).last_json

    assert plain.code == 0
    assert "$0.00 of $5 spent today" in plain.out
    assert 0 < facts["spent_today_usd"] < 0.01
    assert facts["budget_usd"] == 5
