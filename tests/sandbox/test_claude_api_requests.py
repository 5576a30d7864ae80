"""The emulated Claude API refuses exactly what the real one refuses, in its words."""

from __future__ import annotations

import http.client
import json
from collections.abc import Iterator
from typing import Any

import anthropic
import pytest

from connector.sandbox.claude_api import ClaudeSandbox, RateLimits

MANY = {f"p{n}": {"type": "string"} for n in range(25)}
HAIKU, SONNET, OLD_HAIKU = "claude-haiku-5-5", "claude-sonnet-5-5", "claude-haiku-4-5"


@pytest.fixture
def claude() -> Iterator[ClaudeSandbox]:
    with ClaudeSandbox() as sandbox:
        yield sandbox


@pytest.fixture
def client(claude: ClaudeSandbox) -> Iterator[anthropic.Anthropic]:
    with anthropic.Anthropic(api_key="sandbox-key", base_url=claude.url, max_retries=0) as sdk:
        yield sdk


def ask(client: anthropic.Anthropic, **changes: Any) -> Any:
    arguments: dict[str, Any] = {
        "model": HAIKU,
        "max_tokens": 512,
        "messages": [{"role": "user", "content": "Hello"}],
    }
    return client.messages.create(**(arguments | changes))


def with_format(**schema: Any) -> dict[str, Any]:
    return {"output_config": {"format": {"type": "json_schema", "schema": schema}}}


def with_property(**kind: Any) -> dict[str, Any]:
    return with_format(type="object", additionalProperties=False, properties={"x": kind}, required=["x"])


@pytest.mark.parametrize(
    ("changes", "says"),
    [
        ({"extra_body": {"temperature": 1.0}}, "temperature: Extra inputs are not permitted"),
        ({"extra_body": {"top_p": 0.9}}, "top_p: Extra inputs are not permitted"),
        ({"extra_body": {"top_k": 5}}, "top_k: Extra inputs are not permitted"),
        ({"extra_body": {"tempo": 5}}, "tempo: Extra inputs are not permitted"),
        ({"model": SONNET, "thinking": {"type": "disabled"}}, '"thinking.type.disabled" is not supported'),
        ({"thinking": {"type": "enabled", "budget_tokens": 1024}}, 'Use "thinking.type.adaptive"'),
        ({"thinking": {"type": "between_tools"}}, '"thinking.type.between_tools" is not supported'),
        ({"thinking": {"type": "disabled"}, "output_config": {"effort": "max"}}, 'with effort "max"'),
        ({"model": OLD_HAIKU, "thinking": {"type": "adaptive"}}, '"thinking.type.adaptive" is not supported'),
        ({"model": OLD_HAIKU, "output_config": {"effort": "low"}}, "does not support the effort parameter"),
        ({"output_config": {"effort": "huge"}}, "output_config.effort: Input should be"),
        ({"messages": [{"role": "user", "content": "a"}, {"role": "assistant", "content": "{"}]}, "prefill"),
        ({"messages": []}, "messages: at least one message is required"),
        ({"messages": [{"role": "system", "content": "a"}]}, "messages.0.role"),
        ({"max_tokens": 64_001, "timeout": 60}, "max_tokens: 64001 > 64000"),
        ({"max_tokens": -1}, "max_tokens: Input should be greater"),
        ({"max_tokens": 0, **with_property(type="string")}, "max_tokens: 0 is not allowed"),
        (
            {"model": OLD_HAIKU, "max_tokens": 1024, "thinking": {"type": "enabled", "budget_tokens": 1024}},
            "`max_tokens` must be greater than `thinking.budget_tokens`",
        ),
        ({"system": [{"type": "text", "text": "a", "cache_control": {"type": "ephemeral"}}] * 5}, "Found 5"),
        ({"messages": [{"role": "user", "content": "word " * 800_000}]}, "prompt is too long"),
        (with_property(type="number", minimum=0, maximum=1), "properties maximum, minimum are not supported"),
        (with_property(type="string", maxLength=200), "property 'maxLength' is not supported"),
        (with_property(type="array", items={"type": "string"}, minItems=2), "'minItems' values other than"),
        (with_property(type="array", items={"type": "string"}, maxItems=2), "property 'maxItems'"),
        (with_property(type="string", format="colour"), "format 'colour' is not supported"),
        (with_property(enum=[{"a": 1}]), "Enum values must be"),
        (with_property(**{"$ref": "#/$defs/none"}), "not found"),
        (with_property(**{"$ref": "https://example.com/schema"}), "External schema reference"),
        (with_property(**{"$ref": "#"}), "Circular reference"),
        (
            with_property(type="object", properties={}),
            "'additionalProperties' must be explicitly set to false",
        ),
        (with_format(type="object", properties={}), "'additionalProperties' must be explicitly set to false"),
        (
            with_format(type="object", additionalProperties=False, properties=MANY),
            "too many optional parameters",
        ),
        (
            {"output_config": {"format": {"type": "json_schema"}}},
            "output_config.format.schema: Field required",
        ),
    ],
)
def test_a_request_outside_the_contract_is_a_400_that_says_why(
    client: anthropic.Anthropic, changes: dict[str, Any], says: str
) -> None:
    with pytest.raises(anthropic.BadRequestError, match="400") as refused:
        ask(client, **changes)

    assert says in str(refused.value)
    assert refused.value.type == "invalid_request_error"


@pytest.mark.parametrize("kind", [{"type": "any"}, {"type": "tool", "name": "route"}])
def test_sonnet_refuses_forced_tools_with_the_documented_message(
    client: anthropic.Anthropic, kind: dict[str, str]
) -> None:
    tool = {"name": "route", "input_schema": {"type": "object", "properties": {}}}

    with pytest.raises(anthropic.BadRequestError) as refused:
        ask(client, model=SONNET, tools=[tool], tool_choice=kind)

    says = 'tool_choice: type "tool" and "any" are not supported for this model.'
    assert refused.value.body["error"]["message"] == says  # type: ignore[index]  # untyped JSON body


def test_haiku_calls_a_forced_tool_without_thinking(client: anthropic.Anthropic) -> None:
    properties = {"team": {"type": "string", "enum": ["billing", "product"]}}
    tool = {"name": "route", "input_schema": {"type": "object", "properties": properties}}

    message = ask(client, tools=[tool], tool_choice={"type": "tool", "name": "route"})

    assert [block.type for block in message.content] == ["tool_use"]
    assert message.content[0].input["team"] in {"billing", "product"}
    assert message.stop_reason == "tool_use"


def test_recursion_in_a_schema_is_refused_also_through_definitions(client: anthropic.Anthropic) -> None:
    node = {"type": "object", "additionalProperties": False, "properties": {"next": {"$ref": "#/$defs/node"}}}
    schema = {"$ref": "#/$defs/node", "$defs": {"node": node}}

    with pytest.raises(anthropic.BadRequestError, match="Circular reference"):
        ask(client, output_config={"format": {"type": "json_schema", "schema": schema}})


def test_a_wrong_key_is_a_401_whose_body_has_the_real_shape(claude: ClaudeSandbox) -> None:
    with (
        anthropic.Anthropic(api_key="wrong", base_url=claude.url, max_retries=0) as stranger,
        pytest.raises(anthropic.AuthenticationError) as refused,
    ):
        ask(stranger)

    assert refused.value.body == {
        "type": "error",
        "error": {"type": "authentication_error", "message": "invalid x-api-key"},
        "request_id": refused.value.request_id,
    }


def test_x_api_key_wins_over_the_bearer_token(claude: ClaudeSandbox) -> None:
    status, body = post(claude, headers={"authorization": "Bearer sandbox-key", "x-api-key": "wrong"})

    assert (status, body["error"]["type"]) == (401, "authentication_error")


def test_no_key_at_all_is_a_401(claude: ClaudeSandbox) -> None:
    status, body = post(claude, headers={})

    assert (status, body["error"]["message"]) == (401, "x-api-key header is required")


@pytest.mark.parametrize("version", [None, "2019-01-01"])
def test_a_missing_or_unknown_api_version_is_a_400(claude: ClaudeSandbox, version: str | None) -> None:
    headers = {"x-api-key": "sandbox-key"} | ({"anthropic-version": version} if version else {})

    status, body = post(claude, headers=headers, version=None)

    assert status == 400
    assert body["error"]["message"].startswith("anthropic-version")


def test_max_tokens_is_required(claude: ClaudeSandbox) -> None:
    asked = {"model": HAIKU, "messages": [{"role": "user", "content": "Hello"}]}

    status, body = post(claude, asked, headers={"x-api-key": "sandbox-key"})

    assert (status, body["error"]["message"]) == (400, "max_tokens: Field required")


MISSHAPEN = {"model": HAIKU, "max_tokens": 9, "messages": [{"role": "user", "content": 5}]}


@pytest.mark.parametrize("asked", [[], MISSHAPEN, MISSHAPEN | {"thinking": 1}, MISSHAPEN | {"tools": 7}])
def test_a_body_of_the_wrong_shape_is_a_400(claude: ClaudeSandbox, asked: Any) -> None:
    status, body = post(claude, asked, headers={"x-api-key": "sandbox-key"})

    assert (status, body["error"]["type"]) == (400, "invalid_request_error")


def test_an_older_api_version_still_samples_on_older_models_only(claude: ClaudeSandbox) -> None:
    asked = {"max_tokens": 9, "temperature": 0.2, "messages": [{"role": "user", "content": "Hello"}]}
    headers = {"x-api-key": "sandbox-key"}

    old, _ = post(claude, asked | {"model": OLD_HAIKU}, headers=headers, version="2023-06-01")
    new, body = post(claude, asked | {"model": HAIKU}, headers=headers, version="2023-06-01")

    assert (old, new) == (200, 400)
    assert body["error"]["message"] == "`temperature` is deprecated for this model."


def test_a_request_over_32_megabytes_is_a_413(client: anthropic.Anthropic) -> None:
    with pytest.raises(anthropic.ContentTooLargeError):
        ask(client, messages=[{"role": "user", "content": "x" * (33 * 1024 * 1024)}])


@pytest.mark.parametrize("model", ["claude-haiku-99", "claude-3-haiku-20240307"])
def test_unknown_and_retired_models_are_404(client: anthropic.Anthropic, model: str) -> None:
    with pytest.raises(anthropic.NotFoundError, match=f"model: {model}"):
        ask(client, model=model)


def test_the_models_endpoint_tells_lifecycle_and_capabilities(client: anthropic.Anthropic) -> None:
    sonnet = client.models.retrieve(SONNET)
    ageing = client.models.retrieve("claude-sonnet-4-5")

    assert sonnet.capabilities is not None
    assert not sonnet.capabilities.thinking.types.disabled.supported
    assert sonnet.capabilities.thinking.types.between_tools.supported
    assert sonnet.capabilities.structured_outputs.supported
    assert (sonnet.lifecycle, sonnet.retires_at) == ("active", None)
    assert ageing.lifecycle == "deprecated"
    assert ageing.retires_at is not None
    assert ageing.retires_at.date().isoformat() == "2026-11-30"


def test_listing_the_models_pages_through_all_of_them(client: anthropic.Anthropic) -> None:
    ids = [model.id for model in client.models.list(limit=2)]

    assert len(ids) == len(set(ids)) > 4
    assert {SONNET, HAIKU} <= set(ids)


def test_every_answer_and_every_error_carries_a_request_id_of_its_own(client: anthropic.Anthropic) -> None:
    message = ask(client)
    with pytest.raises(anthropic.BadRequestError) as refused:
        ask(client, messages=[])

    assert message._request_id
    assert refused.value.request_id
    assert message._request_id != refused.value.request_id


def test_rate_limit_headers_announce_limit_rest_and_reset(client: anthropic.Anthropic) -> None:
    answer = client.messages.with_raw_response.create(
        model=HAIKU, max_tokens=64, messages=[{"role": "user", "content": "Hello"}]
    )

    for name in ("requests", "input-tokens", "output-tokens", "tokens"):
        assert int(answer.headers[f"anthropic-ratelimit-{name}-limit"]) > 0
        assert int(answer.headers[f"anthropic-ratelimit-{name}-remaining"]) > 0
        assert answer.headers[f"anthropic-ratelimit-{name}-reset"].endswith("Z")


def test_above_the_rate_limit_a_429_says_when_to_come_back_and_each_model_has_its_own() -> None:
    with (
        ClaudeSandbox(rate_limits=RateLimits(requests=2), now=lambda: 1_795_000_000.0) as claude,
        anthropic.Anthropic(api_key="sandbox-key", base_url=claude.url, max_retries=0) as client,
    ):
        ask(client)
        ask(client)
        with pytest.raises(anthropic.RateLimitError) as refused:
            ask(client)
        other = ask(client, model=SONNET)

    assert refused.value.response.headers["retry-after"] == "30"
    assert other.stop_reason is not None


def post(
    claude: ClaudeSandbox,
    asked: Any = None,
    *,
    headers: dict[str, str],
    version: str | None = "2026-10-21",
) -> tuple[int, Any]:
    """A request without the SDK, for what the SDK would not send."""
    connection = http.client.HTTPConnection(claude.url.removeprefix("http://"), timeout=10)
    fixed = {"anthropic-version": version} if version else {}
    connection.request("POST", "/v1/messages", json.dumps(asked), headers=headers | fixed)
    response = connection.getresponse()
    body = json.loads(response.read())
    connection.close()
    return response.status, body
