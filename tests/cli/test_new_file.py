"""A file that is written at the end of long work is there whole, private, or not at all."""

from __future__ import annotations

import stat
from pathlib import Path

import pytest

from connector.cli.new_file import NewFile
from connector.errors import SettingsError


def test_it_takes_the_place_of_an_older_one_and_is_private(tmp_path: Path) -> None:
    path = tmp_path / "page.html"
    path.write_text("old")
    path.chmod(0o644)

    file = NewFile(path)
    before = path.read_text()
    file.fill("new")
    file.close()

    assert (before, path.read_text()) == ("old", "new")
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert list(tmp_path.iterdir()) == [path]


def test_what_is_never_filled_leaves_nothing(tmp_path: Path) -> None:
    NewFile(tmp_path / "page.html").close()

    assert list(tmp_path.iterdir()) == []


def test_a_place_that_cannot_be_written_is_said_at_once(tmp_path: Path) -> None:
    with pytest.raises(SettingsError, match="No such file or directory"):
        NewFile(tmp_path / "nowhere" / "page.html")
    with pytest.raises(SettingsError, match="is a directory"):
        NewFile(tmp_path)
