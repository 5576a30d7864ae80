"""The fast lane: looks for new tickets every few seconds, so that they need not wait for the feed."""

from __future__ import annotations

from collections.abc import Sequence

from connector.domain.ticket import Arrival, Ticket
from connector.errors import RateLimited
from connector.pipeline.intake import Intake
from connector.ports import Clock, Event, Helpdesk, Ledger, Observer

_REMEMBERED = 1_000
_BLIND_PAUSE_SECONDS = 10.0


class FastLane:
    """Shortens the way of new tickets into the ledger; whatever it misses or gets wrong, the feed brings.

    It takes tickets that the ledger has never seen and that are not too old, and nothing else: what becomes
    of a ticket later, and what cannot be read, are matters of the feed.  So are tickets that come without
    their words: those are conversations, and a few seconds after their beginning little has been said.  Only
    the worker that polls looks.
    """

    def __init__(
        self, helpdesk: Helpdesk, ledger: Ledger, intake: Intake, clock: Clock, observer: Observer
    ) -> None:
        self._helpdesk = helpdesk
        self._ledger = ledger
        self._intake = intake
        self._clock = clock
        self._observer = observer
        self._seen: dict[str, None] = {}  # ids that were looked at, the latest last
        self._not_before = 0.0  # monotonic

    def run(self) -> None:
        """Look once, unless another worker polls or the helpdesk's limits are needed for other requests.

        Raises what the helpdesk and the database raise; the next look begins where this one did.
        """
        if self._clock.monotonic() < self._not_before or not self._ledger.may_poll():
            return
        try:
            found = self._helpdesk.newest(self._seen)
        except RateLimited as error:
            self._give_way(error)
            return
        if not found:
            return
        self._intake.take(self._new([each for each in found if isinstance(each, Ticket)]), Arrival.FAST)
        # What is left to the feed is remembered too: it would be no news at the next look either.
        self._remember([each.id if isinstance(each, Ticket) else each.ticket_id for each in reversed(found)])

    def _new(self, tickets: Sequence[Ticket]) -> list[Ticket]:
        known, horizon = self._ledger.history([each.id for each in tickets]), self._ledger.horizon()
        return [
            each
            for each in tickets
            if each.id not in known
            and each.text is not None
            and (horizon is None or each.created_at >= horizon)
        ]

    def _give_way(self, error: RateLimited) -> None:
        seconds = error.retry_after_seconds or _BLIND_PAUSE_SECONDS
        self._not_before = self._clock.monotonic() + seconds
        self._observer(Event("fast_lane.gave_way", "debug", {"wait_s": round(seconds, 1)}))

    def _remember(self, ids: list[str | None]) -> None:
        self._seen |= dict.fromkeys(each for each in ids if each is not None)
        for oldest in list(self._seen)[: max(0, len(self._seen) - _REMEMBERED)]:
            del self._seen[oldest]
