"""Nothing in the project knows the machine it was written on."""

from __future__ import annotations

import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

# Written in pieces, so that this file does not find itself.
_MACHINE = re.compile(
    "|".join([r"/" + r"work/(main|shared)\b", r"/" + r"root/", r"/" + r"tmp/briefs", r"/" + r"Users/\w"])
)
_OURS = {"settings.toml", ".git"}  # .git is a file in a work tree of its own
_SHIPPED = ["connector", "migrations", "tests", "docs", "deploy", ".ci"]
_TEXT = {
    "",
    ".cfg",
    ".html",
    ".ini",
    ".jsonl",
    ".json",
    ".mako",
    ".md",
    ".py",
    ".sh",
    ".toml",
    ".txt",
    ".yaml",
    ".yml",
}


def committed(root: Path) -> Iterator[Path]:
    """Every text file of the project; what `.gitignore` names lies elsewhere or ends otherwise."""
    yield from (path for path in root.iterdir() if path.is_file() and path.name not in _OURS)
    for name in _SHIPPED:
        yield from (
            path for path in (root / name).rglob("*") if path.is_file() and "__pycache__" not in path.parts
        )


def test_no_file_holds_a_path_of_the_machine_it_was_written_on(root: Path) -> None:
    texts = [path for path in committed(root) if path.suffix in _TEXT]

    found = [
        str(path) for path in texts if _MACHINE.search(path.read_text(encoding="utf-8", errors="replace"))
    ]

    assert len(texts) > 50
    assert not found


def test_asking_for_help_imports_nothing_heavy() -> None:
    script = (
        "import sys; from connector.cli import exit_code_of; code = exit_code_of(['--help']);"
        "print(code, *sorted({name.partition('.')[0] for name in sys.modules}), file=sys.stderr)"
    )

    done = subprocess.run(
        [sys.executable, "-c", script], capture_output=True, text=True, timeout=60, check=True
    )

    code, *modules = done.stderr.split()
    heavy = {"anthropic", "sqlalchemy", "alembic", "requests", "pydantic", "pydantic_settings", "apscheduler"}
    heavy |= {"numpy", "scipy", "sklearn"}
    assert code == "0"
    assert not heavy & set(modules)


def test_settings_import_no_client_and_no_database() -> None:
    script = "import sys, connector.settings; print(*sys.modules)"

    done = subprocess.run(
        [sys.executable, "-c", script], capture_output=True, text=True, timeout=60, check=True
    )

    loaded = {name.partition(".")[0] for name in done.stdout.split()}
    assert not loaded & {
        "anthropic",
        "sqlalchemy",
        "alembic",
        "requests",
        "apscheduler",
        "structlog",
        "typer",
    }
