"""How values look inside the database: times, money, JSON documents and the database's own clock."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from decimal import ROUND_HALF_UP, Decimal
from typing import Any

import msgspec
from sqlalchemy import BigInteger, Dialect, Integer, Row, Text
from sqlalchemy.ext.compiler import compiles
from sqlalchemy.sql.compiler import SQLCompiler
from sqlalchemy.sql.functions import FunctionElement
from sqlalchemy.types import TypeDecorator

BIG = BigInteger().with_variant(Integer, "sqlite")  # SQLite numbers rows by itself only for INTEGER

AnyRow = Row[*tuple[Any, ...]]  # a row whose columns are read by name

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MICRO = Decimal(1_000_000)


def to_ms(at: datetime) -> int:
    """An aware time as milliseconds since 1970 UTC."""
    return (at - _EPOCH) // timedelta(milliseconds=1)


def from_ms(milliseconds: int) -> datetime:
    """Milliseconds since 1970 as an aware UTC time."""
    return _EPOCH + timedelta(milliseconds=milliseconds)


def maybe_from_ms(milliseconds: int | None) -> datetime | None:
    return None if milliseconds is None else from_ms(milliseconds)


def to_micro(amount_usd: Decimal) -> int:
    """USD as whole micro-USD, half up."""
    return int((amount_usd * _MICRO).to_integral_value(ROUND_HALF_UP))


def from_micro(micro_usd: int | None) -> Decimal:
    """Micro-USD as USD; nothing is zero."""
    return Decimal(micro_usd or 0) / _MICRO


# SQLAlchemy's own extension points are classes to inherit from; nothing else here inherits.


class Json(TypeDecorator[Any]):
    """A value of the domain as JSON text, the same bytes on both databases.

    Text and not jsonb: PostgreSQL refuses U+0000 in jsonb, and customers' mails hold it.  Half of a
    surrogate pair, which neither database stores, becomes "?".
    """

    impl = Text
    cache_ok = True

    def __init__(self, shape: Any) -> None:  # noqa: ANN401 - any type that msgspec can build
        super().__init__()
        self.shape = shape
        # Built with the tables: threads that decode a type for the first time at once crash msgspec 0.22.0.
        self._decoder = msgspec.json.Decoder(shape)

    def process_bind_param(self, value: Any, dialect: Dialect) -> str | None:  # noqa: ANN401, ARG002 - SQLAlchemy's signature
        return None if value is None else as_json(value)

    def process_result_value(self, value: str | None, dialect: Dialect) -> Any:  # noqa: ANN401, ARG002 - SQLAlchemy's signature
        return None if value is None else self._decoder.decode(value)


def as_json(value: object) -> str:
    """What the column type `Json` stores."""
    try:
        return msgspec.json.encode(value).decode()
    except UnicodeEncodeError:
        return _storable(json.dumps(msgspec.to_builtins(value), ensure_ascii=False))


class Words(TypeDecorator[str]):
    """Words for a person that may quote an upstream: without what a database refuses to store."""

    impl = Text
    cache_ok = True

    def process_bind_param(self, value: str | None, dialect: Dialect) -> str | None:  # noqa: ARG002 - SQLAlchemy's signature
        return None if value is None else _storable(value.replace("\0", ""))


def _storable(text: str) -> str:
    return text.encode("utf-8", "replace").decode()


class NowMs(FunctionElement[int]):
    """The database's time in milliseconds: the only clock that leases and delays are measured with.

    Read once per statement.  On SQLite, where one process owns the file, it is that process's clock.
    """

    type = BigInteger()
    inherit_cache = True


@compiles(NowMs, "sqlite")
def _now_on_sqlite(element: NowMs, compiler: SQLCompiler, **options: Any) -> str:  # noqa: ARG001, ANN401 - SQLAlchemy's signature
    return "(SELECT connector_now_ms())"


@compiles(NowMs, "postgresql")
def _now_on_postgresql(element: NowMs, compiler: SQLCompiler, **options: Any) -> str:  # noqa: ARG001, ANN401 - SQLAlchemy's signature
    return "(SELECT (extract(epoch FROM clock_timestamp()) * 1000)::bigint)"
