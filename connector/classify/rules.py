"""Rules: what a business knows for sure from a word, free of charge."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

from connector.classify.phrases import Phrases, normalize
from connector.domain.classification import Classification, Label, Tier
from connector.domain.taxonomy import Axis, Taxonomy
from connector.domain.ticket import Ticket


@dataclass(frozen=True, slots=True)
class Rule:
    """If any of ``phrases`` occurs in ``where``, the labels hold.

    ``final`` ends the cascade: axes the rule does not name take the taxonomy's default.  Without it the
    labels overrule what a model says later.
    """

    name: str
    phrases: Phrases
    labels: Mapping[Axis, str]
    where: Literal["subject", "text", "any"] = "any"
    final: bool = False

    def matches(self, subject: str, text: str) -> bool:
        searched = {"subject": (subject,), "text": (text,), "any": (subject, text)}[self.where]
        return any(self.phrases.found_in(part) for part in searched)


@dataclass(frozen=True, slots=True)
class RuleHits:
    """What the rules said: certain labels (the first rule that names an axis wins), and whether to stop."""

    labels: Mapping[Axis, str]
    names: tuple[str, ...] = ()
    final: bool = False

    def over(self, classification: Classification) -> Classification:
        """The classification with the rules' labels laid over it."""
        return classification.labelled({axis: Label(value, 1.0) for axis, value in self.labels.items()})

    def alone(self, taxonomy: Taxonomy) -> Classification:
        """The rules' own classification; what they leave open takes each axis's default."""
        defaults = {axis: Label(taxonomy.default(axis), 1.0) for axis in Axis}
        unlabelled = Classification(tier=Tier.RULES, reason=f"rule {', '.join(self.names)}")
        return self.over(unlabelled.labelled(defaults))


def apply_rules(rules: Sequence[Rule], ticket: Ticket) -> RuleHits:
    """Every rule that matches, in the order of the settings; a final one ends the search."""
    subject, text = normalize(ticket.subject), normalize(ticket.text or "")
    labels: dict[Axis, str] = {}
    names: list[str] = []
    for rule in rules:
        if not rule.matches(subject, text):
            continue
        names.append(rule.name)
        labels = {**rule.labels, **labels}
        if rule.final:
            return RuleHits(labels, tuple(names), final=True)
    return RuleHits(labels, tuple(names))
