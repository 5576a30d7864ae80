"""The purse: how much a run may spend, asked before every call and never overdrawn."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from decimal import Decimal
from typing import Any

from connector.classify.examples import Chosen
from connector.domain.classification import Tier
from connector.errors import BudgetSpent, ConnectorError, OutOfMoney, RateLimited, Unavailable
from connector.pipeline.questions import Desk, Questions
from connector.ports import PaidAnswer, SubmissionClaim


class Purse:
    """Money in USD for one run; ``limit`` None is without end.  Thread-safe.

    What is under way counts at the most it can cost until its bill is known.
    """

    def __init__(self, limit: Decimal | None = None) -> None:
        self._limit = limit
        self._spent = Decimal(0)
        self._soon = Decimal(0)  # set aside for calls: they end while one waits
        self._later = Decimal(0)  # set aside for batches: they may take a day
        self._change = threading.Condition()

    @property
    def limit_usd(self) -> Decimal | None:
        return self._limit

    @property
    def spent_usd(self) -> Decimal:
        """The bills so far."""
        with self._change:
            return self._spent

    def take(self, most: Decimal) -> None:
        """Set ``most`` aside for a call, after the calls under way if need be.

        Raises OutOfMoney when it could exceed the limit all the same.
        """
        with self._change:
            while not self._fits(most):
                if not self._soon:
                    raise OutOfMoney(f"another call could exceed the limit of ${self._limit}")
                self._change.wait()
            self._soon += most

    def settle(self, most: Decimal, cost: Decimal) -> None:
        """The bill of the call that ``most`` was set aside for."""
        with self._change:
            self._soon -= most
            self._spent += cost
            self._change.notify_all()

    def take_for_later(self, most: Decimal) -> bool:
        """Set ``most`` aside for a question in a batch; False when that could exceed the limit."""
        with self._change:
            fits = self._fits(most)
            self._later += most if fits else Decimal(0)
            return fits

    def settle_later(self, most: Decimal, cost: Decimal) -> None:
        """The bill of a batch that ``most`` was set aside for."""
        with self._change:
            self._later -= most
            self._spent += cost

    def _fits(self, most: Decimal) -> bool:
        return self._limit is None or self._spent + self._soon + self._later + most <= self._limit

    @contextmanager
    def paying(self, most: Decimal) -> Iterator[list[Decimal]]:
        """Take, and settle at the end: with the sum of the bills that were put on the list."""
        self.take(most)
        bills: list[Decimal] = []
        try:
            yield bills
        finally:
            self.settle(most, sum(bills, Decimal(0)))


class CarefulQuestions(Questions):
    """Questions that are paid from a purse."""

    def __init__(
        self,
        desk: Desk,
        claim: SubmissionClaim,
        ticket: Mapping[str, Any],
        examples: Callable[[], Chosen],
        purse: Purse,
    ) -> None:
        super().__init__(desk, claim, ticket, examples)
        self._purse = purse
        self._most = desk.classifier.reserve_usd

    def _ask(self, tier: Tier) -> PaidAnswer:
        most = self._most(tier, self._ticket_shown())
        with self._purse.paying(most) as bills:
            try:
                paid = super()._ask(tier)
            except BudgetSpent as spent:
                raise OutOfMoney(str(spent)) from None  # what waits here waits for tomorrow, not for a person
            except ConnectorError as error:
                if isinstance(error, Unavailable) and not isinstance(error, RateLimited):
                    bills.append(most)  # nobody knows whether it was answered
                raise
            cost = paid.answer.usage.cost_usd
            bills.append(most if cost is None else cost)
            return paid
