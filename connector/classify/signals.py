"""Signals: who the customer is lowers the bar for a high urgency, and nothing else."""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal

from connector.domain.classification import Classification
from connector.domain.decision import Signal
from connector.domain.ticket import Ticket


@dataclass(frozen=True, slots=True)
class CustomerSignals:
    """For which customers a high urgency is believed with less confidence.

    ``tiers`` are case-folded; ``arr_usd`` is the least annual revenue that counts, None: none does.
    """

    urgencies: frozenset[str] = frozenset()
    lower_by: float = 0.0
    tiers: frozenset[str] = frozenset()
    arr_usd: Decimal | None = None

    def of(self, ticket: Ticket) -> tuple[str, ...]:
        """What about the customer counts, in words from the settings alone."""
        told = []
        if (ticket.tier or "").casefold() in self.tiers:
            told.append(f"tier {(ticket.tier or '').casefold()}")
        if self.arr_usd is not None and ticket.arr_usd is not None and ticket.arr_usd >= self.arr_usd:
            told.append(f"annual revenue from {self.arr_usd:,} USD")
        return tuple(told)

    def bar(self, found: Classification, ticket: Ticket, threshold: float) -> float:
        """The confidence that this urgency needs: ``threshold``, or less."""
        counts = found.urgency is not None and found.urgency.value in self.urgencies and self.of(ticket)
        return max(0.0, threshold - self.lower_by) if counts else threshold

    def told(self, found: Classification | None, ticket: Ticket, threshold: float) -> tuple[Signal, ...]:
        """What counted in a decision with these labels, and what it did."""
        if found is None or found.urgency is None:
            return ()
        bar = self.bar(found, ticket, threshold)
        if bar >= threshold:
            return ()
        urgency = found.urgency
        made_it = bar <= urgency.confidence < threshold
        effect = f"bar for {urgency.value} {threshold:.2f} → {bar:.2f}, " + (
            f"accepted at {urgency.confidence:.2f}" if made_it else "made no difference"
        )
        return tuple(Signal(name, effect) for name in self.of(ticket))
