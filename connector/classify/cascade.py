"""The cascade: guardrail words, rules, cheap model, strong model, guardrail conditions, and a verdict."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field

from connector.classify.guardrail import Guardrail
from connector.classify.rules import Rule, RuleHits, apply_rules
from connector.classify.signals import CustomerSignals
from connector.domain.classification import Answer, Classification, Tier
from connector.domain.decision import Cause, Kind, Signal, Step
from connector.domain.taxonomy import Axis, Taxonomy
from connector.domain.ticket import Ticket
from connector.routing import RoutingPolicy, axes_that_matter

Ask = Callable[[Tier], Answer]
"""One paid (or remembered) question to a tier; what it raises passes through the cascade untouched."""


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
    signals: CustomerSignals = field(default_factory=CustomerSignals)

    def judge(self, ticket: Ticket, ask: Ask) -> Verdict:
        """A verdict for every ticket; nothing is asked while a free answer exists."""
        if words := self.guardrail.words_in(ticket):
            return Verdict(
                Kind.ESCALATED, Cause.GUARDRAIL, f"guardrail word {', '.join(words)}", guardrail=words
            )
        if not (ticket.subject.strip() or (ticket.text or "").strip()):
            return Verdict(Kind.ESCALATED, Cause.EMPTY, "nothing to read in the submission")
        hits = apply_rules(self.rules, ticket)
        if hits.final:
            found = hits.alone(self.taxonomy)
            return self._routed(found, Cause.RULE, ticket, (Step(Tier.RULES, found),))
        return self._ask_models(ticket, ask, hits)

    def signals_in(self, verdict: Verdict, ticket: Ticket) -> tuple[Signal, ...]:
        """What about the customer counted where models were asked."""
        found = verdict.classification if verdict.cause is not Cause.RULE else None
        return self.signals.told(found, ticket, self.thresholds.get(Axis.URGENCY, 0.0))

    def _ask_models(self, ticket: Ticket, ask: Ask, hits: RuleHits) -> Verdict:
        steps: list[Step] = []
        for tier in self.tiers:
            answer = ask(tier)
            if answer.classification is None:
                steps.append(Step(tier, None, went_on=f"{tier} answer unusable: {answer.unusable}"))
                continue
            found = hits.over(answer.classification)
            doubts = self._doubts(found, ticket)
            steps.append(Step(tier, found, went_on="; ".join(doubts)))
            if not doubts:
                return self._routed(found, Cause.CONFIDENT, ticket, tuple(steps))
        return _undecided(tuple(steps))

    def _routed(
        self, found: Classification, cause: Cause, ticket: Ticket, steps: tuple[Step, ...]
    ) -> Verdict:
        if conditions := self.guardrail.conditions_met(found, ticket):
            reason = f"guardrail condition {', '.join(conditions)}"
            return Verdict(Kind.ESCALATED, Cause.GUARDRAIL, reason, found, steps, conditions)
        return Verdict(Kind.ROUTED, cause, found.reason, found, steps)

    def _doubts(self, found: Classification, ticket: Ticket) -> tuple[str, ...]:
        """Why this classification is not good enough: each axis that matters and is under its threshold."""
        doubts = []
        for axis in axes_that_matter(found, self.routing, self.taxonomy):
            label, threshold = found.on(axis), self.thresholds.get(axis, 0.0)
            if axis is Axis.URGENCY:
                threshold = self.signals.bar(found, ticket, threshold)
            if label is None:
                doubts.append(f"no {axis}")
            elif label.confidence < threshold:
                doubts.append(f"{axis} {label.value} {label.confidence:.2f} < {threshold:.2f}")
        return tuple(doubts)


def _undecided(steps: tuple[Step, ...]) -> Verdict:
    """Every tier was asked and none may decide: a person does, with the last labels as a suggestion."""
    last = steps[-1]
    suggestion = next((step.classification for step in reversed(steps) if step.classification), None)
    if last.classification is None:
        return Verdict(Kind.FAILED_OPEN, Cause.ANSWER_UNUSABLE, last.went_on, suggestion, steps)
    return Verdict(Kind.ESCALATED, Cause.LOW_CONFIDENCE, f"low confidence: {last.went_on}", suggestion, steps)
