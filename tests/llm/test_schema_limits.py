"""Classes that the vendor cannot make an answer format of are a matter of settings, told at the start."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any

import httpx2
import pytest

from connector.classify.prompt import Prompt, build_prompt
from connector.domain.classification import Tier
from connector.domain.taxonomy import Axis, Category, Taxonomy
from connector.errors import SettingsError
from connector.llm.claude import ClaudeClassifier
from connector.llm.schema_limits import check_schema
from connector.sandbox.claude_api import ClaudeSandbox
from connector.sandbox.claude_api.rejection import Rejected
from connector.sandbox.claude_api.schema_rules import check_node

MakeClassifier = Callable[..., ClaudeClassifier]

TEXT = {"type": "string"}
CLOSED = {"type": "object", "additionalProperties": False}


def record(count: int, value: Mapping[str, Any], required: int) -> dict[str, Any]:
    names = [f"v{at}" for at in range(count)]
    return {**CLOSED, "properties": dict.fromkeys(names, value), "required": names[:required]}


def test_a_tree_of_hundreds_of_classes_keeps_the_documented_limits(taxonomy: Taxonomy) -> None:
    leaves = (Category(f"topic_{at}", parent="root") for at in range(400))
    wide = replace(taxonomy, categories={**taxonomy.categories, Axis.TYPE: (Category("root"), *leaves)})

    check_schema(build_prompt(wide).schema)


@pytest.mark.parametrize(
    ("schema", "problem"),
    [
        (record(25, TEXT, 0), "24 optional values, here are 25"),
        (record(17, {"anyOf": [TEXT, {"type": "null"}]}, 17), "16 values of several types, here are 17"),
        (record(1, {"type": "number", "minimum": 0}, 1), "no minimum"),
        (record(1, {"enum": [["a"]]}, 1), "plain word"),
        (record(1, {"type": "object", "properties": {}}, 1), "refuse further keys"),
        (record(1, {"type": "array", "items": {"type": "string", "maxLength": 3}}, 1), "no maxLength"),
    ],
)
def test_what_the_vendor_refuses_is_refused_before_it_is_sent(
    make_classifier: MakeClassifier, prompt: Prompt, schema: dict[str, Any], problem: str
) -> None:
    with pytest.raises(SettingsError, match=problem):
        make_classifier(prompt=replace(prompt, schema=schema))


@pytest.mark.parametrize("key", ["minimum", "maxLength", "uniqueItems", "patternProperties"])
def test_the_emulator_refuses_the_same_keywords(key: str) -> None:
    with pytest.raises(SettingsError):
        check_schema({**TEXT, key: 1})
    with pytest.raises(Rejected):
        check_node({**TEXT, key: 1}, "schema")


@pytest.mark.parametrize(
    "message",
    [
        "output_config.format.schema: Invalid schema: The compiled grammar is too large, which would cause "
        "performance issues. Simplify your tool schemas or reduce the number of strict tools.",
        "Schema is too complex for compilation",
    ],
)
def test_too_large_a_grammar_is_told_as_too_many_classes(
    make_classifier: MakeClassifier, message: str
) -> None:
    body = {"type": "error", "error": {"type": "invalid_request_error", "message": message}}
    classifier = make_classifier(lambda _: httpx2.Response(400, json=body))

    for call in (lambda: classifier.ask(Tier.CHEAP, {"text": "x"}), lambda: classifier.measure(Tier.CHEAP)):
        with pytest.raises(SettingsError, match="cannot take so many classes"):
            call()


def test_a_question_is_measured_free_of_charge(make_classifier: MakeClassifier, key: str) -> None:
    with ClaudeSandbox(api_key=key) as claude:
        classifier = make_classifier(base_url=claude.url)
        measured = classifier.measure(Tier.CHEAP)
        usage = classifier.ask(Tier.CHEAP, {}).usage

        assert measured == usage.input_tokens + usage.cache_read_tokens + usage.cache_write_tokens
        assert len(claude.calls) == 1
