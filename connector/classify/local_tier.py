"""What the local tier says of a ticket, and whether it is sure enough to decide."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from connector.classify.guardrail import Guardrail
from connector.classify.lineage import ruled
from connector.classify.rules import RuleHits
from connector.domain.classification import Classification, Label, Tier
from connector.domain.taxonomy import Axis, Taxonomy
from connector.domain.ticket import Ticket, submission_text
from connector.ports import LocalLabel, LocalModel
from connector.routing import RoutingPolicy, axes_that_matter


@dataclass(frozen=True, slots=True)
class Opinion:
    """``own`` are the model's labels where no rule has spoken; ``found`` has the rules' laid over them.

    ``doubts`` say why it may not decide; none: it may.
    """

    own: Classification
    found: Classification
    doubts: tuple[str, ...]

    @property
    def is_sure(self) -> bool:
        return not self.doubts


@dataclass(frozen=True, slots=True)
class LocalTier:
    """The local model, held against what the business has decided.

    A label of a class that the business no longer has counts as none.
    """

    model: LocalModel
    taxonomy: Taxonomy
    routing: RoutingPolicy
    guardrail: Guardrail
    thresholds: Mapping[Axis, float]

    def opinion(self, ticket: Ticket, hits: RuleHits) -> Opinion | None:
        """None when there is no usable model."""
        labels = self.model.predict(submission_text(ticket.subject, ticket.text or ""))
        if not labels:
            return None
        known = {axis: each for axis, each in labels.items() if each.value in self.taxonomy.names(axis)}
        own = self._classification({axis: known[axis] for axis in known if axis not in hits.labels})
        found = ruled(hits, own, self.taxonomy, self.thresholds)
        doubts = [
            f"{axis}: {why}"
            for axis in axes_that_matter(found, self.routing, self.taxonomy)
            if axis not in hits.labels and (why := self._why_not(axis, labels.get(axis)))
        ]
        sure = {axis: each for axis, each in known.items() if not self._why_not(axis, each)}
        open_conditions = self.guardrail.left_open(
            ruled(hits, self._classification(sure), self.taxonomy, self.thresholds), ticket
        )
        doubts += [f"cannot rule out the guardrail condition {name}" for name in open_conditions]
        return Opinion(own, found, tuple(doubts))

    def _why_not(self, axis: Axis, label: LocalLabel | None) -> str:
        if label is None:
            return "not trained on it"
        if label.value not in self.taxonomy.names(axis):
            return f"{label.value} is no class of the settings any more; train again"
        if label.why_not:
            return label.why_not
        threshold = self.thresholds.get(axis, 0.0)
        if label.confidence < threshold:
            return f"{label.value} {label.confidence:.2f} < {threshold:.2f}"
        return ""

    def _classification(self, labels: Mapping[Axis, LocalLabel]) -> Classification:
        nearest = max((each.similarity for each in labels.values()), default=0.0)
        plain = Classification(
            Tier.LOCAL,
            reason=f"the nearest labelled ticket is {nearest:.0%} alike",
            model=f"local-{self.model.version}",
        )
        return plain.labelled({axis: Label(each.value, each.confidence) for axis, each in labels.items()})
