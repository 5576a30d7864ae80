"""The endpoints for many tickets at once: both forms of the bulk update, and what became of it."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from connector.sandbox.server import Request, Response, json_response
from connector.sandbox.zendesk_api import refusal
from connector.sandbox.zendesk_api.account import Account
from connector.sandbox.zendesk_api.checking import parse_stamp, whole_id
from connector.sandbox.zendesk_api.jobs import Result, Step
from connector.sandbox.zendesk_api.ticket_routes import (
    MAX_IDS,
    api_author,
    json_object,
    number_list,
    object_in,
)
from connector.sandbox.zendesk_api.writing import require_fresh, update


def update_many(account: Account, request: Request) -> Response:
    """``PUT /tickets/update_many``: one change for ``?ids=`` or a list; always safe, always a job."""
    steps_of = _same_for_all(account, request) if "ids" in request.query else _one_each(account, request)
    return json_response({"job_status": account.jobs.queue(steps_of, account.world.url)})


def show_job(account: Account, _request: Request, job_id: str) -> Response:
    """``GET /job_statuses/{id}``."""
    return json_response({"job_status": account.jobs.show(job_id, account.world.url)})


def show_jobs(account: Account, request: Request) -> Response:
    """``GET /job_statuses`` and ``/job_statuses/show_many?ids=``."""
    asked = request.query.get("ids")
    ids = account.jobs.ids() if asked is None else asked.split(",")
    known = set(account.jobs.ids())
    shown = [account.jobs.show(each, account.world.url) for each in ids if each in known]
    return json_response({"job_statuses": shown, "count": len(shown), "next_page": None})


def _same_for_all(account: Account, request: Request) -> Callable[[str], Sequence[Step]]:
    ids = number_list(request.query["ids"])
    patch = object_in(request, "ticket")
    stamp = _stamp(account, patch)
    return lambda job_id: [_step(account, each, patch, stamp, job_id) for each in ids]


def _one_each(account: Account, request: Request) -> Callable[[str], Sequence[Step]]:
    patches = json_object(request).get("tickets")
    if not isinstance(patches, list) or not all(isinstance(patch, dict) for patch in patches):
        raise refusal.refused(400, "InvalidValue", "tickets must be a list of objects")
    if len(patches) > MAX_IDS:
        raise refusal.too_many_values(MAX_IDS)
    stamps = [_stamp(account, patch) for patch in patches]
    return lambda job_id: [
        _step(account, whole_id(patch.get("id")) or -1, patch, stamp, job_id)
        for patch, stamp in zip(patches, stamps, strict=True)
    ]


def _stamp(account: Account, patch: Mapping[str, Any]) -> int | None:
    """Without a stamp the time of queueing counts; half of the pair fails the ticket (None)."""
    pair = ("safe_update" in patch, "updated_stamp" in patch)
    if pair == (True, True) or ("id" not in patch and pair[1]):
        return parse_stamp(patch["updated_stamp"])
    return None if any(pair) else account.world.second


def _step(account: Account, ticket_id: int, patch: Mapping[str, Any], stamp: int | None, job_id: str) -> Step:
    def step() -> Result:
        try:
            _update(account, ticket_id, patch, stamp, job_id)
        except refusal.Refused as refused:
            return {"id": ticket_id, "action": "update", "success": False} | _reason(refused)
        return {"id": ticket_id, "action": "update", "status": "Updated", "success": True}

    return step


def _update(
    account: Account, ticket_id: int, patch: Mapping[str, Any], stamp: int | None, job_id: str
) -> None:
    ticket = account.world.visible(ticket_id)
    if ticket is None:
        raise refusal.not_found()
    if stamp is None:
        raise refusal.refused(422, "UpdateConflict", "You must specify both safe_update and updated_stamp")
    require_fresh(ticket, stamp)
    update(account.world, ticket, patch, api_author(account, job_id), bulk=True)


def _reason(refused: refusal.Refused) -> dict[str, Any]:
    body = refused.body if isinstance(refused.body, dict) else {}
    reasons = [each["description"] for group in body.get("details", {}).values() for each in group]
    return {"error": body.get("error"), "details": " ".join(reasons) or body.get("description")}
