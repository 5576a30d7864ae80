"""The command that makes an installation: the first one that somebody runs for real."""

from __future__ import annotations

from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer

from connector.cli.commands.options import AsJson

setting_up = typer.Typer()


class Kind(StrEnum):
    ZENDESK = "zendesk"
    PYLON = "pylon"
    SANDBOX = "sandbox"


class Region(StrEnum):
    US = "us"
    EU = "eu"


@setting_up.command("init")
def init_command(
    helpdesk: Annotated[Kind | None, typer.Option(help="Which helpdesk.")] = None,
    base_url: Annotated[
        str | None, typer.Option(metavar="ADDRESS", help="Zendesk: acme or https://acme.zendesk.com.")
    ] = None,
    region: Annotated[Region | None, typer.Option(help="Pylon: where the organization is.")] = None,
    client_id: Annotated[
        str | None, typer.Option(metavar="ID", help="Zendesk: unique identifier of the OAuth client.")
    ] = None,
    email: Annotated[
        str | None,
        typer.Option(
            metavar="E-MAIL", help="Zendesk's legacy login, with an API token, instead of a client."
        ),
    ] = None,
    human_group: Annotated[
        str | None, typer.Option(metavar="NAME", help="The group for what a person must decide.")
    ] = None,
    inbox_group: Annotated[
        list[str] | None,
        typer.Option(metavar="NAME", help="A group in which new tickets arrive; may be given several times."),
    ] = None,
    team_map: Annotated[
        list[str] | None,
        typer.Option("--map", metavar="TEAM=GROUP", help="A team's group; may be given several times."),
    ] = None,
    config: Annotated[
        Path | None,
        typer.Option(
            metavar="FILE", help="The file to write; secrets go beside it.  [default: settings.toml]"
        ),
    ] = None,
    force: Annotated[
        bool, typer.Option("--force", help="Replace what is there; the old files are kept beside.")
    ] = False,
    yes: Annotated[bool, typer.Option("--yes", help="Ask nothing; take what fits.")] = False,
    secret_stdin: Annotated[
        bool, typer.Option("--secret-stdin", help="Read the helpdesk's secret from stdin.")
    ] = False,
    as_json: AsJson = False,
) -> None:
    """Set up with questions: test the credentials, match groups, write settings.toml and secret files.

    Secrets are asked for, read from stdin, or taken from the variables that the settings have anyway
    (CONNECTOR_HELPDESK__CLIENT_SECRET, CONNECTOR_HELPDESK__API_TOKEN, ANTHROPIC_API_KEY); never from a flag.

    Example: connector init --helpdesk zendesk --base-url acme
    """
    if client_id is not None and email is not None:
        raise typer.BadParameter("give one of --client-id and --email")
    from connector.cli.init import Request, init

    flags = {"kind": helpdesk, "base_url": base_url, "region": region, "client_id": client_id, "email": email}
    request = Request(
        config=config,
        helpdesk={key: str(value) for key, value in flags.items() if value is not None},
        human_group=human_group,
        inbox_groups=tuple(inbox_group or ()),
        maps=tuple(team_map or ()),
        force=force,
        yes=yes,
        secret_stdin=secret_stdin,
        as_json=as_json,
    )
    raise typer.Exit(init(request))
