"""Kills the writing of an installation before its first, second, … touch of a file, and looks what is left.

Run as a program, because it forks: ``kill_sweep.py fresh`` or ``replacing``, in an empty directory.
"""

from __future__ import annotations

import itertools
import os
import shutil
import stat
import sys
from pathlib import Path

from connector.cli.init.files import Bundle, put_in_place

_NEW, _OLD = "# new settings\n", "# old settings\n"
_SECRETS = {"helpdesk__client_secret": "new", "llm__api_key": "key"}
_TOUCHES = ("open", "os.", "shutil.", "tempfile.")
_KILLED = 9


def furnish(folder: Path, scene: str) -> Bundle:
    """What is there before, and what is to be written."""
    folder.mkdir()
    if scene == "replacing":
        secrets = folder / "secrets"
        secrets.mkdir(mode=0o700)
        (folder / "settings.toml").write_text(_OLD)
        (secrets / "helpdesk__client_secret").write_text("old")
        (secrets / "helpdesk__api_token").write_text("retired")
    return Bundle(folder / "settings.toml", _NEW, _SECRETS, ("helpdesk__api_token",))


def killed(bundle: Bundle, moment: int, scene: str) -> bool:
    """Whether a child was killed before its touch number ``moment``; False: it had come to its end."""
    child = os.fork()
    if child == 0:
        touches = itertools.count()

        def listen(event: str, _arguments: object) -> None:
            if event.startswith(_TOUCHES) and next(touches) == moment:
                os._exit(_KILLED)

        sys.addaudithook(listen)
        put_in_place(bundle, lambda _draft: None, force=scene == "replacing")
        os._exit(0)
    _, status = os.waitpid(child, 0)
    code = os.waitstatus_to_exitcode(status)
    assert code in {0, _KILLED}, code
    return code == _KILLED


def look(folder: Path, scene: str) -> None:
    """Every file is whole and closed; a new settings file has its secrets; nothing old is lost."""
    settings, secrets = folder / "settings.toml", folder / "secrets"
    text = settings.read_text() if settings.exists() else None
    assert text in ({_NEW, None} if scene == "fresh" else {_NEW, _OLD}), text
    for name, secret in _SECRETS.items():
        path = secrets / name
        if path.exists():
            told = path.read_text()
            assert told == f"{secret}\n" or (told, name) == ("old", "helpdesk__client_secret"), told
            assert told == "old" or stat.S_IMODE(path.stat().st_mode) == 0o600
        if text == _NEW:
            assert path.read_text() == f"{secret}\n"
    if scene == "replacing":
        kept = {
            path.read_text() for path in folder.rglob("*") if path.is_file() and ".draft" not in str(path)
        }
        assert {_OLD, "old", "retired"} <= kept, kept
    for draft in folder.glob(".settings.toml.*.draft"):
        assert stat.S_IMODE(draft.stat().st_mode) == 0o700


def main(scene: str) -> None:
    for moment in itertools.count():
        folder = Path("place").absolute()
        bundle = furnish(folder, scene)
        was_killed = killed(bundle, moment, scene)
        look(folder, scene)
        if was_killed and scene == "fresh":  # the same again works, without force, and clears up
            put_in_place(bundle, lambda _draft: None, force=bundle.config.exists())
            look(folder, scene)
            assert not list(folder.glob(".*.draft"))
        shutil.rmtree(folder)
        if not was_killed:
            sys.stdout.write(f"{moment}\n")
            return


if __name__ == "__main__":
    main(sys.argv[1])
