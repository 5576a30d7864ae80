"""The streamed rationale: what a reader sees, and how they learn that it must be taken back."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from typing import Any

import httpx2
import pytest

from connector.domain.classification import Tier
from connector.errors import AnswerUnusable, AuthRefused, ConnectorError, RateLimited, Unavailable
from connector.llm.claude import ClaudeClassifier
from connector.llm.request import ModelSettings

MakeClassifier = Callable[..., ClaudeClassifier]

DECISION = {"queue": "billing-normal", "team": "billing"}
TICKET = {"subject": "Charged twice", "text": "You charged my card twice."}


def events(*texts: str, stop: str | None = "end_turn", error: str | None = None) -> list[dict[str, Any]]:
    message = {"id": "m", "type": "message", "role": "assistant", "model": "m", "content": []}
    counters = {"input_tokens": 1, "output_tokens": 1}
    told: list[dict[str, Any]] = [
        {"type": "message_start", "message": message | {"stop_reason": None, "usage": counters}},
        {"type": "content_block_start", "index": 0, "content_block": {"type": "text", "text": ""}},
    ]
    told += [
        {"type": "content_block_delta", "index": 0, "delta": {"type": "text_delta", "text": text}}
        for text in texts
    ]
    if error:
        return [*told, {"type": "error", "error": {"type": error, "message": "my secret diagnosis"}}]
    if stop is None:
        return told
    return [
        *told,
        {"type": "content_block_stop", "index": 0},
        {"type": "message_delta", "delta": {"stop_reason": stop}, "usage": {"output_tokens": 9}},
        {"type": "message_stop"},
    ]


def streaming(
    told: list[dict[str, Any]], seen: list[httpx2.Request] | None = None
) -> Callable[[httpx2.Request], httpx2.Response]:
    def handle(request: httpx2.Request) -> httpx2.Response:
        if seen is not None:
            seen.append(request)
        lines = "".join(f"event: {event['type']}\ndata: {json.dumps(event)}\n\n" for event in told)
        return httpx2.Response(200, text=lines, headers={"content-type": "text/event-stream"})

    return handle


def read(pieces: Iterator[str]) -> tuple[str, ConnectorError | None]:
    """Everything a reader saw, and what they were told at the end."""
    seen = ""
    try:
        for piece in pieces:
            seen += piece
    except ConnectorError as error:
        return seen, error
    return seen, None


def test_the_strong_model_explains_the_decision_in_pieces(make_classifier: MakeClassifier) -> None:
    seen: list[httpx2.Request] = []
    classifier = make_classifier(streaming(events("It is ", "about money."), seen))

    text, error = read(classifier.explain(DECISION, TICKET))

    assert (text, error) == ("It is about money.", None)
    sent = json.loads(seen[0].content)
    assert sent["model"] == "claude-sonnet-5-5"
    assert sent["thinking"] == {"type": "between_tools"}
    assert "format" not in sent["output_config"]
    assert json.loads(sent["messages"][0]["content"]) == {"decision": DECISION, "ticket": TICKET}


def test_the_cheap_model_explains_where_there_is_no_strong_one(make_classifier: MakeClassifier) -> None:
    seen: list[httpx2.Request] = []
    models = {Tier.CHEAP: ModelSettings("claude-haiku-5-5")}
    classifier = make_classifier(streaming(events("ok"), seen), models=models)

    read(classifier.explain(DECISION, TICKET))

    sent = json.loads(seen[0].content)
    assert sent["model"] == "claude-haiku-5-5"
    assert sent["max_tokens"] >= 1_000


def test_an_explanation_cannot_steer_the_terminal(make_classifier: MakeClassifier) -> None:
    classifier = make_classifier(streaming(events("\x1b[2Jgone\u202e\nnext")))

    text, _ = read(classifier.explain(DECISION, TICKET))

    assert text == "[2Jgone\nnext"


@pytest.mark.parametrize(("stop", "code"), [("refusal", "refusal"), ("max_tokens", "truncated")])
def test_a_text_that_did_not_come_to_its_end_must_be_taken_back(
    make_classifier: MakeClassifier, stop: str, code: str
) -> None:
    classifier = make_classifier(streaming(events("It is about", stop=stop)))

    text, error = read(classifier.explain(DECISION, TICKET))

    assert text == "It is about"
    assert isinstance(error, AnswerUnusable)
    assert error.code == code


def test_a_connection_closed_early_is_not_mistaken_for_the_end(make_classifier: MakeClassifier) -> None:
    classifier = make_classifier(streaming(events("It is about", stop=None)))

    _, error = read(classifier.explain(DECISION, TICKET))

    assert isinstance(error, Unavailable)


def test_a_stream_that_never_began_is_unavailable(make_classifier: MakeClassifier) -> None:
    classifier = make_classifier(streaming([]))

    _, error = read(classifier.explain(DECISION, TICKET))

    assert isinstance(error, Unavailable)


@pytest.mark.parametrize(
    ("kind", "expected"),
    [
        ("overloaded_error", Unavailable),
        ("api_error", Unavailable),
        ("rate_limit_error", RateLimited),
        ("authentication_error", AuthRefused),
    ],
)
def test_an_error_in_the_middle_of_the_stream_is_one_of_ours(
    make_classifier: MakeClassifier, kind: str, expected: type[ConnectorError]
) -> None:
    classifier = make_classifier(streaming(events("It is", error=kind)))

    _, error = read(classifier.explain(DECISION, TICKET))

    assert type(error) is expected
    assert "diagnosis" not in str(error)


def test_a_refused_key_is_known_before_the_first_word(make_classifier: MakeClassifier) -> None:
    classifier = make_classifier(lambda _: httpx2.Response(401, json={"error": {"type": "x"}}))

    text, error = read(classifier.explain(DECISION, TICKET))

    assert text == ""
    assert isinstance(error, AuthRefused)
