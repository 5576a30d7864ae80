"""Every key of any TOML document is found on its line."""

from __future__ import annotations

import tomllib
from collections.abc import Iterator, Mapping
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from connector.settings.toml_lines import lines_of
from connector.settings.toml_text import toml_key, toml_value
from connector.settings.values import Loc

TRICKY = r'''# [not.a.table]
top = "a # no comment"  # a comment = with "quotes"
"quoted key" = 'lit\eral'
dotted.inner."in ner" = 1979-05-27 07:32:00
text = """
[also] = "not a table"
\""" still inside
"""
lit = \'\'\'
[[nor]]
this\'\'\'
list = [
  "one", # first
  { name = "two", more = [1, 2] },

  "three",
]

[table.sub]
a = 1.5e3
b = [ [1, 2], [3] ]

[[items]]
name = "x"
[[items.parts]]
p = 1
[[items.parts]]
p = 2
[items.extra]
e = true

[[items]]
name = "y"
[[items.parts]]
p = 3
'''.replace("\\'", "'")


def locs_in(value: Any, at: Loc = ()) -> Iterator[Loc]:
    if at:
        yield at
    if isinstance(value, Mapping):
        for key, inner in value.items():
            yield from locs_in(inner, (*at, key))
    elif isinstance(value, list):
        for index, inner in enumerate(value):
            yield from locs_in(inner, (*at, index))


def test_strings_comments_and_brackets_do_not_mislead() -> None:
    lines = lines_of(TRICKY)

    assert lines.keys() == set(locs_in(tomllib.loads(TRICKY)))
    text = TRICKY.splitlines()
    assert 'name = "two"' in text[lines["list", 1, "more"] - 1]
    assert text[lines["list", 2] - 1].strip() == '"three",'
    assert text[lines["items", 0, "parts", 1, "p"] - 1] == "p = 2"
    assert text[lines["items", 1, "parts", 0, "p"] - 1] == "p = 3"
    assert text[lines["items", 0, "extra", "e"] - 1] == "e = true"
    assert text[lines["quoted key",] - 1].startswith('"quoted key"')
    assert text[lines["dotted", "inner", "in ner"] - 1].startswith("dotted")


keys = st.text(st.characters(codec="utf-8", exclude_characters="\r"), max_size=8)
scalars = st.one_of(st.integers(-9, 9), st.booleans(), st.text(st.characters(codec="utf-8"), max_size=12))
values = st.recursive(
    scalars,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(keys, inner, max_size=3),
    max_leaves=8,
)


@given(st.dictionaries(keys, values, max_size=4))
def test_every_key_of_any_document_has_its_line(document: dict[str, Any]) -> None:
    text = "".join(f"{toml_key(key)} = {toml_value(value)}\n" for key, value in document.items())

    lines = lines_of(text)

    parsed = tomllib.loads(text)
    assert parsed == document
    assert lines.keys() == set(locs_in(parsed))
    assert [lines[key,] for key in document] == list(range(1, len(document) + 1))
