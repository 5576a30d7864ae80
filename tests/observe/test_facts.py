"""Every fact that the connector tells is on the list of what may be logged."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

import connector
from connector.observe.logs import FACTS

PACKAGE = Path(connector.__file__).parent


def told_in(tree: ast.AST) -> Iterator[str]:
    """The keys of every dict given to an Event, directly, as ``facts`` or ``told``, or by ``_facts``."""
    for node in ast.walk(tree):
        match node:
            case ast.Call(func=ast.Name(id="Event"), args=[_, _, ast.Dict() as given]):
                yield from keys_of(given)
            case ast.Assign(targets=[ast.Name(id="facts" | "told")], value=ast.Dict() as given):
                yield from keys_of(given)
            case ast.AnnAssign(target=ast.Name(id="facts"), value=ast.Dict() as given):
                yield from keys_of(given)
            case ast.AugAssign(target=ast.Name(id="facts"), value=ast.Dict() as given):
                yield from keys_of(given)
            case ast.FunctionDef(name="_facts", body=[*_, ast.Return(value=ast.Dict() as given)]):
                yield from keys_of(given)


def keys_of(given: ast.Dict) -> Iterator[str]:
    yield from (
        key.value for key in given.keys if isinstance(key, ast.Constant) and isinstance(key.value, str)
    )


def test_every_fact_that_is_told_may_be_logged() -> None:
    modules = [path for name in ("pipeline", ".") for path in (PACKAGE / name).glob("*.py")]

    told = {fact for path in modules for fact in told_in(ast.parse(path.read_text(encoding="utf-8")))}

    assert len(told) > 20
    assert told <= FACTS
