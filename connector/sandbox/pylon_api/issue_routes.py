"""The endpoints for issues: search, list by creation, read one, change one."""

from __future__ import annotations

from typing import Any

from connector.sandbox.pylon_api import refusal
from connector.sandbox.pylon_api.filters import DAY, parse_filter, parse_time, require_windows
from connector.sandbox.pylon_api.paging import newest_first
from connector.sandbox.pylon_api.records import Issue, Write
from connector.sandbox.pylon_api.rendering import show_issue
from connector.sandbox.pylon_api.tenant import Tenant
from connector.sandbox.pylon_api.writing import changed, run_triggers
from connector.sandbox.server import Request

_LIST_DAYS = 30
_LIST_LIMIT = 20_000
_SEARCH_LIMIT = 1000  # excluded


def search_issues(tenant: Tenant, request: Request) -> dict[str, Any]:
    """``POST /issues/search``: newest created first; there is no way to sort by update."""
    asked = json_object(request)
    limit = asked.get("limit")
    limit = 100 if limit is None else limit
    if not isinstance(limit, int) or isinstance(limit, bool) or not 0 < limit < _SEARCH_LIMIT:
        raise refusal.bad_request("limit must be greater than 0 and less than 1000")
    now = tenant.world.now()
    issues = tenant.world.searchable(tenant.leeway.index_lag_seconds)
    if asked.get("filter") is not None:
        # A field called "priority" can be written, yet nothing documents that it can be searched by.
        slugs = frozenset(slug for kind, slug in tenant.world.fields if kind == "issue") - {"priority"}
        wanted = parse_filter(asked["filter"], slugs)
        require_windows(wanted, now, tenant.leeway)
        issues = [issue for issue in issues if wanted.matches(issue, tenant.leeway)]
    words = str(asked.get("search_text") or "").casefold().split()
    issues = [issue for issue in issues if _mentions(issue, words)]
    page, rest = newest_first(issues, limit, asked.get("cursor"))
    return _listing(tenant, page, rest)


def list_issues(tenant: Tenant, request: Request) -> dict[str, Any]:
    """``GET /issues``: by time of creation, so an old issue that changed never shows up here."""
    start, end = (parse_time(request.query.get(name)) for name in ("start_time", "end_time"))
    if end - start > _LIST_DAYS * DAY:
        raise refusal.bad_request(f"the time range must be at most {_LIST_DAYS} days")
    limit = number(request, "limit", 0)
    if not 0 <= limit <= _LIST_LIMIT:
        raise refusal.bad_request(f"limit must be between 0 and {_LIST_LIMIT}")
    found = [issue for issue in tenant.world.issues.values() if start <= issue.created_at <= end]
    page, rest = newest_first(found, limit or _LIST_LIMIT, request.query.get("cursor"))
    return _listing(tenant, page, rest)


def show_one(tenant: Tenant, _request: Request, name: str) -> dict[str, Any]:
    """``GET /issues/{id}``: the only endpoint that knows an issue by its number too."""
    issue = tenant.world.find(name)
    if issue is None:
        raise refusal.not_found("issue")
    return {"data": show_issue(tenant.world, issue)}


def update_one(tenant: Tenant, request: Request, issue_id: str) -> dict[str, Any]:
    """``PATCH /issues/{id}``: no condition can be set, and the last writer wins."""
    world, leeway = tenant.world, tenant.leeway
    before = existing(tenant, issue_id)
    patch = json_object(request)
    after = changed(world, before, patch, leeway)
    if after != before or leeway.idle_patch_touches:
        after = world.put(after)
    world.writes.append(Write(issue_id, world.now(), patch, before, after))
    shown = show_issue(world, after)
    if after != before:
        run_triggers(world, before, after, leeway)
    return {"data": shown}


def existing(tenant: Tenant, issue_id: str) -> Issue:
    issue = tenant.world.issues.get(issue_id)
    if issue is None:
        raise refusal.not_found("issue")
    return issue


def json_object(request: Request) -> dict[str, Any]:
    """The body of a request; an empty one is an empty object."""
    try:
        body = request.json() if request.body else {}
    except ValueError:
        body = None
    if not isinstance(body, dict):
        raise refusal.bad_request("the request body must be a JSON object")
    return body


def number(request: Request, name: str, default: int) -> int:
    """A whole number from the query."""
    given = request.query.get(name, str(default))
    if not (given.isascii() and given.isdigit()):
        raise refusal.bad_request(f"{name} must be a whole number")
    return int(given)


def _listing(tenant: Tenant, page: list[Issue], rest: dict[str, Any]) -> dict[str, Any]:
    """Nothing found: neither data nor pagination (recorded live by amp-labs/connectors)."""
    return {"data": [show_issue(tenant.world, each) for each in page], "pagination": rest} if page else {}


def _mentions(issue: Issue, words: list[str]) -> bool:
    text = f"{issue.title} {issue.body_html}".casefold()
    return all(word in text for word in words)
