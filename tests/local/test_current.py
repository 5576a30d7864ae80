"""The model in use is the one that was trained last, and an unusable one is told and left."""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import pytest

from connector.domain.taxonomy import Axis, Category, Taxonomy
from connector.local.current import CurrentModel
from connector.local.model import TrainedModel
from connector.local.model_file import save_model
from connector.local.training import TrainingPolicy, train
from connector.ports import Event
from tests.support.labels import labelled

TEAMS = ("billing", "infrastructure", "security", "onboarding")


def classes(*teams: str) -> Taxonomy:
    return Taxonomy(
        {
            axis: tuple(Category(name) for name in (teams if axis is Axis.TEAM else ("a", "b")))
            for axis in Axis
        }
    )


@pytest.fixture(scope="module")
def models() -> Sequence[TrainedModel]:
    """Two models of different labels."""
    policy = TrainingPolicy(taxonomy={Axis.TEAM: TEAMS})
    return [train(labelled(count), policy).model for count in (120, 124)]


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "model.npz"


@pytest.fixture
def events() -> list[Event]:
    return []


@pytest.fixture
def current(path: Path, events: list[Event]) -> CurrentModel:
    return CurrentModel(path, classes(*TEAMS), events.append)


def test_without_a_file_it_says_nothing_and_complains_of_nothing(
    current: CurrentModel, events: list[Event]
) -> None:
    said = (
        current.predict("refund"),
        current.nearest("refund", 3),
        current.top_classes("refund", Axis.TEAM, 3),
    )

    assert (said, current.version, events) == (({}, (), ()), "none", [])


def test_a_model_trained_meanwhile_is_in_use_with_the_next_ticket(
    current: CurrentModel, path: Path, models: Sequence[TrainedModel], events: list[Event]
) -> None:
    versions = []
    for model in models:
        save_model(model, path)
        assert current.predict("refund this invoice, charged twice")[Axis.TEAM].value == "billing"
        versions.append(current.version)
        current.predict("once more, without a change of the file")

    assert versions == [model.version for model in models]
    assert [event.name for event in events] == ["local_model.loaded"] * 2


def test_a_file_that_cannot_be_used_is_told_once_and_the_model_before_it_stays(
    current: CurrentModel, path: Path, models: Sequence[TrainedModel], events: list[Event]
) -> None:
    save_model(models[0], path)
    current.look()
    path.write_bytes(b"half a model")

    said = [current.predict("refund") for _ in range(3)]

    assert all(said)
    assert [event.name for event in events] == ["local_model.loaded", "local_model.ignored"]
    assert "train it again" in events[1].facts["error"]


def test_removing_the_file_switches_it_off(
    current: CurrentModel, path: Path, models: Sequence[TrainedModel], events: list[Event]
) -> None:
    save_model(models[0], path)
    current.look()
    path.unlink()

    assert current.predict("refund") == {}
    assert events[-1].name == "local_model.gone"


@pytest.mark.parametrize(
    ("now", "change"),
    [((*TEAMS, "fraud"), "+fraud"), (TEAMS[1:], "-billing"), (("fraud", *TEAMS[1:]), "-billing +fraud")],
)
def test_an_axis_whose_classes_have_changed_has_labels_and_decides_nothing(
    path: Path, models: Sequence[TrainedModel], events: list[Event], now: Sequence[str], change: str
) -> None:
    save_model(models[0], path)
    current = CurrentModel(path, classes(*now), events.append)

    label = current.predict("phishing password leaked")[Axis.TEAM]

    assert label.value == "security"
    assert f"({change}); train again" in label.why_not
    assert [event.name for event in events] == ["local_model.loaded", "local_model.outdated"]


def test_an_answer_that_fails_is_none_and_is_told_once(
    current: CurrentModel, path: Path, models: Sequence[TrainedModel], events: list[Event]
) -> None:
    broken = replace(models[0].axes[Axis.TEAM], rows=models[0].axes[Axis.TEAM].rows + 10_000)
    save_model(replace(models[0], axes={Axis.TEAM: broken}), path)

    said = [current.predict("refund") for _ in range(2)]

    assert said == [{}, {}]
    assert [(event.name, event.facts.get("error")) for event in events][1:] == [
        ("local_model.failed", "IndexError")
    ]


@pytest.mark.skipif(os.getuid() == 0, reason="root may read everything")
def test_a_file_that_may_not_be_read_is_told(
    current: CurrentModel, path: Path, models: Sequence[TrainedModel], events: list[Event]
) -> None:
    save_model(models[0], path)
    path.chmod(0)

    assert current.predict("refund") == {}
    assert "PermissionError" in events[0].facts["error"]
