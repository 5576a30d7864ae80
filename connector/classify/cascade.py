"""The cascade: guardrail words, rules, cheap model, strong model, guardrail conditions, and a verdict."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field

from connector.classify.guardrail import Guardrail
from connector.classify.lineage import acting, ruled
from connector.classify.reading import Reading
from connector.classify.rules import Rule, RuleHits, apply_rules
from connector.domain.classification import Answer, Classification, Tier
from connector.domain.decision import Cause, Kind, Step
from connector.domain.taxonomy import Axis, Taxonomy
from connector.domain.ticket import Ticket
from connector.errors import BudgetSpent
from connector.routing import RoutingPolicy, axes_that_matter

Ask = Callable[[Tier], Answer]
"""One paid (or remembered) question to a tier.

BudgetSpent means that it may not be paid; what else it raises passes through the cascade untouched.
"""


@dataclass(frozen=True, slots=True)
class Verdict:
    """What the cascade concluded about a submission."""

    kind: Kind
    cause: Cause
    reason: str
    classification: Classification | None = None
    steps: tuple[Step, ...] = ()
    guardrail: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Cascade:
    """The thinking of triage; knows no helpdesk, no model vendor and no database."""

    taxonomy: Taxonomy
    routing: RoutingPolicy
    guardrail: Guardrail
    rules: Sequence[Rule] = ()
    thresholds: Mapping[Axis, float] = field(default_factory=dict)
    tiers: Sequence[Tier] = (Tier.CHEAP, Tier.STRONG)

    def judge(self, ticket: Ticket, ask: Ask, reading: Reading | None = None) -> Verdict:
        """A verdict for every ticket; nothing is asked while a free answer exists.

        ``reading`` is what triage reads of the ticket; without one that is the ticket as it is.
        """
        whole, ticket = ticket, reading.ticket if reading else ticket
        if words := self._guardrail_words(whole, ticket):
            own = self.guardrail.words_in(ticket)
            where = "" if own else " (only in what looks like a quotation, a signature or a footer)"
            reason = f"guardrail word {', '.join(words)}{where}"
            return Verdict(Kind.ESCALATED, Cause.GUARDRAIL, reason, guardrail=words)
        if not (ticket.subject.strip() or (ticket.text or "").strip()):
            return Verdict(Kind.ESCALATED, Cause.EMPTY, "nothing to read in the submission")
        hits = apply_rules(self.rules, ticket)
        if hits.final:
            found = hits.alone(self.taxonomy)
            return self._routed(found, Cause.RULE, ticket, (Step(Tier.RULES, found),))
        return self._ask_models(ticket, ask, hits, self._tiers_for(reading))

    def _guardrail_words(self, whole: Ticket, read: Ticket) -> tuple[str, ...]:
        """In all that arrived: what was cut as somebody else's words may be the customer's own after all."""
        return tuple(dict.fromkeys((*self.guardrail.words_in(whole), *self.guardrail.words_in(read))))

    def _tiers_for(self, reading: Reading | None) -> Sequence[Tier]:
        """All of them; of a ticket in a language that is not a primary one only the strong tier and later."""
        if reading is None or not reading.facts.is_foreign or Tier.STRONG not in self.tiers:
            return self.tiers
        return self.tiers[self.tiers.index(Tier.STRONG) :]

    def _ask_models(self, ticket: Ticket, ask: Ask, hits: RuleHits, tiers: Sequence[Tier]) -> Verdict:
        steps: list[Step] = []
        for tier in tiers:
            try:
                answer = ask(tier)
            except BudgetSpent as spent:
                return _unaffordable(str(spent), tuple(steps))
            if answer.classification is None:
                steps.append(Step(tier, None, went_on=f"{tier} answer unusable: {answer.unusable}"))
                continue
            found = ruled(hits, answer.classification, self.taxonomy, self.thresholds)
            doubts = self._doubts(found)
            steps.append(Step(tier, found, went_on="; ".join(doubts)))
            if not doubts:
                return self._routed(found, Cause.CONFIDENT, ticket, tuple(steps))
        return _undecided(tuple(steps))

    def _routed(
        self, found: Classification, cause: Cause, ticket: Ticket, steps: tuple[Step, ...]
    ) -> Verdict:
        found = acting(found, self.taxonomy)
        if conditions := self.guardrail.conditions_met(found, ticket):
            reason = f"guardrail condition {', '.join(conditions)}"
            return Verdict(Kind.ESCALATED, Cause.GUARDRAIL, reason, found, steps, conditions)
        return Verdict(Kind.ROUTED, cause, found.reason, found, steps)

    def _doubts(self, found: Classification) -> tuple[str, ...]:
        """Why this classification is not good enough: each axis that matters and is under its threshold."""
        doubts = []
        for axis in axes_that_matter(found, self.routing, self.taxonomy):
            label, threshold = found.on(axis), self.thresholds.get(axis, 0.0)
            if label is None:
                doubts.append(f"no {axis}")
            elif label.confidence < threshold:
                doubts.append(f"{axis} {label.value} {label.confidence:.2f} < {threshold:.2f}")
        return tuple(doubts)


def _unaffordable(reason: str, steps: tuple[Step, ...]) -> Verdict:
    """A person decides what money cannot, with the labels paid for so far as a suggestion."""
    return Verdict(Kind.FAILED_OPEN, Cause.BUDGET_SPENT, reason, _last_labels(steps), steps)


def _last_labels(steps: tuple[Step, ...]) -> Classification | None:
    return next((step.classification for step in reversed(steps) if step.classification), None)


def _undecided(steps: tuple[Step, ...]) -> Verdict:
    """Every tier was asked and none may decide: a person does, with the last labels as a suggestion."""
    last = steps[-1]
    suggestion = _last_labels(steps)
    if last.classification is None:
        return Verdict(Kind.FAILED_OPEN, Cause.ANSWER_UNUSABLE, last.went_on, suggestion, steps)
    return Verdict(Kind.ESCALATED, Cause.LOW_CONFIDENCE, f"low confidence: {last.went_on}", suggestion, steps)
