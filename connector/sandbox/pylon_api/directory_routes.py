"""The endpoints for names and people: who we are, teams, tags, fields, statuses, customers' accounts."""

from __future__ import annotations

from typing import Any

from connector.sandbox.pylon_api import refusal
from connector.sandbox.pylon_api.records import BASE_STATES, Status
from connector.sandbox.pylon_api.rendering import (
    show_account,
    show_field,
    show_status,
    show_tag,
    show_team,
    show_user,
)
from connector.sandbox.pylon_api.tenant import Tenant
from connector.sandbox.server import Request


def show_me(tenant: Tenant, _request: Request) -> dict[str, Any]:
    """``GET /me``: the organization, and in it the user that the token acts for."""
    user = show_user(tenant.world.users[tenant.user_id])
    return {"data": {"id": tenant.organization_id, "name": tenant.world.organization, "user": user}}


def list_teams(tenant: Tenant, _request: Request) -> dict[str, Any]:
    """``GET /teams``: all of them, no pages."""
    return _all([show_team(tenant.world, team) for team in tenant.world.teams.values()])


def list_tags(tenant: Tenant, _request: Request) -> dict[str, Any]:
    """``GET /tags``."""
    return _all([show_tag(tag) for tag in tenant.world.tags.values()])


def list_fields(tenant: Tenant, request: Request) -> dict[str, Any]:
    """``GET /custom-fields?object_type=``, which is mandatory."""
    asked = request.query.get("object_type")
    if not asked:
        raise refusal.bad_request("object_type is required")
    return _all([show_field(each) for each in tenant.world.fields.values() if each.object_type == asked])


def list_statuses(tenant: Tenant, _request: Request) -> dict[str, Any]:
    """``GET /issue-statuses``: the base ones and the tenant's own."""
    base = [Status(slug, slug.replace("_", " ").capitalize(), slug) for slug in BASE_STATES]
    return _all([show_status(each) for each in (*base, *tenant.world.statuses.values())])


def show_one_account(tenant: Tenant, _request: Request, name: str) -> dict[str, Any]:
    """``GET /accounts/{id}``: by id or by external id."""
    for account in tenant.world.accounts.values():
        if name in {account.id, account.external_id}:
            return {"data": show_account(tenant.world, account)}
    raise refusal.not_found("account")


def _all(items: list[dict[str, Any]]) -> dict[str, Any]:
    return {"data": items} if items else {}
