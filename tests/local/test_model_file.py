from __future__ import annotations

import stat
import zipfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from connector.domain.taxonomy import Axis
from connector.errors import SettingsError
from connector.local.embedding import installed_engine
from connector.local.model_file import load_model, save_model
from connector.local.training import Trained, TrainingPolicy, train
from tests.support.labels import labelled


class LetterEngine:
    """An embedding engine that counts letters: weak, yet deterministic and of length one."""

    name = "letters-1"

    def embed(self, texts: Sequence[str]) -> Any:
        counts = np.array(
            [[1 + text.count(chr(97 + at)) for at in range(26)] for text in texts], dtype=np.float32
        )
        return counts / np.linalg.norm(counts, axis=1, keepdims=True)


@pytest.fixture(scope="module")
def trained() -> Trained:
    return train(labelled(160), TrainingPolicy())


@pytest.fixture
def saved(trained: Trained, tmp_path: Path) -> Path:
    path = tmp_path / "model.npz"
    save_model(trained.model, path)
    return path


def test_a_model_that_was_saved_answers_the_same(trained: Trained, saved: Path) -> None:
    loaded = load_model(saved)

    texts = [each.submission for each in labelled(20, seed=8)]
    assert [loaded.predict(text) for text in texts] == [trained.model.predict(text) for text in texts]
    assert loaded.digest == trained.model.digest
    assert loaded.fingerprints == trained.model.fingerprints
    assert loaded.nearest(texts[0], 5) == trained.model.nearest(texts[0], 5)


def test_only_its_owner_may_read_it_and_nothing_else_is_left(saved: Path) -> None:
    assert stat.S_IMODE(saved.stat().st_mode) == 0o600
    assert [each.name for each in saved.parent.iterdir()] == ["model.npz"]


def test_it_holds_no_word_of_any_ticket_and_no_pickle(saved: Path) -> None:
    with zipfile.ZipFile(saved) as archive:
        content = b"".join(archive.read(name) for name in archive.namelist())

    assert "billing".encode("utf-32-le") in content  # a class, to show how a word would look
    for word in ("invoice", "phishing", "kickoff"):
        assert word.encode() not in content
        assert word.encode("utf-32-le") not in content
    with np.load(saved, allow_pickle=False) as arrays:
        assert all(arrays[name].dtype != object for name in arrays.files)


@pytest.mark.parametrize("damage", ["gone", "empty", "cut", "text", "directory"])
def test_a_file_that_is_no_model_is_refused(saved: Path, damage: str) -> None:
    content = saved.read_bytes()
    saved.unlink()
    match damage:
        case "empty":
            saved.touch()
        case "cut":
            saved.write_bytes(content[: len(content) // 2])
        case "text":
            saved.write_text("not a model", encoding="utf-8")
        case "directory":
            saved.mkdir()

    with pytest.raises(SettingsError, match="train"):
        load_model(saved)


@pytest.mark.parametrize(
    ("old", "new", "complaint"),
    [('"format": 2', '"format": 1', "another version"), ('"probe": [[', '"probe": [[7, ', "scikit-learn")],
)
def test_a_model_that_would_be_misread_is_refused(saved: Path, old: str, new: str, complaint: str) -> None:
    with np.load(saved, allow_pickle=False) as arrays:
        content = {name: arrays[name] for name in arrays.files}
    content["header"] = np.array(str(content["header"]).replace(old, new))
    np.savez(saved, **content)

    with pytest.raises(SettingsError, match=complaint):
        load_model(saved)


def test_embeddings_are_averaged_in_and_wanted_again_when_loading(tmp_path: Path) -> None:
    engine, path = LetterEngine(), tmp_path / "model.npz"

    model = train(labelled(160), TrainingPolicy(), engine).model
    save_model(model, path)

    assert len(model.axes[Axis.TEAM].heads) == 2
    text = labelled(1, seed=8)[0].submission
    assert load_model(path, engine).predict(text) == model.predict(text)
    with pytest.raises(SettingsError, match="letters-1"):
        load_model(path)


def test_without_a_plug_in_there_is_no_engine() -> None:
    assert installed_engine() is None
