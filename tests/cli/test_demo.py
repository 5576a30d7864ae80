"""The demo: the whole job on real threads, and an honest figure of how good the local tier was."""

from __future__ import annotations

import json
import os
from pathlib import Path
from uuid import UUID

import pytest

from connector.cli.demo_labels import read_demo_labels
from connector.domain.taxonomy import Axis
from connector.local.fitting import same_words
from connector.quality.calibrate import wilson
from connector.sandbox.tickets import threads
from connector.settings import Settings
from tests.cli.conftest import Place
from tests.support.local import hide_the_extra


@pytest.fixture
def bare(place: Place) -> Place:
    """No settings and no key."""
    for name in list(place.environment):
        if name.startswith(("CONNECTOR_", "ANTHROPIC_")):
            del place.environment[name]
    return place


def test_without_a_key_the_local_tier_labels_and_its_figures_are_those_of_its_answers(bare: Place) -> None:
    ended = bare.run("demo", "--tickets", "20", "--json")

    *rows, total = [json.loads(line) for line in ended.out.splitlines()]
    truth = read_demo_labels(Settings()).truth
    assert ended.code == 0, ended.err
    assert len(rows) == total["live"]["screened"]["original"] == 20
    assert (total["mind"], total["live"]["model_calls"]) == ("local", 0)
    assert {row["tier"] for row in rows} <= {"local", "rules", None}
    found = total["local"]
    assert found["trained_on"] == 423
    for axis in Axis:
        share = found["axes"][axis]
        pairs = [
            (row["local"]["labels"][axis], truth[row["thread"]].labels[axis])
            for row in rows
            if row["local"] and axis in row["local"]["labels"]
        ]
        right = sum(said == is_so for said, is_so in pairs)
        assert (share["right"], share["total"]) == (right, len(pairs))
        assert (share["accuracy_low"], share["accuracy_high"]) == wilson(right, len(pairs))
    alone = [row for row in rows if row["tier"] == "local" and row["kind"] == "routed"]
    assert found["decided_alone"]["coverage"] == len(alone) / 20
    assert all(row["group"] == "Support" for row in rows if row["kind"] != "routed")


def test_nothing_that_the_demo_plays_is_learnt_from() -> None:
    labels = read_demo_labels(Settings())

    played = {same_words(each.submission) for each in labels.truth.values()}
    assert set(labels.truth) == {thread.id for thread in threads()}
    assert not played & {same_words(each.submission) for each in labels.learn}
    assert len(labels.learn) > 400


def test_people_are_told_how_often_it_was_right(bare: Place) -> None:
    ended = bare.run("demo", "--tickets", "5")

    assert ended.code == 0, ended.err
    assert "5 originals" in ended.err
    assert "0 model calls, 0 writes" in ended.err
    assert "of 5 right" in ended.err
    assert "decided alone" in ended.err
    assert "What was decided" in ended.out


def test_emulated_answers_are_said_to_be(bare: Place) -> None:
    ended = bare.run("demo", "--tickets", "12", "--emulated")

    assert ended.code == 0, ended.err
    assert "EMULATED" in ended.err
    assert "12 originals" in ended.err
    assert "0 model calls, 0 writes" in ended.err
    assert "right" not in ended.err
    assert "What was decided" in ended.out


def test_at_pylon_the_same_story_is_played_on_issues(bare: Place) -> None:
    ended = bare.run("demo", "--helpdesk", "pylon", "--tickets", "6", "--emulated", "--json")

    *rows, total = [json.loads(line) for line in ended.out.splitlines()]
    assert ended.code == 0, ended.err
    assert total["helpdesk"] == "pylon"
    assert total["dry_run"]["written"] == {"dry_run": 6}
    assert total["live"]["written"] == {"applied": 6}
    assert (total["next_poll"]["model_calls"], total["next_poll"]["written"]) == (0, {})
    assert total["next_poll"]["screened"] == {"echo": 3, "update": 3}
    assert {row["thread"] for row in rows} == {thread.id for thread in threads()[:6]}
    assert all(UUID(row["ticket_id"]) for row in rows)


def test_without_the_extra_it_falls_back_and_says_how_to_get_the_local_tier(
    bare: Place, tmp_path: Path
) -> None:
    path = os.pathsep.join([str(hide_the_extra(tmp_path)), bare.environment["PYTHONPATH"]])

    ended = bare.run("demo", "--tickets", "3", PYTHONPATH=path)

    assert ended.code == 0, ended.err
    assert "pip install 'helpdesk-connector[local]'" in ended.err
    assert "EMULATED" in ended.err


def test_claude_cannot_be_real_and_emulated(bare: Place) -> None:
    assert bare.run("demo", "--claude", "--emulated").code == 2
