"""The endpoints for tickets, one at a time or listed: read, update, tag."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from connector.sandbox.server import Request, Response, json_response
from connector.sandbox.zendesk_api import refusal
from connector.sandbox.zendesk_api.account import Account
from connector.sandbox.zendesk_api.checking import parse_stamp, split_tags
from connector.sandbox.zendesk_api.export import support_type_scope
from connector.sandbox.zendesk_api.pagination import paginate
from connector.sandbox.zendesk_api.records import Ticket
from connector.sandbox.zendesk_api.rendering import (
    encode,
    listing,
    show_audit,
    show_comment,
    sideloads,
    ticket_json,
    user_json,
)
from connector.sandbox.zendesk_api.world import found
from connector.sandbox.zendesk_api.writing import Author, require_fresh, update

MAX_IDS = 100
_ARCHIVED_SECONDS = 120 * 86_400
_STATUS_ORDER = ("new", "open", "pending", "hold", "solved", "closed")


def list_tickets(account: Account, request: Request) -> Response:
    """``GET /tickets``, without deleted and archived ones; ``sort``: id, updated_at, status, or ``-id``….

    Unlike the export it hides nothing because it is young.
    """
    sort = request.query.get("sort", "id")
    keys = {
        "id": lambda ticket: (ticket.id,),
        "updated_at": lambda ticket: (ticket.updated_at, ticket.id),
        "status": lambda ticket: (_STATUS_ORDER.index(ticket.status), ticket.id),
    }
    key = keys.get(sort.removeprefix("-"))
    if key is None:
        raise refusal.bad_page("sort is not valid")
    world = account.world
    archived, scope = world.now() - _ARCHIVED_SECONDS, support_type_scope(request.query)
    shown = [
        ticket
        for ticket in world.tickets.values()
        if ticket.status != "deleted"
        and not (ticket.status == "closed" and ticket.updated_at < archived)
        and scope in {"all", ticket.support_type}
    ]
    part = paginate(shown, key, request, world.url, descending=sort.startswith("-"))
    return _tickets(account, request, part.items, part.rest)


def show_tickets(account: Account, request: Request) -> Response:
    """``GET /tickets/show_many?ids=``: those that exist; the others are left out."""
    ids = number_list(request.query.get("ids", ""))
    tickets = [ticket for ticket in map(account.world.visible, ids) if ticket]
    rest = {"next_page": None, "previous_page": None, "count": len(tickets)}
    return _tickets(account, request, tickets, rest)


def show_one(account: Account, request: Request, ticket_id: str) -> Response:
    """``GET /tickets/{id}``; a deleted ticket is not found."""
    ticket = existing(account, ticket_id)
    include = request.query.get("include", "").split(",")
    body = b'{"ticket":' + ticket_json(account.world, ticket)
    for name, items in sideloads(account.world, [ticket], include).items():
        body += b',"%b":[%b]' % (name.encode(), b",".join(items))
    return Response(200, {"Content-Type": "application/json; charset=utf-8"}, body + b"}")


def list_comments(account: Account, request: Request, ticket_id: str) -> Response:
    """``GET /tickets/{id}/comments``: the description first, unless ``sort=-created_at``."""
    ticket = existing(account, ticket_id)
    backwards = request.query.get("sort") == "-created_at" or request.query.get("sort_order") == "desc"
    thread = account.world.thread(ticket)
    part = paginate(thread, lambda comment: (comment.id,), request, account.world.url, descending=backwards)
    parts = {"comments": [encode(show_comment(comment)) for comment in part.items]}
    if "users" in request.query.get("include", ""):
        authors = found(account.world.users, (comment.author_id for comment in part.items))
        parts["users"] = [user_json(account.world, user) for user in authors]
    return listing(parts, part.rest)


def list_audits(account: Account, request: Request, ticket_id: str) -> Response:
    """``GET /tickets/{id}/audits``: oldest first, unless ``sort=-created_at``."""
    ticket = existing(account, ticket_id)
    backwards = request.query.get("sort") == "-created_at" or request.query.get("sort_order") == "desc"
    history = account.world.history(ticket)
    part = paginate(history, lambda audit: (audit.id,), request, account.world.url, descending=backwards)
    return listing({"audits": [encode(show_audit(audit)) for audit in part.items]}, part.rest)


def update_one(account: Account, request: Request, ticket_id: str) -> Response:
    """``PUT /tickets/{id}``: safe whenever ``safe_update`` is there at all, be it false."""
    ticket = existing(account, ticket_id)
    patch = object_in(request, "ticket")
    if "safe_update" in patch:
        if "updated_stamp" not in patch:
            raise refusal.refused(400, "InvalidValue", "safe_update needs an updated_stamp")
        require_fresh(ticket, parse_stamp(patch["updated_stamp"]))
    written = update(account.world, ticket, patch, api_author(account))
    audit = show_audit(written.audit)
    body = b'{"ticket":%b,"audit":%b}' % (ticket_json(account.world, written.ticket), encode(audit))
    headers = {"Content-Type": "application/json; charset=utf-8"} | warning(written.dropped)
    return Response(200, headers, body)


def change_tags(account: Account, request: Request, ticket_id: str) -> Response:
    """``PUT`` adds, ``POST`` sets, ``DELETE`` removes and answers without a body (vendor page "Tags")."""
    ticket = existing(account, ticket_id)
    body = json_object(request)
    if "safe_update" in body:
        require_fresh(ticket, parse_stamp(body.get("updated_stamp")))
    given, current = set(split_tags(body.get("tags"))), set(ticket.tags)
    wanted = {"PUT": current | given, "POST": given, "DELETE": current - given}[request.method]
    written = update(account.world, ticket, {"tags": sorted(wanted)}, api_author(account))
    if request.method == "DELETE":
        return Response(204)
    return json_response({"tags": list(written.ticket.tags)}, 201 if request.method == "POST" else 200)


# --- What the other endpoints need too --------------------------------------------------------------------


def existing(account: Account, ticket_id: str) -> Ticket:
    ticket = account.world.visible(int(ticket_id))
    if ticket is None:
        raise refusal.not_found()
    return ticket


def api_author(account: Account, job_id: str | None = None) -> Author:
    return Author(account.user_id, job_id=job_id, is_api=True)


def number_list(given: str) -> list[int]:
    """Comma-separated ids, at most 100."""
    ids = [int(each) for each in given.split(",") if each.strip().isdecimal()]
    if len(ids) > MAX_IDS:
        raise refusal.too_many_values(MAX_IDS)
    return list(dict.fromkeys(ids))


def json_object(request: Request) -> Mapping[str, Any]:
    """The body, which must be sent as JSON and be an object."""
    try:
        body = request.json() if "json" in request.headers.get("content-type", "") else None
    except ValueError:
        raise refusal.refused(400, "InvalidJSON", "The request body is not valid JSON") from None
    return body if isinstance(body, dict) else {}


def object_in(request: Request, name: str) -> Mapping[str, Any]:
    """The object under ``name`` in the body."""
    found_object = json_object(request).get(name)
    if not isinstance(found_object, dict):
        reason = f"You passed an invalid value for the {name} attribute: it must be an object"
        raise refusal.Refused(400, {"error": {"title": "Invalid attribute", "message": reason}})
    return found_object


def warning(dropped: Sequence[str]) -> dict[str, str]:
    """The only hint that keys were dropped from a request that was answered with 200."""
    if not dropped:
        return {}
    names = ", ".join(f'"{name}"' for name in dropped)
    return {"X-Zendesk-API-Warn": f"Removed restricted keys [{names}] from parameters according to whitelist"}


def _tickets(
    account: Account, request: Request, tickets: Sequence[Ticket], rest: Mapping[str, Any]
) -> Response:
    include = request.query.get("include", "").split(",")
    parts = {"tickets": [ticket_json(account.world, ticket) for ticket in tickets]}
    return listing(parts | sideloads(account.world, tickets, include), rest)
