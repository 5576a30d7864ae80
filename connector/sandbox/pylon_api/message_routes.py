"""The endpoints for what is said on an issue: messages, internal threads, notes; none reaches a customer."""

from __future__ import annotations

from typing import Any

from connector.sandbox.pylon_api import refusal
from connector.sandbox.pylon_api.issue_routes import existing, json_object, number
from connector.sandbox.pylon_api.paging import decode, encode
from connector.sandbox.pylon_api.records import Message, Thread
from connector.sandbox.pylon_api.rendering import show_message, show_thread
from connector.sandbox.pylon_api.tenant import Tenant
from connector.sandbox.server import Request

_DEFAULT_PAGE, _MAX_PAGE = 100, 1000


def list_messages(tenant: Tenant, request: Request, issue_id: str) -> dict[str, Any]:
    """``GET /issues/{id}/messages``: oldest first, notes among them; all, unless limit or cursor is there."""
    messages = tenant.world.messages[existing(tenant, issue_id).id]
    if not {"limit", "cursor"} & request.query.keys():
        return _data([show_message(tenant.world, each) for each in messages])
    limit = number(request, "limit", _DEFAULT_PAGE)
    if not 0 < limit <= _MAX_PAGE:
        raise refusal.bad_request(f"limit must be greater than 0 and at most {_MAX_PAGE}")
    start = _position(messages, request.query["cursor"]) if request.query.get("cursor") else 0
    page, more = messages[start : start + limit], len(messages) > start + limit
    cursor = encode((start + limit, page[-1].id)) if more else ""
    body = _data([show_message(tenant.world, each) for each in page])
    return body | ({"pagination": {"cursor": cursor, "has_next_page": more}} if page else {})


def list_threads(tenant: Tenant, _request: Request, issue_id: str) -> dict[str, Any]:
    """``GET /issues/{id}/threads``."""
    return _data([show_thread(each) for each in tenant.world.threads[existing(tenant, issue_id).id]])


def create_thread(tenant: Tenant, request: Request, issue_id: str) -> dict[str, Any]:
    """``POST /issues/{id}/threads``: one that exists in Pylon only."""
    issue = existing(tenant, issue_id)
    return {"data": show_thread(_new_thread(tenant, issue.id, json_object(request).get("name")))}


def create_note(tenant: Tenant, request: Request, issue_id: str) -> dict[str, Any]:
    """``POST /issues/{id}/note``: never the same as before, however often the same is sent."""
    issue = existing(tenant, issue_id)
    asked = json_object(request)
    html = asked.get("body_html")
    if not isinstance(html, str) or not html:
        raise refusal.bad_request("body_html is required")
    author = asked.get("user_id") or tenant.user_id
    if author not in tenant.world.users:
        raise refusal.bad_request("user_id not found")
    thread = _thread_for(tenant, issue.id, asked)
    note = Message(
        id=tenant.world.new_id(),
        issue_id=issue.id,
        html=html,
        at=tenant.world.now(),
        private=True,
        user_id=author,
        thread_id=thread.id,
        source="slack" if thread.slack_channel_id else "manual",
    )
    tenant.world.messages[issue.id].append(note)
    tenant.world.api_notes.append(note)
    if tenant.leeway.note_touches:
        tenant.world.put(issue)
    return {"data": {"id": note.id, "issue_id": issue.id}}


def _thread_for(tenant: Tenant, issue_id: str, asked: dict[str, Any]) -> Thread:
    """The thread asked for; else the newest that is in Slack, where more people read it; else a new one."""
    threads = tenant.world.threads[issue_id]
    thread_id, message_id = asked.get("thread_id"), asked.get("message_id")
    if thread_id and message_id:
        raise refusal.bad_request("thread_id and message_id cannot be combined")
    if message_id:
        notes = [each for each in tenant.world.messages[issue_id] if each.id == message_id and each.private]
        thread_id = notes[0].thread_id if notes else message_id
    if thread_id:
        found = next((each for each in threads if each.id == thread_id), None)
        if found is None:
            raise refusal.not_found("thread")
        return found
    in_slack = [each for each in threads if each.slack_channel_id]
    return in_slack[-1] if in_slack else _new_thread(tenant, issue_id, asked.get("thread_name"))


def _new_thread(tenant: Tenant, issue_id: str, name: object) -> Thread:
    thread = Thread(tenant.world.new_id(), issue_id, str(name or "Internal thread"))
    tenant.world.threads[issue_id].append(thread)
    return thread


def _position(messages: list[Message], cursor: str) -> int:
    """Behind the message that the cursor names, wherever it is by now."""
    _, last = decode(cursor)
    places = [place for place, each in enumerate(messages, 1) if each.id == last]
    if not places:
        raise refusal.bad_request("invalid cursor")
    return places[0]


def _data(items: list[dict[str, Any]]) -> dict[str, Any]:
    return {"data": items} if items else {}
