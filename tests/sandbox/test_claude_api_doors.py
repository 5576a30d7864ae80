"""Amazon's and Google's doors against their documentation, with plain HTTP and signatures made by hand."""

from __future__ import annotations

import base64
import http.client
import json
import zlib
from collections.abc import Iterator, Mapping
from typing import Any
from urllib.parse import quote, urlsplit

import pytest

from connector.sandbox.claude_api import ClaudeSandbox, Scripted

KEY = "AKIAIOSFODNN7EXAMPLE"
SIGNED = {
    "x-amz-date": "20261121T120000Z",
    "Authorization": f"AWS4-HMAC-SHA256 Credential={KEY}/20261121/eu-central-1/bedrock/aws4_request, "
    f"SignedHeaders=host;x-amz-date, Signature={'0' * 64}",
}
TOKEN = {"Authorization": f"Bearer {KEY}"}
VERTEX = "/v1/projects/acme/locations/global/publishers/anthropic/models"
BODY: dict[str, Any] = {
    "anthropic_version": "2026-10-21",
    "max_tokens": 512,
    "messages": [{"role": "user", "content": json.dumps({"text": "please refund me"})}],
    "thinking": {"type": "disabled"},
}
FORM: dict[str, Any] = {
    "type": "object",
    "properties": {"team": {"type": "string", "enum": ["billing", "technical"]}},
}
TOOL = {"name": "record", "description": "", "input_schema": FORM | {"required": ["team"]}}
FORMAT: dict[str, Any] = {
    "output_config": {"format": {"type": "json_schema", "schema": FORM | {"additionalProperties": False}}}
}


@pytest.fixture
def claude() -> Iterator[ClaudeSandbox]:
    with ClaudeSandbox(api_key=KEY) as sandbox:
        yield sandbox


def post(
    claude: ClaudeSandbox, path: str, body: object, headers: Mapping[str, str]
) -> tuple[int, Mapping[str, str], bytes]:
    address = urlsplit(claude.url)
    connection = http.client.HTTPConnection(str(address.hostname), address.port, timeout=10)
    try:
        connection.request("POST", path, json.dumps(body).encode(), dict(headers))
        answer = connection.getresponse()
        return answer.status, {name.lower(): value for name, value in answer.getheaders()}, answer.read()
    finally:
        connection.close()


def invoke(
    claude: ClaudeSandbox, model: str = "anthropic.claude-haiku-5-5", verb: str = "invoke", **body: Any
) -> tuple[int, Mapping[str, str], bytes]:
    return post(claude, f"/model/{quote(model, safe='')}/{verb}", BODY | body, SIGNED)


@pytest.mark.parametrize(
    "model",
    [
        "anthropic.claude-haiku-5-5",
        "global.anthropic.claude-haiku-5-5",
        "arn:aws:bedrock:eu-central-1:123456789012:inference-profile/eu.anthropic.claude-haiku-5-5",
    ],
)
def test_bedrock_takes_the_model_from_the_address_and_answers_with_the_vendors_message(
    claude: ClaudeSandbox, model: str
) -> None:
    status, headers, body = invoke(claude, model)

    message = json.loads(body)
    assert status == 200
    assert message["type"] == "message"
    assert message["model"] == "claude-haiku-5-5"
    assert headers["x-amzn-requestid"]
    assert "request-id" not in headers


@pytest.mark.parametrize(
    ("headers", "kind"),
    [
        ({}, "MissingAuthenticationToken"),
        ({"Authorization": SIGNED["Authorization"]}, "MissingAuthenticationToken"),  # a signed header is gone
        ({"x-api-key": KEY}, "MissingAuthenticationToken"),
        (
            SIGNED | {"Authorization": SIGNED["Authorization"].replace(KEY, "AKIANOBODY")},
            "UnrecognizedClient",
        ),
        ({"Authorization": "Bearer of-somebody-else"}, "UnrecognizedClient"),
    ],
)
def test_bedrock_refuses_who_has_not_signed(
    claude: ClaudeSandbox, headers: Mapping[str, str], kind: str
) -> None:
    status, answered, body = post(claude, "/model/anthropic.claude-haiku-5-5/invoke", BODY, headers)

    assert status == 403
    assert answered["x-amzn-errortype"].startswith(kind)
    assert list(json.loads(body)) == ["message"]


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"model": "claude-haiku-5-5"}, "model"),
        ({"stream": True}, "stream"),
        ({"anthropic_version": None}, "anthropic_version"),
        ({"anthropic_version": "2024-01-01"}, "anthropic_version"),
        (FORMAT, "output_config.format"),
        ({"temperature": 0}, "temperature"),
    ],
)
def test_bedrock_refuses_what_belongs_elsewhere(
    claude: ClaudeSandbox, changes: Mapping[str, Any], said: str
) -> None:
    status, headers, body = invoke(claude, **changes)

    assert status == 400
    assert headers["x-amzn-errortype"].startswith("ValidationException")
    assert said in json.loads(body)["message"]


def test_older_models_have_structured_outputs_on_bedrock_but_not_the_new_version(
    claude: ClaudeSandbox,
) -> None:
    model = "eu.anthropic.claude-haiku-4-5-20251001-v1:0"

    dated, _, _ = invoke(claude, model, **FORMAT)
    first, _, body = invoke(claude, model, anthropic_version="bedrock-2023-05-31", **FORMAT)

    assert dated == 400
    assert first == 200
    assert json.loads(json.loads(body)["content"][0]["text"]) == {"team": "billing"}


def test_bedrock_knows_no_model_of_an_odd_name(claude: ClaudeSandbox) -> None:
    odd, _, body = invoke(claude, "claude-haiku-5-5")
    missing, _, _ = invoke(claude, "anthropic.claude-limerick-1")

    assert (odd, missing) == (400, 404)
    assert json.loads(body) == {"message": "The provided model identifier is invalid."}


def test_bedrock_streams_frames_with_checksums(claude: ClaudeSandbox) -> None:
    status, headers, body = invoke(claude, verb="invoke-with-response-stream")

    assert status == 200
    assert headers["content-type"] == "application/vnd.amazon.eventstream"
    events = []
    while body:
        length, head = int.from_bytes(body[:4]), int.from_bytes(body[4:8])
        frame, body = body[:length], body[length:]
        assert zlib.crc32(frame[:8]) == int.from_bytes(frame[8:12])
        assert zlib.crc32(frame[:-4]) == int.from_bytes(frame[-4:])
        assert b":event-type\x07\x00\x05chunk" in frame[12 : 12 + head]
        events.append(json.loads(base64.b64decode(json.loads(frame[12 + head : -4])["bytes"]))["type"])
    assert events[0] == "message_start"
    assert events[-1] == "message_stop"


def test_vertex_takes_the_model_from_the_address_too(claude: ClaudeSandbox) -> None:
    dated = {"thinking": {"type": "disabled"}, "anthropic_version": "vertex-2023-10-16"}

    status, _, body = post(claude, f"{VERTEX}/claude-haiku-5-5:rawPredict", BODY, TOKEN)
    older, _, _ = post(claude, f"{VERTEX}/claude-haiku-4-5@20251001:rawPredict", BODY | dated, TOKEN)
    streamed, headers, _ = post(claude, f"{VERTEX}/claude-haiku-5-5:streamRawPredict", BODY, TOKEN)

    assert (status, older, streamed) == (200, 200, 200)
    assert json.loads(body)["model"] == "claude-haiku-5-5"
    assert headers["content-type"].startswith("text/event-stream")


@pytest.mark.parametrize(
    ("model", "changes", "headers", "status", "word"),
    [
        ("claude-haiku-5-5", {}, {}, 401, "UNAUTHENTICATED"),
        ("claude-haiku-5-5", {}, {"Authorization": "Bearer stale"}, 401, "UNAUTHENTICATED"),
        ("claude-limerick-1", {}, TOKEN, 404, "NOT_FOUND"),
        ("claude-haiku-5-5", FORMAT, TOKEN, 400, "FAILED_PRECONDITION"),
    ],
)
def test_vertex_refuses_in_googles_shape(
    claude: ClaudeSandbox,
    model: str,
    changes: Mapping[str, Any],
    headers: Mapping[str, str],
    status: int,
    word: str,
) -> None:
    answered, _, body = post(claude, f"{VERTEX}/{model}:rawPredict", {**BODY, **changes}, headers)

    error = json.loads(body)["error"]
    assert answered == error["code"] == status
    assert error["status"] == word


def test_vertex_passes_the_models_own_refusals_on(claude: ClaudeSandbox) -> None:
    status, _, body = post(
        claude, f"{VERTEX}/claude-haiku-5-5:rawPredict", BODY | {"model": "claude-haiku-5-5"}, TOKEN
    )

    assert status == 400
    assert json.loads(body)["error"]["type"] == "invalid_request_error"


def test_a_tool_can_be_left_alone_or_run_out_of_tokens(claude: ClaudeSandbox) -> None:
    claude.script(None, Scripted(text="It is about money."), Scripted(changes={"team": "technical"}))

    called, spoken, changed = (json.loads(invoke(claude, tools=[TOOL])[2]) for _ in range(3))
    cut = json.loads(invoke(claude, tools=[TOOL], max_tokens=1)[2])

    assert called["stop_reason"] == changed["stop_reason"] == "tool_use"
    assert called["content"][0]["input"] == {"team": "billing"}
    assert changed["content"][0]["input"] == {"team": "technical"}
    assert spoken["stop_reason"] == "end_turn"
    assert spoken["content"] == [{"type": "text", "text": "It is about money."}]
    assert cut["stop_reason"] == "max_tokens"
    assert cut["usage"]["output_tokens"] == 1
