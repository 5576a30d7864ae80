"""The cascade: guardrail words, rules, local tier, cheap model, strong model, conditions, verdict."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Literal

from connector.classify.guardrail import Guardrail
from connector.classify.lineage import acting, ruled
from connector.classify.local_tier import LocalTier, Opinion
from connector.classify.reading import Reading
from connector.classify.rules import Rule, RuleHits, apply_rules
from connector.classify.signals import CustomerSignals
from connector.domain.classification import Answer, Classification, Tier
from connector.domain.decision import Cause, Kind, Signal, Step
from connector.domain.taxonomy import Axis, Taxonomy
from connector.domain.ticket import Ticket
from connector.errors import BudgetSpent, ConnectorError, RateLimited, Unavailable
from connector.ports import LocalModel
from connector.routing import RoutingPolicy, axes_that_matter

Ask = Callable[[Tier], Answer]
"""One paid (or remembered) question to a tier.

BudgetSpent means that it may not be paid; what else it raises passes through the cascade untouched, unless
the local tier may decide in its place.
"""

LocalDecides = Literal["always", "in_outage", "never"]
"""When the local tier decides what it is sure of; it is asked in any case."""


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
    local: LocalModel | None = None
    local_decides: LocalDecides = "always"
    signals: CustomerSignals = field(default_factory=CustomerSignals)

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
        tiers = self._tiers_for(reading)
        opinion = self._local_opinion(ticket, hits)
        if opinion is not None and opinion.is_sure and self._local_decides(tiers):
            return self._routed(opinion.found, Cause.CONFIDENT, ticket, (Step(Tier.LOCAL, opinion.found),))
        return self._ask_models(ticket, ask, hits, opinion, tiers)

    def unasked(self, ticket: Ticket, kind: Kind, cause: Cause, reason: str) -> Verdict:
        """The verdict on a ticket that no model can be asked about; the local labels are a suggestion."""
        opinion = self._local_opinion(ticket, apply_rules(self.rules, ticket))
        if opinion is None:
            return Verdict(kind, cause, reason)
        return Verdict(kind, cause, reason, opinion.found, (self._local_step(opinion),))

    def signals_in(self, verdict: Verdict, ticket: Ticket) -> tuple[Signal, ...]:
        """What about the customer counted where models were asked."""
        found = verdict.classification
        if found is None or found.tier not in (Tier.CHEAP, Tier.STRONG):
            return ()
        return self.signals.told(found, ticket, self.thresholds.get(Axis.URGENCY, 0.0))

    def _guardrail_words(self, whole: Ticket, read: Ticket) -> tuple[str, ...]:
        """In all that arrived: what was cut as somebody else's words may be the customer's own after all."""
        words = self.guardrail.words_in(whole)
        if (read.subject, read.text) == (whole.subject, whole.text):
            return words
        return tuple(dict.fromkeys((*words, *self.guardrail.words_in(read))))

    def _tiers_for(self, reading: Reading | None) -> Sequence[Tier]:
        """All of them; of a ticket in a language that is not a primary one only the strong tier and later."""
        if reading is None or not reading.facts.is_foreign or Tier.STRONG not in self.tiers:
            return self.tiers
        return self.tiers[self.tiers.index(Tier.STRONG) :]

    def _local_opinion(self, ticket: Ticket, hits: RuleHits) -> Opinion | None:
        if self.local is None:
            return None
        tier = LocalTier(self.local, self.taxonomy, self.routing, self.guardrail, self.thresholds)
        return tier.opinion(ticket, hits)

    def _local_decides(self, tiers: Sequence[Tier]) -> bool:
        if not tiers:  # without models, none can be reached
            return self.local_decides != "never"
        # What begins at the strong tier is in a language that the labels are not about.
        return self.local_decides == "always" and tiers[0] == self.tiers[0]

    def _local_step(self, opinion: Opinion) -> Step:
        sure = {"in_outage": "sure, but decides only in an outage", "never": "sure, but may not decide"}
        went_on = "; ".join(opinion.doubts) or sure.get(self.local_decides, "sure, but of another language")
        return Step(Tier.LOCAL, opinion.own, went_on=went_on)

    def _ask_models(
        self, ticket: Ticket, ask: Ask, hits: RuleHits, opinion: Opinion | None, tiers: Sequence[Tier]
    ) -> Verdict:
        steps = [] if opinion is None else [self._local_step(opinion)]
        suggestion = opinion.found if opinion else None
        for tier in tiers:
            try:
                answer = ask(tier)
            except (BudgetSpent, Unavailable) as error:
                if opinion is not None and self._steps_in(opinion, error):
                    return self._routed(opinion.found, Cause.CONFIDENT, ticket, tuple(steps), f"{error}; ")
                if isinstance(error, Unavailable):
                    raise
                return Verdict(Kind.FAILED_OPEN, Cause.BUDGET_SPENT, str(error), suggestion, tuple(steps))
            if answer.classification is None:
                steps.append(Step(tier, None, went_on=f"{tier} answer unusable: {answer.unusable}"))
                continue
            suggestion = found = ruled(hits, answer.classification, self.taxonomy, self.thresholds)
            doubts = self._doubts(found, ticket)
            steps.append(Step(tier, found, went_on="; ".join(doubts)))
            if not doubts:
                return self._routed(found, Cause.CONFIDENT, ticket, tuple(steps))
        return _undecided(tuple(steps), suggestion)

    def _steps_in(self, opinion: Opinion, error: ConnectorError) -> bool:
        """Whether the local tier decides in place of a model that is down (not one that says: slow down).

        A model that may not be paid any more is as good as down.
        """
        is_down = not isinstance(error, RateLimited)
        return is_down and opinion.is_sure and self.local_decides == "in_outage"

    def _routed(
        self, found: Classification, cause: Cause, ticket: Ticket, steps: tuple[Step, ...], why: str = ""
    ) -> Verdict:
        found = acting(found, self.taxonomy)
        if conditions := self.guardrail.conditions_met(found, ticket):
            reason = f"guardrail condition {', '.join(conditions)}"
            return Verdict(Kind.ESCALATED, Cause.GUARDRAIL, reason, found, steps, conditions)
        return Verdict(Kind.ROUTED, cause, why + found.reason, found, steps)

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


def _undecided(steps: tuple[Step, ...], suggestion: Classification | None) -> Verdict:
    """Every tier was asked and none may decide: a person does, with the last labels as a suggestion."""
    if not steps:
        return Verdict(Kind.ESCALATED, Cause.NO_MODEL, "no rule applies, and there is no model to ask")
    last = steps[-1]
    if last.classification is None:
        return Verdict(Kind.FAILED_OPEN, Cause.ANSWER_UNUSABLE, last.went_on, suggestion, steps)
    return Verdict(Kind.ESCALATED, Cause.LOW_CONFIDENCE, f"low confidence: {last.went_on}", suggestion, steps)
