"""The vendor's own API, with a key.  Imported late, with the vendor's package."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import anthropic
import httpx2

from connector.errors import SettingsError
from connector.llm.provider import Abilities, Wording
from connector.llm.wire import Line, client_options

API_URL = "https://api.anthropic.com"

_ABILITIES = Abilities(prompt_cache=True, models_api=True, batches=True)
_WORDING = Wording(
    service="Claude",
    refused={
        401: "Claude refuses the API key; check ANTHROPIC_API_KEY",
        402: "the Claude account cannot be billed; check its payment in the Console",
        403: "the API key may not do this; check its workspace and model access in the Console",
    },
    unknown_model="for this key, or the base URL is not the API's",
)


@dataclass(frozen=True, slots=True)
class AnthropicApi:
    """A key for the vendor's own API, or for a gateway that speaks it; every model has structured outputs."""

    api_key: str = field(repr=False)

    @property
    def abilities(self) -> Abilities:
        return _ABILITIES

    @property
    def wording(self) -> Wording:
        return _WORDING

    def takes_schema(self, model: str) -> bool:  # noqa: ARG002 - all of them do here
        return True

    def extras(self, model: str) -> Mapping[str, Any]:  # noqa: ARG002 - nothing
        return {}

    def open(self, line: Line, transport: httpx2.BaseTransport | None = None) -> anthropic.Anthropic:
        check_key(self.api_key)
        return anthropic.Anthropic(api_key=self.api_key, **client_options(line, API_URL, transport))


def check_key(api_key: str) -> None:
    """Raise SettingsError for a key that no HTTP header can carry; the key itself is not repeated."""
    if not api_key:
        raise SettingsError("Claude's API key is missing; set ANTHROPIC_API_KEY")
    if not (api_key.isascii() and api_key.isprintable()) or " " in api_key:
        raise SettingsError("Claude's API key contains characters that no key has; copy it again")
