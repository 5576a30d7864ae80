"""What `check` learns about a model without paying for a call."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

import httpx2
import pytest

from connector.domain.classification import Tier
from connector.errors import AuthRefused, SettingsError, Unavailable
from connector.llm.claude import ClaudeClassifier

MakeClassifier = Callable[..., ClaudeClassifier]

NO, YES = {"supported": False}, {"supported": True}


def listing(**fields: Any) -> Callable[[httpx2.Request], httpx2.Response]:
    model = {
        "id": "claude-haiku-5-5",
        "type": "model",
        "display_name": "Claude Haiku 5.5",
        "lifecycle": "active",
    }

    def handle(request: httpx2.Request) -> httpx2.Response:
        assert request.url.path == "/v1/models/claude-haiku-5-5"
        return httpx2.Response(200, json=model | fields)

    return handle


def test_a_living_model_has_no_problems(make_classifier: MakeClassifier) -> None:
    capabilities = {"thinking": {"types": {"disabled": YES}}, "structured_outputs": YES, "effort": YES}
    classifier = make_classifier(listing(capabilities=capabilities, max_tokens=64_000))

    status = classifier.describe(Tier.CHEAP)

    assert status.name == "claude-haiku-5-5"
    assert status.display_name == "Claude Haiku 5.5"
    assert status.lifecycle == "active"
    assert status.retires_at is None
    assert status.problems == ()


def test_the_day_of_retirement_is_known(make_classifier: MakeClassifier) -> None:
    classifier = make_classifier(listing(lifecycle="deprecated", retires_at="2026-11-30T00:00:00Z"))

    status = classifier.describe(Tier.CHEAP)

    assert status.lifecycle == "deprecated"
    assert status.retires_at == datetime(2026, 11, 30, tzinfo=UTC)


@pytest.mark.parametrize(
    ("fields", "problem"),
    [
        ({"lifecycle": "retired"}, "retired"),
        ({"capabilities": {"structured_outputs": NO}}, "structured outputs"),
        ({"capabilities": {"thinking": {"types": {"disabled": NO}}}}, 'thinking "disabled"'),
        ({"capabilities": {"effort": NO}}, 'effort "low"'),
        ({"capabilities": {"effort": YES | {"low": NO}}}, 'effort "low"'),
        ({"max_tokens": 300}, "at most 300 tokens"),
    ],
)
def test_what_the_model_would_refuse_is_said_beforehand(
    make_classifier: MakeClassifier, fields: dict[str, Any], problem: str
) -> None:
    classifier = make_classifier(listing(**fields))

    (said,) = classifier.describe(Tier.CHEAP).problems

    assert problem in said


@pytest.mark.parametrize(
    "fields",
    [
        {"lifecycle": 7, "retires_at": 7, "capabilities": [], "max_tokens": "many", "display_name": None},
        {"lifecycle": None, "retires_at": "some day", "capabilities": {"effort": True, "thinking": "yes"}},
    ],
)
def test_a_listing_with_odd_fields_is_still_a_listing(
    make_classifier: MakeClassifier, fields: dict[str, Any]
) -> None:
    classifier = make_classifier(listing(**fields))

    status = classifier.describe(Tier.CHEAP)

    assert (status.lifecycle, status.retires_at, status.problems) == ("unknown", None, ())


@pytest.mark.parametrize(
    ("response", "error"),
    [
        (httpx2.Response(401, json={}), AuthRefused),
        (httpx2.Response(404, json={}), SettingsError),
        (httpx2.Response(529, json={}), Unavailable),
        (httpx2.Response(200, text="<html>"), Unavailable),
        (httpx2.Response(200, json={}), Unavailable),
    ],
)
def test_asking_about_a_model_fails_like_asking_it(
    make_classifier: MakeClassifier, response: httpx2.Response, error: type[Exception]
) -> None:
    classifier = make_classifier(lambda _: response)

    with pytest.raises(error):
        classifier.describe(Tier.CHEAP)
