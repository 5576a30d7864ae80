"""The commands that do the work, and look whether it can be done."""

from __future__ import annotations

from typing import Annotated

import typer

from connector.cli.commands.options import AsJson, Config, Helpdesk
from connector.pipeline.role import Role

working = typer.Typer()


@working.command()
def run(
    once: Annotated[bool, typer.Option("--once", help="One pass, then end.")] = False,
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="One pass that decides and writes nothing anywhere.")
    ] = False,
    role: Annotated[
        Role,
        typer.Option(
            help="What this process does: everything, only poll, or only classify and write back (the last "
            "two need PostgreSQL)."
        ),
    ] = Role.ALL,
    helpdesk: Helpdesk = None,
    as_json: AsJson = False,
    config: Config = None,
) -> None:
    """Poll, classify, write back: as a service, as one pass, or as a dry run.

    Example: connector run --once --json
    """
    if dry_run and role is not Role.ALL:
        raise typer.BadParameter("a dry run goes through all stages; leave --role out", param_hint="--role")
    from connector.cli.run import Mode
    from connector.cli.run import run as work

    mode = Mode.DRY_RUN if dry_run else Mode.ONCE if once else Mode.LIVE
    raise typer.Exit(work(mode, role, helpdesk=helpdesk, as_json=as_json, config=config))


@working.command()
def demo(
    claude: Annotated[
        bool,
        typer.Option("--claude", help="Ask real Claude (needs ANTHROPIC_API_KEY; costs about 13 cents)."),
    ] = False,
    emulated: Annotated[
        bool, typer.Option("--emulated", help="Emulate Claude's answers instead of using the local tier.")
    ] = False,
    tickets: Annotated[int, typer.Option(min=1, max=60, help="How many real threads to play.")] = 60,
    as_json: AsJson = False,
) -> None:
    """Sixty real customer threads through a local helpdesk: no account, no key, no network.

    The local tier (extra `local`) learns from other threads first, and is measured on these.

    Example: connector demo
    """
    if claude and emulated:
        raise typer.BadParameter("give one of --claude and --emulated")
    from connector.cli.demo import Mind
    from connector.cli.demo import demo as work

    mind = Mind.CLAUDE if claude else Mind.EMULATED if emulated else Mind.LOCAL
    raise typer.Exit(work(mind, tickets=tickets, as_json=as_json))


@working.command()
def check(helpdesk: Helpdesk = None, as_json: AsJson = False, config: Config = None) -> None:
    """Prove that settings, database, helpdesk, groups and models work; each failure names the next step.

    Example: connector check
    """
    from connector.cli.check import check as work

    raise typer.Exit(work(helpdesk=helpdesk, as_json=as_json, config=config))


@working.command()
def health(as_json: AsJson = False, config: Config = None) -> None:
    """Whether a connector still works; exit code 69 when it cannot, 70 when it is dead.

    Example: connector health
    """
    from connector.cli.health import health as work

    raise typer.Exit(work(as_json=as_json, config=config))


@working.command()
def sandbox(
    tickets: Annotated[int, typer.Option(min=0, help="How many generated tickets to start with.")] = 60,
    seed: Annotated[int, typer.Option(help="Same seed, same tickets.")] = 7,
    zendesk_port: Annotated[int, typer.Option(help="0 picks a free one.")] = 0,
    claude_port: Annotated[int, typer.Option(help="0 picks a free one.")] = 0,
    latency_ms: Annotated[int, typer.Option(min=0, help="How long the emulated model thinks.")] = 400,
    rate_limits: Annotated[bool, typer.Option(help="Whether the helpdesk enforces its rate limits.")] = True,
    originals: Annotated[
        int | None, typer.Option(min=0, max=100, help="Percent of the tickets that are originals.")
    ] = None,
) -> None:
    """Serve the emulated helpdesk and model on loopback to play with, until Ctrl-C.

    Example: connector sandbox --tickets 500
    """
    from connector.cli.sandbox import Plan
    from connector.cli.sandbox import sandbox as work

    latency_seconds = latency_ms / 1000
    plan = Plan(tickets, seed, zendesk_port, claude_port, latency_seconds, rate_limits, originals)
    raise typer.Exit(work(plan))
