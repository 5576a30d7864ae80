"""What the core relies on in a classifier, kept wherever the model runs (``ports.Classifier``)."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from typing import Any

import pytest

from connector.classify.prompt import Prompt, build_prompt
from connector.domain.classification import Tier
from connector.domain.taxonomy import Axis, Taxonomy
from connector.errors import (
    AuthRefused,
    ConnectorError,
    RateLimited,
    RequestRejected,
    SettingsError,
    Unavailable,
)
from connector.llm.claude import ClaudeClassifier
from connector.llm.model_family import family_of
from connector.llm.request import ModelSettings
from connector.ports import Classifier
from connector.sandbox.claude_api import ClaudeSandbox, Scripted, failure, refusal, truncated, web_page

MakeClassifier = Callable[..., ClaudeClassifier]

TIERS = (Tier.CHEAP, Tier.STRONG)
TICKET = {"subject": "Refund", "text": "I was charged twice, please refund my invoice.", "channel": "email"}
CANARY = "zebra-4711-canary"


def test_it_is_what_the_port_asks_for(classifier: ClaudeClassifier) -> None:
    port: Classifier = classifier

    assert port.model(Tier.CHEAP) != port.model(Tier.STRONG)


@pytest.mark.parametrize("tier", TIERS)
def test_an_answer_has_a_label_on_every_axis_an_id_and_a_bill(
    classifier: ClaudeClassifier, claude: ClaudeSandbox, tier: Tier
) -> None:
    answer = classifier.ask(tier, TICKET)

    assert answer.unusable is None
    found = answer.classification
    assert found is not None
    assert found.tier is tier
    assert all(found.on(axis) is not None for axis in Axis)
    assert answer.request_id
    (call,) = claude.calls
    assert call.model is not None
    assert family_of(call.model) == family_of(classifier.model(tier))
    assert answer.usage.output_tokens == call.usage.output_tokens
    assert answer.usage.cost_usd is not None
    assert 0 < answer.usage.cost_usd <= classifier.reserve_usd(tier, TICKET)


def test_the_version_of_the_prompt_changes_with_every_part_of_it(
    make: MakeClassifier, prompt: Prompt, taxonomy: Taxonomy
) -> None:
    other = build_prompt(taxonomy, business="We sell boats.")
    schema = replace(prompt, version="0" * 12)
    versions = [make(prompt=each).prompt_version for each in (prompt, prompt, other, schema)]

    assert versions[0] == versions[1]
    assert len(set(versions)) == 3
    assert all(len(each) == 12 for each in versions)


@pytest.mark.parametrize("status", [429, 500, 503, 529])
def test_one_question_is_one_call_even_when_it_fails(
    classifier: ClaudeClassifier, claude: ClaudeSandbox, status: int
) -> None:
    claude.script(failure(status))

    with pytest.raises(Unavailable):
        classifier.ask(Tier.CHEAP, TICKET)

    assert len(claude.calls) == 1


@pytest.mark.parametrize(
    ("status", "error"),
    [
        (401, AuthRefused),
        (402, AuthRefused),
        (403, AuthRefused),
        (404, SettingsError),
        (400, RequestRejected),
        (424, Unavailable),
        (500, Unavailable),
        (504, Unavailable),
    ],
)
def test_the_type_of_an_error_says_what_to_do_next(
    classifier: ClaudeClassifier, claude: ClaudeSandbox, status: int, error: type[ConnectorError]
) -> None:
    claude.script(failure(status, "messages.0: something is wrong with it"))

    with pytest.raises(error) as raised:
        classifier.ask(Tier.CHEAP, TICKET)

    assert type(raised.value) is error


def test_being_asked_to_slow_down_comes_with_the_wish(
    classifier: ClaudeClassifier, claude: ClaudeSandbox
) -> None:
    claude.script(failure(429, headers={"retry-after": "7"}))

    with pytest.raises(RateLimited) as raised:
        classifier.ask(Tier.CHEAP, TICKET)

    assert raised.value.retry_after_seconds == 7


def test_unknown_credentials_are_refused_once_and_for_all(make: MakeClassifier, home: Any) -> None:
    with ClaudeSandbox(api_key="of-somebody-else") as strangers:
        classifier = make(base_url=strangers.url + home.path)

        with pytest.raises(AuthRefused):
            classifier.ask(Tier.CHEAP, TICKET)

        assert strangers.calls == ()


def test_a_model_that_is_not_there_is_a_matter_of_settings(make: MakeClassifier, home: Any) -> None:
    models = home.asked()
    name = models[Tier.CHEAP].name.replace("haiku", "limerick")
    classifier = make(models=models | {Tier.CHEAP: ModelSettings(name, max_tokens=4_096)})

    with pytest.raises(SettingsError, match="limerick"):
        classifier.ask(Tier.CHEAP, TICKET)


@pytest.mark.parametrize("text", ["<html>Bad gateway</html>", "{}", ""])
def test_what_is_not_a_message_is_no_answer(
    classifier: ClaudeClassifier, claude: ClaudeSandbox, text: str
) -> None:
    claude.script(web_page(text))

    with pytest.raises(Unavailable):
        classifier.ask(Tier.CHEAP, TICKET)


def test_a_call_ends_in_time(make: MakeClassifier, claude: ClaudeSandbox) -> None:
    classifier = make(call_seconds=0.3)
    claude.script(Scripted(latency_seconds=60))
    started = time.monotonic()

    with pytest.raises(Unavailable, match="in time"):
        classifier.ask(Tier.CHEAP, TICKET)

    assert time.monotonic() - started < 30


@pytest.mark.parametrize(
    ("scripted", "code"),
    [
        (refusal(), "refusal"),
        (truncated(), "truncated"),
        (Scripted(content=()), "empty"),
        (Scripted(text="I would rather talk about the weather."), "invalid_json"),
        (Scripted(without=("team",)), "missing_label"),
        (Scripted(changes={"team": "nobody_knows_it"}), "unknown_label"),
        (Scripted(changes={"team_confidence": 97}), "bad_confidence"),
        (Scripted(stop_reason="pause_turn"), "unexpected_stop"),
    ],
)
def test_an_answer_that_cannot_be_used_says_why_and_has_its_bill(
    classifier: ClaudeClassifier, claude: ClaudeSandbox, scripted: Scripted, code: str
) -> None:
    claude.script(scripted)

    answer = classifier.ask(Tier.CHEAP, TICKET)

    assert answer.classification is None
    assert answer.unusable == code
    assert answer.usage.cost_usd is not None
    assert answer.usage.cost_usd > 0


def test_the_second_ticket_reads_the_prompt_from_the_cache(classifier: ClaudeClassifier) -> None:
    first = classifier.ask(Tier.STRONG, TICKET)
    second = classifier.ask(Tier.STRONG, TICKET | {"subject": "Another"})

    assert first.usage.cache_write_tokens > 512
    assert second.usage.cache_read_tokens == first.usage.cache_write_tokens


def test_any_number_of_threads_share_one_classifier(
    classifier: ClaudeClassifier, claude: ClaudeSandbox
) -> None:
    with ThreadPoolExecutor(8) as pool:
        answers = list(pool.map(lambda _: classifier.ask(Tier.CHEAP, TICKET), range(16)))

    assert all(answer.unusable is None for answer in answers)
    assert len(claude.calls) == 16
    assert len({answer.request_id for answer in answers}) == 16


@pytest.mark.parametrize("tier", TIERS)
def test_a_check_proves_the_request_with_at_most_one_token(
    classifier: ClaudeClassifier, claude: ClaudeSandbox, tier: Tier
) -> None:
    status = classifier.describe(tier)

    assert status.name == classifier.model(tier)
    assert status.problems == ()
    assert all(call.status == 200 and call.usage.output_tokens <= 1 for call in claude.calls)


def test_a_decision_is_explained_in_pieces(classifier: ClaudeClassifier) -> None:
    pieces = list(classifier.explain({"team": "billing"}, TICKET))

    assert len(pieces) > 1
    assert "".join(pieces).strip()


def test_an_explanation_that_breaks_off_is_not_taken_for_one(
    classifier: ClaudeClassifier, claude: ClaudeSandbox
) -> None:
    claude.script(Scripted(cut_after=3))

    with pytest.raises(Unavailable):
        list(classifier.explain({"team": "billing"}, TICKET))


@pytest.mark.parametrize("status", [200, 400, 403, 429, 500])
def test_neither_the_ticket_nor_credentials_reach_a_log_or_an_error(
    make: MakeClassifier, claude: ClaudeSandbox, caplog: pytest.LogCaptureFixture, key: str, status: int
) -> None:
    caplog.set_level(logging.DEBUG)
    classifier = make()
    claude.script(None if status == 200 else failure(status, f"not with {CANARY}"))
    said = ""

    try:
        classifier.ask(Tier.CHEAP, TICKET | {"text": CANARY})
    except ConnectorError as error:
        said = f"{error} {error.__cause__!r}"

    told = f"{said} {caplog.text} {classifier!r}"
    assert CANARY not in told
    assert key not in told
    assert "secret-of-an-access-key" not in told
