"""Values and comments as they are written in TOML."""

from __future__ import annotations

import json
import re
import textwrap
from collections.abc import Mapping
from datetime import date
from decimal import Decimal
from pathlib import PurePath

from pydantic import BaseModel

from connector.settings.shape import entries, says_something

_BARE_KEY = re.compile(r"[A-Za-z0-9_-]+")
_WIDTH = 100


def toml_value(value: object) -> str:
    """``value`` on one line of TOML; None and secrets have no such form: TypeError."""
    match value:
        case bool():
            return "true" if value else "false"
        case int() | Decimal():
            return str(value)
        case float():
            return f"{value:.12g}"
        case str():
            # JSON's escapes are TOML's too; only DEL is allowed raw in JSON and not in TOML.
            return json.dumps(value, ensure_ascii=False).replace("\x7f", "\\u007f")
        case date():
            return value.isoformat()
        case PurePath():
            return toml_value(str(value))
        case Mapping():
            return _inline({str(key): each for key, each in value.items()})
        case BaseModel():
            return _inline({key: each for key, _, each in entries(value) if says_something(each)})
        case tuple() | list():
            return f"[{', '.join(toml_value(each) for each in value)}]"
        case _:
            raise TypeError(f"no TOML form for {type(value).__name__}")


def _inline(values: Mapping[str, object]) -> str:
    pairs = ", ".join(f"{toml_key(key)} = {toml_value(value)}" for key, value in values.items())
    return f"{{ {pairs} }}" if pairs else "{}"


def toml_key(key: str) -> str:
    return key if _BARE_KEY.fullmatch(key) else toml_value(key)


def toml_comment(text: str | None) -> list[str]:
    """``text``, which holds no control characters, as lines of comment."""
    return [f"# {line}" for line in textwrap.wrap(" ".join((text or "").split()), _WIDTH)]
