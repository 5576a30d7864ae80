"""Pylon's rate limits: every endpoint has its own, per minute."""

from __future__ import annotations

import re
from collections.abc import Mapping

from connector.helpdesk.budget import LimitPolicy

SEARCHES = "issue searches"
ISSUES = "issues"
UPDATES = "issue updates"
MESSAGES = "messages"
NOTES = "notes"
CONTACTS = "contact searches"
OTHERS = "other requests"

_ISSUE = re.compile(r"/issues/[^/]+")
_PER_ISSUE = re.compile(r"/issues/[^/]+/(?P<what>[a-z-]+)")
_DIRECTORY = re.compile(r"/(me|teams|tags|accounts|users|custom-fields)(?:/[^/]+)?")
_DOCUMENTED = {
    SEARCHES: 20,
    ISSUES: 60,
    UPDATES: 20,
    MESSAGES: 20,
    NOTES: 10,
    CONTACTS: 20,
    OTHERS: 10,
    **dict.fromkeys(("me", "teams", "tags", "accounts", "users", "custom-fields"), 60),
}


# What the settings call the limits that are worth raising.
_NAMED = {
    "searches": SEARCHES,
    "issues": ISSUES,
    "updates": UPDATES,
    "messages": MESSAGES,
    "notes": NOTES,
    "contacts": CONTACTS,
    "others": OTHERS,
}


def limit_policy(known: Mapping[str, int] | None = None) -> LimitPolicy:
    """The limits of Pylon's API reference of July 2026, except those ``known`` better, by their names above.

    Later ones are three to six times as high; no header tells which hold, so the lower ones are kept.  A
    refusal that does not say how long to wait closes its endpoint for a minute, the window of every limit.
    """
    return LimitPolicy(
        buckets_of=_buckets_of,
        account="",  # there is no limit for the account as a whole
        bucket_named=lambda _: None,
        documented=_DOCUMENTED | {_NAMED[name]: count for name, count in (known or {}).items()},
        blind_pause_seconds=60.0,
    )


def _buckets_of(method: str, path: str) -> tuple[str, ...]:
    return (_bucket(method, path),)


def _bucket(method: str, path: str) -> str:
    if (method, path) == ("POST", "/issues/search"):
        return SEARCHES
    if (method, path) == ("POST", "/contacts/search"):
        return CONTACTS
    if _ISSUE.fullmatch(path):
        return {"GET": ISSUES, "PATCH": UPDATES}.get(method, OTHERS)
    if found := _PER_ISSUE.fullmatch(path):
        return {"messages": MESSAGES, "note": NOTES}.get(found["what"], OTHERS)
    if method == "GET" and (found := _DIRECTORY.fullmatch(path)):
        return found[1]
    return OTHERS
