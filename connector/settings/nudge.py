"""The nudge: whether the connector listens for the helpdesk's webhooks, and how much they may cost."""

from __future__ import annotations

from pydantic import BaseModel, Field, SecretStr, field_validator

from connector.settings.values import TABLE, ListenAddress, Secret, host_and_port

_LEAST_SECRET = 16
# Zendesk signs the test of a webhook that is not saved yet with this (Verifying webhook authenticity).
_PUBLIC_SECRET = "dGhpc19zZWNyZXRfaXNfZm9yX3Rlc3Rpbmdfb25seQ=="  # noqa: S105 - everybody knows it


class NudgeSettings(BaseModel):
    """Webhooks that say which ticket to read at once (docs/webhooks.md); needs the extra `web`."""

    model_config = TABLE

    enabled: bool = Field(
        default=False,
        description="Whether the service listens for them. Polling brings every ticket all the same.",
    )
    listen: ListenAddress = Field(
        default="127.0.0.1:8079",
        description="Address and port; the path is /hooks/ and the helpdesk's name. Plain HTTP: a reverse "
        "proxy in front of it has the certificate.",
    )
    secret: Secret | None = Field(
        default=None,
        description="The webhook's signing secret. Better: secrets/nudge__secret, mode 0600.",
    )
    window_seconds: float = Field(
        default=300.0,
        gt=0,
        le=3600,
        description="How far a signature's time may be from ours; repeated ones do nothing for twice that.",
    )
    body_kib: int = Field(
        default=64, ge=1, le=1024, description="Longest body that is read, in KiB; longer ones are refused."
    )
    tickets_per_minute: int = Field(
        default=30,
        ge=1,
        le=6000,
        description="Most tickets that are read in a minute because of webhooks, with one or two requests "
        "each; the others wait for the poll.",
    )

    @property
    def address(self) -> tuple[str, int]:
        """Host and port to listen on."""
        return host_and_port(self.listen)

    @field_validator("secret")
    @classmethod
    def _secret_is_one(cls, secret: SecretStr | None) -> SecretStr | None:
        return signing_secret(secret)


def signing_secret(secret: SecretStr | None) -> SecretStr | None:
    """The same.  Raises ValueError for one that others know, or could guess."""
    plain = secret.get_secret_value() if secret else None
    if plain == _PUBLIC_SECRET:
        raise ValueError("is the public one that Zendesk signs tests with: take that of the saved webhook")
    if plain is not None and len(plain) < _LEAST_SECRET:
        raise ValueError(f"has less than {_LEAST_SECRET} characters, so it could be guessed")
    return secret
