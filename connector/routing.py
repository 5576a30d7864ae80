"""From a classification to a route: group, queue, tags, priority.  Pure and total."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import NamedTuple

from connector.domain.classification import Classification
from connector.domain.decision import Cause, Route
from connector.domain.taxonomy import Axis, Taxonomy
from connector.domain.ticket import Group

HUMAN_QUEUE = "human"
PRIORITIES = ("urgent", "high", "normal", "low")  # as the settings allow them, the highest first


@dataclass(frozen=True, slots=True)
class QueueRule:
    """A branch of the decision tree: the first whose ``when`` holds on every axis names the queue.

    ``queue`` may hold ``{team}``, ``{type}``, ``{urgency}`` and ``{sentiment}``.
    """

    when: Mapping[Axis, frozenset[str]]
    queue: str
    sla_minutes: int | None = None
    priority: str | None = None

    def holds(self, labels: Mapping[Axis, str]) -> bool:
        return all(labels.get(axis) in values for axis, values in self.when.items())


@dataclass(frozen=True, slots=True)
class RoutingPolicy:
    """What a business decides about routing.  ``priorities`` maps urgency to the helpdesk's priority."""

    groups: Mapping[str, Group]  # team -> group
    human: Group
    queues: tuple[QueueRule, ...]
    default: QueueRule
    priorities: Mapping[str, str]
    tag_prefix: str = "ai_"
    urgencies: tuple[str, ...] = ()  # the most urgent first

    def tag(self, key: str, value: object = None) -> str:
        return f"{self.tag_prefix}{key}" if value is None else f"{self.tag_prefix}{key}__{value}"


def route(classification: Classification, policy: RoutingPolicy) -> Route:
    """The route of a classification; without a team that has a group it leads to the human group."""
    labels = _labels(classification)
    there = _destination(labels, policy)
    if there is None:
        return human_route(Cause.LOW_CONFIDENCE, policy)
    team, queue = labels[Axis.TEAM], there.queue
    tags = [policy.tag("routed"), policy.tag("queue", queue)]
    tags += [policy.tag(axis.value, value) for axis, value in labels.items()]
    if (second := classification.secondary_team) is not None and second != team:
        tags.append(policy.tag("secondary", second))  # rules may have made it the team
    if there.sla_minutes is not None:
        tags.append(policy.tag("sla", there.sla_minutes))
    return Route(
        team=team,
        queue=queue,
        group=there.group.id,
        group_name=there.group.name,
        tags=tuple(tags),
        priority=there.priority,
        sla_minutes=there.sla_minutes,
    )


class _Destination(NamedTuple):
    """What of a route decides who sees the ticket, and how soon."""

    group: Group
    queue: str
    priority: str | None
    sla_minutes: int | None


def _labels(classification: Classification) -> dict[Axis, str]:
    return {axis: label.value for axis in Axis if (label := classification.on(axis))}


def _destination(labels: Mapping[Axis, str], policy: RoutingPolicy) -> _Destination | None:
    """Where labels lead; None: to a person, since no group works on the team."""
    group = policy.groups.get(labels.get(Axis.TEAM, ""))
    if group is None:
        return None
    rule = next((rule for rule in policy.queues if rule.holds(labels)), policy.default)
    queue = rule.queue.format_map({axis.value: labels.get(axis, "unknown") for axis in Axis})
    priority = rule.priority or policy.priorities.get(labels.get(Axis.URGENCY, ""))
    return _Destination(group, queue, priority, rule.sla_minutes)


def human_route(cause: Cause, policy: RoutingPolicy) -> Route:
    """Where a ticket goes when no machine may or can decide; the tags say so and why."""
    return Route(
        team=None,
        queue=HUMAN_QUEUE,
        group=policy.human.id,
        group_name=policy.human.name,
        tags=(policy.tag("needs_human"), policy.tag("cause", cause.value)),
        priority=None,
        sla_minutes=None,
    )


def is_higher(priority: str | None, than: str | None) -> bool:
    """Whether a priority is above another one; above one that nobody knows, or none at all, is every one."""
    if priority not in PRIORITIES:
        return False
    return than not in PRIORITIES or PRIORITIES.index(priority) < PRIORITIES.index(than)


def axes_that_matter(
    classification: Classification, policy: RoutingPolicy, taxonomy: Taxonomy
) -> tuple[Axis, ...]:
    """The axes on which another value would lead elsewhere: another group, queue, priority or SLA.

    Doubt on any other axis is not worth a dearer model: it would change a descriptive tag at most.
    """
    labels = _labels(classification)
    here = _destination(labels, policy)

    def decides(axis: Axis) -> bool:
        names = taxonomy.active_names(axis)
        return any(_destination({**labels, axis: name}, policy) != here for name in names)

    return tuple(axis for axis in Axis if decides(axis))
