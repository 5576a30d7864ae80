"""README, changelog, settings example and code say the same."""

from __future__ import annotations

import os
import re
import subprocess
import tomllib
from collections.abc import Callable
from pathlib import Path

import pytest

import connector
from connector import errors
from connector.settings import render_example
from tests.project.help_blocks import DOCUMENTS, refreshed, shown_in

TextOf = Callable[[str], str]

_LINK = re.compile(r"\]\((?!https?:)([^)#\s]*)#?([\w-]*)\)")

# Codes that no error type stands for: success, a bug, wrong usage, a stuck service, Ctrl-C, a closed pipe.
_OTHER_EXIT_CODES = {0, 1, 2, 70, 130, 141}


def test_the_settings_example_is_what_the_model_says(text_of: TextOf) -> None:
    assert text_of("settings.example.toml") == render_example(), "run `make documents`"


def test_the_documents_show_the_help_of_today() -> None:
    shown = [name for document in DOCUMENTS for name in shown_in(document.read_text(encoding="utf-8"))]

    assert {"app", "run"} <= set(shown_in(DOCUMENTS[0].read_text(encoding="utf-8")))
    assert len(shown) == len(set(shown))
    for document in DOCUMENTS:
        text = document.read_text(encoding="utf-8")
        assert text == refreshed(text), "run `make documents`"


def test_every_link_between_the_documents_leads_somewhere(root: Path) -> None:
    documents = [*root.glob("*.md"), *root.glob("docs/*.md")]
    anchors = {path.resolve(): _anchors(path.read_text(encoding="utf-8")) for path in documents}

    for path in documents:
        for target, anchor in _LINK.findall(path.read_text(encoding="utf-8")):
            found = (path.parent / target).resolve() if target else path.resolve()
            assert found.exists(), f"{path.name}: {target}"
            assert not anchor or anchor in anchors[found], f"{path.name}: {target}#{anchor}"


def _anchors(text: str) -> set[str]:
    """Those that a Markdown reader makes of the headings outside of code."""
    prose = re.sub(r"^```.*?^```$", "", text, flags=re.DOTALL | re.MULTILINE)
    headings = re.findall(r"^#+ (.*)$", prose, re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in headings}


def test_the_readme_lists_the_exit_codes_of_the_errors(text_of: TextOf) -> None:
    table = re.search(r"<!-- exit-codes -->\n(.*?)\n<!-- /exit-codes -->", text_of("README.md"), re.DOTALL)
    raised = {
        kind.exit_code
        for kind in vars(errors).values()
        if isinstance(kind, type) and issubclass(kind, errors.ConnectorError)
    }

    listed = {int(code) for code in re.findall(r"^\| *(\d+) *\|", table[1] if table else "", re.MULTILINE)}

    assert {0, 2} | (raised - {1}) <= listed
    assert listed <= raised | _OTHER_EXIT_CODES


def test_the_version_is_the_same_everywhere(text_of: TextOf) -> None:
    project = tomllib.loads(text_of("pyproject.toml"))["project"]

    assert project["version"] == connector.__version__
    assert re.search(rf"^## \[?{re.escape(connector.__version__)}\]?", text_of("CHANGELOG.md"), re.MULTILINE)


@pytest.mark.parametrize("name", ["LICENSE", "CONTRIBUTING.md", "Makefile", ".ci/run"])
def test_what_a_newcomer_looks_for_is_there(text_of: TextOf, name: str) -> None:
    assert text_of(name).strip()


def test_the_ci_script_can_be_run(root: Path) -> None:
    script = root / ".ci" / "run"

    assert os.access(script, os.X_OK)
    subprocess.run(["bash", "-n", str(script)], check=True)
