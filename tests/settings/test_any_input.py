"""Whatever stands in a file or in the environment: settings, or a SettingsError that names a place."""

from __future__ import annotations

import json
import string
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import BaseModel

from connector.errors import SettingsError
from connector.settings import Settings, effective, load_settings
from connector.settings.environment import variable_of
from connector.settings.shape import keys_of, table_in
from connector.settings.toml_text import toml_value
from connector.settings.values import Loc


def locs_of(table: type[BaseModel], at: Loc = ()) -> Iterator[Loc]:
    for key, field in keys_of(table).items():
        yield (*at, key)
        inner = table_in(field.annotation)
        if inner is not None:
            yield from locs_of(inner, (*at, key))


NAMES = sorted({str(loc[-1]) for loc in locs_of(Settings)})
words = st.sampled_from(
    [*NAMES, "billing", "security", "critical", "zendesk", "https://a.b", "{team}", "", "x"]
)
scalars = st.one_of(
    st.integers(-10, 10**6), st.booleans(), st.floats(-1, 9), words, st.text(string.printable, max_size=9)
)
values = st.recursive(
    scalars,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(words, inner, max_size=3),
    max_leaves=9,
)
variables = st.sampled_from([variable_of(loc) for loc in locs_of(Settings)])


def outcome(toml: str, environment: dict[str, str]) -> list[str]:
    """The problems of settings, none when they load."""
    with tempfile.TemporaryDirectory() as directory:
        path = Path(directory, "settings.toml")
        path.write_text(toml, encoding="utf-8", newline="")
        try:
            effective(load_settings(path, environment=environment, secret_dirs=()))
        except SettingsError as error:
            return str(error).splitlines()[1:]
    return []


@settings(max_examples=150)
@given(st.dictionaries(st.sampled_from(list(keys_of(Settings))), values, max_size=4))
def test_any_toml_is_settings_or_problems_with_their_lines(document: dict[str, Any]) -> None:
    toml = "".join(f"{key} = {toml_value(value)}\n" for key, value in document.items())

    problems = outcome(toml, {})

    assert all("settings.toml:" in problem for problem in problems)


@settings(max_examples=150)
@given(st.dictionaries(variables, scalars.map(str) | values.map(json.dumps), max_size=4))
def test_any_environment_is_settings_or_problems_with_their_variables(environment: dict[str, str]) -> None:
    problems = outcome("", environment)

    assert all(any(name in problem for name in environment) for problem in problems)


@given(st.text(max_size=60))
def test_any_text_is_settings_or_problems(text: str) -> None:
    assert all("settings.toml" in problem for problem in outcome(text, {}))
