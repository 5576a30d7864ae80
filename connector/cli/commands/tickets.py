"""The commands about tickets: look at what was decided, put right, catch up, rehearse."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from connector.cli.commands.options import AsJson, Config, Helpdesk, KindFilter, UpTo

tickets = typer.Typer()


@tickets.command()
def decisions(
    since: Annotated[str, typer.Option(metavar="AGE", help="How far back: 30m, 24h, 7d.")] = "24h",
    limit: Annotated[int, typer.Option(min=1, help="The newest so many.")] = 50,
    team: Annotated[str | None, typer.Option(help="Only this team.")] = None,
    kind: Annotated[KindFilter | None, typer.Option(help="Only this kind.")] = None,
    ticket: Annotated[str | None, typer.Option(metavar="ID", help="Only this ticket.")] = None,
    failed: Annotated[
        bool, typer.Option("--failed", help="What failed and why, and how to put it back.")
    ] = False,
    shadow: Annotated[
        bool, typer.Option("--shadow", help="How often each shadow class was answered.")
    ] = False,
    helpdesk: Helpdesk = None,
    as_json: AsJson = False,
    config: Config = None,
) -> None:
    """List what was decided and what became of it.

    Example: connector decisions --since 7d --kind escalated
    """
    from connector.cli.decisions import Filters
    from connector.cli.decisions import decisions as work

    if failed and shadow:
        raise typer.BadParameter("give one of --failed and --shadow")
    filters = Filters(since, limit, team, kind.value if kind else None, ticket, failed, shadow, helpdesk)
    raise typer.Exit(work(filters, as_json=as_json, config=config))


@tickets.command()
def retry(
    tickets: Annotated[
        list[str] | None, typer.Argument(metavar="TICKET", help="Ids at the helpdesk; or --all.")
    ] = None,
    everything: Annotated[
        bool, typer.Option("--all", help="All that failed; what killed the process must be named.")
    ] = False,
    since: Annotated[str, typer.Option(metavar="AGE", help="With --all: how far back.")] = "24h",
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Only say what would be put back.")] = False,
    helpdesk: Helpdesk = None,
    as_json: AsJson = False,
    config: Config = None,
) -> None:
    """Put back what failed: writes are tried again, undecided tickets asked again, unreadable ones read.

    Example: connector retry --all --since 2h --dry-run
    """
    from connector.cli.retry import retry as work

    if bool(tickets) == everything:
        raise typer.BadParameter("name some tickets, or give --all")
    raise typer.Exit(
        work(tickets or [], since=since, dry_run=dry_run, helpdesk=helpdesk, as_json=as_json, config=config)
    )


@tickets.command()
def explain(
    ticket: Annotated[str, typer.Argument(metavar="TICKET", help="The ticket's id at the helpdesk.")],
    ask: Annotated[
        bool, typer.Option("--ask", help="Have the strong model put the reasons in plain words (paid).")
    ] = False,
    helpdesk: Helpdesk = None,
    as_json: AsJson = False,
    config: Config = None,
) -> None:
    """Tell the whole story of one ticket, from the ledger alone.

    Example: connector explain 35436
    """
    from connector.cli.explain import explain as work

    raise typer.Exit(work(ticket, ask=ask, helpdesk=helpdesk, as_json=as_json, config=config))


@tickets.command()
def forget(
    requester: Annotated[
        str | None,
        typer.Option(metavar="E-MAIL|ID", help="Everything of this person; an address is looked up."),
    ] = None,
    ticket: Annotated[
        list[str] | None, typer.Option(metavar="ID", help="This ticket; may be given several times.")
    ] = None,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Only say what would be erased.")] = False,
    helpdesk: Helpdesk = None,
    as_json: AsJson = False,
    config: Config = None,
) -> None:
    """Erase a person's words from the database and keep them from coming back.

    Example: connector forget --requester jane@example.com --dry-run
    """
    from connector.cli.forget import forget as work

    if not (requester or ticket):
        raise typer.BadParameter("name a --requester or a --ticket")
    raise typer.Exit(
        work(requester, ticket or [], dry_run=dry_run, helpdesk=helpdesk, as_json=as_json, config=config)
    )


@tickets.command()
def undo(
    since: Annotated[
        str | None, typer.Option(metavar="AGE", help="What took effect in the last 30m, 24h, 7d.")
    ] = None,
    pass_id: Annotated[
        str | None, typer.Option("--pass", metavar="ID", help="What was decided in this pass.")
    ] = None,
    ticket: Annotated[
        list[str] | None, typer.Option(metavar="ID", help="What we wrote to this ticket; may be repeated.")
    ] = None,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Tell what would be undone.")] = False,
    yes: Annotated[bool, typer.Option("--yes", help="Do not ask at a terminal.")] = False,
    helpdesk: Helpdesk = None,
    as_json: AsJson = False,
    config: Config = None,
) -> None:
    """Put group, priority and tags back where nobody has touched the ticket since our write.

    Example: connector undo --since 2h --dry-run
    """
    from connector.cli.decisions import ago
    from connector.cli.undo import undo as work
    from connector.pipeline.undo import Selection

    if sum(bool(each) for each in (since, pass_id, ticket)) != 1:
        raise typer.BadParameter("give one of --since, --pass and --ticket")
    chosen = Selection(ago(since) if since else None, pass_id, tuple(ticket or ()))
    raise typer.Exit(
        work(chosen, dry_run=dry_run, yes=yes, helpdesk=helpdesk, as_json=as_json, config=config)
    )


@tickets.command()
def backfill(
    since: Annotated[
        str, typer.Option(metavar="AGE", help="Tickets created in the last 24h, 30d, 12w.")
    ] = "30d",
    limit: Annotated[
        int | None, typer.Option(min=1, metavar="N", help="Take in at most so many tickets.")
    ] = None,
    max_cost: Annotated[
        str | None, typer.Option(metavar="USD", help="Stop before a call could exceed this sum.")
    ] = None,
    batch: Annotated[
        bool, typer.Option("--batch", help="Ask in message batches: half the price, up to a day.")
    ] = False,
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Only say how many, how dear and how long.")
    ] = False,
    yes: Annotated[bool, typer.Option("--yes", help="Start without asking.")] = False,
    helpdesk: Helpdesk = None,
    as_json: AsJson = False,
    config: Config = None,
) -> None:
    """Route tickets of the past that nobody has routed; run it again to go on where it stopped.

    Without --yes it first asks at a terminal, and elsewhere only says what it would do.

    Example: connector backfill --since 30d --max-cost 5
    """
    from connector.cli.backfill import Wanted, dollars
    from connector.cli.backfill import backfill as work
    from connector.cli.decisions import ago

    if dry_run and yes:
        raise typer.BadParameter("give one of --dry-run and --yes")
    wanted = Wanted(since, ago(since), limit, dollars(max_cost), batch=batch, dry_run=dry_run, yes=yes)
    raise typer.Exit(work(wanted, helpdesk=helpdesk, as_json=as_json, config=config))


@tickets.command()
def replay(
    since: Annotated[
        str, typer.Option(metavar="AGE", help="Tickets that changed in the last 30d, 12w.")
    ] = "30d",
    limit: Annotated[
        int | None, typer.Option(min=1, metavar="N", help="A sample of so many, the same every time.")
    ] = None,
    tier: Annotated[
        UpTo, typer.Option(help="How far the cascade goes: no model, only the cheap one, or all of it.")
    ] = UpTo.CASCADE,
    max_cost: Annotated[
        str | None, typer.Option(metavar="USD", help="Stop before a call could exceed this sum.")
    ] = None,
    minutes_per_ticket: Annotated[
        float | None,
        typer.Option(min=0.0, metavar="M", help="What sorting one ticket by hand takes; an assumption."),
    ] = None,
    html: Annotated[
        Path | None, typer.Option("--html", metavar="FILE", help="Also write the report as one page.")
    ] = None,
    answers: Annotated[
        Path,
        typer.Option(metavar="FILE", help="Paid answers, so that no second run pays again; no words in it."),
    ] = Path("replay-answers.jsonl"),
    helpdesk: Helpdesk = None,
    as_json: AsJson = False,
    config: Config = None,
) -> None:
    """Past solved tickets through triage, without a write, beside the group that people gave them.

    Example: connector replay --since 30d --limit 200 --max-cost 2 --html replay.html
    """
    from connector.cli.backfill import dollars
    from connector.cli.replay import Wanted
    from connector.cli.replay import replay as work

    wanted = Wanted(since, limit, tier, dollars(max_cost), minutes_per_ticket, answers, html, as_json)
    raise typer.Exit(work(wanted, helpdesk=helpdesk, config=config))
