"""What accounts behind a network have in common: a door where requests meet small pages and trouble."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from itertools import chain, repeat
from typing import Any

from connector.sandbox.faults import Behaviour, Fault, FaultPlan, lose_response, too_many_requests
from connector.sandbox.server import App, Request, Response
from tests.contract.account import Trouble


def pass_on(request: Request, app: App) -> Response:
    return app(request)


@dataclass
class Door:
    """Every request of the adapter goes through it.

    ``write_method`` is how tickets are changed at this vendor, ``asks_for_less`` makes a request for a page
    of the feed one for a smaller page, and trouble strikes below ``api``.
    """

    write_method: str
    asks_for_less: Callable[[Request], Request]
    api: str = "/"
    garbled: set[str] = field(default_factory=set)
    trouble: Behaviour | None = None
    writes: Iterator[Behaviour] = field(default_factory=lambda: repeat(pass_on))  # what happens to each

    def __call__(self, request: Request, app: App) -> Response:
        if self.trouble and request.path.startswith(self.api):
            return self.trouble(request, app)
        if request.method == self.write_method:
            return next(self.writes)(request, app)
        response = app(self.asks_for_less(request))
        return self._garble(response) if self.garbled and response.status == 200 else response

    def _garble(self, response: Response) -> Response:
        body = {key: self._spoil(value) for key, value in json.loads(response.body).items()}
        return replace(response, body=json.dumps(body).encode())

    def _spoil(self, value: Any) -> Any:
        """The row, or each of the rows, with a time that is none if it is one of the garbled."""
        if isinstance(value, list):
            return [self._spoil(each) for each in value]
        is_meant = isinstance(value, dict) and str(value.get("id")) in self.garbled
        return value | {"created_at": {"no": "time"}} if is_meant else value


class RemoteAccount:
    """The part of an `Account` that is the same wherever the adapter talks HTTP to an emulator."""

    def __init__(self, faults: FaultPlan, door: Door, troubles: Mapping[Trouble, Behaviour]) -> None:
        self._door = door
        self._troubles = troubles
        faults.add(Fault(door, times=None))

    def garble(self, ticket_id: str) -> None:
        self._door.garbled.add(ticket_id)

    def before_the_next_write(self, happens: Callable[[], None]) -> None:
        def serve_too_late(request: Request, app: App) -> Response:
            happens()
            return app(request)

        self._door.writes = chain([serve_too_late], repeat(pass_on))

    def turn_away_writes_after(self, count: int) -> None:
        self._door.writes = chain(repeat(pass_on, count), repeat(too_many_requests("7")))

    def accept_writes(self) -> None:
        self._door.writes = repeat(pass_on)

    def strike(self, trouble: Trouble) -> bool:
        if trouble is Trouble.ANSWER_LOST:
            self._door.writes = chain([lose_response()], repeat(pass_on))
        else:
            self._door.trouble = self._troubles[trouble]
        return True
