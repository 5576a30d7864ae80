"""The shape of the settings: which keys a table has, and what a key holds."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, get_args, get_origin

from pydantic import BaseModel, SecretStr
from pydantic.fields import FieldInfo

from connector.settings.values import Loc


def keys_of(table: type[BaseModel]) -> dict[str, FieldInfo]:
    """The fields of a table by the key that stands in the file."""
    return {field.alias or name: field for name, field in table.model_fields.items()}


def entries(table: BaseModel) -> Iterator[tuple[str, FieldInfo, Any]]:
    """Every key of a table with its field and its value."""
    for name, field in type(table).model_fields.items():
        yield field.alias or name, field, getattr(table, name)


def says_something(value: object) -> bool:
    """Whether a value is more than a key left out: not None, not empty."""
    return not (value is None or value in ("", (), {}))


def table_at(root: type[BaseModel], loc: Loc) -> type[BaseModel] | None:
    """The table at ``loc`` (of a list: the table of its items), or None where there is none."""
    table: type[BaseModel] | None = root
    inside_list = False
    for part in loc:
        if isinstance(part, int):
            inside_list = False
            continue
        field = keys_of(table).get(part) if table and not inside_list else None
        table = table_in(field.annotation) if field else None
        inside_list = field is not None and is_list(field)
    return table if table and not inside_list else None


def field_at(root: type[BaseModel], loc: Loc) -> FieldInfo | None:
    """The field at ``loc``, or None where there is none."""
    table = table_at(root, loc[:-1])
    return keys_of(table).get(str(loc[-1])) if table else None


def table_in(annotation: Any) -> type[BaseModel] | None:  # noqa: ANN401 - any annotation
    """The table that a field holds, once or as a list; None for plain values."""
    found = (each for each in _types(annotation) if isinstance(each, type) and issubclass(each, BaseModel))
    return next(found, None)


def is_plain(field: FieldInfo) -> bool:
    """Whether one string can be the whole value; lists and tables need JSON in the environment."""
    return not any(each in {tuple, dict} for each in _types(field.annotation)) and not table_in(
        field.annotation
    )


def is_list(field: FieldInfo) -> bool:
    return get_origin(field.annotation) is tuple


def is_secret(field: FieldInfo) -> bool:
    return SecretStr in _types(field.annotation)


def secret_locs(root: type[BaseModel], at: Loc = ()) -> Iterator[Loc]:
    """Where every secret setting is."""
    for key, field in keys_of(root).items():
        table = table_in(field.annotation)
        if is_secret(field):
            yield (*at, key)
        elif table is not None and not is_list(field):
            yield from secret_locs(table, (*at, key))


def _types(annotation: Any) -> set[Any]:  # noqa: ANN401 - any annotation
    """The annotation and everything inside it, such as {X | None, X, None}; origins of generics included."""
    inside = (
        {each for part in get_args(annotation) for each in _types(part)} if get_args(annotation) else set()
    )
    return {get_origin(annotation) or annotation, *inside}
