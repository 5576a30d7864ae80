"""Tests can script the emulated Claude's misbehaviour and look at what it was asked."""

from __future__ import annotations

import json
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from threading import Event
from typing import Any

import anthropic
import pytest

from connector.sandbox.claude_api import ClaudeSandbox, Scripted, failure, refusal, truncated, web_page
from connector.sandbox.faults import Fault, FaultPlan, lose_response, truncate

HAIKU = "claude-haiku-5-5"
SCHEMA = {
    "type": "object",
    "additionalProperties": False,
    "properties": {
        "team": {"type": "string", "enum": ["billing", "product"]},
        "confidence": {"type": "number"},
    },
    "required": ["team", "confidence"],
}


@pytest.fixture
def claude() -> Iterator[ClaudeSandbox]:
    with ClaudeSandbox() as sandbox:
        yield sandbox


@pytest.fixture
def client(claude: ClaudeSandbox) -> Iterator[anthropic.Anthropic]:
    with anthropic.Anthropic(api_key="sandbox-key", base_url=claude.url, max_retries=0) as sdk:
        yield sdk


def ask(client: anthropic.Anthropic, text: str = "Please refund me", **changes: Any) -> Any:
    arguments: dict[str, Any] = {
        "model": HAIKU,
        "max_tokens": 1024,
        "messages": [{"role": "user", "content": json.dumps({"id": 42, "text": text})}],
        "thinking": {"type": "disabled"},
        "output_config": {"format": {"type": "json_schema", "schema": SCHEMA}},
    }
    return client.messages.create(**(arguments | changes))


@pytest.mark.parametrize(
    ("scripted", "answer"),
    [
        (Scripted(changes={"team": "Billing"}), {"team": "Billing"}),
        (Scripted(changes={"confidence": 1.7}), {"confidence": 1.7}),
        (Scripted(changes={"confidence": "high"}), {"confidence": "high"}),
        (Scripted(changes={"mood": "sunny"}), {"mood": "sunny", "team": "billing"}),
    ],
)
def test_single_values_of_an_answer_can_drift(
    claude: ClaudeSandbox, client: anthropic.Anthropic, scripted: Scripted, answer: dict[str, Any]
) -> None:
    claude.script(scripted)

    said = json.loads(ask(client).content[0].text)

    assert {name: said[name] for name in answer} == answer


def test_a_property_can_be_missing(claude: ClaudeSandbox, client: anthropic.Anthropic) -> None:
    claude.script(Scripted(without=["confidence"]))

    assert list(json.loads(ask(client).content[0].text)) == ["team"]


def test_a_refusal_is_a_200_without_content_that_names_its_category(
    claude: ClaudeSandbox, client: anthropic.Anthropic
) -> None:
    claude.script(refusal("cyber"))

    message = ask(client)

    assert (message.stop_reason, message.content) == ("refusal", [])
    assert message.stop_details.category == "cyber"


def test_truncation_unknown_stop_reasons_and_unknown_blocks_can_be_scripted(
    claude: ClaudeSandbox, client: anthropic.Anthropic
) -> None:
    strange = Scripted(content=[{"type": "hologram", "data": "x"}], stop_reason="bored")
    claude.script(truncated(), strange, Scripted(content=[]), Scripted(text='{"team": "bil'))

    cut, odd, empty, broken = (ask(client) for _ in range(4))

    assert cut.stop_reason == "max_tokens"
    assert (odd.stop_reason, odd.content[0].type) == ("bored", "hologram")
    assert (empty.stop_reason, empty.content) == ("end_turn", [])
    assert (broken.stop_reason, broken.content[0].text) == ("end_turn", '{"team": "bil')


def test_bodies_that_are_no_message_reach_the_client_as_they_are(
    claude: ClaudeSandbox, client: anthropic.Anthropic
) -> None:
    claude.script(web_page(), Scripted(body=b"{}"), Scripted(body=b'{"id": "msg'))

    page, nothing = ask(client), ask(client)
    with pytest.raises(json.JSONDecodeError):
        ask(client)

    assert isinstance(page, str)
    assert nothing.content is None


@pytest.mark.parametrize(
    ("status", "error", "kind"),
    [
        (402, anthropic.PaymentRequiredError, "billing_error"),
        (403, anthropic.PermissionDeniedError, "permission_error"),
        (500, anthropic.InternalServerError, "api_error"),
        (504, anthropic.GatewayTimeoutError, "timeout_error"),
        (529, anthropic.OverloadedError, "overloaded_error"),
    ],
)
def test_failures_have_the_real_shape(
    claude: ClaudeSandbox,
    client: anthropic.Anthropic,
    status: int,
    error: type[anthropic.APIStatusError],
    kind: str,
) -> None:
    claude.script(failure(status))

    with pytest.raises(error) as failed:
        ask(client)

    assert failed.value.type == kind
    assert claude.calls[-1].status == status


def test_a_spend_limit_is_a_429_with_its_code_and_no_retry_after(
    claude: ClaudeSandbox, client: anthropic.Anthropic
) -> None:
    claude.script(failure(429, details={"error_code": "enforced_spend_limit_reached"}))

    with pytest.raises(anthropic.EnforcedSpendLimitReachedError) as refused:
        ask(client)

    assert "retry-after" not in refused.value.response.headers


def test_a_stream_that_ends_early_raises_nothing_and_has_no_stop_reason(
    claude: ClaudeSandbox, client: anthropic.Anthropic
) -> None:
    claude.script(Scripted(text="one two three " * 20, cut_after=4))
    messages: Any = [{"role": "user", "content": "Explain"}]

    with client.messages.stream(model=HAIKU, max_tokens=1024, messages=messages) as stream:
        stream.until_done()
        message = stream.current_message_snapshot

    assert message.stop_reason is None


def test_an_author_decides_per_request_once_the_queue_is_used_up() -> None:
    def author(request: Any) -> Scripted | None:
        return Scripted(text="authored") if "refund" in request.text else None

    with (
        ClaudeSandbox(author=author) as claude,
        anthropic.Anthropic(api_key="sandbox-key", base_url=claude.url, max_retries=0) as client,
    ):
        claude.script(Scripted(text="queued"), None)
        texts = [ask(client, text).content[0].text for text in ("refund", "refund", "refund", "Hello")]

    assert texts[0] == "queued"
    assert json.loads(texts[1])["team"] == "billing"
    assert texts[2] == "authored"
    assert "team" in texts[3]


def test_faults_of_the_connection_come_before_or_after_the_work(
    claude: ClaudeSandbox, client: anthropic.Anthropic
) -> None:
    claude.faults.add(Fault(lose_response(), path="/v1/messages$"))
    claude.faults.add(Fault(truncate(), path="/v1/messages$", after=1))

    for _ in range(2):
        with pytest.raises(anthropic.APIConnectionError):
            ask(client)
    after = ask(client)

    assert len(claude.faults.fired) == 2
    assert [call.status for call in claude.calls] == [200, 200, 200]
    assert after.stop_reason == "end_turn"


def test_a_fault_plan_can_be_given_from_the_start() -> None:
    plan = FaultPlan.of(Fault(lose_response()))

    with (
        ClaudeSandbox(faults=plan) as claude,
        anthropic.Anthropic(api_key="sandbox-key", base_url=claude.url, max_retries=0) as client,
        pytest.raises(anthropic.APIConnectionError),
    ):
        ask(client)

    assert len(plan.fired) == 1


def test_calls_are_on_record_without_their_text(claude: ClaudeSandbox, client: anthropic.Anthropic) -> None:
    message = ask(client, "Please refund Jane Roe")
    with pytest.raises(anthropic.NotFoundError):
        ask(client, model="claude-none")

    answered, refused = claude.calls
    assert (answered.status, answered.model, answered.ticket_id) == (200, HAIKU, "42")
    assert answered.request_id == message._request_id
    assert answered.usage.output_tokens == message.usage.output_tokens
    assert (refused.status, refused.model, refused.usage.input_tokens) == (404, "claude-none", 0)
    assert "Jane" not in repr(claude.calls)
    assert claude.totals()[HAIKU].calls == 1


def test_a_model_takes_its_own_time_and_calls_overlap() -> None:
    slow = {"claude-sonnet-5-5": 0.2}
    with (
        ClaudeSandbox(latency_seconds=slow) as claude,
        anthropic.Anthropic(api_key="sandbox-key", base_url=claude.url, max_retries=0) as client,
        ThreadPoolExecutor(8) as pool,
    ):
        ask(client)
        alone = claude.high_water
        thinking = {"type": "between_tools"}
        list(pool.map(lambda _: ask(client, model="claude-sonnet-5-5", thinking=thinking), range(8)))

    assert alone == 1
    assert 1 < claude.high_water <= 8


def test_stopping_wakes_calls_that_still_wait() -> None:
    arrived = Event()
    claude = ClaudeSandbox(latency_seconds=3_600, author=lambda _request: arrived.set()).start()
    with (
        anthropic.Anthropic(api_key="sandbox-key", base_url=claude.url, max_retries=0) as client,
        ThreadPoolExecutor(1) as pool,
    ):
        waiting = pool.submit(ask, client)
        arrived.wait(timeout=10)
        claude.stop()
        outcome = waiting.exception(timeout=10)

    assert outcome is None or isinstance(outcome, anthropic.APIConnectionError)
