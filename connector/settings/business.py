"""What a business decides: its classes, its rules, its guardrail, its queues."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Literal, Self

from pydantic import BaseModel, Field, model_validator

from connector.domain.taxonomy import Axis, Category
from connector.settings.tree import DEEPEST, State
from connector.settings.values import TABLE, AnyOf, Name, Pattern, QueueTemplate, Share, Text

_DESCRIPTION = "What belongs here and what does not; the model reads it."
_EXAMPLES = "A few typical sentences of customers; the model reads them."
_DEFAULT = "Whether a final rule that leaves this axis open means this class (else: the last one)."
_DEFAULT_OF_TREE = _DEFAULT.replace("the last one", "the last one without a parent")
_PARENT = f"The class that this one is a special case of; at most {DEEPEST} levels."
_STATE = 'active, or shadow: the model may answer it, everything else uses the parent until it is "active".'

Priority = Literal["urgent", "high", "normal", "low"]


class TeamSettings(BaseModel):
    """A team, and the helpdesk group that is its own. These tables replace all the default teams."""

    model_config = TABLE

    name: Name = Field(description="lower_snake_case; it becomes part of tags and queue names.")
    group: Text = Field(
        default_factory=lambda data: str(data.get("name", "")).replace("_", " ").capitalize(),
        description="The helpdesk group; the parent's or the capitalised name unless given.",
    )
    description: str = Field(default="", max_length=1000, description=_DESCRIPTION)
    examples: tuple[Text, ...] = Field(default=(), description=_EXAMPLES)
    parent: Name | None = Field(default=None, description=_PARENT, examples=["general"])
    state: State = Field(default="active", description=_STATE)
    default: bool = Field(default=False, description=_DEFAULT_OF_TREE)

    def category(self) -> Category:
        return Category(
            self.name, self.description, self.examples, self.parent, shadow=self.state == "shadow"
        )


class TypeSettings(BaseModel):
    """What a ticket is about. These tables replace all the default types."""

    model_config = TABLE

    name: Name = Field(description="lower_snake_case; it becomes part of tags.")
    description: str = Field(default="", max_length=1000, description=_DESCRIPTION)
    examples: tuple[Text, ...] = Field(default=(), description=_EXAMPLES)
    parent: Name | None = Field(default=None, description=_PARENT, examples=["general_inquiry"])
    state: State = Field(default="active", description=_STATE)
    default: bool = Field(default=False, description=_DEFAULT_OF_TREE)

    def category(self) -> Category:
        return Category(
            self.name, self.description, self.examples, self.parent, shadow=self.state == "shadow"
        )


def with_inherited_groups(teams: Sequence[TeamSettings]) -> tuple[TeamSettings, ...]:
    """The teams, where those that name no group of their own have that of their nearest ancestor."""
    by_name = {team.name: team for team in teams}

    def heir(team: TeamSettings) -> TeamSettings:
        owner = team
        while owner.parent and "group" not in owner.model_fields_set:
            owner = by_name[owner.parent]
        return team if owner is team else team.model_copy(update={"group": owner.group})

    return tuple(heir(team) for team in teams)


class UrgencySettings(BaseModel):
    """How soon a ticket needs somebody. These tables replace all the default urgencies."""

    model_config = TABLE

    name: Name = Field(description="lower_snake_case; it becomes part of tags and queue names.")
    description: str = Field(default="", max_length=1000, description=_DESCRIPTION)
    priority: Priority | None = Field(
        default=None,
        description="The helpdesk's priority: urgent, high, normal or low; none leaves it alone.",
    )
    default: bool = Field(default=False, description=_DEFAULT)

    def category(self) -> Category:
        return Category(self.name, self.description)


class SentimentSettings(BaseModel):
    """How the customer sounds. These tables replace all the default sentiments."""

    model_config = TABLE

    name: Name = Field(description="lower_snake_case; it becomes part of tags.")
    description: str = Field(default="", max_length=1000, description=_DESCRIPTION)
    default: bool = Field(default=False, description=_DEFAULT)

    def category(self) -> Category:
        return Category(self.name, self.description)


class ThresholdSettings(BaseModel):
    """The confidence (0 to 1) an axis needs where it matters for routing; below it the next tier is asked."""

    model_config = TABLE

    team: Share = Field(default=0.75, description="Which team.")
    type: Share = Field(default=0.6, description="What it is about.")
    urgency: Share = Field(default=0.7, description="How soon.")
    sentiment: Share = Field(default=0.5, description="How the customer sounds.")

    def by_axis(self) -> dict[Axis, float]:
        return {axis: getattr(self, axis.value) for axis in Axis}


class RuleSettings(BaseModel):
    """What a word settles, free of charge. Whole words only, and "not urgent" is not "urgent"."""

    model_config = TABLE

    name: Name = Field(description="Shown as the reason of a decision.")
    words: tuple[Text, ...] = Field(default=(), description="Words or phrases; any of them is enough.")
    regex: tuple[Pattern, ...] = Field(default=(), description="Regular expressions (Python's), likewise.")
    where: Literal["subject", "text", "any"] = Field(
        default="any", alias="in", description="Where to look: subject, text or any."
    )
    team: Name | None = Field(default=None, description="The team that follows.", examples=["billing"])
    type: Name | None = Field(default=None, description="The type that follows.", examples=["bug_report"])
    urgency: Name | None = Field(default=None, description="The urgency that follows.", examples=["high"])
    sentiment: Name | None = Field(
        default=None, description="The sentiment that follows.", examples=["angry"]
    )
    final: bool = Field(
        default=False,
        description="Whether no model is asked any more; axes left open take their default class.",
    )

    @model_validator(mode="after")
    def _says_something(self) -> Self:
        if not self.words and not self.regex:
            raise ValueError("needs words or regex")
        if not self.labels():
            raise ValueError("needs at least one of team, type, urgency and sentiment")
        return self

    def labels(self) -> dict[Axis, str]:
        """The class per axis that the rule settles."""
        return {axis: value for axis in Axis if (value := getattr(self, axis.value)) is not None}


class ConditionSettings(BaseModel):
    """Labels for which a person must decide: every axis given must have one of its values."""

    model_config = TABLE

    name: Name = Field(description="Shown as the reason for the escalation.")
    team: AnyOf = Field(default=(), description="One of these teams.")
    type: AnyOf = Field(default=(), description="One of these types.")
    urgency: AnyOf = Field(default=(), description="One of these urgencies.")
    sentiment: AnyOf = Field(default=(), description="One of these sentiments.")
    tier: tuple[Text, ...] = Field(default=(), description="One of these customer tiers.")

    @model_validator(mode="after")
    def _says_something(self) -> Self:
        if not self.labels() and not self.tier:
            raise ValueError("needs at least one of team, type, urgency, sentiment and tier")
        return self

    def labels(self) -> dict[Axis, frozenset[str]]:
        """The classes per axis, any of which will do."""
        return _any_of(self)

    def tiers(self) -> frozenset[str]:
        """The customer tiers, case-folded; empty: any."""
        return frozenset(tier.casefold() for tier in self.tier)


class WhenSettings(BaseModel):
    """The labels for which a queue is meant; an axis left out may have any value."""

    model_config = TABLE

    team: AnyOf = Field(default=(), description="One of these teams.")
    type: AnyOf = Field(default=(), description="One of these types.")
    urgency: AnyOf = Field(default=(), description="One of these urgencies.")
    sentiment: AnyOf = Field(default=(), description="One of these sentiments.")


class QueueSettings(BaseModel):
    """A branch of the routing tree; the first that fits names the queue."""

    model_config = TABLE

    when: WhenSettings = Field(description="Axis = class, or a list of classes; every axis must fit.")
    queue: QueueTemplate = Field(
        description="The queue's name; {team}, {type}, {urgency} and {sentiment} are filled in."
    )
    sla_minutes: int | None = Field(
        default=None, ge=1, description="Promised first answer in minutes; it becomes a tag.", examples=[60]
    )
    priority: Priority | None = Field(
        default=None, description="Priority instead of the urgency's own.", examples=["urgent"]
    )

    @model_validator(mode="after")
    def _says_something(self) -> Self:
        if not self.labels():
            raise ValueError("needs at least one axis in when; what always fits is routing.default_queue")
        return self

    def labels(self) -> dict[Axis, frozenset[str]]:
        """The classes per axis, any of which will do."""
        return _any_of(self.when)


def _any_of(table: ConditionSettings | WhenSettings) -> dict[Axis, frozenset[str]]:
    return {axis: frozenset(values) for axis in Axis if (values := getattr(table, axis.value))}


def _conditions() -> tuple[ConditionSettings, ...]:
    return (ConditionSettings(name="angry_enterprise", sentiment=("angry",), tier=("enterprise",)),)


def _queues() -> tuple[QueueSettings, ...]:
    rows: tuple[tuple[Mapping[str, Any], str, int], ...] = (
        ({"urgency": "critical", "team": "security"}, "urgent-security", 15),
        ({"urgency": "critical"}, "critical-{team}", 60),
        ({"sentiment": "angry", "urgency": "high"}, "priority-{team}", 240),
    )
    return tuple(
        QueueSettings(when=WhenSettings(**when), queue=queue, sla_minutes=minutes)
        for when, queue, minutes in rows
    )


class GuardrailSettings(BaseModel):
    """What forbids a machine decision: a person gets the ticket, whatever a model says."""

    model_config = TABLE

    words: tuple[Text, ...] = Field(
        default=(
            "lawsuit",
            "legal action",
            "my lawyer",
            "our lawyer",
            "our lawyers",
            "attorney",
            "subpoena",
            "court order",
            "law enforcement",
            "suicide",
            "self-harm",
        ),
        description="Words or phrases, whole words only; found before a model is paid.",
    )
    conditions: tuple[ConditionSettings, ...] = Field(default_factory=_conditions)


class RoutingSettings(BaseModel):
    """From labels to a queue: the first branch that fits, else the default."""

    model_config = TABLE

    default_queue: QueueTemplate = Field(
        default="{team}-{urgency}", description="The queue when no branch fits."
    )
    default_sla_minutes: int | None = Field(
        default=None,
        ge=1,
        description="Promised first answer in minutes when no branch fits.",
        examples=[1440],
    )
    queues: tuple[QueueSettings, ...] = Field(default_factory=_queues)
