"""Where the connector connects to: the helpdesk, the database, Claude."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, Literal, Self

from pydantic import (
    BaseModel,
    Field,
    FilePath,
    SecretStr,
    ValidationInfo,
    field_validator,
    model_validator,
)

from connector.settings.claude_models import (
    Home,
    ModelSettings,
    PriceSettings,
    Region,
    cheap_model,
    prices,
    strong_model,
)
from connector.settings.values import (
    TABLE,
    Count,
    HostUrl,
    Loc,
    Name,
    ProxyUrl,
    Seconds,
    Secret,
    ServiceUrl,
    StoreUrl,
    Text,
    several,
)

Endpoint = Literal["searches", "issues", "updates", "messages", "notes", "contacts", "others"]


class HelpdeskSettings(BaseModel):
    """The helpdesk to poll and to write back to."""

    model_config = TABLE

    kind: Literal["zendesk", "pylon", "sandbox"] = Field(
        default="sandbox",
        description="Which helpdesk: zendesk, pylon, or sandbox (emulated here, needs no account).",
    )
    name: Name | None = Field(
        default=None,
        description="What the ledger calls this helpdesk; the kind unless given. "
        "Changing it later makes every ticket new again.",
        examples=["zendesk"],
    )
    base_url: HostUrl | None = Field(
        default=None,
        description="The helpdesk's address (Pylon: left out, its region has one). Credentials are sent to "
        "this host and to no other.",
        examples=["https://acme.zendesk.com"],
    )
    region: Literal["us", "eu"] = Field(
        default="us", description="Pylon: where the organization is; an API token works in its region alone."
    )
    internal_notes: bool = Field(
        default=False,
        description="Pylon: whether [write] note is written there, into an internal thread of its own.",
    )
    confirm_openers: bool = Field(
        default=True,
        description="Pylon: whether the first message of every possible original is read, a request each, to "
        "be sure that a customer opened it. Otherwise an issue that is new, unanswered, and made neither by "
        "hand nor by a form counts as its requester's.",
    )
    requests_per_minute: dict[Endpoint, Count] = Field(
        default={},
        description="Pylon: limits of your organization that differ from those published in July 2026, such "
        "as { messages = 120, updates = 120 }: searches, issues, updates, messages, notes, contacts, others.",
    )
    client_id: Text | None = Field(
        default=None,
        description="OAuth client (Zendesk: confidential, grant type client credentials, admin user).",
        examples=["support_triage"],
    )
    client_secret: Secret | None = Field(
        default=None,
        description="The OAuth client's secret. Better: secrets/helpdesk__client_secret, mode 0600.",
    )
    email: Text | None = Field(
        default=None,
        description="Legacy Zendesk login, together with api_token, instead of the OAuth client.",
        examples=["triage@acme.com"],
    )
    api_token: Secret | None = Field(
        default=None, description="Zendesk's legacy API token, or Pylon's API token. Better as a secret file."
    )
    lookback_hours: float = Field(
        default=24.0,
        gt=0,
        le=24 * 366 * 20,
        description="How old a ticket may be to be classified at the very first poll.",
    )
    inbox_groups: tuple[Text, ...] = Field(
        default=(),
        description="Groups in which nobody has routed a ticket yet, besides having no group at all.",
    )
    human_group: Text = Field(
        default="Support", description="The group that gets every ticket a person must decide."
    )
    support_type_scope: Literal["agent", "ai_agent", "all"] = Field(
        default="agent",
        description="Zendesk: whose tickets to poll; all also has those that AI agents handle.",
    )
    tier_field: Text | None = Field(
        default=None,
        description="Key of the organization field with the customer's tier (Pylon: slug of the account's "
        "custom field).",
        examples=["plan"],
    )
    arr_field: Text | None = Field(
        default=None,
        description="Key of the organization field (Pylon: slug, as above) with the yearly revenue in USD.",
        examples=["arr"],
    )
    tier_tags: dict[Text, Text] = Field(
        default={}, description='Tags that tell the tier, such as { plan_enterprise = "enterprise" }.'
    )
    rate_share: float = Field(
        default=0.8,
        gt=0,
        le=1,
        description="Share of the helpdesk's rate limits to use, by all our processes together.",
    )
    backfill_rate_share: float = Field(
        default=0.4,
        gt=0,
        le=1,
        description="The same for a backfill: the rest is for the service and for others.",
    )
    ca_bundle: FilePath | None = Field(
        default=None,
        description="PEM file with the certificate authorities to trust instead of the usual ones.",
        examples=["/etc/ssl/certs/company.pem"],
    )
    proxy: ProxyUrl | None = Field(
        default=None,
        description="Proxy for requests to the helpdesk.",
        examples=["http://proxy.acme.com:3128"],
    )

    @property
    def ledger_name(self) -> str:
        """What the ledger calls this helpdesk."""
        return self.name or self.kind

    @model_validator(mode="after")
    def _can_log_in(self) -> Self:
        if self.kind != "sandbox":
            several(self._missing())
        return self

    def _missing(self) -> Iterator[tuple[Loc, str]]:
        needed = f'is required for kind = "{self.kind}"'
        if self.kind == "pylon":
            if self.api_token is None:
                yield ("api_token",), needed
            return
        if self.base_url is None:
            yield ("base_url",), needed
        oauth = {"client_id": self.client_id, "client_secret": self.client_secret}
        legacy = {"email": self.email, "api_token": self.api_token}
        if any(oauth.values()) and any(legacy.values()):
            yield ("client_id",), "and email + api_token exclude each other: give one of the two logins"
        elif not any(oauth.values()) and not any(legacy.values()):
            yield ("client_id",), f"and client_secret (or email and api_token): {needed}"
        else:
            chosen = oauth if any(oauth.values()) else legacy
            yield from (((key,), needed) for key, value in chosen.items() if value is None)


class StoreSettings(BaseModel):
    """The ledger: the database with everything seen, decided and written."""

    model_config = TABLE

    url: StoreUrl = Field(
        default=SecretStr("sqlite:///connector.db"),
        description="SQLAlchemy URL; a relative SQLite path counts from the working directory.",
    )


class LlmSettings(BaseModel):
    """Claude: where it runs, the key, the limits, the two models and their prices."""

    model_config = TABLE

    enabled: bool = Field(
        default=True,
        description="Whether Claude is asked. Without it rules and the local tier decide what they are sure "
        "of, and a person gets the rest.",
    )
    provider: Home = Field(
        default="anthropic",
        description="Who runs Claude: anthropic (API key), bedrock (Amazon) or vertex (Google). The last two "
        "use this machine's AWS or Google credentials and packages (helpdesk-connector[bedrock], [vertex]).",
    )
    region: Region | None = Field(
        default=None,
        description='Region of bedrock or vertex, such as eu-central-1; vertex also has "global".',
        examples=["eu-central-1"],
    )
    project: Text | None = Field(
        default=None, description="vertex: the Google Cloud project.", examples=["acme-support"]
    )
    output: Literal["auto", "schema", "tool"] = Field(
        default="auto",
        description="How models answer: schema (structured outputs), tool (calling one), or auto: schema "
        "wherever the provider has it for the model.",
    )
    api_key: Secret | None = Field(
        default=None,
        description="Anthropic API key. Better: ANTHROPIC_API_KEY or secrets/llm__api_key, mode 0600.",
    )
    base_url: ServiceUrl | None = Field(
        default=None,
        description="Address of the Messages API, for a gateway; ANTHROPIC_BASE_URL works too. For bedrock "
        "and vertex that of their endpoint, for a private one.",
        examples=["https://llm-gateway.acme.com/anthropic"],
    )
    workers: int = Field(
        default=16, ge=1, le=256, description="How many tickets are classified at the same time."
    )
    call_seconds: Seconds = Field(
        default=60.0, description="Longest time for one call, from request to last byte."
    )
    max_tries: int = Field(default=3, ge=1, le=10, description="How often one question is asked in a row.")
    max_wait_minutes: float = Field(
        default=15.0,
        gt=0,
        le=1440,
        description="How long a ticket waits out an outage before a person gets it.",
    )
    max_text_tokens: int = Field(
        default=4_000,
        ge=200,
        le=30_000,
        description="How much of a ticket's text the model reads, about; of a longer one beginning and end.",
    )
    business: str = Field(
        default="",
        max_length=4000,
        description="What your company sells and to whom, in a few sentences; the model reads it first.",
    )
    instructions: str = Field(
        default="", max_length=8000, description="House rules for classification, in plain words."
    )
    cheap: ModelSettings = Field(default_factory=cheap_model, description="The model that is asked first.")
    strong: ModelSettings = Field(
        default_factory=strong_model,
        description="The model that is asked when the cheap one is not sure enough.",
    )
    prices: tuple[PriceSettings, ...] = Field(default_factory=prices)

    @field_validator("cheap", "strong", mode="before")
    @classmethod
    def _rest_is_default(cls, value: Any, info: ValidationInfo) -> Any:  # noqa: ANN401 - whatever the file holds
        """A table that names only another model keeps the other keys."""
        default = cheap_model(info.data) if info.field_name == "cheap" else strong_model(info.data)
        return {**default.model_dump(), **value} if isinstance(value, dict) else value

    @model_validator(mode="after")
    def _is_complete(self) -> Self:
        several((*self._homeless(), *self._unpriced()))
        return self

    def _homeless(self) -> Iterator[tuple[Loc, str]]:
        needed = {"anthropic": (), "bedrock": ("region",), "vertex": ("region", "project")}[self.provider]
        for key in needed:
            if getattr(self, key) is None:
                yield (key,), f'is required for provider = "{self.provider}"'

    def _unpriced(self) -> Iterator[tuple[Loc, str]]:
        models = [price.model for price in self.prices]
        for tier, model in (("cheap", self.cheap.model), ("strong", self.strong.model)):
            if model not in models:
                yield (tier, "model"), f'has no price: add a [[llm.prices]] table for "{model}"'
        for at, model in enumerate(models):
            if model in models[:at]:
                yield ("prices", at, "model"), f'"{model}" has two prices'


class TriageSettings(BaseModel):
    """How triage decides, and how often it tries a ticket that fails for reasons of its own."""

    model_config = TABLE

    max_attempts: Count = Field(
        default=5, description="After so many failed attempts a person gets the ticket."
    )
    several_issues: Literal["blocking", "first"] = Field(
        default="blocking",
        description="Which of several issues in a ticket decides its team: the one that blocks the customer "
        "most, or the one raised first; the next one's team becomes a tag (ai_secondary__billing).",
    )
