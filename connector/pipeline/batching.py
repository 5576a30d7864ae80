"""Batches: questions are collected, handed in together at half the price, and their answers taken later.

Handing in cannot be repeated safely: the vendor would answer, and bill, both.  So a batch is on record,
under a mark of its own, before it is handed in, and one whose name was never learnt is looked for there.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from enum import StrEnum
from typing import Any, Protocol

from connector.classify.examples import Chosen
from connector.domain.classification import Answer, Tier
from connector.errors import ConnectorError
from connector.pipeline.purse import CarefulQuestions, Purse
from connector.pipeline.questions import Desk, Postponed
from connector.ports import SubmissionClaim

_ASKED_DIRECTLY_AFTER = frozenset({"batch_errored", "batch_unreadable"})


@dataclass(frozen=True, slots=True)
class Item:
    """One request of a batch; ``custom_id`` says nothing about the ticket."""

    custom_id: str
    tier: Tier
    ticket: Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Handed:
    """A batch at the vendor, ours or not; of its questions nothing can be seen before it has ended."""

    id: str
    created_at: datetime
    questions: int
    has_ended: bool


class BatchLine(Protocol):
    """The vendor's batches.

    Every method raises Unavailable/RateLimited, AuthRefused, SettingsError or RequestRejected, nothing else.
    """

    def model(self, tier: Tier) -> str: ...

    def reserve_usd(self, tier: Tier, ticket: Mapping[str, Any]) -> Decimal:
        """The most one question can cost in a batch."""
        ...

    def submit(self, items: Sequence[Item]) -> str:
        """Hand a batch in; its id at the vendor.

        After Unavailable that is not RateLimited it may be there all the same.
        """
        ...

    def handed_since(self, moment: datetime) -> Iterator[Handed]:
        """Everybody's batches of the workspace since a moment of the vendor's clock, the newest first."""
        ...

    def look(self, batch_id: str) -> Handed | None:
        """A batch as it is now; None when the vendor has none."""
        ...

    def results(self, batch_id: str, tiers: Mapping[str, Tier]) -> Mapping[str, Answer | str] | None:
        """What came of the questions with these ids in a batch that has ended.

        It is an answer, or why there is none: ``errored``, ``canceled``, ``expired`` or ``unreadable``.  A
        batch of somebody else has none of the ids.  None when the results cannot be had any more.
        """
        ...


@dataclass(frozen=True, slots=True)
class Question:
    """A question that waits to be handed in, with the claim that it is about."""

    claim: SubmissionClaim
    tier: Tier
    ticket: Mapping[str, Any]
    model: str
    most_usd: Decimal


@dataclass(frozen=True, slots=True)
class OpenBatch:
    """A batch on record whose answers are not; ``vendor_id`` None: perhaps it was never handed in."""

    id: int
    mark: str
    vendor_id: str | None
    questions: int
    intended_at: datetime

    def custom_id(self, call_id: int) -> str:
        return f"{self.mark}-{call_id}"


class Unanswered(StrEnum):
    """What is known of questions that no result speaks of."""

    NEVER_ASKED = "never_asked"  # they cost nothing
    LOST = "lost"  # they may have been paid: they cost their reserve


class BatchBook(Protocol):
    """The part of the ledger that batches are in; errors are those of `ports.Ledger`."""

    def intend(self, pass_id: str, mark: str, questions: Sequence[Question]) -> tuple[OpenBatch, list[int]]:
        """Put a batch and its calls on record, and its submissions aside until it has ended.

        Returns it with the ids of its calls in the order of the questions.  Raises LeaseLost, and BudgetSpent
        when together they could exceed the day's budget.
        """
        ...

    def handed_in(self, batch_id: int, vendor_id: str) -> None:
        """Commit the vendor's name for a batch."""
        ...

    def open(self) -> Sequence[OpenBatch]:
        """The batches that have not ended, the eldest first."""
        ...

    def knows(self, vendor_id: str) -> bool:
        """Whether a batch of ours has this name."""
        ...

    def tiers(self, batch_id: int) -> Mapping[int, tuple[str, Tier]]:
        """The calls of a batch, each with its ticket and tier."""
        ...

    def end(
        self,
        batch_id: int,
        answers: Mapping[int, Answer | str],
        unanswered: Unanswered,
        reason: str | None = None,
    ) -> bool:
        """Commit all that came back, by call, and put the submissions back; False when that is done already.

        A question without an answer costs its submission an attempt, unless it was never asked.
        """
        ...


class Collector:
    """Takes the questions of a round.  The first one to each model in a run is asked directly instead.

    What is in a batch is checked by the vendor hours later (Anthropic, Batch processing): a setting that it
    refuses must show before thousands are handed in.
    """

    def __init__(self, line: BatchLine, purse: Purse, *, collects: bool = True) -> None:
        """``collects=False``: every question is asked directly."""
        self._line = line
        self._purse = purse
        self._collects = collects
        self._led: set[Tier] = set()  # their first question is on its way, or was answered
        self._proven: set[Tier] = set()
        self._collected: list[Question] = []
        self._lock = threading.Lock()

    def questions(
        self, desk: Desk, claim: SubmissionClaim, ticket: Mapping[str, Any], examples: Callable[[], Chosen]
    ) -> CollectedQuestions:
        return CollectedQuestions(desk, claim, ticket, examples, self._purse, self)

    def wants(self, claim: SubmissionClaim, tier: Tier) -> bool:
        """Whether this question goes into a batch; one that failed there is asked directly."""
        failed = any(call.tier is tier and call.error in _ASKED_DIRECTLY_AFTER for call in claim.calls)
        if failed or not self._collects:
            return False
        with self._lock:
            follows = tier in self._led
            self._led.add(tier)
            return follows

    def prove(self, tier: Tier, *, works: bool) -> None:
        """What came of a question that was asked directly; after a failure the next one goes ahead."""
        with self._lock:
            if works:
                self._proven.add(tier)
            elif tier not in self._proven:
                self._led.discard(tier)

    def add(self, claim: SubmissionClaim, tier: Tier, ticket: Mapping[str, Any]) -> None:
        question = Question(claim, tier, ticket, self._line.model(tier), self._line.reserve_usd(tier, ticket))
        with self._lock:
            self._collected.append(question)

    def take(self) -> tuple[list[Question], list[Question]]:
        """All that was collected, in the order of the claims: to proven models, and to others."""
        with self._lock:
            taken, self._collected = self._collected, []
            proven = frozenset(self._proven)
        taken.sort(key=lambda question: question.claim.id)
        ready = [question for question in taken if question.tier in proven]
        return ready, [question for question in taken if question.tier not in proven]


class CollectedQuestions(CarefulQuestions):
    """Questions that a collector takes; their answers are among the remembered ones of a later claim."""

    def __init__(
        self,
        desk: Desk,
        claim: SubmissionClaim,
        ticket: Mapping[str, Any],
        examples: Callable[[], Chosen],
        purse: Purse,
        collector: Collector,
    ) -> None:
        super().__init__(desk, claim, ticket, examples, purse)
        self._collector = collector

    def __call__(self, tier: Tier) -> Answer:
        """As `Questions`; raises Postponed when the question goes into a batch."""
        if tier not in self._remembered and self._collector.wants(self._claim, tier):
            self.record()
            self._collector.add(self._claim, tier, self._ticket_shown())
            raise Postponed
        try:
            answer = super().__call__(tier)
        except ConnectorError:
            self._collector.prove(tier, works=False)
            raise
        self._collector.prove(tier, works=True)
        return answer
