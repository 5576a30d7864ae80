"""The new settings, read as every command will read them, before they are put in place."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

from connector.domain.ticket import Group
from connector.errors import SettingsError
from connector.policy import resolve_inbox, resolve_routing
from connector.settings import Loaded, load_settings
from connector.settings.environment import environment_layer
from connector.settings.layers import value_at
from connector.settings.problems import name_of
from connector.settings.values import Loc


def check_environment(environment: Mapping[str, str]) -> None:
    """Raises SettingsError for variables that would spoil any settings."""
    if problems := environment_layer(environment).problems:
        raise SettingsError("\n".join(["the environment cannot be used:", *problems]))


def try_out(draft: Path, written: Mapping[Loc, object], groups: Sequence[Group] | None) -> tuple[str, ...]:
    """What wins over the file, as warnings.  ``groups``: the helpdesk's, in which every name must be found.

    Raises SettingsError when the settings cannot work.
    """
    loaded = load_settings(draft)
    if groups is not None:
        resolve_routing(loaded.settings, groups)
        resolve_inbox(loaded.settings, groups)
    return tuple(_overruled(loaded, written))


def _overruled(loaded: Loaded, written: Mapping[Loc, object]) -> Iterator[str]:
    for loc, value in written.items():
        layer = next((layer for layer in loaded.layers if layer.holds(loc)), None)
        if layer is not None and value_at(layer.values, loc) != value:
            yield f"{layer.place(loc)} is set to something else, and wins over {name_of(loc)}"
