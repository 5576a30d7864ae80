"""Options that several commands have, and what an option may be."""

from __future__ import annotations

from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer

Config = Annotated[
    Path | None,
    typer.Option("--config", metavar="FILE", help="Settings file; default: ./settings.toml if it exists."),
]
Helpdesk = Annotated[
    str | None, typer.Option("--helpdesk", metavar="NAME", help="Which of the [[helpdesks]].")
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
