"""Cursor pagination: page after page until Pylon says that there is no next one."""

from __future__ import annotations

from connector.errors import Unavailable
from connector.helpdesk.pylon.payload import Pagination


def next_cursor(pagination: Pagination | None, seen: set[str], what: str) -> str | None:
    """The cursor of the next page, None on the last one; ``seen`` collects the cursors of a walk.

    Raises Unavailable when the walk would go in circles.
    """
    if pagination is None or not pagination.has_next_page:
        return None
    cursor = pagination.cursor
    if not cursor or cursor in seen:
        raise Unavailable(f"{what}: the cursor does not advance although there is a next page")
    seen.add(cursor)
    return cursor
