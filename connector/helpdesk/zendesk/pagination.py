"""Zendesk's cursor pagination, walked to its true end."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Protocol, TypeVar

from connector.errors import Unavailable
from connector.helpdesk.transport import Params, Transport
from connector.helpdesk.zendesk.payload import Meta, decode


class Paged(Protocol):
    """A body that says how it goes on."""

    meta: Meta | None


Body = TypeVar("Body", bound=Paged)


def walk(transport: Transport, path: str, params: Params, shape: type[Body]) -> Iterator[Body] | None:
    """Every page of a list, or None when Zendesk does not give us this list (a 4xx).

    Ends where ``meta.has_more`` says so: ``links.next`` is often still set on the last page.  Raises
    Unavailable when the cursor does not advance.
    """
    first = _page(transport, path, params, shape)
    return None if first is None else _walk(transport, path, params, shape, first)


def _walk(transport: Transport, path: str, params: Params, shape: type[Body], body: Body) -> Iterator[Body]:
    seen: set[str] = set()
    while True:
        yield body
        meta = body.meta
        if meta is None or not meta.has_more:
            return
        after = meta.after_cursor
        if after is None or after in seen:
            raise Unavailable(f"GET {path}: the cursor does not advance although there is more")
        seen.add(after)
        following = _page(transport, path, {**params, "page[after]": after}, shape)
        if following is None:
            raise Unavailable(f"GET {path} refused the cursor it gave us")
        body = following


def _page(transport: Transport, path: str, params: Params, shape: type[Body]) -> Body | None:
    reply = transport.get(path, {"page[size]": 100, **params}, forbidden_is_answer=True)
    return decode(reply.body, shape, f"GET {path}") if reply.is_ok else None
