"""Asking a model about one submission: every paid call is in the ledger before it starts, and bounded.

What comes back goes there with the decision, in one transaction; where none follows, in one of its own.
"""

from __future__ import annotations

import random
from collections.abc import Callable, Mapping
from contextlib import AbstractContextManager, nullcontext
from dataclasses import InitVar, dataclass, field
from decimal import Decimal
from functools import partial
from typing import Any, TypeVar

from connector.breaker import Breaker
from connector.classify.examples import Chosen
from connector.classify.prompt import EXAMPLES
from connector.domain.classification import Answer, Tier
from connector.domain.decision import Decision
from connector.errors import ConnectorError, RateLimited, Unavailable
from connector.pipeline.leader import Leaders
from connector.ports import Classifier, Clock, Event, Ledger, Observer, PaidAnswer, SubmissionClaim

Result = TypeVar("Result")

_LONGEST_WAIT_SECONDS = 5.0  # longer waits belong to the ledger, where they survive a restart


@dataclass(frozen=True, slots=True)
class Desk:
    """What every question needs: one per ledger, shared by the workers.

    ``seats`` is entered for the length of a call.  Desks that ask the same model share its breaker, and
    perhaps ``seats`` and the leaders of bursts (``led_by``).
    """

    ledger: Ledger
    classifier: Classifier
    breaker: Breaker
    clock: Clock
    observer: Observer
    max_tries: int = 3
    random: random.Random = field(default_factory=random.Random)
    seats: AbstractContextManager[object] = field(default_factory=nullcontext)
    led_by: InitVar[Leaders | None] = None
    leaders: Leaders = field(init=False)

    def __post_init__(self, led_by: Leaders | None) -> None:
        object.__setattr__(self, "leaders", led_by or Leaders(self.clock))  # the value is frozen


class Postponed(Exception):  # a state of the question, not an error
    """The answer comes later; whoever took the question has the claim now."""


class Questions:
    """The questions about one submission.  An answer that an earlier attempt paid for is not bought again."""

    def __init__(
        self,
        desk: Desk,
        claim: SubmissionClaim,
        ticket: Mapping[str, Any],
        examples: Callable[[], Chosen] = Chosen,
    ) -> None:
        """``examples`` is asked for once, before the first question that is paid for."""
        self._desk = desk
        self._claim = claim
        self._ticket = ticket
        self._choose = examples
        self._chosen: Chosen | None = None
        self._remembered = {call.tier: call.answer for call in claim.calls if call.answer is not None}
        self._unrecorded: PaidAnswer | None = None

    def __call__(self, tier: Tier) -> Answer:
        """The tier's answer, after at most ``max_tries`` paid calls; it goes on record with the decision.

        Raises what the classifier raises once the tries are used up.
        """
        if (remembered := self._remembered.get(tier)) is not None:
            return remembered
        self.record()
        answer = self._remembered[tier] = self._patiently(partial(self._call, tier))
        return answer

    def record(self) -> None:
        """Put on record what was answered and is not.  Raises what the ledger raises, after as many tries.

        The next question does, and whoever lets go of the claim without a decision has to.
        """
        if self._unrecorded is not None:
            self._patiently(
                partial(self._desk.ledger.end_call, self._unrecorded.call_id, self._unrecorded.answer)
            )
            self._unrecorded = None

    def decide(self, decision: Decision) -> None:
        """Commit what follows from the answers, with the one that is not on record yet."""
        self._desk.ledger.decide(self._claim, decision, self._unrecorded)
        self._unrecorded = None

    def spent_usd(self) -> Decimal:
        """What the answers about this submission cost, earlier attempts included."""
        answers = self._remembered.values()
        return sum((answer.usage.cost_usd or Decimal(0) for answer in answers), Decimal(0))

    @property
    def examples(self) -> tuple[str, ...]:
        """The ids of the labelled tickets that were shown; none while nothing was asked."""
        return self._chosen.ticket_ids if self._chosen else ()

    def _patiently(self, do: Callable[[], Result]) -> Result:
        """Done at the first try that an upstream allows; raises what the last one raises."""
        for attempt in range(1, self._desk.max_tries + 1):
            try:
                return do()
            except Unavailable as error:
                wait = self._wait_seconds(error, attempt)
                if attempt == self._desk.max_tries or wait is None or self._desk.clock.sleep(wait):
                    raise
        raise AssertionError("unreachable: the last try returns or raises")

    def _call(self, tier: Tier) -> Answer:
        # Before the call is on record: nothing is paid for waiting.
        with self._desk.leaders.turn(tier), self._desk.seats:
            self._unrecorded = self._ask(tier)
        answer = self._unrecorded.answer
        self._tell(tier, answer=answer)
        return answer

    def _ask(self, tier: Tier) -> PaidAnswer:
        desk = self._desk
        desk.breaker.admit()
        shown = self._ticket_shown()
        reserve = desk.classifier.reserve_usd(tier, shown)
        call_id = desk.ledger.begin_call(self._claim, tier, desk.classifier.model(tier), reserve)
        try:
            answer = desk.classifier.ask(tier, shown)
        except ConnectorError as error:
            desk.ledger.end_call(call_id, None, error=type(error).__name__)
            if isinstance(error, Unavailable) and not isinstance(error, RateLimited):
                desk.breaker.failed(error)
            self._tell(tier, error=type(error).__name__)
            raise
        desk.breaker.succeeded()
        return PaidAnswer(call_id, answer)

    def _ticket_shown(self) -> Mapping[str, Any]:
        if self._chosen is None:
            self._chosen = self._choose()
        shown = self._chosen.shown
        return {**self._ticket, EXAMPLES: shown} if shown else self._ticket

    def _wait_seconds(self, error: Unavailable, attempt: int) -> float | None:
        """How long to wait here before the next try; None when the wait is too long for a worker to hold."""
        wait = error.retry_after_seconds
        if wait is None:
            return self._desk.random.uniform(0.2, 0.5 * 2**attempt)
        return wait if wait <= _LONGEST_WAIT_SECONDS else None

    def _tell(self, tier: Tier, answer: Answer | None = None, error: str | None = None) -> None:
        self._desk.observer(called(self._claim.ticket.id, tier, answer if error is None else error))


def called(ticket_id: str, tier: Tier, came: Answer | str | None) -> Event:
    """What observers hear of a call: its answer and bill, or the name of what came instead."""
    answer = came if isinstance(came, Answer) else None
    error = came if isinstance(came, str) else None
    facts: dict[str, Any] = {"ticket_id": ticket_id, "tier": tier.value, "error": error}
    if answer is not None:
        usage = answer.usage
        facts |= {
            "model": answer.model,
            "request_id": answer.request_id,
            "unusable": answer.unusable,
            "cost_usd": usage.cost_usd,
            "input_tokens": usage.input_tokens,
            "output_tokens": usage.output_tokens,
            "cache_read_tokens": usage.cache_read_tokens,
            "cache_write_tokens": usage.cache_write_tokens,
        }
    return Event("model.called", "debug", facts)
