"""The command ``connector``, put together."""

from __future__ import annotations

from typing import Annotated

import typer

from connector.cli.commands.house import config_app, db_app
from connector.cli.commands.learning import labels_app, learning
from connector.cli.commands.setting_up import setting_up
from connector.cli.commands.tickets import tickets
from connector.cli.commands.working import working

app = typer.Typer(
    name="connector",
    help="Polls a helpdesk, classifies each original ticket once with Claude, and writes group, tags and "
    "the reason back.",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
    context_settings={"help_option_names": ["-h", "--help"]},
)
for commands in (setting_up, working, tickets, learning):
    app.add_typer(commands)
app.add_typer(labels_app, name="labels")
app.add_typer(config_app, name="config")
app.add_typer(db_app, name="db")


def _version(wanted: bool) -> None:
    if wanted:
        from connector import __version__

        typer.echo(f"connector {__version__}")
        raise typer.Exit


@app.callback()
def options(
    version: Annotated[
        bool, typer.Option("--version", callback=_version, is_eager=True, help="Print the version.")
    ] = False,
) -> None:
    """Options before the command."""
