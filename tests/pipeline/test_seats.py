"""Desks that share seats ask their model together no more at a time than there are seats."""

from __future__ import annotations

import threading
from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import AbstractContextManager
from types import SimpleNamespace
from typing import Any

from connector.breaker import Breaker
from connector.clock import ManualClock, SystemClock
from connector.domain.classification import Classification, Tier
from connector.domain.ticket import Ticket
from connector.pipeline.questions import Desk, Questions
from connector.ports import SubmissionClaim
from tests.support.world import ScriptedModel


class CountedSeats(AbstractContextManager[None]):
    """One seat; ``both_asked`` is set as soon as a second thread asks for it."""

    def __init__(self) -> None:
        self._seat = threading.Lock()
        self._asked = 0
        self.both_asked = threading.Event()

    def __enter__(self) -> None:
        self._asked += 1
        if self._asked == 2:
            self.both_asked.set()
        self._seat.acquire()

    def __exit__(self, *_error: object) -> None:
        self._seat.release()


def test_a_call_waits_until_another_desks_call_has_left_its_seat(
    clock: ManualClock, make_ticket: Callable[..., Ticket], labelled: Callable[..., Classification]
) -> None:
    seats, inside, most = CountedSeats(), [0], [0]

    def reply(tier: Tier, _: Mapping[str, Any]) -> Classification:
        inside[0] += 1
        most[0] = max(most[0], inside[0])
        assert seats.both_asked.wait(30)
        inside[0] -= 1
        return labelled(tier)

    ledger: Any = SimpleNamespace(begin_call=lambda *_: 1, end_call=lambda *_, **__: None)
    model, patience = ScriptedModel(reply), SystemClock()
    breaker = Breaker("claude", clock, lambda _: None)
    desks = [Desk(ledger, model, breaker, patience, lambda _: None, seats=seats) for _ in range(2)]
    claim = SubmissionClaim(1, 1, make_ticket(), 1, 1, None)

    def ask(desk: Desk) -> bool:
        answer = Questions(desk, claim, {"subject": "Charged twice"})(Tier.CHEAP)
        return answer.classification is not None

    with ThreadPoolExecutor(2) as threads:
        answered = list(threads.map(ask, desks))

    assert (answered, most[0]) == ([True, True], 1)
