"""What the command line of ``connector init`` says before anything is asked."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import typer

from connector.settings.environment import CONFIG_VARIABLE
from connector.settings.loading import DEFAULT_FILE
from connector.settings.suggestion import suggest


@dataclass(frozen=True, slots=True)
class Request:
    """The flags; ``helpdesk`` has the keys of [helpdesk] that were given."""

    config: Path | None
    helpdesk: Mapping[str, str]
    human_group: str | None
    inbox_groups: tuple[str, ...]
    maps: tuple[str, ...]  # TEAM=GROUP
    force: bool
    yes: bool
    secret_stdin: bool
    as_json: bool

    @property
    def target(self) -> Path:
        """The file to write: where the other commands will look for it."""
        return self.config or Path(os.environ.get(CONFIG_VARIABLE) or DEFAULT_FILE)

    def mapped(self, teams: tuple[str, ...]) -> dict[str, str]:
        """The group per team of the --map options.  Raises BadParameter for what cannot be one."""
        mapped: dict[str, str] = {}
        for pair in self.maps:
            team, sign, group = (part.strip() for part in pair.partition("="))
            if not (team and sign and group):
                raise typer.BadParameter("should be like billing=Billing", param_hint="--map")
            if team not in teams:
                raise typer.BadParameter(f'unknown team "{team}"{suggest(team, teams)}', param_hint="--map")
            if team in mapped:
                raise typer.BadParameter(f'team "{team}" is there twice', param_hint="--map")
            mapped[team] = group
        return mapped
