"""Claude on Amazon Bedrock, with whatever AWS credentials the machine has.

Imported late, with the vendor's package and boto3 (extra ``bedrock``).
"""

from __future__ import annotations

import importlib
import threading
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import anthropic
import httpx2

from connector.errors import AuthRefused, ConnectorError, SettingsError, Unavailable
from connector.llm.model_family import family_of
from connector.llm.provider import Abilities, Wording
from connector.llm.wire import Line, client_options, quieten

_ABILITIES = Abilities(prompt_cache=True, models_api=False, batches=False)
_WORDING = Wording(
    service="Bedrock",
    refused={
        401: "Bedrock refuses the AWS credentials; check the profile or role of this machine",
        402: "the AWS account cannot be billed for this model; check its Marketplace subscription",
        403: "Bedrock refuses the AWS credentials or the model; check bedrock:InvokeModel and model access",
    },
    unknown_model="in this region, or this account has no access to it",
)
# platform.claude.com, "Claude on Amazon Bedrock" and the migration guides to Haiku 5.5 and Sonnet 5.5.
_WITH_SCHEMA = frozenset(
    {"claude-haiku-4-5", "claude-sonnet-4-5", "claude-opus-4-5", "claude-sonnet-4-6", "claude-opus-4-6"}
)
_OLD_VERSION = {"anthropic_version": "bedrock-2023-05-31"}  # the dated one is only for 4.7 and later
_LOGGERS = ("boto3", "botocore")


@dataclass(frozen=True, slots=True)
class Bedrock:
    """A region of Bedrock.  Credentials come from AWS's standard chain and are never ours to keep.

    That chain is environment, profile, container or instance role, or the API key in
    AWS_BEARER_TOKEN_BEDROCK; it may ask AWS for them at the first call, with boto3's own time limits.
    """

    region: str

    @property
    def abilities(self) -> Abilities:
        return _ABILITIES

    @property
    def wording(self) -> Wording:
        return _WORDING

    def takes_schema(self, model: str) -> bool:
        return family_of(model) in _WITH_SCHEMA

    def extras(self, model: str) -> Mapping[str, Any]:
        return {"extra_body": _OLD_VERSION} if family_of(model) in _WITH_SCHEMA else {}

    def open(self, line: Line, transport: httpx2.BaseTransport | None = None) -> anthropic.AnthropicBedrock:
        try:
            importlib.import_module("boto3")
        except ImportError:
            raise SettingsError(
                'llm.provider = "bedrock" needs boto3: pip install "helpdesk-connector[bedrock]"'
            ) from None
        quieten(_LOGGERS)
        url = f"https://bedrock-runtime.{self.region}.amazonaws.com"
        return _Client(aws_region=self.region, **client_options(line, url, transport))


class _Client(anthropic.AnthropicBedrock):
    """Signs one request at a time: boto3 finds credentials lazily, and not from several threads at once."""

    _signing = threading.Lock()

    def _prepare_request(self, request: httpx2.Request) -> None:
        try:
            with self._signing:
                super()._prepare_request(request)
        except Exception as error:  # noqa: BLE001 - whatever boto3 raises is about the credentials
            raise _without_credentials(error) from None


def _without_credentials(error: Exception) -> ConnectorError:
    """What it means that a request could not be signed; the error's text may quote a profile or an answer."""
    failures: Any = importlib.import_module("botocore.exceptions")
    name = type(error).__name__
    passing = (failures.HTTPClientError, failures.MetadataRetrievalError, failures.CredentialRetrievalError)
    if isinstance(error, passing):
        return Unavailable(f"AWS did not hand out credentials ({name})")
    return AuthRefused(f"no usable AWS credentials: check the profile, role or AWS_ variables here ({name})")
