"""``connector train`` and ``connector eval`` as a person runs them."""

from __future__ import annotations

import csv
import json
import os
import stat
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from tests.support.labels import labelled, write_labels
from tests.support.local import hide_the_extra


def command(
    folder: Path, *arguments: str, code: int = 0, **environment: str
) -> subprocess.CompletedProcess[str]:
    done = subprocess.run(
        [sys.executable, "-m", "connector", *arguments],
        cwd=folder,
        env={**os.environ, **environment},
        capture_output=True,
        text=True,
        timeout=100,
    )
    assert done.returncode == code, done.stderr
    return done


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A directory with labels and the model trained on them."""
    folder = tmp_path_factory.mktemp("local")
    write_labels(folder / "labels.csv", labelled(240))
    command(folder, "train", "labels.csv")
    return folder


def test_training_says_how_good_it_is_and_leaves_a_file_for_its_owner(folder: Path) -> None:
    said: Any = json.loads(command(folder, "train", "labels.csv", "--json").stdout)

    (team,) = said["axes"]
    assert (said["model"], said["tickets"], team["labels"], team["classes"]) == (
        "local-model.npz",
        240,
        240,
        4,
    )
    assert team["accuracy_low"] <= team["accuracy"] <= team["accuracy_high"]
    assert team["threshold"] >= 0.75  # the configured one
    assert stat.S_IMODE((folder / "local-model.npz").stat().st_mode) == 0o600


def test_labels_that_are_missing_are_counted_by_name(tmp_path: Path) -> None:
    few = [*labelled(40, teams=["billing", "security"]), *labelled(3, teams=["onboarding"], start=900)]
    write_labels(tmp_path / "labels.csv", few)

    shown = command(tmp_path, "train", "labels.csv").stdout

    assert "needs 7 more labels for onboarding" in " ".join(shown.split())


def test_training_labels_are_evaluated_by_cross_validation(folder: Path) -> None:
    found = json.loads(command(folder, "eval", "labels.csv", "--json").stdout)

    assert (found["how"], found["axes"][0]["tickets"]) == ("cross-validated", 240)
    assert found["axes"][0]["precision"] >= 0.95
    assert found["ms_per_ticket"] > 0


def test_fresh_labels_are_evaluated_with_the_saved_model_without_those_it_knows(folder: Path) -> None:
    write_labels(folder / "fresh.csv", [*labelled(60, seed=77, start=5000), *labelled(240)[:10]])

    done = command(folder, "eval", "fresh.csv", "--csv")

    (row,) = csv.DictReader(done.stdout.splitlines())
    assert (row["axis"], row["tickets"]) == ("team", "60")
    assert float(row["accuracy"]) > 0.8
    assert "held out; 10 training tickets left out" in done.stderr


def test_text_shows_the_same_without_a_ticket_in_it(folder: Path) -> None:
    done = command(folder, "eval", "labels.csv")

    assert "team" in done.stdout
    assert labelled(1)[0].text not in done.stdout + done.stderr


def test_without_the_extra_the_command_to_type_is_said(folder: Path, tmp_path: Path) -> None:
    path = os.pathsep.join([str(hide_the_extra(tmp_path)), os.environ.get("PYTHONPATH", str(Path.cwd()))])

    done = command(folder, "train", "labels.csv", code=78, PYTHONPATH=path)

    assert "pip install 'helpdesk-connector[local]'" in done.stderr


def test_without_a_file_the_stored_labels_are_learnt(tmp_path: Path) -> None:
    nothing = command(tmp_path, "train", code=78).stderr
    write_labels(tmp_path / "labels.csv", labelled(80))
    command(tmp_path, "labels", "import", "labels.csv")

    said: Any = json.loads(command(tmp_path, "train", "--json").stdout)

    assert "connector labels import FILE" in nothing
    assert (said["tickets"], said["axes"][0]["labels"]) == (80, 80)


def test_a_file_that_is_missing_is_bad_input(tmp_path: Path) -> None:
    assert "none.csv" in command(tmp_path, "train", "none.csv", code=78).stderr
