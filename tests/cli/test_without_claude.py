"""Without a key nobody is surprised: a forgotten one is an error, and doing without is a setting."""

from __future__ import annotations

import json

import pytest

from tests.cli.conftest import Place

OFF = {"CONNECTOR_LLM__ENABLED": "false"}


@pytest.fixture
def keyless(place: Place) -> Place:
    del place.environment["ANTHROPIC_API_KEY"]
    return place


def test_a_forgotten_key_ends_the_run_and_names_the_way_out(keyless: Place) -> None:
    ticket = keyless.ticket()

    ended = keyless.run("run", "--once")

    assert ended.code == 78
    assert "ANTHROPIC_API_KEY" in ended.err
    assert "[llm] enabled = false" in ended.err
    assert keyless.zendesk.tickets()[ticket].group_id is None


def test_switched_off_everything_nobody_knows_goes_to_the_human_group_and_that_is_said(
    keyless: Place,
) -> None:
    ticket = keyless.ticket()

    ended = keyless.run("run", "--once", "--json", **OFF)

    assert ended.code == 0, ended.err
    assert ended.last_json["decided"] == {"none": 1}
    assert (ended.last_json["escalated"], ended.last_json["model_calls"]) == (1, 0)
    assert ended.err.count("nothing can route, everything else goes to the human group") == 1
    row = json.loads(keyless.run("decisions", "--json").out)
    assert (row["ticket_id"], row["cause"], row["group"]) == (str(ticket), "no_model", "Support")
    assert row["outcome"] == "applied"


def test_switched_off_final_rules_go_on_routing(keyless: Place) -> None:
    (keyless.folder / "settings.toml").write_text(
        '[[rules]]\nname = "refund"\nwords = ["refund"]\nteam = "billing"\nfinal = true\n'
    )
    keyless.ticket()

    ended = keyless.run("run", "--once", "--json", **OFF)

    assert ended.last_json["decided"] == {"rules": 1}
    assert "only rules can route" in ended.err


def test_check_says_what_is_off_and_what_is_wrong_with_the_local_model(keyless: Place) -> None:
    without = {each["check"]: each for each in keyless.run("check", "--json", **OFF).last_json}
    (keyless.folder / "local-model.npz").write_bytes(b"half a model")
    damaged = keyless.run("check", "--json", **OFF)
    missing_key = keyless.run("check")

    assert (without["models"]["state"], without["local tier"]["state"]) == ("ok", "ok")
    assert "off" in without["models"]["detail"]
    assert "connector train" in without["local tier"]["detail"]
    states = {each["check"]: each for each in damaged.last_json}
    assert (damaged.code, states["local tier"]["state"]) == (0, "warn")
    assert "train it again" in states["local tier"]["detail"]
    assert (missing_key.code, "[llm] enabled = false" in missing_key.out) == (78, True)
