"""The settings.toml of a new installation: short, commented, nothing in it but what was answered."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from pydantic import BaseModel

from connector.observe.redaction import escape_controls
from connector.settings.business import TeamSettings
from connector.settings.connections import HelpdeskSettings
from connector.settings.shape import keys_of
from connector.settings.toml_text import toml_comment, toml_value

_HEAD = (
    "Settings of the connector, written by `connector init`: what differs from the defaults. "
    "`connector config example` prints every key there is. Secrets are in the directory secrets beside this "
    "file, one file each."
)
_SHOWN = 80  # characters of a group's name in a comment
_LISTED = 40  # groups of no team


@dataclass(frozen=True, slots=True)
class TeamRow:
    """A team with its group as the settings refer to it; ``group_name`` is told where that is an id."""

    name: str
    group: str
    description: str
    group_name: str = ""


def render_first(
    helpdesk: Mapping[str, object], teams: Sequence[TeamRow] = (), unused: Sequence[str] = ()
) -> str:
    """The text of the file; ``helpdesk`` is its section, ``unused`` names the groups of no team."""
    lines = [*toml_comment(_HEAD), "", *toml_comment(HelpdeskSettings.__doc__), "[helpdesk]"]
    lines += _pairs(HelpdeskSettings, helpdesk)
    if teams:
        lines += ["", *toml_comment(TeamSettings.__doc__)]
    if teams and unused:
        more = f" and {len(unused) - _LISTED} more" if len(unused) > _LISTED else ""
        lines += toml_comment(f"Groups of no team: {', '.join(map(_shown, unused[:_LISTED]))}{more}.")
    for index, row in enumerate(teams):
        explained = index == 0
        lines += [""] if index else []
        lines += ["[[teams]]", *_team(row, explained=explained)]
    return "\n".join(lines) + "\n"


def _pairs(table: type[BaseModel], values: Mapping[str, object]) -> Iterator[str]:
    """The keys in the order of settings.example.toml."""
    for key, field in keys_of(table).items():
        if key in values:
            yield from toml_comment(field.description)
            yield f"{key} = {toml_value(values[key])}"


def _team(row: TeamRow, *, explained: bool) -> Iterator[str]:
    for key, value in (("name", row.name), ("group", row.group), ("description", row.description)):
        if explained:
            yield from toml_comment(TeamSettings.model_fields[key].description)
        told = f"  # {_shown(row.group_name)}" if key == "group" and row.group_name else ""
        yield f"{key} = {toml_value(value)}{told}"


def _shown(name: str) -> str:
    """A name from outside, safe inside a comment."""
    plain = escape_controls(name.encode("utf-8", "backslashreplace").decode())
    return f'"{plain[:_SHOWN]}…"' if len(plain) > _SHOWN else f'"{plain}"'
