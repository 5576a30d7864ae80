"""Every endpoint of the emulated API: its path, its limit, and whether it writes."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from connector.sandbox.pylon_api import directory_routes, issue_routes, message_routes, refusal
from connector.sandbox.pylon_api.limits import UNLISTED
from connector.sandbox.pylon_api.tenant import Tenant
from connector.sandbox.server import Request, Response, json_response

Endpoint = Callable[..., dict[str, Any]]


@dataclass(frozen=True, slots=True)
class Route:
    """An endpoint; its ``name`` is also that of its rate limit."""

    method: str
    path: str
    serve: Endpoint
    writes: bool = False

    @property
    def name(self) -> str:
        return f"{self.method} {self.path}"

    @property
    def pattern(self) -> re.Pattern[str]:
        return re.compile(re.escape(self.path).replace(r"\{id\}", r"([^/]+)"))


# Reply and ai-response, which a customer sees, are missing on purpose: whoever calls them is told 404.
_ROUTES = (
    Route("GET", "/me", directory_routes.show_me),
    Route("GET", "/teams", directory_routes.list_teams),
    Route("GET", "/tags", directory_routes.list_tags),
    Route("GET", "/custom-fields", directory_routes.list_fields),
    Route("GET", "/issue-statuses", directory_routes.list_statuses),
    Route("GET", "/accounts/{id}", directory_routes.show_one_account),
    Route("POST", "/contacts/search", directory_routes.search_contacts),
    Route("POST", "/issues/search", issue_routes.search_issues),
    Route("GET", "/issues", issue_routes.list_issues),
    Route("GET", "/issues/{id}", issue_routes.show_one),
    Route("PATCH", "/issues/{id}", issue_routes.update_one, writes=True),
    Route("GET", "/issues/{id}/messages", message_routes.list_messages),
    Route("GET", "/issues/{id}/threads", message_routes.list_threads),
    Route("POST", "/issues/{id}/threads", message_routes.create_thread, writes=True),
    Route("POST", "/issues/{id}/note", message_routes.create_note, writes=True),
)


@dataclass(frozen=True, slots=True)
class Api:
    """The tenant as a web application; one request at a time, as the tenant's lock has it."""

    tenant: Tenant
    _table: Sequence[tuple[Route, re.Pattern[str]]] = field(
        default_factory=lambda: [(route, route.pattern) for route in _ROUTES]
    )

    def __call__(self, request: Request) -> Response:
        with self.tenant.world.lock:
            marks = {"request_id": self.tenant.world.new_id()}
            try:
                return self._serve(request, marks)
            except refusal.Refused as refused:
                return self._refuse(refused, marks)

    def _serve(self, request: Request, marks: dict[str, str]) -> Response:
        route, ids = self._find(request)
        self.tenant.access.require(request, write=route is not None and route.writes)
        wait = self.tenant.limits.charge(route.name if route else UNLISTED)
        if wait is not None:
            return self._refuse(refusal.too_many_requests(), marks, wait)
        if route is None:
            raise refusal.not_found("endpoint")
        return json_response(route.serve(self.tenant, request, *ids) | marks)

    def _refuse(
        self, refused: refusal.Refused, marks: dict[str, str], headers: Mapping[str, str] | None = None
    ) -> Response:
        body = refused.body(codes=self.tenant.leeway.error_codes)
        return json_response(body | marks, refused.status, headers)

    def _find(self, request: Request) -> tuple[Route | None, tuple[str, ...]]:
        for route, pattern in self._table:
            found = pattern.fullmatch(request.path) if route.method == request.method else None
            if found:
                return route, found.groups()
        return None, ()
