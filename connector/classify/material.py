"""Material change: whether what a requester wrote later changes the nature of a ticket that has a team."""

from __future__ import annotations

from dataclasses import dataclass, replace

from connector.classify.cascade import Cascade
from connector.classify.rules import apply_rules
from connector.domain.classification import Classification, Label, Tier
from connector.domain.taxonomy import Axis
from connector.domain.ticket import Ticket


@dataclass(frozen=True, slots=True)
class Finding:
    """What a message changes: a person must look at the ticket, or it is more urgent than it was.

    ``labels`` are the ticket's as they are now; ``reason`` holds no words of a customer.
    """

    reason: str
    labels: Classification
    needs_person: bool
    guardrail: tuple[str, ...] = ()


def by_rules(cascade: Cascade, before: Classification | None, message: Ticket) -> Finding | None:
    """What guardrail words and rules find in a message, free of charge; None: nothing.

    ``message`` is the ticket with the message as its only text.
    """
    known = before or Classification(Tier.RULES)
    if words := cascade.guardrail.words_in(message):
        reason = f"guardrail word {', '.join(words)}"
        now = replace(known, tier=Tier.RULES, reason=reason, model=None)
        return Finding(reason, now, needs_person=True, guardrail=words)
    hits = apply_rules(cascade.rules, message)
    if not hits.labels:
        return None
    reason = f"rule {', '.join(hits.names)}"
    now = replace(hits.over(known), tier=Tier.RULES, reason=reason, model=None)
    if (found := _condition(cascade, known, now, message)) is not None:
        return found
    if (team := _changed(known, now, Axis.TEAM)) is not None:
        return Finding(f"{reason} says {team}", now, needs_person=True)
    return _raised(cascade, known, now, reason)


def by_model(
    cascade: Cascade, before: Classification | None, message: Ticket, found: Classification
) -> Finding | None:
    """What a model's labels of the message change, where it is sure enough of them; None: nothing.

    Another team alone is nothing: "thanks" belongs to no team in particular.
    """
    known = before or Classification(found.tier)
    sure = {
        axis: label
        for axis in (Axis.URGENCY, Axis.SENTIMENT, Axis.TEAM)
        if (label := found.on(axis)) and label.confidence >= cascade.thresholds.get(axis, 0.0)
    }
    now = replace(known.labelled(sure), tier=found.tier, reason=found.reason, model=found.model)
    if not _is_more_urgent(cascade, known.urgency, now.urgency):
        now = replace(now, urgency=known.urgency, team=known.team)
    if (condition := _condition(cascade, known, now, message)) is not None:
        return condition
    raised = _raised(cascade, known, now, f"{found.tier} model")
    if raised is not None and (team := _changed(known, now, Axis.TEAM)) is not None:
        return replace(raised, reason=f"{raised.reason}, {team}", needs_person=True)
    return raised


def _condition(
    cascade: Cascade, before: Classification, now: Classification, message: Ticket
) -> Finding | None:
    """A guardrail condition that the message fulfils and the ticket did not."""
    old = cascade.guardrail.conditions_met(before, message)
    new = tuple(each for each in cascade.guardrail.conditions_met(now, message) if each not in old)
    if not new:
        return None
    return Finding(f"guardrail condition {', '.join(new)}", now, needs_person=True, guardrail=new)


def _raised(cascade: Cascade, before: Classification, now: Classification, who: str) -> Finding | None:
    if now.urgency is None or not _is_more_urgent(cascade, before.urgency, now.urgency):
        return None
    was = before.urgency.value if before.urgency else "none"
    told = f"urgency {was} → {now.urgency.value} ({who}, {now.urgency.confidence:.2f})"
    return Finding(told, now, needs_person=False)


def _is_more_urgent(cascade: Cascade, before: Label | None, now: Label | None) -> bool:
    order = cascade.routing.urgencies or cascade.taxonomy.names(Axis.URGENCY)
    if now is None or now.value not in order:
        return False
    return before is None or before.value not in order or order.index(now.value) < order.index(before.value)


def _changed(before: Classification, now: Classification, axis: Axis) -> str | None:
    """How the label on an axis changed, in words; None where it did not."""
    old, new = before.on(axis), now.on(axis)
    if new is None or (old is not None and old.value == new.value):
        return None
    return f"{axis} {old.value if old else 'none'} → {new.value}"
