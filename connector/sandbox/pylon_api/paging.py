"""Cursors: opaque to clients, and inside the place of the last record in its order."""

from __future__ import annotations

import base64
import binascii
from typing import Any

from connector.sandbox.pylon_api.records import Issue
from connector.sandbox.pylon_api.refusal import bad_request

Place = tuple[int, str]  # milliseconds since 1970 and an id


def place_of(issue: Issue) -> Place:
    """Where an issue stands in every list of issues; a change does not move it."""
    return round(issue.created_at * 1000), issue.id


def encode(place: Place) -> str:
    return base64.b64encode(f"{place[0]}|{place[1]}".encode()).decode()


def decode(cursor: object) -> Place:
    """Refused with 400 when it is not one of ours."""
    try:
        at, _, name = base64.b64decode(str(cursor), validate=True).decode().partition("|")
        return int(at), name
    except (binascii.Error, ValueError):
        raise bad_request("invalid cursor") from None


def newest_first(issues: list[Issue], limit: int, cursor: object) -> tuple[list[Issue], dict[str, Any]]:
    """The page after ``cursor``, newest created first whatever was asked, and what is said about the rest."""
    if cursor:
        last = decode(cursor)
        issues = [issue for issue in issues if place_of(issue) < last]
    ordered = sorted(issues, key=place_of, reverse=True)
    page = ordered[:limit]
    more = len(ordered) > limit
    return page, {"cursor": encode(place_of(page[-1])) if more else "", "has_next_page": more}
