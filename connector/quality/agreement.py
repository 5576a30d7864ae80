"""How often the local tier says the same as the model that decided."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from connector.domain.classification import Classification, Tier
from connector.domain.decision import Decision
from connector.domain.taxonomy import Axis
from connector.quality.calibrate import wilson


@dataclass(frozen=True, slots=True)
class Agreement:
    """``same`` of ``total`` tickets got the same label from both."""

    same: int
    total: int

    @property
    def interval(self) -> tuple[float, float]:
        return wilson(self.same, self.total)


def local_opinion(decision: Decision) -> Classification | None:
    """What the local tier said, whoever decided; None when it was not asked or had nothing to say."""
    return next((step.classification for step in decision.steps if step.tier is Tier.LOCAL), None)


def compare(decision: Decision) -> dict[Axis, bool]:
    """Per axis on which both have a label: whether it is the same.  Empty unless a model's labels decided."""
    local, model = local_opinion(decision), decision.classification
    if local is None or model is None or model.tier not in (Tier.CHEAP, Tier.STRONG):
        return {}
    pairs = {axis: (local.on(axis), model.on(axis)) for axis in Axis}
    return {axis: a.value == b.value for axis, (a, b) in pairs.items() if a is not None and b is not None}


def agreement(decisions: Iterable[Decision]) -> dict[Axis, Agreement]:
    """The sum of `compare` over many decisions; axes on which nothing could be compared are left out."""
    compared = [compare(each) for each in decisions]
    by_axis = {axis: [each[axis] for each in compared if axis in each] for axis in Axis}
    return {axis: Agreement(sum(same), len(same)) for axis, same in by_axis.items() if same}
