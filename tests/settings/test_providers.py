"""Where Claude runs: what each provider needs, its models by default, and what is not meant for it."""

from __future__ import annotations

from collections.abc import Callable
from decimal import Decimal
from typing import Any

import pytest

from connector.errors import SettingsError

Read = Callable[..., Any]

VERTEX = '[llm]\nprovider = "vertex"\nproject = "acme-support"\n'


def test_bedrock_has_names_and_prices_of_its_own(read: Read) -> None:
    llm = read('[llm]\nprovider = "bedrock"\nregion = "eu-central-1"\n').settings.llm

    assert (llm.cheap.model, llm.strong.model) == (
        "anthropic.claude-haiku-5-5",
        "anthropic.claude-sonnet-5-5",
    )
    prices = {each.model: each.output for each in llm.prices}
    assert prices["anthropic.claude-haiku-5-5"] == Decimal("0.55")
    assert prices["global.anthropic.claude-haiku-5-5"] == Decimal("0.50")


@pytest.mark.parametrize(("region", "usd"), [("global", "10"), ("europe-west1", "11"), ("eu", "11")])
def test_vertex_costs_more_where_requests_stay_in_a_region(read: Read, region: str, usd: str) -> None:
    llm = read(f'{VERTEX}region = "{region}"\n').settings.llm

    assert llm.strong.model == "claude-sonnet-5-5"
    assert {each.model: each.output for each in llm.prices}["claude-sonnet-5-5"] == Decimal(usd)


def test_another_model_of_a_provider_keeps_the_other_keys(read: Read) -> None:
    text = '[llm]\nprovider = "bedrock"\nregion = "us-east-1"\n[llm.cheap]\nmax_tokens = 700\n'

    cheap = read(text).settings.llm.cheap

    assert (cheap.model, cheap.max_tokens) == ("anthropic.claude-haiku-5-5", 700)


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ('[llm]\nprovider = "bedrock"\n', r"llm\.region: is required.*bedrock.*CONNECTOR_LLM__REGION"),
        (VERTEX, r"llm\.region: is required"),
        ('[llm]\nprovider = "vertex"\nregion = "global"\n', r"llm\.project: is required"),
        ('[llm]\nprovider = "azure"\n', r"llm\.provider"),
        (
            '[llm]\nprovider = "bedrock"\nregion = "evil.example/x#"\n',
            r"llm\.region: should be like eu-central-1",
        ),
        ('[llm]\noutput = "xml"\n', r"llm\.output"),
    ],
)
def test_what_a_provider_lacks_is_said_with_the_way_to_set_it(read: Read, text: str, said: str) -> None:
    with pytest.raises(SettingsError, match=said):
        read(text)


def test_an_address_meant_for_anthropics_api_gets_no_credentials_of_aws(read: Read) -> None:
    variables = {"ANTHROPIC_BASE_URL": "https://gateway.example", "ANTHROPIC_API_KEY": "sk-ant"}
    bedrock = {"CONNECTOR_LLM__PROVIDER": "bedrock", "CONNECTOR_LLM__REGION": "eu-central-1"}

    away = read(**variables, **bedrock).settings.llm
    at_home = read(**variables).settings.llm
    private = read(**variables, **bedrock, CONNECTOR_LLM__BASE_URL="https://vpce.example").settings.llm

    assert (away.base_url, away.api_key) == (None, None)
    assert at_home.base_url == "https://gateway.example"
    assert private.base_url == "https://vpce.example"
