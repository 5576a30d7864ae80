"""Every home of the model in front of the emulator: its door, credentials, models and their prices."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import pytest
from google.oauth2.credentials import Credentials

from connector.classify.prompt import Prompt
from connector.domain.classification import Tier
from connector.domain.taxonomy import Taxonomy
from connector.llm.anthropic_api import AnthropicApi
from connector.llm.bedrock import Bedrock
from connector.llm.claude import ClaudeClassifier
from connector.llm.pricing import Price
from connector.llm.provider import Provider
from connector.llm.request import ModelSettings
from connector.llm.vertex import Vertex
from connector.sandbox.claude_api import ClaudeSandbox
from connector.settings.claude_models import cheap_model, prices, strong_model

SECRET = "wJalrXUtnFEMI-secret-of-an-access-key"


@dataclass(frozen=True)
class Home:
    """A provider with the models to ask there, and how they answer."""

    open: Callable[[str], Provider]
    chosen: dict[str, str]  # as in the settings
    output: str = "auto"
    path: str = ""
    models: dict[Tier, ModelSettings] | None = None

    def asked(self) -> dict[Tier, ModelSettings]:
        """The tiers' models, those of the default settings unless others are named."""
        if self.models is not None:
            return self.models
        tiers = {Tier.CHEAP: cheap_model(self.chosen), Tier.STRONG: strong_model(self.chosen)}
        return {
            tier: ModelSettings(each.model, each.max_tokens, each.effort, each.thinking)
            for tier, each in tiers.items()
        }

    def prices(self) -> list[Price]:
        rows = [
            Price(each.model, each.input, each.output, each.cache_write, each.cache_read, each.as_of)
            for each in prices(self.chosen)
        ]
        names = {each.model for each in rows}
        rates = rows[-1]
        more = (each.name for each in self.asked().values() if each.name not in names)
        return [*rows, *(_renamed(rates, name) for name in more)]


def _renamed(price: Price, name: str) -> Price:
    return Price(name, price.input, price.output, price.cache_write, price.cache_read, price.as_of)


_OLDER = {
    Tier.CHEAP: ModelSettings("eu.anthropic.claude-haiku-4-5-20251001-v1:0"),
    Tier.STRONG: ModelSettings("anthropic.claude-sonnet-4-6", max_tokens=1_024),
}
_BEDROCK = {"provider": "bedrock", "region": "eu-central-1"}
HOMES = {
    "anthropic": Home(AnthropicApi, {"provider": "anthropic"}),
    "anthropic-by-tool": Home(AnthropicApi, {"provider": "anthropic"}, output="tool"),
    "bedrock": Home(lambda _: Bedrock("eu-central-1"), _BEDROCK),
    "bedrock-older-models": Home(lambda _: Bedrock("eu-central-1"), _BEDROCK, models=_OLDER),
    "vertex": Home(
        lambda key: Vertex("acme-support", "europe-west1", Credentials(token=key)),  # type: ignore[no-untyped-call]
        {"provider": "vertex", "region": "europe-west1"},
        path="/v1",
    ),
}


@pytest.fixture(params=HOMES)
def home(request: pytest.FixtureRequest) -> Home:
    return HOMES[request.param]


@pytest.fixture(autouse=True)
def aws(monkeypatch: pytest.MonkeyPatch, key: str) -> None:
    """Credentials where AWS's standard chain finds them first; nothing of this machine, no network."""
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", key)
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", SECRET)
    monkeypatch.setenv("AWS_EC2_METADATA_DISABLED", "true")
    monkeypatch.setenv("AWS_CONFIG_FILE", "/nonexistent/config")
    monkeypatch.setenv("AWS_SHARED_CREDENTIALS_FILE", "/nonexistent/credentials")


@pytest.fixture
def claude(key: str) -> Iterator[ClaudeSandbox]:
    with ClaudeSandbox(api_key=key) as sandbox:
        yield sandbox


MakeClassifier = Callable[..., ClaudeClassifier]


@pytest.fixture
def make(
    home: Home, claude: ClaudeSandbox, prompt: Prompt, taxonomy: Taxonomy, key: str
) -> Iterator[MakeClassifier]:
    """Opens a classifier at this home; keyword arguments replace its own."""
    with contextlib.ExitStack() as opened:

        def make_one(**arguments: Any) -> ClaudeClassifier:
            defaults: dict[str, Any] = {
                "provider": home.open(key),
                "base_url": claude.url + home.path,
                "output": home.output,
                "models": home.asked(),
                "prices": home.prices(),
                "prompt": prompt,
                "taxonomy": taxonomy,
            }
            classifier = ClaudeClassifier(**(defaults | arguments))
            opened.callback(classifier.close)
            return classifier

        yield make_one


@pytest.fixture
def classifier(make: MakeClassifier) -> ClaudeClassifier:
    return make()
