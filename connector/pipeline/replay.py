"""A replay: solved tickets go through triage as they once arrived, and nothing is written anywhere."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

from connector.domain.decision import Outcome
from connector.domain.ticket import Disposition, Status, Ticket
from connector.errors import Unavailable
from connector.pipeline.triage import Triage
from connector.ports import Clock, Ledger, Screened

_PORTION = 500  # tickets stored at a time
_PATIENCE_SECONDS = 60.0  # an upstream that is back within a minute is waited for …
_FIRST_PATIENCE_SECONDS = 10.0  # … but not before it has answered once
_MOST_RESTS = 2  # in a row after which nothing more was decided


def as_arrived(ticket: Ticket) -> Ticket:
    """The ticket without what people made of it: nothing that tells its group is left.

    The subject is today's; customer facts (organization, tier, revenue) are too.
    """
    return replace(
        ticket,
        status=Status.NEW,
        group=None,
        assignee=None,
        priority=None,
        tags=(),
        updated_at=ticket.created_at,
        settles_in_seconds=0.0,
    )


@dataclass(frozen=True, slots=True)
class Replay:
    """Triage on a ledger that nobody else sees; there is no write-back."""

    ledger: Ledger
    triage: Triage
    clock: Clock

    def run(self, tickets: Sequence[Ticket]) -> int:
        """Decide ``tickets`` in their order; returns how many had to be left undecided.

        Ends early when a stop is asked for, or when an upstream stays away for more than a minute or two.
        Raises what triage raises.
        """
        lease = self.ledger.lease_poll(min((each.created_at for each in tickets), default=self.clock.now()))
        if lease is None:
            raise Unavailable("another process works on the ledger of this replay")
        for at in range(0, len(tickets), _PORTION):
            page = [Screened(as_arrived(each), Disposition.ORIGINAL) for each in tickets[at : at + _PORTION]]
            self.ledger.store_page(lease, None, page, ())
        return self._decide(len(tickets))

    def _decide(self, count: int) -> int:
        rests, left = 0, count
        while True:
            self.triage.run()
            self._drop_writes()
            due = self.ledger.due()
            pause = due.next_in_seconds if due.submissions else None
            rests = rests + 1 if due.submissions == left else 0
            left = due.submissions
            patience = _PATIENCE_SECONDS if left < count else _FIRST_PATIENCE_SECONDS
            if pause is None or pause > patience or rests > _MOST_RESTS:
                return left
            if self.clock.sleep(max(pause, 0.05)):
                return left

    def _drop_writes(self) -> None:
        """What was decided waits for no write: only the submissions say how long to rest."""
        while claims := self.ledger.claim_writes(_PORTION):
            for claim in claims:
                self.ledger.end_write(claim, Outcome.DRY_RUN, None, "replay")
