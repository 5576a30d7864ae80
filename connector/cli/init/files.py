"""Puts settings.toml and its secrets in place: all of it or nothing, and never over what is there unasked."""

from __future__ import annotations

import os
import shutil
import signal
import tempfile
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import Path

import typer

from connector.errors import SettingsError
from connector.settings.secret_files import FOLDER

_SETTINGS = "settings.toml"  # its name while it is a draft
_IGNORE = ".gitignore"
_IGNORE_ALL = "# Nothing in here is for a repository.\n*\n"
_SIGNALS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
_MOST_BACKUPS = 1000


@dataclass(frozen=True, slots=True)
class Bundle:
    """What to write: the file ``config`` and, in the directory beside it, a file per secret.

    ``retired`` are secrets there that must not count any more.
    """

    config: Path
    text: str
    secrets: Mapping[str, str] = field(repr=False)
    retired: tuple[str, ...] = ()

    @property
    def folder(self) -> Path:
        return self.config.parent / FOLDER


@dataclass(slots=True)
class Placed:
    """What became of it."""

    written: list[Path] = field(default_factory=list)
    backups: list[Path] = field(default_factory=list)


def refuse_bad_place(config: Path, *, force: bool) -> None:
    """Raises what `put_in_place` would raise at the end, as far as one can see it now."""
    folder = config.parent / FOLDER
    if config == folder:
        raise SettingsError(f"{config}: the secrets go into a directory of that name; choose another one")
    for path in (config, folder):
        if path.is_symlink():
            raise SettingsError(f"{path}: is a symbolic link; name the place itself")
    if config.exists() and not config.is_file():
        raise SettingsError(f"{config}: is not a file")
    if folder.exists() and not folder.is_dir():
        raise SettingsError(f"{folder}: is not a directory")
    if config.exists() and not force:
        raise _taken(config)
    for path in (config.parent, folder):
        if (path.exists() or path == config.parent) and not os.access(path, os.W_OK | os.X_OK):
            raise SettingsError(f"{path}: {'cannot be written to' if path.exists() else 'does not exist'}")


def put_in_place(bundle: Bundle, prove: Callable[[Path], None], *, force: bool) -> Placed:
    """Write drafts, have ``prove`` look at the settings file among them, then give them their names.

    The settings file comes last, so that there is none without its secrets.  What is there already stays
    unless it is the same or ``force`` is given, and then it is kept beside it.  Raises BadParameter,
    SettingsError or what ``prove`` raises, with everything as it was.  A signal waits until all is done.
    """
    _sweep(bundle.config)
    try:
        with _undisturbed(), _drafts(bundle) as drafts:
            prove(drafts / _SETTINGS)
            return _settle(bundle, drafts, force=force)
    except OSError as error:
        raise SettingsError(
            f"{error.filename or bundle.config}: {error.strerror}; nothing was changed"
        ) from None


@contextmanager
def _drafts(bundle: Bundle) -> Iterator[Path]:
    """A directory beside the target, closed to others, in which everything is as it will be."""
    config = bundle.config
    drafts = Path(tempfile.mkdtemp(prefix=f".{config.name}.", suffix=".draft", dir=config.parent))
    try:
        folder = drafts / FOLDER
        folder.mkdir(mode=0o700)
        for path in (drafts / _IGNORE, folder / _IGNORE):
            _write(path, _IGNORE_ALL, 0o644)
        for name, secret in bundle.secrets.items():
            _write(folder / name, f"{secret}\n", 0o600)
        _write(drafts / _SETTINGS, bundle.text, 0o644)
        yield drafts
    finally:
        shutil.rmtree(drafts, ignore_errors=True)


def _sweep(config: Path) -> None:
    """Remove the drafts of runs that were killed."""
    for path in config.parent.iterdir():
        if path.name.startswith(f".{config.name}.") and path.name.endswith(".draft"):
            shutil.rmtree(path, ignore_errors=True)


def _settle(bundle: Bundle, drafts: Path, *, force: bool) -> Placed:
    placed = Placed()
    with ExitStack() as undo:
        move = _Move(undo, placed, force=force)
        if bundle.secrets:
            move.place_secrets(bundle, drafts / FOLDER)
        move.place(drafts / _SETTINGS, bundle.config)
        undo.pop_all()
    _sync(bundle.config.parent)
    return placed


@dataclass(frozen=True, slots=True)
class _Move:
    """Gives drafts their names; ``undo`` learns how to take that back."""

    undo: ExitStack
    placed: Placed
    force: bool = field(kw_only=True)

    def place_secrets(self, bundle: Bundle, drafts: Path) -> None:
        folder = bundle.folder
        if not folder.is_dir():
            folder.mkdir(mode=0o700)
            self.undo.callback(folder.rmdir)
        if not os.path.lexists(folder / _IGNORE):
            self.place(drafts / _IGNORE, folder / _IGNORE)
        for name in bundle.secrets:
            self.place(drafts / name, folder / name)
        for name in bundle.retired:
            self.retire(folder / name)
        _sync(folder)

    def place(self, draft: Path, target: Path) -> None:
        if not os.path.lexists(target):
            _link(draft, target)
            self.undo.callback(target.unlink)
            self.placed.written.append(target)
            return
        _refuse_link(target)
        if target.read_bytes().strip() != draft.read_bytes().strip():
            self._keep(target)
            draft.replace(target)
            self.placed.written.append(target)

    def retire(self, target: Path) -> None:
        """Take a secret out of the way."""
        if os.path.lexists(target):
            _refuse_link(target)
            self._keep(target)
            target.unlink(missing_ok=True)

    def _keep(self, target: Path) -> None:
        """Give what is there a second name beside it, which no secret has."""
        if not self.force:
            raise _taken(target)
        stem = f"{'.' if target.parent.name == FOLDER else ''}{target.name}.bak"
        for number in range(1, _MOST_BACKUPS):
            backup = target.with_name(stem if number == 1 else f"{stem}{number}")
            try:
                _link(target, backup)
            except FileExistsError:
                continue
            self.undo.callback(_put_back, backup, target)
            self.placed.backups.append(backup)
            return
        raise SettingsError(f"{target}: there are {_MOST_BACKUPS} old ones beside it already")


def _taken(path: Path) -> typer.BadParameter:
    return typer.BadParameter(
        f"{path} is there already; --force replaces it and keeps the old one beside it", param_hint="--config"
    )


def _put_back(backup: Path, target: Path) -> None:
    backup.replace(target)
    backup.unlink(missing_ok=True)  # rename(2) does nothing while both are names of one file


def _refuse_link(path: Path) -> None:
    if path.is_symlink():
        raise SettingsError(f"{path}: is a symbolic link; remove it, or name the place itself")


def _write(path: Path, content: str | bytes, mode: int) -> None:
    """A new file, on the disk when this returns; nobody could read more of it than ``mode`` at any time."""
    number = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW, mode)
    with os.fdopen(number, "wb") as file:
        file.write(content.encode() if isinstance(content, str) else content)
        file.flush()
        os.fsync(number)


def _link(draft: Path, target: Path) -> None:
    """Give a draft its name, at once and as a whole.  Raises FileExistsError when that is taken."""
    try:
        os.link(draft, target, follow_symlinks=False)
    except FileExistsError:
        raise
    except OSError:  # a file system without hard links
        if os.path.lexists(target):
            raise FileExistsError(target) from None
        draft.replace(target)


def _sync(folder: Path) -> None:
    """Have the names in a directory on the disk."""
    number = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(number)
    finally:
        os.close(number)


@contextmanager
def _undisturbed() -> Iterator[None]:
    """Signals wait meanwhile."""
    before = signal.pthread_sigmask(signal.SIG_BLOCK, _SIGNALS)
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)
