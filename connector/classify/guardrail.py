"""The guardrail: words and conditions for which a person must decide, whatever a model says."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from connector.classify.phrases import Phrases, normalize
from connector.domain.classification import Classification
from connector.domain.taxonomy import Axis
from connector.domain.ticket import Ticket


@dataclass(frozen=True, slots=True)
class Condition:
    """Holds when every named axis has one of its values and, if ``tiers`` is given, the customer is in it."""

    name: str
    labels: Mapping[Axis, frozenset[str]]
    tiers: frozenset[str] = frozenset()

    def holds(self, classification: Classification, ticket: Ticket) -> bool:
        return self._concerns(ticket) and all(
            (label := classification.on(axis)) is not None and label.value in values
            for axis, values in self.labels.items()
        )

    def could_hold(self, sure: Classification, ticket: Ticket) -> bool:
        """Whether it holds for some value of the axes on which ``sure`` has no label."""
        return self._concerns(ticket) and all(
            (label := sure.on(axis)) is None or label.value in values for axis, values in self.labels.items()
        )

    def _concerns(self, ticket: Ticket) -> bool:
        return not self.tiers or (ticket.tier or "").casefold() in self.tiers


@dataclass(frozen=True, slots=True)
class Guardrail:
    """What forbids a machine decision."""

    words: Phrases
    conditions: tuple[Condition, ...] = ()

    def words_in(self, ticket: Ticket) -> tuple[str, ...]:
        """The forbidden words in a ticket; known before a model is paid.

        A negation does not lift the guardrail ("this is not a threat to sue" is for a person to read).
        """
        text = normalize(f"{ticket.subject}\n{ticket.text or ''}")
        return self.words.found_in(text, negation_counts=False)

    def conditions_met(self, classification: Classification, ticket: Ticket) -> tuple[str, ...]:
        return tuple(
            condition.name for condition in self.conditions if condition.holds(classification, ticket)
        )

    def left_open(self, sure: Classification, ticket: Ticket) -> tuple[str, ...]:
        """The conditions that these labels neither fulfil nor rule out."""
        return tuple(
            condition.name
            for condition in self.conditions
            if condition.could_hold(sure, ticket) and not condition.holds(sure, ticket)
        )
