"""Decoding: an answer's JSON as far as it can be read, and what is wrong with it in words without content."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from typing import Any, TypeVar

import msgspec

from connector.domain.ticket import Unreadable
from connector.errors import Unavailable

UNDECODABLE = (msgspec.MsgspecError, UnicodeDecodeError, RecursionError)
Shape = TypeVar("Shape")


class Decoders:
    """Decoders of a vendor's shapes, to be built by the thread that imports them.

    msgspec (0.22.0) learns a type when it is first decoded, and two threads that let it learn the same one at
    once crash the process.
    """

    def __init__(self, *shapes: type) -> None:
        self._by_shape: Mapping[type, msgspec.json.Decoder[Any]] = {
            shape: msgspec.json.Decoder(shape) for shape in shapes
        }

    def strict(self, body: bytes, shape: type[Shape]) -> Shape:
        """``body`` as ``shape``.  Raises one of UNDECODABLE when any of it is something else."""
        decoded: Shape = self._by_shape[shape].decode(body)
        return decoded

    def decode(self, body: bytes, shape: type[Shape], what: str) -> Shape:
        """``body`` as ``shape``, mended where its text is broken.

        Raises Unavailable, without a word of the body, when it is something else.
        """
        try:
            return self.strict(body, shape)
        except UNDECODABLE:
            pass
        try:
            return msgspec.convert(mended_json(body, what), shape)
        except UNDECODABLE as error:
            problem = shape_problem(error)
        raise Unavailable(f"{what} answered in an unexpected shape: {problem}")


def convert_each(rows: Any, shape: type[Shape], unreadable: list[Unreadable]) -> Iterator[Shape]:  # noqa: ANN401 - any JSON
    """The rows of a list that are of ``shape``; the others go to ``unreadable``, with their ids."""
    for row in rows if isinstance(rows, list) else []:
        try:
            yield msgspec.convert(row, shape)
        except UNDECODABLE as error:
            unreadable.append(Unreadable(_id_of(row), shape_problem(error)))


def mended_json(body: bytes, what: str) -> Any:  # noqa: ANN401 - any JSON
    """``body`` read by the forgiving parser: half surrogates and invalid UTF-8 become U+FFFD.

    Raises Unavailable, without a word of the body, when it is not JSON.
    """
    try:
        return _mend(json.loads(body.decode("utf-8", "replace")))
    except (ValueError, RecursionError):
        pass
    raise Unavailable(f"{what} answered with something that is not JSON")


def shape_problem(error: Exception) -> str:
    """Types and the path of the field; values only appear in messages that are not msgspec's own."""
    return str(error) if isinstance(error, msgspec.ValidationError) else type(error).__name__


def without_nul(text: str) -> str:
    """``text`` without NUL, which PostgreSQL cannot store."""
    return text.replace("\0", "") if "\0" in text else text


def _id_of(row: Any) -> str | None:  # noqa: ANN401 - any JSON
    found = row.get("id") if isinstance(row, dict) else None
    return str(found)[:64] if isinstance(found, int | str) and not isinstance(found, bool) else None


def _mend(value: Any) -> Any:  # noqa: ANN401 - any JSON
    if isinstance(value, str):
        return value.encode("utf-16-le", "surrogatepass").decode("utf-16-le", "replace")
    if isinstance(value, list):
        return [_mend(each) for each in value]
    if isinstance(value, dict):
        return {key: _mend(each) for key, each in value.items()}
    return value
