"""The commands about the settings and the database."""

from __future__ import annotations

import typer

from connector.cli.commands.options import AsJson, Config

config_app = typer.Typer(help="Look at the settings.", no_args_is_help=True, rich_markup_mode=None)
db_app = typer.Typer(help="Look after the database.", no_args_is_help=True, rich_markup_mode=None)


@config_app.command("show")
def config_show(as_json: AsJson = False, config: Config = None) -> None:
    """Every setting with its effective value and where it came from; secrets stay hidden.

    Example: connector config show
    """
    from connector.cli.config import show as work

    raise typer.Exit(work(as_json=as_json, config=config))


@config_app.command("example")
def config_example() -> None:
    """Print a complete, commented settings.toml.

    Example: connector config example > settings.toml
    """
    from connector.cli.config import example as work

    raise typer.Exit(work())


@db_app.command("upgrade")
def db_upgrade(config: Config = None) -> None:
    """Bring the database to the schema of this version; safe to repeat.

    Example: connector db upgrade
    """
    from connector.cli.db import upgrade as work

    raise typer.Exit(work(config=config))
