"""What goes wrong at Pylon in particular, as behaviours: races nobody can forbid, and odd answers."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace
from typing import Any

from connector.sandbox.faults import Behaviour, alter
from connector.sandbox.pylon_api.refusal import Refused
from connector.sandbox.server import App, Request, Response, json_response

_SOME_REQUEST = "00000000-0000-4000-8000-000000000000"


def person_first(act: Callable[[], object]) -> Behaviour:
    """Somebody acts right before the request is served: no condition of a PATCH could keep it from that."""

    def behave(request: Request, app: App) -> Response:
        act()
        return app(request)

    return behave


def person_after(act: Callable[[], object]) -> Behaviour:
    """Somebody acts when the request was served and its answer is still on the way."""

    def behave(request: Request, app: App) -> Response:
        response = app(request)
        act()
        return response

    return behave


def refuse(refused: Refused) -> Behaviour:
    """This refusal; the tenant does nothing."""
    return lambda _request, _app: json_response(
        refused.body() | {"request_id": _SOME_REQUEST}, refused.status
    )


def without_data() -> Behaviour:
    """The work is done, and the answer is a request id alone."""
    return _rewrite(lambda body: {"request_id": body["request_id"]})


def with_fractions() -> Behaviour:
    """Times with fractions of a second, as Airbyte's connector declares them beside those without."""

    def spell(value: Any) -> Any:  # noqa: ANN401 -- a vendor payload
        if isinstance(value, dict):
            return {
                key: _fraction(each) if key.endswith(("_at", "_time")) else spell(each)
                for key, each in value.items()
            }
        return [spell(each) for each in value] if isinstance(value, list) else value

    return _rewrite(spell)


def keep_cursor() -> Behaviour:
    """The page of the request, and a cursor that leads back to it: the list never ends."""

    def behave(request: Request, app: App) -> Response:
        sent = request.json().get("cursor") or "" if request.body else request.query.get("cursor", "")
        stuck = {"pagination": {"cursor": sent, "has_next_page": True}}
        return _rewrite(lambda body: body | stuck)(request, app)

    return behave


def _fraction(moment: Any) -> Any:  # noqa: ANN401 -- a vendor payload
    return moment.replace("Z", ".000000Z") if isinstance(moment, str) else moment


def _rewrite(change: Callable[[dict[str, Any]], Any]) -> Behaviour:
    def spoil(response: Response) -> Response:
        if response.status != 200:
            return response
        return replace(response, body=json.dumps(change(json.loads(response.body))).encode())

    return alter(spoil)
