"""Every command with its options and help; the work is in the module each command imports when it runs."""

from __future__ import annotations

from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer

from connector.pipeline.role import Role

app = typer.Typer(
    name="connector",
    help="Polls a helpdesk, classifies each original ticket once with Claude, and writes group, tags and "
    "the reason back.",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
    context_settings={"help_option_names": ["-h", "--help"]},
)
config_app = typer.Typer(help="Look at the settings.", no_args_is_help=True, rich_markup_mode=None)
db_app = typer.Typer(help="Look after the database.", no_args_is_help=True, rich_markup_mode=None)
app.add_typer(config_app, name="config")
labels_app = typer.Typer(
    help="Tickets with their right classes.", no_args_is_help=True, rich_markup_mode=None
)
app.add_typer(db_app, name="db")
app.add_typer(labels_app, name="labels")

Config = Annotated[
    Path | None,
    typer.Option("--config", metavar="FILE", help="Settings file; default: ./settings.toml if it exists."),
]
AsJson = Annotated[bool, typer.Option("--json", help="Print JSON on stdout.")]


class UpTo(StrEnum):
    """The dearest tier that a replay asks."""

    LOCAL = "local"
    CHEAP = "cheap"
    CASCADE = "cascade"


class KindFilter(StrEnum):
    ROUTED = "routed"
    ESCALATED = "escalated"
    FAILED_OPEN = "failed_open"


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


@app.command()
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
    raise typer.Exit(work(mode, role, as_json=as_json, config=config))


@app.command()
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


@app.command()
def check(as_json: AsJson = False, config: Config = None) -> None:
    """Prove that settings, database, helpdesk, groups and models work; each failure names the next step.

    Example: connector check
    """
    from connector.cli.check import check as work

    raise typer.Exit(work(as_json=as_json, config=config))


@app.command()
def health(as_json: AsJson = False, config: Config = None) -> None:
    """Whether a connector still works; exit code 69 when it cannot, 70 when it is dead.

    Example: connector health
    """
    from connector.cli.health import health as work

    raise typer.Exit(work(as_json=as_json, config=config))


@app.command()
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
    filters = Filters(since, limit, team, kind.value if kind else None, ticket, failed, shadow)
    raise typer.Exit(work(filters, as_json=as_json, config=config))


@app.command()
def retry(
    tickets: Annotated[
        list[str] | None, typer.Argument(metavar="TICKET", help="Ids at the helpdesk; or --all.")
    ] = None,
    everything: Annotated[
        bool, typer.Option("--all", help="All that failed; what killed the process must be named.")
    ] = False,
    since: Annotated[str, typer.Option(metavar="AGE", help="With --all: how far back.")] = "24h",
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Only say what would be put back.")] = False,
    as_json: AsJson = False,
    config: Config = None,
) -> None:
    """Put back what failed: writes are tried again, undecided tickets asked again, unreadable ones read.

    Example: connector retry --all --since 2h --dry-run
    """
    from connector.cli.retry import retry as work

    if bool(tickets) == everything:
        raise typer.BadParameter("name some tickets, or give --all")
    raise typer.Exit(work(tickets or [], since=since, dry_run=dry_run, as_json=as_json, config=config))


@app.command()
def explain(
    ticket: Annotated[str, typer.Argument(metavar="TICKET", help="The ticket's id at the helpdesk.")],
    ask: Annotated[
        bool, typer.Option("--ask", help="Have the strong model put the reasons in plain words (paid).")
    ] = False,
    as_json: AsJson = False,
    config: Config = None,
) -> None:
    """Tell the whole story of one ticket, from the ledger alone.

    Example: connector explain 35436
    """
    from connector.cli.explain import explain as work

    raise typer.Exit(work(ticket, ask=ask, as_json=as_json, config=config))


@app.command()
def forget(
    requester: Annotated[
        str | None,
        typer.Option(metavar="E-MAIL|ID", help="Everything of this person; an address is looked up."),
    ] = None,
    ticket: Annotated[
        list[str] | None, typer.Option(metavar="ID", help="This ticket; may be given several times.")
    ] = None,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Only say what would be erased.")] = False,
    as_json: AsJson = False,
    config: Config = None,
) -> None:
    """Erase a person's words from the database and keep them from coming back.

    Example: connector forget --requester jane@example.com --dry-run
    """
    from connector.cli.forget import forget as work

    if not (requester or ticket):
        raise typer.BadParameter("name a --requester or a --ticket")
    raise typer.Exit(work(requester, ticket or [], dry_run=dry_run, as_json=as_json, config=config))


@app.command()
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
    raise typer.Exit(work(chosen, dry_run=dry_run, yes=yes, as_json=as_json, config=config))


@app.command()
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
    raise typer.Exit(work(wanted, as_json=as_json, config=config))


@app.command()
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
    raise typer.Exit(work(wanted, config=config))


@app.command()
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


@app.command()
def train(
    labels: Annotated[
        Path | None,
        typer.Argument(metavar="LABELS.csv", help="Labelled tickets; default: the stored ones."),
    ] = None,
    as_json: AsJson = False,
    config: Config = None,
) -> None:
    """Train the local tier on labelled tickets and say what it may decide alone, and what is missing.

    Columns: ticket_id, subject, first_message and any of team, type, urgency, sentiment.

    Example: connector train labels.csv
    """
    from connector.cli.train import train as work

    raise typer.Exit(work(labels, as_json=as_json, config=config))


@app.command("eval")
def evaluate(
    labels: Annotated[
        Path | None,
        typer.Argument(metavar="LABELS.csv", help="Labelled tickets; default: the stored ones."),
    ] = None,
    target: Annotated[
        float | None,
        typer.Option(min=0.5, max=0.999, help="Cross-validate for this precision instead of the settings'."),
    ] = None,
    as_json: AsJson = False,
    as_csv: Annotated[bool, typer.Option("--csv", help="Print CSV on stdout.")] = False,
    config: Config = None,
) -> None:
    """Measure the local tier on labelled tickets: held-out ones if there are any, else cross-validated.

    Example: connector eval labels.csv --json
    """
    from connector.cli.evaluation import evaluation as work

    raise typer.Exit(work(labels, target=target, as_json=as_json, as_csv=as_csv, config=config))


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


@labels_app.command("build")
def labels_build(
    since: Annotated[
        str, typer.Option(metavar="AGE", help="Tickets that changed in the last 30d, 12w.")
    ] = "30d",
    per_team: Annotated[
        int | None, typer.Option(min=1, metavar="N", help="At most so many tickets of a team.")
    ] = None,
    out: Annotated[
        Path | None,
        typer.Option("--out", metavar="FILE", help="A new file instead of the database; - prints."),
    ] = None,
    config: Config = None,
) -> None:
    """Store labels from solved tickets whose team a person chose; customers' words are in them.

    Example: connector labels build --since 30d
    """
    from connector.cli.labels import build as work

    _must_be_new(out, "--out")
    raise typer.Exit(work(since, per_team, out, config=config))


def _must_be_new(file: Path | None, called: str) -> None:
    if file is not None and file.exists():
        raise typer.BadParameter(f"{file} is there already", param_hint=called)


_LabelsFile = typer.Argument(metavar="FILE", exists=True, dir_okay=False, readable=True, help="labels.csv.")


@labels_app.command("import")
def labels_import(
    file: Annotated[Path, _LabelsFile],
    replace: Annotated[
        bool, typer.Option("--replace", help="Where both differ take the file's labels and remarks.")
    ] = False,
    as_json: AsJson = False,
    config: Config = None,
) -> None:
    """Store the labels of a file: all of them, or none and every mistake with its line and column.

    Example: connector labels import labels.csv
    """
    from connector.cli.labels import import_ as work

    raise typer.Exit(work(file, replace=replace, as_json=as_json, config=config))


@labels_app.command("export")
def labels_export(
    file: Annotated[Path, typer.Argument(metavar="FILE", help="A new file; - prints.")],
    redact: Annotated[
        bool, typer.Option("--redact", help="Hide keys, cards, accounts, addresses, phone numbers.")
    ] = False,
    config: Config = None,
) -> None:
    """Write the stored labels as labels.csv, which people edit and `import` takes back.

    Example: connector labels export labels.csv
    """
    from connector.cli.labels import export as work

    _must_be_new(file, "FILE")
    raise typer.Exit(work(file, redact=redact, config=config))


@labels_app.command("stats")
def labels_stats(
    file: Annotated[
        Path | None,
        typer.Argument(
            metavar="FILE",
            exists=True,
            dir_okay=False,
            readable=True,
            help="labels.csv; default: what is stored.",
        ),
    ] = None,
    as_json: AsJson = False,
    config: Config = None,
) -> None:
    """Check labels and count them: per class, duplicates, conflicts, and what is missing.

    Example: connector labels stats labels.csv
    """
    from connector.cli.labels import stats as work

    raise typer.Exit(work(file, as_json=as_json, config=config))
