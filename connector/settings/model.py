"""All settings as one frozen value, consistent in itself."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any, Self

from pydantic import BaseModel, Field, SecretStr, ValidationInfo, field_validator, model_validator
from pydantic_settings import BaseSettings, PydanticBaseSettingsSource, SettingsConfigDict

from connector.domain.budget import DailyBudget
from connector.domain.taxonomy import Axis, Taxonomy
from connector.routing import PRIORITIES
from connector.settings.budget import BudgetSettings
from connector.settings.business import (
    GuardrailSettings,
    RoutingSettings,
    RuleSettings,
    SentimentSettings,
    TeamSettings,
    ThresholdSettings,
    TypeSettings,
    UrgencySettings,
    with_inherited_groups,
)
from connector.settings.claude_models import PriceSettings
from connector.settings.connections import HelpdeskSettings, LlmSettings, StoreSettings, TriageSettings
from connector.settings.context import MaterialChangeSettings, SignalSettings
from connector.settings.defaults import (
    default_rules,
    default_sentiments,
    default_teams,
    default_types,
    default_urgencies,
)
from connector.settings.helpdesks import NamedHelpdesk, groups_at, misfits
from connector.settings.nudge import NudgeSettings
from connector.settings.operation import (
    ExampleSettings,
    LanguageSettings,
    LocalSettings,
    LogSettings,
    PollSettings,
    PrivacySettings,
    ServiceSettings,
    TagSettings,
    WriteSettings,
)
from connector.settings.references import CLASS_LISTS, fitting, repeated, unknown
from connector.settings.shape import entries
from connector.settings.tree import misplaced
from connector.settings.values import secret_in, several

Class = TeamSettings | TypeSettings | UrgencySettings | SentimentSettings


_TWO_HELPDESKS = (
    {"name": "acme", "kind": "zendesk", "base_url": "https://acme.zendesk.com", "client_id": "triage"},
    {
        "name": "bolt",
        "kind": "pylon",
        "groups": {"billing": "Billing EU"},
        "daily_usd": 2,
        "webhook_secret": "its-own-signing-secret",
    },
)


def _rules(validated: dict[str, Any]) -> tuple[RuleSettings, ...]:
    return fitting(default_rules(), validated)


def _guardrail(validated: dict[str, Any]) -> GuardrailSettings:
    return _suited_guardrail(GuardrailSettings(), validated)


def _routing(validated: dict[str, Any]) -> RoutingSettings:
    return _suited_routing(RoutingSettings(), validated)


def _suited_guardrail(guardrail: GuardrailSettings, validated: dict[str, Any]) -> GuardrailSettings:
    """Default conditions that name a class this business does not have are left out."""
    return guardrail.model_copy(update={"conditions": fitting(guardrail.conditions, validated)})


def _suited_routing(routing: RoutingSettings, validated: dict[str, Any]) -> RoutingSettings:
    """Default branches that name a class this business does not have are left out."""
    return routing.model_copy(update={"queues": fitting(routing.queues, validated)})


class Settings(BaseSettings):
    """Every setting.  Built directly it holds what it is given; `load_settings` reads the layers."""

    model_config = SettingsConfigDict(extra="forbid", frozen=True, hide_input_in_errors=True)

    helpdesk: HelpdeskSettings = HelpdeskSettings()
    poll: PollSettings = PollSettings()
    nudge: NudgeSettings = NudgeSettings()
    store: StoreSettings = StoreSettings()
    llm: LlmSettings = LlmSettings()
    budget: BudgetSettings = BudgetSettings()
    triage: TriageSettings = TriageSettings()
    local: LocalSettings = LocalSettings()
    languages: LanguageSettings = LanguageSettings()
    examples: ExampleSettings = ExampleSettings()
    tags: TagSettings = TagSettings()
    write: WriteSettings = WriteSettings()
    service: ServiceSettings = ServiceSettings()
    privacy: PrivacySettings = PrivacySettings()
    log: LogSettings = LogSettings()
    # The classes stand before what refers to them: fields are validated in this order.
    teams: tuple[TeamSettings, ...] = Field(default_factory=default_teams)
    types: tuple[TypeSettings, ...] = Field(default_factory=default_types)
    urgencies: tuple[UrgencySettings, ...] = Field(default_factory=default_urgencies)
    sentiments: tuple[SentimentSettings, ...] = Field(default_factory=default_sentiments)
    thresholds: ThresholdSettings = ThresholdSettings()
    rules: tuple[RuleSettings, ...] = Field(default_factory=_rules)
    guardrail: GuardrailSettings = Field(default_factory=_guardrail)
    signals: SignalSettings = SignalSettings()
    material_change: MaterialChangeSettings = MaterialChangeSettings()
    routing: RoutingSettings = Field(default_factory=_routing)
    helpdesks: tuple[NamedHelpdesk, ...] = Field(default=(), examples=[_TWO_HELPDESKS])

    @classmethod
    def settings_customise_sources(
        cls,
        settings_cls: type[BaseSettings],  # noqa: ARG003 - the signature is pydantic-settings' own
        init_settings: PydanticBaseSettingsSource,
        env_settings: PydanticBaseSettingsSource,  # noqa: ARG003 - likewise
        dotenv_settings: PydanticBaseSettingsSource,  # noqa: ARG003 - likewise
        file_secret_settings: PydanticBaseSettingsSource,  # noqa: ARG003 - likewise
    ) -> tuple[PydanticBaseSettingsSource, ...]:
        """Nothing is read behind the caller's back; `load_settings` names its layers."""
        return (init_settings,)

    @field_validator("teams", "types", "urgencies", "sentiments")
    @classmethod
    def _classes_are_distinct(cls, classes: tuple[Class, ...]) -> tuple[Class, ...]:
        if not classes:
            raise ValueError("needs at least one class")
        marked = [at for at, each in enumerate(classes) if each.default]
        second_default = [((at, "default"), "is given to two classes of one axis") for at in marked[1:]]
        several([*repeated(classes), *second_default])
        return classes

    @field_validator("teams")
    @classmethod
    def _teams_are_a_tree(cls, teams: tuple[TeamSettings, ...]) -> tuple[TeamSettings, ...]:
        several(misplaced(teams))
        return with_inherited_groups(teams)

    @field_validator("types")
    @classmethod
    def _types_are_a_tree(cls, types: tuple[TypeSettings, ...]) -> tuple[TypeSettings, ...]:
        several(misplaced(types))
        return types

    @field_validator("rules")
    @classmethod
    def _rules_refer(cls, rules: tuple[RuleSettings, ...], info: ValidationInfo) -> tuple[RuleSettings, ...]:
        several([*repeated(rules), *unknown(rules, info.data)])
        return rules

    @field_validator("guardrail")
    @classmethod
    def _guardrail_refers(cls, guardrail: GuardrailSettings, info: ValidationInfo) -> GuardrailSettings:
        if "conditions" not in guardrail.model_fields_set:
            return _suited_guardrail(guardrail, info.data)
        problems = [*repeated(guardrail.conditions), *unknown(guardrail.conditions, info.data)]
        several((("conditions", *loc), problem) for loc, problem in problems)
        return guardrail

    @field_validator("signals")
    @classmethod
    def _signals_refer(cls, signals: SignalSettings, info: ValidationInfo) -> SignalSettings:
        problems = unknown([signals], info.data)
        several((("urgencies",), problem) for _, problem in problems)
        return signals

    @field_validator("routing")
    @classmethod
    def _routing_refers(cls, routing: RoutingSettings, info: ValidationInfo) -> RoutingSettings:
        if "queues" not in routing.model_fields_set:
            return _suited_routing(routing, info.data)
        problems = unknown(routing.queues, info.data)
        several((("queues", at, "when", axis), problem) for (at, axis), problem in problems)
        return routing

    @field_validator("helpdesks")
    @classmethod
    def _helpdesks_fit(
        cls, helpdesks: tuple[NamedHelpdesk, ...], info: ValidationInfo
    ) -> tuple[NamedHelpdesk, ...]:
        several(misfits(helpdesks, info.data))
        return helpdesks

    @model_validator(mode="after")
    def _webhooks_are_signed(self) -> Self:
        if self.nudge.enabled and not any(each.webhook_secret for each in self.per_helpdesk()):
            several([(("nudge", "secret"), "is required for enabled = true")])
        return self

    @property
    def webhook_secret(self) -> SecretStr | None:
        """What signs the helpdesk's webhooks."""
        own = self.helpdesk.webhook_secret if isinstance(self.helpdesk, NamedHelpdesk) else None
        return own or self.nudge.secret

    @property
    def hears_webhooks(self) -> bool:
        """Whether the service listens for those of this helpdesk."""
        return self.nudge.enabled and self.webhook_secret is not None

    def per_helpdesk(self) -> tuple[Settings, ...]:
        """The settings of each helpdesk, in their order: ``helpdesk`` is that one, ``groups`` are its own.

        With a plain [helpdesk] that is one.  Whatever needs a helpdesk takes one of these.
        """
        if not self.helpdesks or isinstance(self.helpdesk, NamedHelpdesk):
            return (self,)
        return tuple(self.model_copy(update={"helpdesk": each}) for each in self.helpdesks)

    @property
    def one_of_several(self) -> str:
        """The name of the helpdesk that `per_helpdesk` chose, where there are others; else empty."""
        is_chosen = isinstance(self.helpdesk, NamedHelpdesk) and len(self.helpdesks) > 1
        return self.helpdesk.ledger_name if is_chosen else ""

    def own_budget(self) -> DailyBudget | None:
        """What a day of the chosen one of several helpdesks may cost; None: whatever all of them may."""
        usd = self.helpdesk.daily_usd if isinstance(self.helpdesk, NamedHelpdesk) else None
        return None if usd is None else self.budget.limited_to(usd)

    def taxonomy(self) -> Taxonomy:
        """The classes of every axis, in the order of the settings."""
        lists: dict[Axis, Sequence[Class]] = {axis: getattr(self, CLASS_LISTS[axis]) for axis in Axis}
        return Taxonomy(
            categories={axis: tuple(each.category() for each in lists[axis]) for axis in Axis},
            defaults={axis: each.name for axis in Axis for each in lists[axis] if each.default},
        )

    def groups(self) -> dict[str, str]:
        """The helpdesk group's name per team; a shadow has that of the team which acts for it."""
        groups, taxonomy = groups_at(self.helpdesk, self.teams), self.taxonomy()
        return {name: groups[taxonomy.acting(Axis.TEAM, name)] for name in groups}

    def priorities(self) -> dict[str, str]:
        """The helpdesk's priority per urgency; an urgency without one leaves the priority alone."""
        return {each.name: each.priority for each in self.urgencies if each.priority is not None}

    def urgencies_in_order(self) -> tuple[str, ...]:
        """The urgencies, the most urgent first: by priority where all have one, else as they stand there."""
        ranked = list(self.urgencies)
        if all(each.priority is not None for each in ranked):
            ranked.sort(key=lambda each: PRIORITIES.index(each.priority or ""))
        return tuple(each.name for each in ranked)

    def urgent(self) -> frozenset[str]:
        """The urgencies for which a customer's signals lower the bar."""
        chosen = self.signals.urgencies
        return frozenset(
            chosen or (each.name for each in self.urgencies if each.priority in ("urgent", "high"))
        )

    def prices(self) -> dict[str, PriceSettings]:
        """The price per model id."""
        return {price.model: price for price in self.llm.prices}

    def secret_values(self) -> frozenset[str]:
        """Every string that must never be shown or logged."""
        return frozenset(value for each in _secrets(self) for value in secret_in(each))


def _secrets(table: BaseModel) -> Iterator[SecretStr]:
    for _, _, value in entries(table):
        for each in value if isinstance(value, tuple) else (value,):
            if isinstance(each, SecretStr):
                yield each
            elif isinstance(each, BaseModel):
                yield from _secrets(each)
