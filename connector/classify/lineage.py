"""What a classification means in a tree of classes: shadows act as parents, rules keep what is finer."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

from connector.classify.rules import RuleHits
from connector.domain.classification import Classification, Label
from connector.domain.taxonomy import Axis, Taxonomy


def acting(found: Classification, taxonomy: Taxonomy) -> Classification:
    """The classification that may act: of every shadow class the nearest ancestor that is none.

    What was said remains in ``shadow``.  Doing it again changes nothing.
    """
    labels: dict[Axis, Label] = {}
    said: dict[Axis, str] = {}
    for axis in Axis:
        label = found.on(axis)
        if label is not None and (active := taxonomy.acting(axis, label.value)) != label.value:
            labels[axis] = replace(label, value=active)
            said[axis] = label.value
    acts = found.labelled(labels)
    second = found.secondary_team and taxonomy.acting(Axis.TEAM, found.secondary_team)
    second = None if acts.team and acts.team.value == second else second
    if not labels and second == found.secondary_team:
        return found
    return replace(acts, secondary_team=second, shadow={**found.shadow, **said})


def ruled(
    hits: RuleHits, said: Classification, taxonomy: Taxonomy, thresholds: Mapping[Axis, float]
) -> Classification:
    """What a model said with the rules' labels over it, as it may act.

    A class below the rule's own is the same said more exactly: it stays where the model is sure of it.
    """
    finer = {
        axis: label
        for axis, value in hits.labels.items()
        if (label := said.on(axis)) is not None
        and value in taxonomy.lineage(axis, label.value)[1:]
        and label.confidence >= thresholds.get(axis, 0.0)
    }
    return acting(hits.over(said).labelled(finer), taxonomy)
