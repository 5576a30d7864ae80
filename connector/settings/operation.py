"""How the connector runs: intervals, what it may write, how it logs."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path
from typing import Literal

from pydantic import BaseModel, Field

from connector.settings.values import FOREVER, TABLE, RetentionDays, Seconds, Share, TagPrefix


class PollSettings(BaseModel):
    """How often the helpdesk is asked for changes."""

    model_config = TABLE

    interval_seconds: Seconds = Field(default=60.0, description="Seconds between two polls of the service.")


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
    """How long the ledger keeps what customers wrote."""

    model_config = TABLE

    retention_days: RetentionDays = Field(
        default=30,
        description="Days after its write-back until a ticket's words are erased; the decision stays. "
        '0 erases them with the next sweep (hourly, and after each pass), "forever" never.',
    )

    def keep(self) -> timedelta | None:
        """How long words are kept; None for ever."""
        return None if self.retention_days == FOREVER else timedelta(days=self.retention_days)


class LogSettings(BaseModel):
    """The log on stderr; ticket text and secrets never reach it."""

    model_config = TABLE

    level: Literal["debug", "info", "warning", "error"] = Field(
        default="info", description="Least important level that is logged."
    )
    format: Literal["auto", "json", "console"] = Field(
        default="auto", description="json, console, or auto: console on a terminal and json elsewhere."
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
