"""What nobody needs to be asked for: flags, stdin, the environment, secret files."""

from __future__ import annotations

import os
import sys
from pathlib import Path

import typer

from connector.cli.init.form import SECRETS, Found
from connector.cli.init.request import Request
from connector.errors import SettingsError
from connector.settings.environment import anthropic_layer, environment_layer, variable_of
from connector.settings.layers import MISSING, Layer, value_at
from connector.settings.model import Settings
from connector.settings.secret_files import FOLDER, secrets_layer
from connector.settings.shape import field_at, is_plain, keys_of, table_at
from connector.settings.values import Loc

_CLAUDE: Loc = ("llm", "api_key")
_LONGEST_SECRET = 65_536
_FLAGS = {"kind": "--helpdesk"}


def find_helpdesk(request: Request) -> dict[str, Found]:
    """The keys of [helpdesk] that are known, by precedence: flag, stdin, environment, secret file.

    Raises SettingsError for a directory of secrets that the other commands would refuse.
    """
    known = environment_layer(os.environ), _kept(request.target)
    found: dict[str, Found] = {}
    table = table_at(Settings, ("helpdesk",))
    for key in keys_of(table) if table else ():
        field = field_at(Settings, ("helpdesk", key))
        if field is not None and is_plain(field) and (value := _first(("helpdesk", key), known)):
            found[key] = value
    found |= {
        key: Found(value, _FLAGS.get(key, f"--{key.replace('_', '-')}"))
        for key, value in request.helpdesk.items()
    }
    if request.secret_stdin:
        secret = Found(_from_stdin(), "--secret-stdin")
        found |= dict.fromkeys(SECRETS, secret)
    return found


def find_claude_key(request: Request) -> Found | None:
    """Claude's key, if it is anywhere."""
    return _first(
        _CLAUDE, (environment_layer(os.environ), anthropic_layer(os.environ), _kept(request.target))
    )


def _kept(target: Path) -> Layer:
    layer = secrets_layer([target.parent / FOLDER])
    if layer.problems:
        raise SettingsError("\n".join(layer.problems))
    return layer


def _first(loc: Loc, layers: tuple[Layer, ...]) -> Found | None:
    for layer in layers:
        value = value_at(layer.values, loc)
        if value is not MISSING:
            return Found(str(value), layer.place(loc) or variable_of(loc))
    return None


def _from_stdin() -> str:
    if sys.stdin.isatty():
        raise _no_secret("stdin is a terminal, which would show it; without the flag you are asked")
    try:
        secret = sys.stdin.read(_LONGEST_SECRET).strip()
    except UnicodeDecodeError:
        raise _no_secret("what is on stdin is no text") from None
    if not secret:
        raise _no_secret("there is no secret on stdin")
    return secret


def _no_secret(why: str) -> typer.BadParameter:
    return typer.BadParameter(why, param_hint="--secret-stdin")
