"""A home of the model: who sells the calls, what their door accepts, and how they say no."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Protocol

if TYPE_CHECKING:
    import anthropic
    import httpx2

    from connector.llm.wire import Line

    Client = anthropic.Anthropic | anthropic.AnthropicBedrock | anthropic.AnthropicVertex


@dataclass(frozen=True, slots=True)
class Abilities:
    """What a home offers besides answering one question."""

    prompt_cache: bool
    models_api: bool  # says when a model retires and what it accepts, free of charge
    batches: bool


@dataclass(frozen=True, slots=True)
class Wording:
    """How failures are told to an operator: the service's name, and the next step for each refusal.

    ``refused`` is by status (401, 402, 403); ``unknown_model`` follows the model's name.
    """

    service: str
    refused: Mapping[int, str]
    unknown_model: str


class Provider(Protocol):
    """Opens the vendor's client for one home, and knows how that home differs from the vendor's own."""

    @property
    def abilities(self) -> Abilities: ...

    @property
    def wording(self) -> Wording: ...

    def takes_schema(self, model: str) -> bool:
        """Whether this model has structured outputs here; without them it answers by calling a tool."""
        ...

    def extras(self, model: str) -> Mapping[str, Any]:
        """Further fields that this home wants in the body of a request for ``model``."""
        ...

    def open(self, line: Line, transport: httpx2.BaseTransport | None = None) -> Client:
        """A client that retries nothing and follows nothing; nothing is sent yet.  Raises SettingsError.

        ``transport`` replaces the network, for tests.
        """
        ...
