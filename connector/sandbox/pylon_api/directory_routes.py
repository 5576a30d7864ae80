"""The endpoints for names and people: who we are, teams, tags, fields, statuses, customers' accounts."""

from __future__ import annotations

from typing import Any

from connector.sandbox.pylon_api import refusal
from connector.sandbox.pylon_api.issue_routes import json_object
from connector.sandbox.pylon_api.paging import decode, encode
from connector.sandbox.pylon_api.records import BASE_STATES, Contact, Status
from connector.sandbox.pylon_api.rendering import (
    show_account,
    show_contact,
    show_field,
    show_status,
    show_tag,
    show_team,
    show_user,
)
from connector.sandbox.pylon_api.tenant import Tenant
from connector.sandbox.server import Request

_SEARCH_LIMIT = 1000  # excluded


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


def search_contacts(tenant: Tenant, request: Request) -> dict[str, Any]:
    """``POST /contacts/search``: by id, email or name; of the compound filters only "and" is played."""
    asked = json_object(request)
    limit = asked.get("limit", 100)
    if not isinstance(limit, int) or isinstance(limit, bool) or not 0 < limit < _SEARCH_LIMIT:
        raise refusal.bad_request("limit must be greater than 0 and less than 1000")
    wanted = asked.get("filter") or {}
    parts = wanted.get("subfilters", []) if wanted.get("operator") == "and" else [wanted] if wanted else []
    last = decode(asked["cursor"])[1] if asked.get("cursor") else ""
    found = sorted(
        (each for each in tenant.world.contacts.values() if each.id > last), key=lambda each: each.id
    )
    found = [each for each in found if all(_fits(each, part) for part in parts)]
    page, more = found[:limit], len(found) > limit
    pagination = {"cursor": encode((0, page[-1].id)) if more else "", "has_next_page": more}
    return _all([show_contact(each) for each in page]) | ({"pagination": pagination} if page else {})


def _fits(contact: Contact, part: dict[str, Any]) -> bool:
    """Whether a contact matches one condition; text is found whatever its case, `equals` minds it."""
    have = {"id": contact.id, "email": contact.email, "name": contact.name}.get(str(part.get("field")))
    if have is None:
        raise refusal.bad_request(f"field {part.get('field')} is not filterable")
    match part.get("operator"):
        case "equals":
            return have == part.get("value")
        case "in":
            return have in part.get("values", ())
        case "string_contains" if part["field"] != "id":
            return str(part.get("value")).casefold() in have.casefold()
        case other:
            raise refusal.bad_request(f"operator {other} is not allowed for {part['field']}")


def _all(items: list[dict[str, Any]]) -> dict[str, Any]:
    return {"data": items} if items else {}
