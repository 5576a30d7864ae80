"""settings.example.toml is the model, written out."""

from __future__ import annotations

import re
import tomllib
from collections.abc import Callable

from pydantic import BaseModel

from connector.settings import Loaded, Settings, render_example
from connector.settings.shape import keys_of, secret_locs, table_in

Read = Callable[..., Loaded]


def test_the_example_loads_to_the_defaults(read: Read) -> None:
    loaded = read(render_example())

    assert loaded.settings.model_dump() == Settings().model_dump()
    assert loaded.warnings == ()


def test_the_example_shows_every_key_of_every_table() -> None:
    shown = set(re.findall(r"^(?:# )?(\w+) = ", render_example(), re.MULTILINE))
    tables: list[type[BaseModel]] = [Settings]
    wanted: set[str] = set()
    while tables:
        for key, field in keys_of(tables.pop()).items():
            inner = table_in(field.annotation)
            if inner is None or key == "when":
                wanted.add(key)
            else:
                tables.append(inner)

    assert wanted <= shown


def test_the_example_holds_a_sample_for_whatever_has_no_default(read: Read) -> None:
    sampled = re.sub(r'^# (\[\[\w+\]\]$|\w+ = (?:".*"|\d+)$)', r"\1", render_example(), flags=re.MULTILINE)

    parsed = tomllib.loads(sampled)

    assert parsed["helpdesk"]["base_url"] == "https://acme.zendesk.com"


def test_every_secret_is_commented_out_in_the_example() -> None:
    parsed = tomllib.loads(render_example())

    active = [loc for loc in secret_locs(Settings) if loc[1] in parsed[str(loc[0])]]

    assert active == [("store", "url")]
