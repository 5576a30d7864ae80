"""What the local tier was trained on is recognised: a tier that knew the answer proves nothing."""

from __future__ import annotations

from pathlib import Path

from connector.bootstrap import current_local, train_local
from connector.bootstrap.local import learnt_by
from connector.settings import Settings
from connector.settings.operation import LocalSettings
from tests.support.labels import labelled


def test_it_knows_the_tickets_it_was_trained_on_and_no_others(tmp_path: Path) -> None:
    settings = Settings(local=LocalSettings(model=tmp_path / "model.npz"))
    tickets = labelled(60)
    others = labelled(20, seed=9, start=900)
    local = current_local(settings, lambda _: None)
    before = [learnt_by(local)(each) for each in tickets]

    train_local(settings, tickets)

    learnt = learnt_by(local)
    assert not any(before)
    assert all(learnt(each) for each in tickets)
    assert not any(learnt(each) for each in others)


def test_a_model_that_cannot_be_used_has_learnt_nothing(tmp_path: Path) -> None:
    path = tmp_path / "model.npz"
    path.write_bytes(b"no model")

    local = current_local(Settings(local=LocalSettings(model=path)), lambda _: None)
    assert not learnt_by(local)(labelled(1)[0])
