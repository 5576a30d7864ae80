"""The table of faults is complete, and every test that it names exists."""

from __future__ import annotations

import ast
import re
from collections.abc import Callable
from pathlib import Path

import pytest

TextOf = Callable[[str], str]

_ROW = re.compile(r"^\| (\d+) \| (.+?) \| (.+?) \| (.+) \|$", re.MULTILINE)
_NAMED = re.compile(r"`([\w./-]+\.py)::(\w+)`")
_REASON = re.compile(r"not here(?: by name)?: \S.*")


def functions_of(path: Path) -> set[str]:
    """The names of the module's own functions."""
    tree = ast.parse(path.read_text(encoding="utf-8"))
    return {node.name for node in tree.body if isinstance(node, ast.FunctionDef)}


@pytest.fixture
def rows(text_of: TextOf) -> list[tuple[str, ...]]:
    return [found.groups() for found in _ROW.finditer(text_of("docs/faults.md"))]


def test_every_fault_has_one_row(rows: list[tuple[str, ...]]) -> None:
    assert [int(number) for number, *_ in rows] == list(range(1, 104))


def test_every_row_names_tests_that_exist_or_says_why_there_is_none(
    rows: list[tuple[str, ...]], root: Path
) -> None:
    wrong = []
    for number, _, _, told in rows:
        named = _NAMED.findall(told)
        if _NAMED.sub("", told).strip() and not (not named and _REASON.fullmatch(told)):
            wrong.append(f"row {number}: neither tests nor a reason: {told}")
        for path, name in named:
            if not (root / path).is_file() or name not in functions_of(root / path):
                wrong.append(f"row {number}: no such test: {path}::{name}")

    assert wrong == []
