"""Which of several helpdesks a command is about: ``--helpdesk`` means the same everywhere."""

from __future__ import annotations

import typer

from connector.settings import Settings

_OPTION = "--helpdesk"


def some(settings: Settings, name: str | None) -> tuple[Settings, ...]:
    """The settings of the helpdesk with this name, or of all.  Raises BadParameter, exit code 2."""
    each = settings.per_helpdesk()
    if name is None:
        return each
    found = tuple(one for one in each if one.helpdesk.ledger_name == name)
    if not found:
        there_are = ", ".join(names_in(settings))
        raise typer.BadParameter(
            f'no helpdesk is called "{name}"; there are: {there_are}', param_hint=_OPTION
        )
    return found


def one(settings: Settings, name: str | None) -> Settings:
    """The settings of the only helpdesk that is meant.  Raises BadParameter, exit code 2."""
    found = some(settings, name)
    if len(found) > 1:
        raise which(names_in(settings))
    return found[0]


def which(names: tuple[str, ...]) -> typer.BadParameter:
    """The error that asks which of these is meant."""
    return typer.BadParameter(f"which helpdesk? Name one of: {', '.join(names)}", param_hint=_OPTION)


def names_in(settings: Settings) -> tuple[str, ...]:
    """What the ledger calls the configured helpdesks."""
    return tuple(each.helpdesk.ledger_name for each in settings.per_helpdesk())
