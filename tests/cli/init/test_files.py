"""Settings and secrets are put in place as a whole, closed to others, over nothing that is there unasked."""

from __future__ import annotations

import os
import signal
import stat
import subprocess
import sys
from pathlib import Path

import pytest
import typer

from connector.cli.init.files import Bundle, put_in_place, refuse_bad_place
from connector.errors import SettingsError

_OLD_SECRET = "the old secret"
_SWEEP = Path(__file__).with_name("kill_sweep.py")


def bundle(folder: Path, **more: tuple[str, ...]) -> Bundle:
    return Bundle(folder / "settings.toml", "# new\n", {"helpdesk__client_secret": "new", "b": "two"}, **more)


def content(folder: Path) -> dict[str, str]:
    return {str(path.relative_to(folder)): path.read_text() for path in folder.rglob("*") if path.is_file()}


def looks_good(draft: Path) -> None:
    assert draft.read_text() == "# new\n"


def test_secrets_are_closed_to_others_whatever_the_umask(tmp_path: Path) -> None:
    modes: list[int] = []

    def look(draft: Path) -> None:
        modes.extend(path.stat().st_mode for path in (draft.parent, *draft.parent.rglob("secrets/*")))

    before = os.umask(0)
    try:
        put_in_place(bundle(tmp_path), look, force=False)
    finally:
        os.umask(before)

    placed = tmp_path / "secrets"
    assert [stat.S_IMODE(mode) for mode in modes[:1]] == [0o700]
    assert stat.S_IMODE(placed.stat().st_mode) == 0o700
    assert {
        path.name: stat.S_IMODE(path.stat().st_mode) for path in placed.iterdir() if path.name != ".gitignore"
    } == {"helpdesk__client_secret": 0o600, "b": 0o600}
    assert "*" in (placed / ".gitignore").read_text().splitlines()


def test_settings_that_do_not_work_are_not_put_in_place(tmp_path: Path) -> None:
    def refuse(draft: Path) -> None:
        raise SettingsError("no")

    with pytest.raises(SettingsError, match="no"):
        put_in_place(bundle(tmp_path), refuse, force=True)

    assert list(tmp_path.iterdir()) == []


def test_another_secret_in_the_way_leaves_everything_as_it_was(tmp_path: Path) -> None:
    secrets = tmp_path / "secrets"
    secrets.mkdir()
    (secrets / "b").write_text(_OLD_SECRET)

    with pytest.raises(typer.BadParameter, match="secrets/b is there already; --force"):
        put_in_place(bundle(tmp_path), looks_good, force=False)

    assert content(tmp_path) == {"secrets/b": _OLD_SECRET}


def test_a_failure_in_the_middle_takes_everything_back(tmp_path: Path) -> None:
    secrets = tmp_path / "secrets"
    secrets.mkdir()
    (secrets / "helpdesk__client_secret").write_text("old")
    (secrets / "b").mkdir()  # cannot be read as a file

    with pytest.raises(SettingsError, match="secrets/b: Is a directory; nothing was changed"):
        put_in_place(bundle(tmp_path), looks_good, force=True)

    assert content(tmp_path) == {"secrets/helpdesk__client_secret": "old"}


def test_the_same_secret_is_no_obstacle(tmp_path: Path) -> None:
    secrets = tmp_path / "secrets"
    secrets.mkdir()
    (secrets / "b").write_text("two")

    placed = put_in_place(bundle(tmp_path), looks_good, force=False)

    assert secrets / "b" not in placed.written
    assert (placed.backups, (secrets / "b").read_text()) == ([], "two")


def test_a_file_that_appears_meanwhile_is_not_overwritten(tmp_path: Path) -> None:
    def somebody_is_faster(draft: Path) -> None:
        (tmp_path / "settings.toml").write_text("theirs")

    with pytest.raises(typer.BadParameter, match="is there already"):
        put_in_place(bundle(tmp_path), somebody_is_faster, force=False)

    assert content(tmp_path) == {"settings.toml": "theirs"}
    assert not (tmp_path / "secrets").exists()


def test_each_replaced_file_is_kept_under_a_name_that_is_free(tmp_path: Path) -> None:
    secrets = tmp_path / "secrets"
    secrets.mkdir()
    for number in ("one", "two"):
        (tmp_path / "settings.toml").write_text(f"# old {number}\n")
        (secrets / "b").write_text(f"old {number}")
        (secrets / "helpdesk__api_token").write_text(f"retired {number}")
        put_in_place(bundle(tmp_path, retired=("helpdesk__api_token",)), looks_good, force=True)

    kept = content(tmp_path)
    assert {name: text for name, text in kept.items() if ".bak" in name} == {
        "settings.toml.bak": "# old one\n",
        "settings.toml.bak2": "# old two\n",
        "secrets/.b.bak": "old one",
        "secrets/.b.bak2": "old two",
        "secrets/.helpdesk__api_token.bak": "retired one",
        "secrets/.helpdesk__api_token.bak2": "retired two",
    }
    assert (kept["settings.toml"], kept["secrets/b"]) == ("# new\n", "two\n")
    assert "secrets/helpdesk__api_token" not in kept


@pytest.mark.parametrize("name", ["settings.toml", "secrets", "secrets/b"])
def test_a_symbolic_link_is_refused_even_by_force(tmp_path: Path, name: str) -> None:
    elsewhere, here = tmp_path / "elsewhere", tmp_path / "here"
    (here / "secrets").mkdir(parents=True)
    if name == "secrets":
        (here / "secrets").rmdir()
        elsewhere.mkdir()
    else:
        elsewhere.write_text("theirs")
    (here / name).symlink_to(elsewhere)

    def attempt() -> None:
        refuse_bad_place(here / "settings.toml", force=True)
        put_in_place(bundle(here), looks_good, force=True)

    with pytest.raises(SettingsError, match="is a symbolic link"):
        attempt()

    assert (here / name).is_symlink()
    assert elsewhere.is_dir() or elsewhere.read_text() == "theirs"


def test_a_place_that_cannot_hold_it_is_told_before_anything_is_asked(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    (tmp_path / "settings.toml").mkdir()
    problems = {
        "missing/settings.toml": "does not exist",
        "settings.toml": "is not a file",
        "secrets": "the secrets go into a directory of that name",
    }

    for name, problem in problems.items():
        with pytest.raises(SettingsError, match=problem):
            refuse_bad_place(tmp_path / name, force=True)


def test_a_signal_waits_until_everything_is_in_place(tmp_path: Path) -> None:
    arrived: list[int] = []
    before = signal.signal(signal.SIGTERM, lambda number, _frame: arrived.append(number))

    def in_the_middle(draft: Path) -> None:
        signal.raise_signal(signal.SIGTERM)  # to this thread: a command has no other one by then
        assert arrived == []

    try:
        placed = put_in_place(bundle(tmp_path), in_the_middle, force=False)
    finally:
        signal.signal(signal.SIGTERM, before)

    assert (arrived, len(placed.written)) == ([signal.SIGTERM], 4)


@pytest.mark.parametrize("scene", ["fresh", "replacing"])
def test_a_kill_at_any_moment_leaves_nothing_half(tmp_path: Path, scene: str) -> None:
    root = Path(__file__).parents[3]

    swept = subprocess.run(
        [sys.executable, str(_SWEEP), scene],
        cwd=tmp_path,
        env={"PYTHONPATH": str(root), "PATH": os.environ["PATH"]},
        capture_output=True,
        text=True,
        timeout=100,
        check=False,
    )

    assert swept.returncode == 0, swept.stdout + swept.stderr
    assert int(swept.stdout) > 15  # moments at which it was killed
