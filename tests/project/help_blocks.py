"""The ``--help`` texts in the documents: ``python -m tests.project.help_blocks`` writes them anew."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parents[2]
DOCUMENTS = (ROOT / "README.md", ROOT / "docs" / "commands.md")

_BLOCK = re.compile(r"<!-- help:(?P<name>[\w ]+) -->\n.*?<!-- /help:(?P=name) -->", re.DOTALL)
_WHOLE_APP = "app"


def shown_in(text: str) -> list[str]:
    """The names of the blocks in a document: ``run``, ``config show``, or ``app`` for all commands."""
    return [block["name"] for block in _BLOCK.finditer(text)]


def refreshed(text: str) -> str:
    """The document with the help of today in every block."""
    return _BLOCK.sub(lambda block: _rendered(block["name"]), text)


def help_of(arguments: list[str]) -> str:
    """What ``connector … --help`` prints on a plain terminal of 100 columns."""
    terminal = {"COLUMNS": "100", "TERMINAL_WIDTH": "100", "NO_COLOR": "1", "TERM": "dumb"}
    done = subprocess.run(
        [sys.executable, "-m", "connector", *arguments, "--help"],
        cwd=ROOT,
        env={**os.environ, **terminal},
        capture_output=True,
        text=True,
        timeout=60,
        check=True,
    )
    return "\n".join(line.rstrip() for line in done.stdout.strip().splitlines())


def _rendered(name: str) -> str:
    arguments = [] if name == _WHOLE_APP else name.split()
    command = " ".join(["connector", *arguments, "--help"])
    return f"<!-- help:{name} -->\n```console\n$ {command}\n{help_of(arguments)}\n```\n<!-- /help:{name} -->"


if __name__ == "__main__":
    for document in DOCUMENTS:
        document.write_text(refreshed(document.read_text(encoding="utf-8")), encoding="utf-8")
