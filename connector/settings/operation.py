"""How the connector runs: intervals, what it may write, how it logs."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path
from typing import Literal

from pydantic import BaseModel, Field

from connector.settings.values import FOREVER, TABLE, Language, RetentionDays, Seconds, Share, TagPrefix


class PollSettings(BaseModel):
    """How often the helpdesk is asked for changes."""

    model_config = TABLE

    interval_seconds: Seconds = Field(default=60.0, description="Seconds between two polls of the service.")
    fast_seconds: float = Field(
        default=5.0,
        ge=0,
        le=3600,
        description="Zendesk: seconds between two looks of the service at the newest tickets, which the feed "
        "shows a minute late; 0: it does not look.",
    )
    fast_share: float = Field(
        default=0.2,
        gt=0,
        le=1,
        description="It looks only while all our requests together use less than this share of the "
        "helpdesk's rate limit.",
    )


class TagSettings(BaseModel):
    """The tags that carry a decision; only tags with the prefix are ever ours."""

    model_config = TABLE

    prefix: TagPrefix = Field(
        default="ai_", description="Begins every tag the connector adds, such as ai_team__billing."
    )


class WriteSettings(BaseModel):
    """What may be written to a ticket, besides tags."""

    model_config = TABLE

    group: bool = Field(default=True, description="Whether to move the ticket to the team's group.")
    priority: bool = Field(default=True, description="Whether to set the priority.")
    note: Literal["off", "escalations", "all"] = Field(
        default="escalations", description="Which tickets get a private note with the reason."
    )


class ServiceSettings(BaseModel):
    """The long-lived service."""

    model_config = TABLE

    shutdown_seconds: Seconds = Field(
        default=30.0, description="How long an orderly stop may take before work in flight is left for later."
    )


class PrivacySettings(BaseModel):
    """What customers wrote: how long the ledger keeps it, and what of it no model gets to see."""

    model_config = TABLE

    retention_days: RetentionDays = Field(
        default=30,
        description="Days after its write-back until a ticket's words are erased; the decision stays. "
        '0 erases them with the next sweep (hourly, and after each pass), "forever" never.',
    )

    redact: tuple[Literal["email", "phone", "card", "iban", "key"], ...] = Field(
        default=("key", "card"),
        description="What is replaced by a placeholder before a ticket goes to Claude: email, phone, card, "
        "iban, key (keys, tokens and passwords); the helpdesk and the ledger keep it.",
    )

    def keep(self) -> timedelta | None:
        """How long words are kept; None for ever."""
        return None if self.retention_days == FOREVER else timedelta(days=self.retention_days)


class LanguageSettings(BaseModel):
    """The languages of your customers; telling them apart needs the extra `languages`."""

    model_config = TABLE

    primary: tuple[Language, ...] = Field(
        default=("en",),
        min_length=1,
        description="The languages, as two-letter codes, in which the cheap model may decide.",
    )
    known: tuple[Language, ...] = Field(
        default=(),
        description="All other languages your customers write in; they go straight to the strong model. "
        "A language that is missing here is taken for one of the others; none: nobody looks.",
    )


class LogSettings(BaseModel):
    """The log on stderr; ticket text and secrets never reach it."""

    model_config = TABLE

    level: Literal["debug", "info", "warning", "error"] = Field(
        default="info", description="Least important level that is logged."
    )
    format: Literal["auto", "json", "console"] = Field(
        default="auto", description="json, console, or auto: console on a terminal and json elsewhere."
    )


class ExampleSettings(BaseModel):
    """Labelled tickets (`connector labels`) that the model sees as examples."""

    model_config = TABLE

    enabled: bool = Field(
        default=False,
        description="Whether any are shown. One customer's words then stand in the prompt for another's "
        "ticket; nothing of them is written to a ticket, unless a model quotes them in its reason.",
    )
    count: int = Field(
        default=10,
        ge=1,
        le=40,
        description="How many are chosen for a ticket, by likeness; with a local model.",
    )
    teams: int = Field(
        default=5, ge=0, le=40, description="So many likeliest teams have at least one example of their own."
    )
    max_tokens: int = Field(
        default=2000,
        ge=200,
        le=50_000,
        description="About how many tokens all of them may take; texts are cut.",
    )
    least_labels: int = Field(
        default=40,
        ge=2,
        description="While the local model knows fewer stored labels, or there is none, they are fixed.",
    )
    fixed: int = Field(
        default=8, ge=0, le=40, description="How many fixed ones, balanced over the teams, every prompt has."
    )


class LocalSettings(BaseModel):
    """The local tier: a small model of your own labels, made by `connector train` (extra `local`)."""

    model_config = TABLE

    model: Path = Field(
        default=Path("local-model.npz"),
        description="The model file; a relative path counts from the working directory. "
        "A running service notices a new one.",
    )
    decides: Literal["always", "in_outage", "never"] = Field(
        default="always",
        description="When the local tier decides what it is sure of: always (then no model is paid), "
        "in_outage (only while Claude cannot be reached), or never. Its labels are stored in any case.",
    )
    target_precision: Share = Field(
        default=0.95, description="How often what it decides alone must be right; thresholds follow from it."
    )
    labels_per_class: int = Field(
        default=10, ge=2, description="Fewer labels than this, and it never decides alone."
    )
    least_similarity: Share = Field(
        default=0.2, description="Nearness to a labelled ticket below which it never decides alone."
    )
