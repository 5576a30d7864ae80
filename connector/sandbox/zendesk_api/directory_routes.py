"""The endpoints for people: users, groups, organizations, and who the caller is."""

from __future__ import annotations

from collections.abc import Sequence

from connector.sandbox.server import Request, Response, json_response
from connector.sandbox.zendesk_api import refusal
from connector.sandbox.zendesk_api.account import Account
from connector.sandbox.zendesk_api.pagination import paginate
from connector.sandbox.zendesk_api.records import Group
from connector.sandbox.zendesk_api.rendering import (
    encode,
    listing,
    show_group,
    show_organization,
    show_user,
    user_json,
)
from connector.sandbox.zendesk_api.ticket_routes import number_list
from connector.sandbox.zendesk_api.world import found


def show_me(account: Account, request: Request) -> Response:
    """``GET /users/me``: wrong or no credentials are answered with 200 and an anonymous user."""
    if not account.access.knows(request):
        nobody: dict[str, object] = {
            "id": None,
            "url": None,
            "name": "Anonymous user",
            "email": "invalid@example.com",
        }
        return json_response({"user": nobody | {"role": "end-user", "verified": False, "active": False}})
    shown = show_user(account.world, account.user)
    return json_response({"user": shown | {"authenticity_token": "sandbox-authenticity-token"}})


def list_groups(account: Account, request: Request) -> Response:
    """``GET /groups``: deleted ones too, unless ``exclude_deleted``; a name is not an identity."""
    no_deleted = request.query.get("exclude_deleted", "").lower() in {"true", "1"}
    groups = [group for group in account.world.groups.values() if not (no_deleted and group.deleted)]
    return _groups(account, request, groups)


def list_assignable_groups(account: Account, request: Request) -> Response:
    """``GET /groups/assignable``."""
    return _groups(account, request, account.world.live_groups())


def show_one_group(account: Account, _request: Request, group_id: str) -> Response:
    group = account.world.groups.get(int(group_id))
    if group is None:
        raise refusal.not_found()
    return json_response({"group": show_group(account.world, group)})


def list_organizations(account: Account, request: Request) -> Response:
    """``GET /organizations``."""
    firms = list(account.world.organizations.values())
    part = paginate(firms, lambda firm: (firm.id,), request, account.world.url)
    shown = [encode(show_organization(account.world, firm)) for firm in part.items]
    return listing({"organizations": shown}, part.rest)


def show_organizations(account: Account, request: Request) -> Response:
    """``GET /organizations/show_many?ids=``."""
    firms = found(account.world.organizations, number_list(request.query.get("ids", "")))
    shown = [encode(show_organization(account.world, firm)) for firm in firms]
    return listing({"organizations": shown}, {"count": len(firms), "next_page": None})


def show_one_organization(account: Account, _request: Request, organization_id: str) -> Response:
    firm = account.world.organizations.get(int(organization_id))
    if firm is None:
        raise refusal.not_found()
    return json_response({"organization": show_organization(account.world, firm)})


def show_users(account: Account, request: Request) -> Response:
    """``GET /users/show_many?ids=``."""
    users = found(account.world.users, number_list(request.query.get("ids", "")))
    shown = [user_json(account.world, user) for user in users]
    return listing({"users": shown}, {"count": len(users), "next_page": None})


def search_users(account: Account, request: Request) -> Response:
    """``GET /users/search?query=``: a part of a name or address, or ``email:"…"`` (vendor page "Users")."""
    query = request.query.get("query", "").strip().lower()
    wanted = query.removeprefix("email:").strip('"')
    only_email = query.startswith("email:")
    users = [
        user
        for user in account.world.users.values()
        if (wanted and wanted in user.email.lower()) or (not only_email and wanted in user.name.lower())
    ]
    shown = [user_json(account.world, user) for user in users]
    return listing({"users": shown}, {"count": len(users), "next_page": None, "previous_page": None})


def show_one_user(account: Account, _request: Request, user_id: str) -> Response:
    user = account.world.users.get(int(user_id))
    if user is None:
        raise refusal.not_found()
    return json_response({"user": show_user(account.world, user)})


def _groups(account: Account, request: Request, groups: Sequence[Group]) -> Response:
    part = paginate(groups, lambda group: (group.id,), request, account.world.url)
    return listing({"groups": [encode(show_group(account.world, each)) for each in part.items]}, part.rest)
