"""What is particular to Bedrock and Vertex: credentials, addresses, errors in their own shapes, packages."""

from __future__ import annotations

import contextlib
import json
import subprocess
import sys
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import anthropic
import google.auth.exceptions
import httpx2
import pytest
from google.oauth2.credentials import Credentials

from connector.classify.prompt import Prompt
from connector.domain.classification import Tier
from connector.domain.taxonomy import Taxonomy
from connector.errors import (
    AuthRefused,
    ConnectorError,
    RateLimited,
    RequestRejected,
    SettingsError,
    Unavailable,
)
from connector.llm.bedrock import Bedrock
from connector.llm.claude import ClaudeClassifier
from connector.llm.model_family import family_of
from connector.llm.provider import Provider
from connector.llm.request import ModelSettings
from connector.llm.vertex import Vertex
from connector.llm.wire import Line
from connector.sandbox.claude_api import ClaudeSandbox

TICKET = {"subject": "Refund", "text": "I was charged twice."}
Open = Callable[..., ClaudeClassifier]


@pytest.fixture
def open_at(prompt: Prompt, taxonomy: Taxonomy, prices: Any) -> Iterator[Open]:
    opened = contextlib.ExitStack()

    def open_one(
        provider: Provider, handler: Callable[..., httpx2.Response] | None = None, **more: Any
    ) -> ClaudeClassifier:
        arguments: dict[str, Any] = {
            "models": {Tier.CHEAP: ModelSettings("anthropic.claude-haiku-5-5")},
            "prompt": prompt,
            "taxonomy": taxonomy,
            "prices": prices,
            "transport": httpx2.MockTransport(handler) if handler else None,
        }
        classifier = ClaudeClassifier(provider=provider, **(arguments | more))
        opened.callback(classifier.close)
        return classifier

    with opened:
        yield open_one


@pytest.mark.parametrize(
    ("status", "kind", "message", "error", "said"),
    [
        (400, "ValidationException", "The provided model identifier is invalid.", SettingsError, "region"),
        (
            400,
            "ValidationException",
            "Invocation of model ID anthropic.claude-haiku-5-5 with on-demand throughput isn't supported.",
            SettingsError,
            "global.anthropic",
        ),
        (400, "ValidationException", "output_config.format: Extra inputs", SettingsError, "output_config"),
        (400, "ValidationException", "Input is too long for requested model.", RequestRejected, "400"),
        (400, "ServiceQuotaExceededException", "You have reached a quota.", RateLimited, "ServiceQuota"),
        (403, "AccessDeniedException", "You don't have access to the model.", AuthRefused, "model access"),
        (403, "ExpiredTokenException", "The security token is expired", AuthRefused, "ExpiredToken"),
        (404, "ResourceNotFoundException", "use case details", SettingsError, "no access"),
        (408, "ModelTimeoutException", "too slow", Unavailable, "ModelTimeout"),
        (424, "ModelErrorException", "failed", Unavailable, "ModelError"),
        (429, "ModelNotReadyException", "not ready", RateLimited, "ModelNotReady"),
        (503, "ServiceUnavailableException", "later", Unavailable, "ServiceUnavailable"),
    ],
)
def test_amazons_errors_say_what_to_do_and_whom_to_ask(
    open_at: Open, status: int, kind: str, message: str, error: type[ConnectorError], said: str
) -> None:
    headers = {"x-amzn-errortype": f"{kind}:http://internal.amazon.com/", "x-amzn-requestid": "id-of-amazon"}
    classifier = open_at(
        Bedrock("eu-central-1"),
        lambda _: httpx2.Response(status, json={"message": message}, headers=headers),
    )

    with pytest.raises(error, match=said) as raised:
        classifier.ask(Tier.CHEAP, TICKET)

    assert type(raised.value) is error
    assert "id-of-amazon" in str(raised.value)


@pytest.mark.parametrize(
    ("code", "status", "message", "error"),
    [
        (400, "FAILED_PRECONDITION", "Organization Policy constraint x violated", SettingsError),
        (400, "INVALID_ARGUMENT", "Prompt is too long", RequestRejected),
        (401, "UNAUTHENTICATED", "Request had invalid credentials", AuthRefused),
        (403, "PERMISSION_DENIED", "Permission denied on resource", AuthRefused),
        (404, "NOT_FOUND", "Publisher Model was not found", SettingsError),
        (429, "RESOURCE_EXHAUSTED", "Quota exceeded", RateLimited),
        (503, "UNAVAILABLE", "later", Unavailable),
    ],
)
@pytest.mark.parametrize("is_listed", [False, True])
def test_googles_errors_say_what_to_do(
    open_at: Open, code: int, status: str, message: str, error: type[ConnectorError], is_listed: bool
) -> None:
    body: Any = {"error": {"code": code, "message": message, "status": status}}
    provider = Vertex("acme", "global", Credentials(token="t"))  # type: ignore[no-untyped-call]
    classifier = open_at(provider, lambda _: httpx2.Response(code, json=[body] if is_listed else body))

    with pytest.raises(error, match=status) as raised:
        classifier.ask(Tier.CHEAP, TICKET)

    assert type(raised.value) is error


@pytest.mark.parametrize(
    ("provider", "url"),
    [
        (
            Bedrock("eu-central-1"),
            "https://bedrock-runtime.eu-central-1.amazonaws.com/model/anthropic.claude-haiku-5-5/invoke",
        ),
        (
            Vertex("acme", "global", Credentials(token="t")),  # type: ignore[no-untyped-call]
            "https://aiplatform.googleapis.com/v1/projects/acme/locations/global/publishers/anthropic/models/"
            "anthropic.claude-haiku-5-5:rawPredict",
        ),
        (
            Vertex("acme", "eu", Credentials(token="t")),  # type: ignore[no-untyped-call]
            "https://aiplatform.eu.rep.googleapis.com/v1/projects/acme/locations/eu/publishers/anthropic/models/"
            "anthropic.claude-haiku-5-5:rawPredict",
        ),
        (
            Vertex("acme", "europe-west1", Credentials(token="t")),  # type: ignore[no-untyped-call]
            "https://europe-west1-aiplatform.googleapis.com/v1/projects/acme/locations/europe-west1/publishers/"
            "anthropic/models/anthropic.claude-haiku-5-5:rawPredict",
        ),
    ],
)
def test_the_environment_does_not_lead_credentials_elsewhere(
    open_at: Open, monkeypatch: pytest.MonkeyPatch, provider: Provider, url: str
) -> None:
    for name in ("ANTHROPIC_BEDROCK_BASE_URL", "ANTHROPIC_VERTEX_BASE_URL", "ANTHROPIC_BASE_URL"):
        monkeypatch.setenv(name, "https://evil.example")
    seen: list[str] = []

    def handle(request: httpx2.Request) -> httpx2.Response:
        seen.append(str(request.url))
        return httpx2.Response(500)

    with pytest.raises(Unavailable):
        open_at(provider, handle).ask(Tier.CHEAP, TICKET)

    assert seen == [url]


def test_without_aws_credentials_nothing_is_sent_and_a_person_is_told(
    open_at: Open, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("AWS_ACCESS_KEY_ID")
    monkeypatch.delenv("AWS_SECRET_ACCESS_KEY")
    sent: list[httpx2.Request] = []

    def handle(request: httpx2.Request) -> httpx2.Response:
        sent.append(request)
        return httpx2.Response(500)

    # The vendor's client keeps a session per region: this one is no other test's.
    classifier = open_at(Bedrock("eu-without-1"), handle)

    with pytest.raises(AuthRefused, match="AWS credentials"):
        classifier.ask(Tier.CHEAP, TICKET)

    assert sent == []


def test_an_api_key_of_bedrock_will_do(
    open_at: Open, monkeypatch: pytest.MonkeyPatch, claude: ClaudeSandbox, key: str
) -> None:
    monkeypatch.setenv("AWS_BEARER_TOKEN_BEDROCK", key)
    classifier = open_at(Bedrock("eu-bearer-1"), base_url=claude.url)

    assert classifier.ask(Tier.CHEAP, TICKET).unusable is None


def test_what_a_home_is_said_to_offer_is_what_the_vendors_client_offers_there(home: Any, key: str) -> None:
    provider: Provider = home.open(key)
    empty = {"data": [], "has_more": False, "first_id": None, "last_id": None}
    client = provider.open(Line(), httpx2.MockTransport(lambda _: httpx2.Response(200, json=empty)))

    try:
        client.messages.batches.list()
        has_batches = True
    except anthropic.AnthropicError:
        has_batches = False

    assert provider.abilities.batches is has_batches
    assert provider.abilities.models_api is hasattr(client, "models")


class Refreshing:
    """Google credentials without a token yet; ``refresh`` fails as told, or hands one out."""

    def __init__(self, error: Exception | None = None) -> None:
        self.token: str | None = None
        self.refreshed = 0
        self._error = error

    @property
    def valid(self) -> bool:
        return self.token is not None

    def refresh(self, _request: object) -> None:
        self.refreshed += 1
        if self._error:
            raise self._error
        self.token = "fresh"


@pytest.mark.parametrize(
    ("failure", "error"),
    [
        (google.auth.exceptions.DefaultCredentialsError("hunter2"), AuthRefused),  # type: ignore[no-untyped-call]
        (google.auth.exceptions.RefreshError("hunter2"), AuthRefused),  # type: ignore[no-untyped-call]
        (google.auth.exceptions.RefreshError("hunter2", retryable=True), Unavailable),  # type: ignore[no-untyped-call]
        (google.auth.exceptions.TransportError("hunter2"), Unavailable),  # type: ignore[no-untyped-call]
    ],
)
def test_a_token_that_google_does_not_hand_out_is_told_without_its_words(
    open_at: Open, failure: Exception, error: type[ConnectorError]
) -> None:
    classifier = open_at(Vertex("acme", "global", Refreshing(failure)), lambda _: httpx2.Response(500))

    with pytest.raises(error, match="Google") as raised:
        classifier.ask(Tier.CHEAP, TICKET)

    assert "hunter2" not in str(raised.value)


def test_threads_that_start_together_fetch_one_token(open_at: Open) -> None:
    credentials = Refreshing()
    seen: list[str] = []

    def handle(request: httpx2.Request) -> httpx2.Response:
        seen.append(request.headers["authorization"])
        return httpx2.Response(200, json={"content": []})

    classifier = open_at(Vertex("acme", "global", credentials), handle)

    with ThreadPoolExecutor(8) as pool:
        list(pool.map(lambda _: classifier.ask(Tier.CHEAP, TICKET), range(8)))

    assert credentials.refreshed == 1
    assert seen == ["Bearer fresh"] * 8


@pytest.mark.parametrize(
    ("package", "provider", "extra"),
    [
        ("boto3", Bedrock("eu-central-1"), "bedrock"),
        ("google.auth", Vertex("acme", "global"), "vertex"),
    ],
)
def test_a_missing_package_is_named_with_the_command_that_installs_it(
    open_at: Open, monkeypatch: pytest.MonkeyPatch, package: str, provider: Provider, extra: str
) -> None:
    monkeypatch.setitem(
        sys.modules, package, None
    )  # what the interpreter does for a package that is not there

    with pytest.raises(SettingsError, match=rf'pip install "helpdesk-connector\[{extra}\]"'):
        open_at(provider)


_OPEN = """
import json, sys
from connector.bootstrap import open_classifier
from connector.settings import load_settings
for chosen in json.loads(sys.argv[1]):
    loaded = load_settings(overrides={"llm": chosen}, environment={}, use_file=False, secret_dirs=[])
    open_classifier(loaded.settings)
    print(json.dumps([name for name in ("boto3", "botocore", "google.auth") if name in sys.modules]))
"""


def test_a_homes_packages_are_loaded_when_it_is_chosen_and_not_before() -> None:
    chosen = [
        {"api_key": "k"},
        {"provider": "vertex", "region": "global", "project": "acme"},
        {"provider": "bedrock", "region": "eu-central-1"},
    ]

    ran = subprocess.run(
        [sys.executable, "-c", _OPEN, json.dumps(chosen)], capture_output=True, text=True, check=True
    )

    loaded = [json.loads(line) for line in ran.stdout.splitlines()]
    assert loaded == [[], ["google.auth"], ["boto3", "botocore", "google.auth"]]


@pytest.mark.parametrize(
    ("provider", "path", "model", "said"),
    [
        (Bedrock("eu-central-1"), "", "anthropic.claude-haiku-5-5", "output_config"),
        (None, "/v1", "claude-haiku-5-5", r"llm\.output = "),
    ],
)
def test_structured_outputs_where_they_are_not_allowed_are_a_matter_of_settings(
    open_at: Open,
    claude: ClaudeSandbox,
    key: str,
    provider: Provider | None,
    path: str,
    model: str,
    said: str,
) -> None:
    classifier = open_at(
        provider or Vertex("acme", "global", Credentials(token=key)),  # type: ignore[no-untyped-call]
        models={Tier.CHEAP: ModelSettings(model)},
        base_url=claude.url + path,
        output="schema",
    )

    with pytest.raises(SettingsError, match=said):
        classifier.ask(Tier.CHEAP, TICKET)


@pytest.mark.parametrize(
    ("model", "family"),
    [
        ("claude-haiku-5-5", "claude-haiku-5-5"),
        ("claude-haiku-4-5-20251001", "claude-haiku-4-5"),
        ("claude-haiku-4-5@20251001", "claude-haiku-4-5"),
        ("anthropic.claude-haiku-5-5", "claude-haiku-5-5"),
        ("global.anthropic.claude-sonnet-5-5", "claude-sonnet-5-5"),
        ("us.anthropic.claude-sonnet-4-5-20250929-v1:0", "claude-sonnet-4-5"),
        ("anthropic.claude-opus-4-6-v1", "claude-opus-4-6"),
        (
            "arn:aws:bedrock:eu-central-1:123456789012:inference-profile/eu.anthropic.claude-sonnet-5-5",
            "claude-sonnet-5-5",
        ),
        ("claude-of-tomorrow", "claude-of-tomorrow"),
        ("claude-haiku-5-5-fast", "claude-haiku-5-5-fast"),
    ],
)
def test_a_model_is_recognised_by_whatever_name_its_home_has_for_it(model: str, family: str) -> None:
    assert family_of(model) == family
