"""What the emulated Claude's answers cost: thinking, truncation, token counts, and the same as a stream."""

from __future__ import annotations

import json
import math
from collections.abc import Iterator
from typing import Any

import anthropic
import pytest

from connector.sandbox.claude_api import ClaudeSandbox

HAIKU, SONNET = "claude-haiku-5-5", "claude-sonnet-5-5"
SCHEMA = {
    "type": "object",
    "additionalProperties": False,
    "properties": {"team": {"type": "string", "enum": ["billing", "product"]}, "reason": {"type": "string"}},
    "required": ["team", "reason"],
}
FORMAT = {"format": {"type": "json_schema", "schema": SCHEMA}}


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
        "max_tokens": 4096,
        "messages": [{"role": "user", "content": json.dumps({"text": "refund"})}],
        "output_config": FORMAT,
    }
    return client.messages.create(**(arguments | changes))


@pytest.mark.parametrize("model", [HAIKU, SONNET])
@pytest.mark.parametrize("thinking", [{}, {"thinking": {"type": "adaptive"}}], ids=["unset", "adaptive"])
def test_thinking_is_on_when_unset_comes_first_and_is_paid_as_output(
    client: anthropic.Anthropic, model: str, thinking: dict[str, Any]
) -> None:
    message = ask(client, model=model, **thinking)

    assert [block.type for block in message.content] == ["thinking", "text"]
    assert 0 < message.usage.output_tokens_details.thinking_tokens < message.usage.output_tokens


@pytest.mark.parametrize(("model", "kind"), [(HAIKU, "disabled"), (SONNET, "between_tools")])
def test_each_model_has_its_own_way_to_stop_thinking(
    client: anthropic.Anthropic, model: str, kind: str
) -> None:
    message = ask(client, model=model, thinking={"type": kind})

    assert [block.type for block in message.content] == ["text"]
    assert message.usage.output_tokens_details.thinking_tokens == 0


def test_more_effort_means_more_thinking(client: anthropic.Anthropic) -> None:
    efforts = [{"effort": effort, **FORMAT} for effort in ("low", "medium", "high", "max")]

    spent = [
        ask(client, output_config=effort).usage.output_tokens_details.thinking_tokens for effort in efforts
    ]

    assert spent == sorted(set(spent))


def test_a_small_budget_is_eaten_by_thinking_and_leaves_no_text(client: anthropic.Anthropic) -> None:
    message = ask(client, model=SONNET, max_tokens=20)

    assert message.stop_reason == "max_tokens"
    assert [block.type for block in message.content] == ["thinking"]
    assert message.usage.output_tokens == 20


def test_a_text_that_exceeds_max_tokens_is_cut(client: anthropic.Anthropic) -> None:
    message = ask(client, max_tokens=10, thinking={"type": "disabled"})

    assert message.stop_reason == "max_tokens"
    with pytest.raises(json.JSONDecodeError):
        json.loads(message.content[0].text)


def test_the_newer_tokenizer_counts_thirty_per_cent_more(client: anthropic.Anthropic) -> None:
    text = "word " * 4_000

    newer = client.messages.count_tokens(model=HAIKU, messages=[{"role": "user", "content": text}])
    older = client.messages.count_tokens(
        model="claude-haiku-4-5", messages=[{"role": "user", "content": text}]
    )

    assert math.isclose(newer.input_tokens / older.input_tokens, 1.3, abs_tol=0.01)
    assert math.isclose(older.input_tokens, len(text) / 4, rel_tol=0.01)


def test_counting_costs_nothing_and_agrees_with_the_bill(
    claude: ClaudeSandbox, client: anthropic.Anthropic
) -> None:
    asked: dict[str, Any] = {
        "model": HAIKU,
        "messages": [{"role": "user", "content": "Hello"}],
        "output_config": FORMAT,
    }

    counted = client.messages.count_tokens(**asked).input_tokens
    calls_after_counting = claude.calls
    message = client.messages.create(**asked, max_tokens=2048)

    assert calls_after_counting == ()
    assert message.usage.input_tokens == counted


def test_a_stream_carries_the_same_message_as_a_plain_call(client: anthropic.Anthropic) -> None:
    asked: dict[str, Any] = {
        "model": SONNET,
        "max_tokens": 2048,
        "messages": [{"role": "user", "content": "Why does a ticket about a refund go to billing?"}],
    }

    plain = client.messages.create(**asked)
    with client.messages.stream(**asked) as stream:
        streamed_text = "".join(stream.text_stream)
        streamed = stream.get_final_message()

    assert streamed_text == plain.content[-1].text
    assert [block.type for block in streamed.content] == ["thinking", "text"]
    assert streamed.usage.output_tokens == plain.usage.output_tokens
    assert streamed.stop_reason == "end_turn"
    assert "emulator" in streamed_text
