"""Every endpoint of the emulated API: its path, what it costs, who may call it."""

from __future__ import annotations

import itertools
import re
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from email.utils import formatdate

from connector.sandbox.server import Request, Response
from connector.sandbox.zendesk_api import bulk_routes, directory_routes, refusal, ticket_routes
from connector.sandbox.zendesk_api.account import Account

Endpoint = Callable[..., Response]
Charge = tuple[str, str]

_READ = ("read", "tickets:read")
_WRITE = ("write", "tickets:write")


@dataclass(frozen=True, slots=True)
class Route:
    """``path`` below /api/v2, ``#`` for an id, ``*`` for a word; without ``scopes`` it is open to all.

    ``limits`` are charged besides the account's own.
    """

    method: str
    path: str
    serve: Endpoint
    scopes: tuple[str, ...] = ("read",)
    limits: tuple[str, ...] = ()
    admin: bool = False

    @property
    def pattern(self) -> re.Pattern[str]:
        path = re.escape(self.path).replace(r"\#", r"(\d{1,19})").replace(r"\*", r"([\w-]+)")
        return re.compile(rf"/api/v2{path}(?:\.json)?")


_ROUTES = (
    Route(
        "GET",
        "/incremental/tickets/cursor",
        lambda account, request: account.export.serve(request),
        _READ,
        ("incremental",),
        admin=True,
    ),
    Route("GET", "/tickets", ticket_routes.list_tickets, _READ, ("tickets-index",)),
    Route("GET", "/tickets/show_many", ticket_routes.show_tickets, _READ),
    Route("PUT", "/tickets/update_many", bulk_routes.update_many, _WRITE),
    Route("GET", "/tickets/#", ticket_routes.show_one, _READ),
    Route("PUT", "/tickets/#", ticket_routes.update_one, _WRITE, ("tickets-update", "per-ticket-updates")),
    Route("GET", "/tickets/#/comments", ticket_routes.list_comments, _READ),
    Route(
        "GET", "/tickets/#/audits", ticket_routes.list_audits, limits=("audits",)
    ),  # tickets:read is not enough
    Route("PUT", "/tickets/#/tags", ticket_routes.change_tags, _WRITE, ("per-ticket-updates",)),
    Route("POST", "/tickets/#/tags", ticket_routes.change_tags, _WRITE),
    Route("DELETE", "/tickets/#/tags", ticket_routes.change_tags, _WRITE),
    Route("GET", "/job_statuses", bulk_routes.show_jobs, _READ),
    Route("GET", "/job_statuses/show_many", bulk_routes.show_jobs, _READ),
    Route("GET", "/job_statuses/*", bulk_routes.show_job, _READ),
    Route("GET", "/groups", directory_routes.list_groups),
    Route("GET", "/groups/assignable", directory_routes.list_assignable_groups),
    Route("GET", "/groups/#", directory_routes.show_one_group),
    Route("GET", "/organizations", directory_routes.list_organizations),
    Route("GET", "/organizations/show_many", directory_routes.show_organizations),
    Route("GET", "/organizations/#", directory_routes.show_one_organization),
    Route("GET", "/users/show_many", directory_routes.show_users),
    Route("GET", "/users/search", directory_routes.search_users),
    Route("GET", "/users/#", directory_routes.show_one_user),
    Route("GET", "/users/me", directory_routes.show_me, scopes=()),
    Route(
        "GET",
        "/oauth/tokens/current",
        lambda account, request: account.access.show_current(request),
        scopes=(),
    ),
)


@dataclass(frozen=True, slots=True)
class Api:
    """The account as a web application; one request at a time, as the account's lock has it."""

    account: Account
    _table: Sequence[tuple[Route, re.Pattern[str]]] = field(
        default_factory=lambda: [(route, route.pattern) for route in _ROUTES]
    )
    _numbers: Iterator[int] = field(default_factory=lambda: itertools.count(1))

    def __call__(self, request: Request) -> Response:
        with self.account.world.lock:
            route, ids = self._find(request)
            charges = _charges(request, route, ids)
            response = self.account.limits.charge(*charges) or self._serve(request, route, ids)
            marks = {
                "Date": formatdate(self.account.world.now(), usegmt=True),
                "X-Request-Id": f"sandbox-{next(self._numbers):08d}",
            }
            told = dict(self.account.limits.headers(*charges))
            return replace(response, headers=dict(response.headers) | told | marks)

    def _find(self, request: Request) -> tuple[Route | None, tuple[str, ...]]:
        for route, pattern in self._table:
            found = pattern.fullmatch(request.path) if route.method == request.method else None
            if found:
                return route, found.groups()
        return None, ()

    def _serve(self, request: Request, route: Route | None, ids: tuple[str, ...]) -> Response:
        try:
            if (request.method, request.path) == ("POST", "/oauth/tokens"):
                return self.account.access.mint(request)
            if route is None:
                raise refusal.refused(404, "InvalidEndpoint", "Not found")
            if route.scopes:
                self._admit(request, route)
            return route.serve(self.account, request, *ids)
        except refusal.Refused as refused:
            return refused.response()

    def _admit(self, request: Request, route: Route) -> None:
        self.account.access.require(request, *route.scopes)
        role = self.account.user.role
        if role == "end-user" or (route.admin and role != "admin"):
            raise refusal.forbidden()


def _charges(request: Request, route: Route | None, ids: tuple[str, ...]) -> tuple[Charge, ...]:
    if not request.path.startswith("/api/v2/"):
        return ()
    more = route.limits if route else ()
    return ("account", ""), *((name, ids[0] if name.startswith("per-") else "") for name in more)
