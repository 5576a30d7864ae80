"""Claude on Google's Vertex AI, with whatever Google credentials the machine has.

Imported late, with the vendor's package and google-auth (extra ``vertex``).
"""

from __future__ import annotations

import functools
import importlib
import threading
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import anthropic
import httpx2

from connector.errors import AuthRefused, ConnectorError, SettingsError, Unavailable
from connector.llm.provider import Abilities, Wording
from connector.llm.wire import Line, client_options, quieten

_ABILITIES = Abilities(prompt_cache=True, models_api=False, batches=False)
_WORDING = Wording(
    service="Vertex AI",
    refused={
        401: "Google refuses the credentials; run gcloud auth application-default login, or check the role",
        402: "the Google Cloud project cannot be billed; check its billing account",
        403: "the Google account may not do this; give it the role Vertex AI User, enable the model",
    },
    unknown_model="in this project and region; enable it in Model Garden",
)
_SCOPE = "https://www.googleapis.com/auth/cloud-platform"
_LOGGERS = ("google",)


@dataclass(frozen=True, slots=True)
class Vertex:
    """A project and a location ("global", "us", "eu" or a region such as "europe-west1").

    ``credentials`` is one of google-auth's; None is the standard chain (Application Default Credentials),
    searched at the first call.
    """

    project: str
    region: str
    credentials: Any = field(default=None, repr=False)

    @property
    def abilities(self) -> Abilities:
        return _ABILITIES

    @property
    def wording(self) -> Wording:
        return _WORDING

    def takes_schema(self, model: str) -> bool:  # noqa: ARG002 - the organization decides, not the model
        """No: an organization policy forbids structured outputs unless somebody allowed them.

        docs.cloud.google.com, "Structured outputs with Anthropic Claude models".
        """
        return False

    def extras(self, model: str) -> Mapping[str, Any]:  # noqa: ARG002 - nothing
        return {}

    def open(self, line: Line, transport: httpx2.BaseTransport | None = None) -> anthropic.AnthropicVertex:
        try:
            importlib.import_module("google.auth")
        except ImportError:
            raise SettingsError(
                'llm.provider = "vertex" needs google-auth: pip install "helpdesk-connector[vertex]"'
            ) from None
        quieten(_LOGGERS)
        options = client_options(line, _address(self.region), transport)
        client = _Client(region=self.region, project_id=self.project, **options)
        client.tokens = Tokens(self.credentials, line.call_seconds)
        return client


class Tokens:
    """Access tokens, fetched by one thread at a time; each request to Google ends after ``seconds``."""

    def __init__(self, credentials: Any, seconds: float) -> None:  # noqa: ANN401 - google-auth ships no types
        self._credentials = credentials
        self._seconds = seconds
        self._fetching = threading.Lock()

    def current(self) -> str:
        """A token that is good now.  Raises AuthRefused or Unavailable."""
        try:
            with self._fetching:
                return self._fetch()
        except Exception as error:  # noqa: BLE001 - whatever google-auth raises is about the credentials
            raise _without_credentials(error) from None

    def _fetch(self) -> str:
        if self._credentials is None:
            google_auth: Any = importlib.import_module("google.auth")
            self._credentials, _ = google_auth.default(scopes=[_SCOPE])
        if not self._credentials.valid:
            transport: Any = importlib.import_module("google.auth.transport.requests")
            self._credentials.refresh(functools.partial(transport.Request(), timeout=self._seconds))
        return str(self._credentials.token)


class _Client(anthropic.AnthropicVertex):
    tokens: Tokens

    def _prepare_request(self, request: httpx2.Request) -> None:
        request.headers["Authorization"] = f"Bearer {self.tokens.current()}"


def _address(region: str) -> str:
    """Google's endpoint for a location (the vendor's client would look into the environment first)."""
    if region == "global":
        return "https://aiplatform.googleapis.com/v1"
    if region in {"us", "eu"}:
        return f"https://aiplatform.{region}.rep.googleapis.com/v1"
    return f"https://{region}-aiplatform.googleapis.com/v1"


def _without_credentials(error: Exception) -> ConnectorError:
    """What it means that there is no token; the error's text may quote an answer of the token's issuer."""
    failures: Any = importlib.import_module("google.auth.exceptions")
    name = type(error).__name__
    if isinstance(error, failures.TransportError) or getattr(error, "retryable", False):
        return Unavailable(f"Google did not hand out an access token ({name})")
    return AuthRefused(
        f"no usable Google credentials: run gcloud auth application-default login, or attach a role ({name})"
    )
