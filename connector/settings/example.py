"""The complete, commented settings.example.toml, written from the model."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping

from pydantic import BaseModel, SecretStr
from pydantic.fields import FieldInfo

from connector.settings.model import Settings
from connector.settings.shape import entries, is_list, says_something, table_in
from connector.settings.toml_text import toml_comment, toml_value

_HEAD = """\
Settings of the connector: every key with its default. Copy this file to settings.toml and keep what differs.

A key can also be set by a variable: poll.interval_seconds is CONNECTOR_POLL__INTERVAL_SECONDS
(lists and tables as JSON). Precedence: command line, environment, secret files, this file, default.
Secrets belong into files of their own: helpdesk.client_secret is secrets/helpdesk__client_secret
(or a file of that name in $CREDENTIALS_DIRECTORY or /run/secrets), mode 0600.
A list of tables, such as [[teams]], replaces the default list as a whole."""


def render_example() -> str:
    """The text of settings.example.toml; loading it gives exactly the defaults."""
    lines = [f"# {line}".rstrip() for line in _HEAD.splitlines()]
    for key, field, value in entries(Settings()):
        lines += ["", *_tables(key, field, value)]
    return "\n".join(lines) + "\n"


def _tables(path: str, field: FieldInfo, value: object) -> Iterator[str]:
    """A field that holds one table or a list of tables."""
    if isinstance(value, BaseModel):
        yield from toml_comment(field.description or type(value).__doc__)
        yield f"[{path}]"
        yield from _body(path, value, explained=True)
        return
    table = table_in(field.annotation)
    yield from toml_comment(table.__doc__ if table else "")
    if not value and field.examples:
        yield from _sample(path, field.examples[0])
    for index, item in enumerate(value if isinstance(value, tuple) else ()):
        yield from [""] if index else []
        yield f"[[{path}]]"
        yield from _body(path, item, explained=index == 0)


def _sample(path: str, items: Iterable[Mapping[str, object]]) -> Iterator[str]:
    """Tables of a list that is empty by default, commented out."""
    for index, item in enumerate(items):
        yield from ["#"] if index else []
        yield f"# [[{path}]]"
        yield from (f"# {key} = {toml_value(value)}" for key, value in item.items())


def _body(path: str, table: BaseModel, *, explained: bool) -> Iterator[str]:
    """The keys of a table, then the tables inside it.  Only the first of a list is ``explained``."""
    inner: list[str] = []
    for key, field, value in entries(table):
        if table_in(field.annotation) and (is_list(field) or field.default_factory):
            inner += ["", *_tables(f"{path}.{key}", field, value)]
        elif explained:
            yield from toml_comment(field.description)
            yield _pair(key, field, value)
        elif says_something(value) and value != field.default:
            yield _pair(key, field, value)
    yield from inner


def _pair(key: str, field: FieldInfo, value: object) -> str:
    """``key = value``, or a sample that is commented out where there is no default."""
    if value is None:
        return f"# {key} = {toml_value((field.examples or ['…'])[0])}"
    if isinstance(value, SecretStr):
        return f"{key} = {toml_value(value.get_secret_value())}"  # a default, so it is no secret
    return f"{key} = {toml_value(value)}"
