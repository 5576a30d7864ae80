"""Every store that the ledger runs on, and values to put into it.

The tests that take ``store`` are the conformance suite: a database is added to them by one line in STORES.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import timedelta
from decimal import Decimal
from typing import Any

import pytest

from connector.clock import ManualClock
from connector.domain.classification import Answer, Classification, Tier, Usage
from connector.domain.decision import Cause, Decision, Kind, Route, Step
from connector.domain.ticket import Disposition, Ticket
from connector.ports import PollLease, Screened, SubmissionClaim, WriteClaim
from connector.store import SqlLedger, Store, open_store
from tests.support.postgres import keep_time

STORES: dict[str, Callable[[pytest.FixtureRequest], str]] = {
    "sqlite-memory": lambda _: "sqlite://",
    "sqlite-file": lambda request: f"sqlite:///{request.getfixturevalue('tmp_path')}/ledger.db",
    "postgresql": lambda request: request.getfixturevalue("postgres").url,
}


@dataclass
class Crash:
    """A failpoint: armed with a moment like ``decide.committing``, it kills there, once."""

    armed: str | None = None
    seen: list[str] = field(default_factory=list)

    def __call__(self, moment: str) -> None:
        self.seen.append(moment)
        if moment == self.armed:
            self.armed = None
            raise Killed(moment)


class Killed(BaseException):
    """What a kill leaves behind: nothing after this point ran."""


@pytest.fixture
def killed() -> type[Killed]:
    return Killed


@pytest.fixture
def crash() -> Crash:
    return Crash()


@pytest.fixture(params=STORES)
def url(request: pytest.FixtureRequest) -> str:
    return STORES[request.param](request)


@pytest.fixture
def store(url: str, clock: ManualClock, crash: Crash) -> Iterator[Store]:
    opened = open_store(url, clock=clock, failpoint=crash)
    keep_time(opened, clock)
    yield opened
    opened.close()


@pytest.fixture
def ledger(store: Store) -> SqlLedger:
    return store.ledger("desk", "w1")


@pytest.fixture
def rival(store: Store) -> SqlLedger:
    """Another worker on the same database."""
    return store.ledger("desk", "w2")


@dataclass
class Desk:
    """What the stages do with a ledger, in one call each."""

    clock: ManualClock
    make_ticket: Callable[..., Ticket]
    labelled: Callable[..., Classification]
    page: int = 0

    def lease(self, ledger: SqlLedger) -> PollLease:
        lease = ledger.lease_poll(self.clock.now() - timedelta(hours=24))
        assert lease is not None
        return lease

    def arrive(
        self, ledger: SqlLedger, *ids: str, disposition: Disposition = Disposition.ORIGINAL, **facts: Any
    ) -> dict[Disposition, int]:
        """One page with these tickets is polled and stored."""
        self.page += 1
        tickets = [Screened(self.make_ticket(id=each, **facts), disposition) for each in ids]
        return dict(ledger.store_page(self.lease(ledger), f"c{self.page}", tickets, ()))

    def claim(self, ledger: SqlLedger) -> SubmissionClaim:
        (claim,) = ledger.claim_submissions(1)
        return claim

    def claim_write(self, ledger: SqlLedger) -> WriteClaim:
        (claim,) = ledger.claim_writes(1)
        return claim

    def answer(self, cost: str | None = "0.00125", **facts: Any) -> Answer:
        usage = Usage(1200, 80, 1000, 200, None if cost is None else Decimal(cost))
        defaults = {"model": "cheap-1", "stop_reason": "end_turn", "request_id": "req_1"}
        return Answer(self.labelled(), usage, **(defaults | facts))

    def decision(self, claim: SubmissionClaim, **facts: Any) -> Decision:
        found = self.labelled()
        defaults: dict[str, Any] = {
            "id": f"decision-{claim.ticket.id}",
            "kind": Kind.ROUTED,
            "cause": Cause.CONFIDENT,
            "reason": "asks for a refund",
            "route": Route("billing", "billing-normal", "11", "Billing", ("ai_routed",), "normal", 240),
            "classification": found,
            "steps": (Step(Tier.CHEAP, found),),
            "guardrail": (),
            "thresholds": {"team": 0.7},
            "prompt_version": "p1",
            "decided_at": self.clock.now(),
            "cost_usd": Decimal("0.00125"),
        }
        return Decision(**(defaults | facts))

    def decide(self, ledger: SqlLedger, **facts: Any) -> Decision:
        """The next submission is claimed and decided."""
        claim = self.claim(ledger)
        decision = self.decision(claim, **facts)
        ledger.decide(claim, decision)
        return decision


@pytest.fixture
def desk(
    clock: ManualClock, make_ticket: Callable[..., Ticket], labelled: Callable[..., Classification]
) -> Desk:
    return Desk(clock, make_ticket, labelled)
