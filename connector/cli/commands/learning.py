"""The commands about labels and the local tier that learns from them."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from connector.cli.commands.options import AsJson, Config, Helpdesk

learning = typer.Typer()
labels_app = typer.Typer(
    help="Tickets with their right classes.", no_args_is_help=True, rich_markup_mode=None
)


@learning.command()
def train(
    labels: Annotated[
        Path | None,
        typer.Argument(metavar="LABELS.csv", help="Labelled tickets; default: the stored ones."),
    ] = None,
    helpdesk: Helpdesk = None,
    as_json: AsJson = False,
    config: Config = None,
) -> None:
    """Train the local tier on labelled tickets and say what it may decide alone, and what is missing.

    Columns: ticket_id, subject, first_message and any of team, type, urgency, sentiment.

    Example: connector train labels.csv
    """
    from connector.cli.train import train as work

    raise typer.Exit(work(labels, as_json=as_json, helpdesk=helpdesk, config=config))


@learning.command("eval")
def evaluate(
    labels: Annotated[
        Path | None,
        typer.Argument(metavar="LABELS.csv", help="Labelled tickets; default: the stored ones."),
    ] = None,
    target: Annotated[
        float | None,
        typer.Option(min=0.5, max=0.999, help="Cross-validate for this precision instead of the settings'."),
    ] = None,
    helpdesk: Helpdesk = None,
    as_json: AsJson = False,
    as_csv: Annotated[bool, typer.Option("--csv", help="Print CSV on stdout.")] = False,
    config: Config = None,
) -> None:
    """Measure the local tier on labelled tickets: held-out ones if there are any, else cross-validated.

    Example: connector eval labels.csv --json
    """
    from connector.cli.evaluation import evaluation as work

    raise typer.Exit(
        work(labels, target=target, as_json=as_json, as_csv=as_csv, helpdesk=helpdesk, config=config)
    )


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
    helpdesk: Helpdesk = None,
    config: Config = None,
) -> None:
    """Store labels from solved tickets whose team a person chose; customers' words are in them.

    Example: connector labels build --since 30d
    """
    from connector.cli.labels import build as work

    _must_be_new(out, "--out")
    raise typer.Exit(work(since, per_team, out, helpdesk=helpdesk, config=config))


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
    helpdesk: Helpdesk = None,
    as_json: AsJson = False,
    config: Config = None,
) -> None:
    """Store the labels of a file: all of them, or none and every mistake with its line and column.

    Example: connector labels import labels.csv
    """
    from connector.cli.labels import import_ as work

    raise typer.Exit(work(file, replace=replace, as_json=as_json, helpdesk=helpdesk, config=config))


@labels_app.command("export")
def labels_export(
    file: Annotated[Path, typer.Argument(metavar="FILE", help="A new file; - prints.")],
    redact: Annotated[
        bool, typer.Option("--redact", help="Hide keys, cards, accounts, addresses, phone numbers.")
    ] = False,
    helpdesk: Helpdesk = None,
    config: Config = None,
) -> None:
    """Write the stored labels as labels.csv, which people edit and `import` takes back.

    Example: connector labels export labels.csv
    """
    from connector.cli.labels import export as work

    _must_be_new(file, "FILE")
    raise typer.Exit(work(file, redact=redact, helpdesk=helpdesk, config=config))


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
    helpdesk: Helpdesk = None,
    as_json: AsJson = False,
    config: Config = None,
) -> None:
    """Check labels and count them: per class, duplicates, conflicts, and what is missing.

    Example: connector labels stats labels.csv
    """
    from connector.cli.labels import stats as work

    raise typer.Exit(work(file, as_json=as_json, helpdesk=helpdesk, config=config))
