"""Secrets from a directory with one file each, as systemd, Docker and Kubernetes provide them."""

from __future__ import annotations

import stat
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from connector.settings.helpdesks import HELPDESKS, NamedHelpdesk, key_by_name
from connector.settings.layers import Layer
from connector.settings.model import Settings
from connector.settings.shape import is_secret, keys_of, secret_locs
from connector.settings.suggestion import suggest
from connector.settings.values import Loc

_CONTAINER_SECRETS = Path("/run/secrets")
FOLDER = "secrets"
PREFIX = "connector_"  # may stand in front of a name
_LARGEST_BYTES = 65_536


def secret_directories(
    environment: Mapping[str, str], directory: Path, file: Path | None = None
) -> tuple[Path, ...]:
    """Where secret files may be, the first that holds one of ours counts (systemd.exec(5), Credentials).

    Beside the settings ``file`` before the working ``directory``.
    """
    given = environment.get("CREDENTIALS_DIRECTORY")
    if given:
        return (Path(given),)
    return (_CONTAINER_SECRETS, *([file.parent / FOLDER] if file else []), directory / FOLDER)


def name_of_secret(loc: Loc) -> str:
    """The name of the file with this secret."""
    return "__".join(map(str, loc))


def secrets_layer(directories: Iterable[Path]) -> Layer:
    """The secrets of the first directory that has any, in files such as ``helpdesk__client_secret``.

    ``connector_`` in front of the name is fine too.  Of several helpdesks it is the one with the name in the
    middle: ``helpdesks__acme__api_token``.
    """
    known = {name_of_secret(loc): loc for loc in secret_locs(Settings)}
    for directory in directories:
        layer = _read_directory(directory, known)
        if layer.places or layer.problems:
            return layer
    return Layer()


def _read_directory(directory: Path, known: Mapping[str, Loc]) -> Layer:
    values: dict[str, Any] = {}
    named: dict[Loc, Any] = {}
    places: dict[Loc, str] = {}
    problems: list[str] = []
    warnings: list[str] = []
    for path in _files(directory):
        place = f"{directory.name}/{path.name}"
        name = path.name.lower().removeprefix(PREFIX)
        loc = known.get(name) or _by_name(name)
        if loc is None:
            if _looks_like_ours(path.name.lower()):
                problems.append(f"{place}: unknown secret{suggest(name, [*known, *_like(name)])}")
            continue
        try:
            text, warning = _read(path)
        except (OSError, ValueError) as error:
            reason = error.strerror if isinstance(error, OSError) else "not a text of at most 64 kB"
            problems.append(f"{place}: cannot be read: {reason}")
            continue
        if loc[0] == HELPDESKS:
            named[loc] = text
        else:
            values.setdefault(str(loc[0]), {})[loc[1]] = text
        places[loc] = place
        if warning:
            warnings.append(f"{place}: {warning}")
    return Layer(values, places, tuple(problems), tuple(warnings), named)


def _by_name(name: str) -> Loc | None:
    """Where the secret of one of several helpdesks belongs."""
    loc: Loc = tuple(name.split("__"))
    field = key_by_name(loc)
    return loc if field is not None and is_secret(field) else None


def _like(name: str) -> list[str]:
    """The secrets of the same one of several helpdesks."""
    section, _, rest = name.partition("__")
    helpdesk = rest.partition("__")[0]
    secrets = [each[0] for each in secret_locs(NamedHelpdesk)]
    return [f"{section}__{helpdesk}__{key}" for key in secrets] if section == HELPDESKS else []


def _files(directory: Path) -> list[Path]:
    try:
        return sorted(path for path in directory.iterdir() if path.is_file())
    except OSError:
        return []


def _looks_like_ours(name: str) -> bool:
    section, delimiter, _ = name.partition("__")
    return name.startswith(PREFIX) or (bool(delimiter) and section in keys_of(Settings))


def _read(path: Path) -> tuple[str, str]:
    """The text of a secret file without its line end, and a warning when others may read it."""
    with path.open("rb") as file:
        content = file.read(_LARGEST_BYTES + 1)
        mode = stat.S_IMODE(path.stat().st_mode)
    if len(content) > _LARGEST_BYTES:
        raise ValueError("too large")
    # In a container the engine sets the mode, and nobody else is there to read.
    is_open = bool(mode & 0o077) and path.parent != _CONTAINER_SECRETS
    warning = f"others can read this secret (mode {mode:04o}); run chmod 600 on it" if is_open else ""
    return content.decode().strip(), warning
