"""Pages of a list: by cursor, whose last page still has a next link, and by number."""

from __future__ import annotations

import base64
import binascii
import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, Generic, TypeVar
from urllib.parse import quote

from connector.sandbox.server import Request
from connector.sandbox.zendesk_api import refusal

Item = TypeVar("Item")
Key = tuple[int, ...]

MAX_SIZE = 100
MAX_NUMBER = 100


@dataclass(frozen=True, slots=True)
class Part(Generic[Item]):
    """The items of one page, and what the response says about the others."""

    items: list[Item]
    rest: dict[str, Any]


def paginate(
    items: Sequence[Item],
    key: Callable[[Item], Key],
    request: Request,
    url: str,
    *,
    descending: bool = False,
) -> Part[Item]:
    """The page that ``request`` asks for; ``key`` gives a unique position that grows."""
    ordered = sorted(items, key=key, reverse=descending)
    if any(name.startswith("page[") for name in request.query):
        return _by_cursor(ordered, key, request, url, descending)
    return _by_number(ordered, request, url)


def _by_cursor(
    ordered: list[Item], key: Callable[[Item], Key], request: Request, url: str, descending: bool
) -> Part[Item]:
    size = _number(request, "page[size]", MAX_SIZE)
    if not 1 <= size <= MAX_SIZE:
        raise refusal.bad_page(f"page[size] must be between 1 and {MAX_SIZE}")
    after = request.query.get("page[after]")
    if after:
        mark = decode_cursor(after)
        ordered = [item for item in ordered if (key(item) < mark if descending else key(item) > mark)]
    page = ordered[:size]
    last = encode_cursor(key(page[-1])) if page else None
    # The next link is there on the last page too: only has_more says that it is the last.
    follow = f"{url}{request.path}?page[size]={size}&page[after]={quote(last)}" if last else None
    meta = {"has_more": len(ordered) > size, "after_cursor": last, "before_cursor": after}
    return Part(page, {"meta": meta, "links": {"prev": None, "next": follow}})


def _by_number(ordered: list[Item], request: Request, url: str) -> Part[Item]:
    number = _number(request, "page", 1)
    size = max(1, min(_number(request, "per_page", MAX_SIZE), MAX_SIZE))
    if number < 1 or number > MAX_NUMBER:
        raise refusal.refused(400, "InvalidPaginationDepth", "Pagination limit reached for offset model")
    first = (number - 1) * size
    more = len(ordered) > first + size
    links = {
        "next_page": f"{url}{request.path}?page={number + 1}&per_page={size}" if more else None,
        "previous_page": f"{url}{request.path}?page={number - 1}&per_page={size}" if number > 1 else None,
    }
    return Part(ordered[first : first + size], links | {"count": len(ordered)})


def _number(request: Request, name: str, default: int) -> int:
    given = request.query.get(name, str(default))
    if not given.isdecimal():
        raise refusal.bad_page(f"{name} must be a number")
    return int(given)


def encode_cursor(mark: Key) -> str:
    return base64.b64encode(json.dumps(mark).encode()).decode()


def decode_cursor(cursor: str) -> Key:
    try:
        return tuple(int(number) for number in json.loads(base64.b64decode(cursor, validate=True)))
    except (binascii.Error, TypeError, ValueError):
        raise refusal.bad_page("page[after] is not a cursor") from None
