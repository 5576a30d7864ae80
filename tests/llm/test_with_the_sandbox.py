"""The whole way over a real socket to the emulator, which refuses what the real API refuses."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import pytest

from connector.domain.classification import Tier
from connector.llm.claude import ClaudeClassifier
from connector.llm.request import ModelSettings
from connector.sandbox.claude_api import ClaudeSandbox

MakeClassifier = Callable[..., ClaudeClassifier]

TICKET = {"subject": "Refund", "text": "I was charged twice, please refund my invoice.", "channel": "email"}


@pytest.fixture
def claude(key: str) -> Iterator[ClaudeSandbox]:
    with ClaudeSandbox(api_key=key) as sandbox:
        yield sandbox


@pytest.mark.parametrize(
    "model",
    [
        ModelSettings("claude-haiku-5-5"),
        ModelSettings("claude-haiku-5-5", max_tokens=4_096, effort="max", thinking="adaptive"),
        ModelSettings("claude-sonnet-5-5", max_tokens=1_024),
        ModelSettings("claude-sonnet-5-5", max_tokens=4_096, effort="medium", thinking="adaptive"),
    ],
)
def test_our_requests_are_accepted_and_the_answers_understood(
    make_classifier: MakeClassifier, claude: ClaudeSandbox, model: ModelSettings
) -> None:
    classifier = make_classifier(base_url=claude.url, models={Tier.STRONG: model})

    status = classifier.describe(Tier.STRONG)
    answer = classifier.ask(Tier.STRONG, TICKET)

    assert status.problems == ()
    assert answer.unusable is None
    assert answer.request_id is not None
    assert answer.usage.cost_usd is not None
    assert 0 < answer.usage.cost_usd <= classifier.reserve_usd(Tier.STRONG, TICKET)


def test_the_second_ticket_reads_the_prompt_from_the_cache(
    make_classifier: MakeClassifier, claude: ClaudeSandbox
) -> None:
    classifier = make_classifier(base_url=claude.url)

    first = classifier.ask(Tier.CHEAP, TICKET)
    second = classifier.ask(Tier.CHEAP, TICKET | {"subject": "Another"})

    assert first.usage.cache_write_tokens > 512
    assert second.usage.cache_read_tokens == first.usage.cache_write_tokens
    assert second.usage.cache_write_tokens == 0


def test_an_explanation_arrives_in_pieces(make_classifier: MakeClassifier, claude: ClaudeSandbox) -> None:
    classifier = make_classifier(base_url=claude.url)

    pieces = list(classifier.explain({"team": "billing"}, TICKET))

    assert len(pieces) > 1
    assert "".join(pieces).strip()
