"""The commands that do the work, and look whether it can be done."""

from __future__ import annotations

from typing import Annotated

import typer

from connector.cli.commands.options import AsJson, Config, Helpdesk
from connector.cli.stand_in import Vendor
from connector.pipeline.role import Role

working = typer.Typer()
WEBHOOK_SECRET = "sandbox-signing-secret"  # noqa: S105 - of a made-up account


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
    helpdesk: Annotated[Vendor, typer.Option(help="Whose helpdesk is emulated.")] = Vendor.ZENDESK,
    as_json: AsJson = False,
) -> None:
    """Sixty real customer threads through a local helpdesk: no account, no key, no network.

    The local tier (extra `local`) learns from other threads first, and is measured on these.

    Example: connector demo --helpdesk pylon
    """
    if claude and emulated:
        raise typer.BadParameter("give one of --claude and --emulated")
    from connector.cli.demo import Mind
    from connector.cli.demo import demo as work

    mind = Mind.CLAUDE if claude else Mind.EMULATED if emulated else Mind.LOCAL
    raise typer.Exit(work(mind, helpdesk, tickets=tickets, as_json=as_json))


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
def status(
    since: Annotated[
        str, typer.Option(metavar="AGE", help="What is counted: the last 30m, 24h, 7d.")
    ] = "24h",
    as_json: AsJson = False,
    config: Config = None,
) -> None:
    """The page to look at first: what waits and fails, who works, decisions, cost, time to assignment.

    The time to assignment goes from a ticket's creation to our write, both by the helpdesk's clock, which
    stamps whole seconds. It counts tickets opened while the service that took them in was running, or
    since the pass before the one that did. Several helpdesks are counted together.

    Example: connector status --since 7d
    """
    from connector.cli.status import status as work

    raise typer.Exit(work(since, as_json=as_json, config=config))


@working.command()
def sandbox(
    helpdesk: Annotated[Vendor, typer.Option(help="Whose helpdesk is emulated.")] = Vendor.ZENDESK,
    tickets: Annotated[int, typer.Option(min=0, help="How many generated tickets to start with.")] = 60,
    seed: Annotated[int, typer.Option(help="Same seed, same tickets and faults.")] = 7,
    helpdesk_port: Annotated[
        int, typer.Option("--helpdesk-port", "--zendesk-port", help="0 picks a free one.")
    ] = 0,
    claude_port: Annotated[int, typer.Option(help="0 picks a free one.")] = 0,
    latency_ms: Annotated[int, typer.Option(min=0, help="How long the emulated model thinks.")] = 400,
    rate_limits: Annotated[
        bool,
        typer.Option(help="Whether the helpdesk enforces its rate limits; Pylon's let a pass take minutes."),
    ] = True,
    originals: Annotated[
        int | None, typer.Option(min=0, max=100, help="Percent of the tickets that are originals.")
    ] = None,
    faults: Annotated[
        float,
        typer.Option(min=0, max=90, help="Percent of the helpdesk's answers that fail, one way or another."),
    ] = 0.0,
    every: Annotated[
        float, typer.Option(min=0, metavar="SECONDS", help="Open another ticket so often; 0: never.")
    ] = 0,
    webhook: Annotated[
        str | None,
        typer.Option(
            metavar="URL",
            help="Where each of those is told, as the helpdesk does it: http://127.0.0.1:8079/hooks/zendesk.",
        ),
    ] = None,
    webhook_secret: Annotated[str, typer.Option(help="Signs what is told.")] = WEBHOOK_SECRET,
) -> None:
    """Serve the emulated helpdesk and model on loopback to play with, until Ctrl-C.

    Example: connector sandbox --helpdesk pylon --tickets 200
    """
    from connector.cli.sandbox import Plan
    from connector.cli.sandbox import sandbox as work

    if webhook is not None and not webhook.startswith(("http://", "https://")):
        raise typer.BadParameter("should be like http://127.0.0.1:8079/hooks/zendesk", param_hint="--webhook")
    raise typer.Exit(
        work(
            Plan(
                vendor=helpdesk,
                tickets=tickets,
                seed=seed,
                helpdesk_port=helpdesk_port,
                claude_port=claude_port,
                latency_seconds=latency_ms / 1000,
                rate_limits=rate_limits,
                originals=originals,
                faulty_percent=faults,
                every_seconds=every,
                webhook=webhook,
                webhook_secret=webhook_secret,
            )
        )
    )
