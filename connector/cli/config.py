"""``connector config``: the settings as they are, and as an example."""

from __future__ import annotations

import os
from pathlib import Path

from connector.cli.output import emit_json, say, table
from connector.settings import effective, load_settings, render_example


def show(*, as_json: bool, config: Path | None) -> int:
    loaded = load_settings(config)
    for warning in loaded.warnings:
        say(f"warning: {warning}")
    rows = effective(loaded)
    if as_json:
        emit_json([{"key": row.key, "value": row.value, "source": row.source} for row in rows])
    else:
        cells = [(row.key, row.value, row.source) for row in rows]
        table(("setting", "value", "from"), cells)
    return os.EX_OK


def example() -> int:
    print(render_example(), end="")
    return os.EX_OK
