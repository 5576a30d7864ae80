"""The survey before a backfill: how many tickets, what they will cost, how long it will take."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal

from connector.classify.cascade import Cascade
from connector.classify.reading import Reader
from connector.domain.classification import Answer, Tier
from connector.domain.ticket import Disposition, Ticket
from connector.pipeline.backfill import Experience, Past
from connector.ports import Classifier

# Of the reserve, which takes every byte for a token and every answer for the longest possible.
_GUESSED_SHARE = Decimal("0.1")
_GUESSED_SECONDS = 2.0  # a call, without experience


@dataclass(frozen=True, slots=True)
class Survey:
    """``tickets`` would be taken in, ``free`` of them settled without a model; money in USD.

    ``waiting`` are those that an earlier run left.  ``most_usd`` bounds a call to each model for each
    ticket, ``expected_usd`` goes by experience, or guesses (``is_guess``).  ``seconds`` is None for batches.
    """

    tickets: int
    waiting: int
    free: int
    screened: Mapping[Disposition, int]
    unreadable: int
    most_usd: Decimal
    expected_usd: Decimal
    is_guess: bool
    seconds: float | None


class _Needed(Exception):
    """A model would be asked."""


@dataclass(frozen=True, slots=True)
class Surveyor:
    """Looks, asks no model and writes nothing.  ``price`` is what a call costs compared with a direct one."""

    past: Past
    cascade: Cascade
    reader: Reader
    classifier: Classifier
    experience: Experience | None
    workers: int
    price: Decimal = Decimal(1)
    in_batches: bool = False

    def look(self, since: datetime, limit: int | None, waiting: int) -> Survey:
        """Raises what the helpdesk and the ledger raise."""
        screened: Counter[Disposition] = Counter()
        tickets = free = unreadable = 0
        most = guess = Decimal(0)
        for found in self.past.since(since):
            screened.update(found.dispositions)
            unreadable += len(found.unreadable)
            for ticket in found.originals:
                if limit is not None and tickets >= limit:
                    break
                tickets += 1
                if self._is_free(ticket):
                    free += 1
                    continue
                cheap, strong = self._reserves(ticket)
                most += cheap + strong
                guess += cheap * _GUESSED_SHARE
        asked = tickets - free
        expected = self.experience.usd_per_ticket * asked if self.experience else guess
        return Survey(
            tickets=tickets,
            waiting=waiting,
            free=free,
            screened=dict(screened),
            unreadable=unreadable,
            most_usd=most * self.price,
            expected_usd=expected * self.price,
            is_guess=self.experience is None,
            seconds=None if self.in_batches else self._seconds(asked),
        )

    def _is_free(self, ticket: Ticket) -> bool:
        if ticket.text is None:
            return False
        try:
            self.cascade.judge(ticket, _ask_nobody, self.reader.read(ticket))
        except _Needed:
            return False
        return True

    def _reserves(self, ticket: Ticket) -> tuple[Decimal, Decimal]:
        told = self.reader.read(ticket).shown
        cheap, strong = (self.classifier.reserve_usd(tier, told) for tier in (Tier.CHEAP, Tier.STRONG))
        return cheap, strong

    def _seconds(self, asked: int) -> float:
        each = self.experience.seconds_per_ticket if self.experience else _GUESSED_SECONDS
        return asked * each / self.workers


def _ask_nobody(_: Tier) -> Answer:
    raise _Needed
