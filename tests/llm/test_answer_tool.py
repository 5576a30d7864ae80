"""Where a model has no structured outputs, it answers by calling a tool, and is checked just the same."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import httpx2
import pytest

from connector.classify.prompt import Prompt
from connector.domain.classification import Label, Tier
from connector.llm.claude import ClaudeClassifier
from connector.llm.request import ModelSettings

MakeClassifier = Callable[..., ClaudeClassifier]
MakeBody = Callable[..., dict[str, Any]]

TICKET = {"subject": "Charged twice", "text": "You charged my card twice."}


def call(said: object, name: str = "record_triage") -> dict[str, Any]:
    return {"type": "tool_use", "id": "toolu_1", "name": name, "input": said}


def replying(body: object, seen: list[Any] | None = None) -> Callable[[httpx2.Request], httpx2.Response]:
    def handle(request: httpx2.Request) -> httpx2.Response:
        if seen is not None:
            seen.append(json.loads(request.content))
        return httpx2.Response(200, json=body)

    return handle


@pytest.mark.parametrize(
    ("model", "choice"),
    [
        (ModelSettings("claude-haiku-5-5"), {"type": "tool", "name": "record_triage"}),
        (ModelSettings("claude-haiku-5-5", max_tokens=4_096, thinking="adaptive"), {"type": "auto"}),
        (ModelSettings("claude-sonnet-5-5", max_tokens=1_024), {"type": "auto"}),
        (ModelSettings("claude-of-tomorrow", max_tokens=4_096), {"type": "auto"}),
    ],
)
def test_the_schema_is_the_tools_and_its_call_is_forced_only_where_that_is_accepted(
    make_classifier: MakeClassifier,
    make_body: MakeBody,
    prompt: Prompt,
    model: ModelSettings,
    choice: dict[str, str],
) -> None:
    seen: list[Any] = []
    classifier = make_classifier(replying(make_body(), seen), models={Tier.CHEAP: model}, output="tool")

    classifier.ask(Tier.CHEAP, TICKET)

    (sent,) = seen
    (tool,) = sent["tools"]
    assert tool["input_schema"] == prompt.schema
    assert sent["tool_choice"] == choice | {"disable_parallel_tool_use": True}
    assert "format" not in sent.get("output_config", {})
    (system,) = sent["system"]
    assert system["text"].startswith(prompt.system)
    assert "record_triage" in system["text"]
    assert system["cache_control"] == {"type": "ephemeral"}


@pytest.mark.parametrize("stop_reason", ["tool_use", "end_turn"])
def test_what_the_tool_was_called_with_is_the_answer_whatever_is_said_around_it(
    make_classifier: MakeClassifier, make_body: MakeBody, said: dict[str, Any], stop_reason: str
) -> None:
    content = [{"type": "text", "text": "Let me see."}, call(said)]
    body = make_body(content=content, stop_reason=stop_reason)
    classifier = make_classifier(replying(body), output="tool")

    answer = classifier.ask(Tier.CHEAP, TICKET)

    assert answer.classification is not None
    assert answer.classification.team == Label("billing", 0.97)


def test_the_same_json_said_in_words_is_an_answer_too(
    make_classifier: MakeClassifier, make_body: MakeBody
) -> None:
    classifier = make_classifier(replying(make_body()), output="tool")

    assert classifier.ask(Tier.CHEAP, TICKET).classification is not None


@pytest.mark.parametrize(
    ("fields", "code"),
    [
        ({"content": [call({})]}, "missing_label"),
        ({"content": [call(None)]}, "invalid_json"),
        ({"content": [call("billing")]}, "invalid_json"),
        ({"content": [call({"team": "x"}), call({"team": "y"})]}, "invalid_json"),
        ({"content": [call({}, name="another_tool")]}, "unexpected_stop"),
        ({"content": [call({})], "stop_reason": "max_tokens"}, "truncated"),
        ({"content": [{"type": "tool_use"}]}, "unexpected_stop"),
        (
            {"content": [{"type": "text", "text": "It is billing."}], "stop_reason": "end_turn"},
            "invalid_json",
        ),
    ],
)
def test_a_call_that_cannot_be_used_is_no_answer(
    make_classifier: MakeClassifier, make_body: MakeBody, fields: dict[str, Any], code: str
) -> None:
    classifier = make_classifier(replying(make_body(**({"stop_reason": "tool_use"} | fields))), output="tool")

    answer = classifier.ask(Tier.CHEAP, TICKET)

    assert answer.classification is None
    assert answer.unusable == code
    assert answer.usage.cost_usd


def test_a_tool_that_nobody_asked_for_is_no_answer(
    make_classifier: MakeClassifier, make_body: MakeBody, said: dict[str, Any]
) -> None:
    classifier = make_classifier(replying(make_body(content=[call(said)], stop_reason="tool_use")))

    assert classifier.ask(Tier.CHEAP, TICKET).unusable == "unexpected_stop"


def test_decisions_made_by_tool_have_a_prompt_version_of_their_own(
    make_classifier: MakeClassifier, prompt: Prompt
) -> None:
    by_schema, by_tool = make_classifier(), make_classifier(output="tool")

    assert by_schema.prompt_version == prompt.version
    assert by_tool.prompt_version != prompt.version
    assert by_tool.prompt_version == make_classifier(output="tool").prompt_version


def test_a_model_without_structured_outputs_is_no_problem_when_it_answers_by_tool(
    make_classifier: MakeClassifier,
) -> None:
    body = {"id": "claude-haiku-5-5", "capabilities": {"structured_outputs": {"supported": False}}}

    by_schema = make_classifier(replying(body)).describe(Tier.CHEAP)
    by_tool = make_classifier(replying(body), output="tool").describe(Tier.CHEAP)

    assert by_schema.problems == ("claude-haiku-5-5 has no structured outputs",)
    assert by_tool.problems == ()
