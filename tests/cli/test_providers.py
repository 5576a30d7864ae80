"""A whole pass with the model at another home, as a person runs it."""

from __future__ import annotations

from connector.bootstrap import open_classifier
from connector.cli.playground import playground
from connector.domain.classification import Tier
from connector.settings import load_settings
from tests.cli.conftest import KEY, Place

BEDROCK = {
    "CONNECTOR_LLM__PROVIDER": "bedrock",
    "CONNECTOR_LLM__REGION": "eu-central-1",
    "AWS_ACCESS_KEY_ID": KEY,
    "AWS_SECRET_ACCESS_KEY": "of-the-access-key",
    "AWS_EC2_METADATA_DISABLED": "true",
    "ANTHROPIC_BASE_URL": "http://127.0.0.1:9",  # nobody listens there, and nobody may ask
}


def test_bedrock_is_checked_and_classifies_by_tool(place: Place) -> None:
    environment = BEDROCK | {"CONNECTOR_LLM__BASE_URL": place.claude.url}
    place.ticket("Charged twice", "Please refund my invoice.")

    checked = place.run("check", **environment)
    ran = place.run("run", "--once", "--json", **environment)

    assert checked.code == 0, checked.out
    assert "anthropic.claude-haiku-5-5 answers; bedrock does not say when it retires" in checked.out
    assert ran.code == 0, ran.err
    assert ran.last_json["decided"]
    assert {call.status for call in place.claude.calls} == {200}
    assert {call.stop_reason for call in place.claude.calls[2:]} == {"tool_use"}
    assert ran.last_json["cost"] > 0
    assert "of-the-access-key" not in ran.out + ran.err + checked.out + checked.err


def test_the_playground_asks_its_own_model_wherever_the_settings_would_ask() -> None:
    chosen = {"llm": {"provider": "bedrock", "region": "eu-central-1"}}
    settings = load_settings(overrides=chosen, environment={}, use_file=False, secret_dirs=[]).settings

    with playground(settings, latency_seconds=0) as ground:
        classifier = open_classifier(ground.effective(settings))
        answer = classifier.ask(Tier.CHEAP, {"text": "Please refund me."})
        classifier.close()

    assert answer.unusable is None
    assert answer.usage.cost_usd
