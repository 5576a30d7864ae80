"""What goes wrong at Zendesk in particular, as behaviours: refusals in its words, odd pages, sick jobs."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace
from typing import Any

from connector.sandbox.faults import Behaviour, alter, misread
from connector.sandbox.server import App, Request, Response
from connector.sandbox.zendesk_api import refusal
from connector.sandbox.zendesk_api.access import Access
from connector.sandbox.zendesk_api.jobs import JobBoard
from connector.sandbox.zendesk_api.refusal import Refused

# As accounts in other languages put it; only the code is the same everywhere.
_UNASSIGNABLE = {
    "en": "Group: is invalid",
    "de": "Gruppe: ist ungültig",
    "pt-BR": "Grupo: não é válido",
}


def refuse(refused: Refused) -> Behaviour:
    """This refusal; the account does nothing."""
    return lambda _request, _app: refused.response()


def collision() -> Behaviour:
    """409 of two writers in the database (zendesk_api_client_php, issue 314); nothing was written."""
    return refuse(refusal.refused(409, "DatabaseConflict", "Database collision"))


def unassignable(locale: str = "en") -> Behaviour:
    """422: the group cannot have the ticket; the sentence is in the account's language."""
    told = {"error": "InvalidValue", "description": _UNASSIGNABLE[locale]}
    return refuse(refusal.invalid({"group": [told]}))


def too_large() -> Behaviour:
    """413, as the web server in front answers it: a page, not JSON."""
    page = b"<html><head><title>413 Request Entity Too Large</title></head></html>"
    return lambda _request, _app: Response(413, {"Content-Type": "text/html"}, page)


def revoke(access: Access) -> Behaviour:
    """Every token is revoked at this moment; the request is served as if it had come later."""

    def behave(request: Request, app: App) -> Response:
        access.revoke_all()
        return app(request)

    return behave


# --- The export -------------------------------------------------------------------------------------------


def repeat_tickets() -> Behaviour:
    """Every ticket of the page twice."""
    return _page(lambda page: page | {"tickets": [*page["tickets"], *page["tickets"]]})


def keep_cursor() -> Behaviour:
    """The page of the request, and a cursor that leads back to it: the stream never ends."""

    def behave(request: Request, app: App) -> Response:
        stuck = {"after_cursor": request.query.get("cursor"), "end_of_stream": False}
        return _page(lambda page: page | stuck)(request, app)

    return behave


def earlier_page(start_time: int) -> Behaviour:
    """A page from before: the tickets since ``start_time``, whatever cursor was sent."""

    def change(request: Request) -> Request:
        query = {key: value for key, value in request.query.items() if key != "cursor"}
        return replace(request, query=query | {"start_time": str(start_time)})

    return misread(change)


def _page(change: Callable[[dict[str, Any]], dict[str, Any]]) -> Behaviour:
    def rewrite(response: Response) -> Response:
        if response.status != 200:
            return response
        return replace(response, body=json.dumps(change(json.loads(response.body))).encode())

    return alter(rewrite)


# --- Jobs -------------------------------------------------------------------------------------------------


def break_job(jobs: JobBoard, after: int = 0, status: str = "failed") -> Behaviour:
    """The job that this request starts ends as ``status`` when it has done ``after`` tickets."""

    def behave(request: Request, app: App) -> Response:
        jobs.breaks, jobs.breaks_after = status, after
        try:
            return app(request)
        finally:
            jobs.breaks, jobs.breaks_after = None, 0

    return behave


def hold_job(jobs: JobBoard) -> Behaviour:
    """The job that this request starts is queued and stays so until `JobBoard.run`."""

    def behave(request: Request, app: App) -> Response:
        jobs.held = True
        try:
            return app(request)
        finally:
            jobs.held = False

    return behave
