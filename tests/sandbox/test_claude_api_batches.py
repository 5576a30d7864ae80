"""The emulated message batches follow the documented life of a batch."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import anthropic
import pytest

from connector.sandbox.claude_api import ClaudeSandbox
from connector.sandbox.claude_api.rejection import Rejected

HAIKU = "claude-haiku-5-5"


class Hands:
    """A wall clock that a test moves."""

    def __init__(self) -> None:
        self.at = 1_795_000_000.0

    def __call__(self) -> float:
        return self.at


@pytest.fixture
def hands() -> Hands:
    return Hands()


@pytest.fixture
def client(hands: Hands) -> Iterator[anthropic.Anthropic]:
    with (
        ClaudeSandbox(now=hands, batch_seconds=60) as claude,
        anthropic.Anthropic(api_key="sandbox-key", base_url=claude.url, max_retries=0) as sdk,
    ):
        yield sdk


def entry(custom_id: str, **changes: Any) -> Any:
    params = {"model": HAIKU, "max_tokens": 1024, "messages": [{"role": "user", "content": "Hello"}]}
    return {"custom_id": custom_id, "params": params | changes}


def test_a_batch_works_for_a_while_and_then_has_results_for_every_id(
    client: anthropic.Anthropic, hands: Hands
) -> None:
    batch = client.messages.batches.create(requests=[entry("zd-1-1732147200"), entry("zd-2-1732147200")])
    with pytest.raises(anthropic.AnthropicError, match="results_url"):
        client.messages.batches.results(batch.id)
    hands.at += 61
    ended = client.messages.batches.retrieve(batch.id)
    results = {result.custom_id: result.result for result in client.messages.batches.results(batch.id)}

    assert (batch.processing_status, batch.request_counts.processing) == ("in_progress", 2)
    assert (ended.processing_status, ended.request_counts.succeeded) == ("ended", 2)
    assert set(results) == {"zd-1-1732147200", "zd-2-1732147200"}
    assert all(result.type == "succeeded" for result in results.values())


def test_requests_are_checked_only_when_the_batch_is_worked_on(
    client: anthropic.Anthropic, hands: Hands
) -> None:
    batch = client.messages.batches.create(requests=[entry("good"), entry("bad", temperature=0.5)])
    hands.at += 61

    results = {result.custom_id: result.result for result in client.messages.batches.results(batch.id)}

    assert results["good"].type == "succeeded"
    assert results["good"].message.usage.service_tier == "batch"
    assert results["bad"].type == "errored"
    assert results["bad"].error.error.type == "invalid_request_error"


@pytest.mark.parametrize("ids", [["4711:2026-11-21T10:00:00Z"], ["twice", "twice"], ["x" * 65]])
def test_ids_must_be_plain_and_unique(client: anthropic.Anthropic, ids: list[str]) -> None:
    with pytest.raises(anthropic.BadRequestError, match="custom_id"):
        client.messages.batches.create(requests=[entry(each) for each in ids])


def test_a_canceled_batch_ends_with_its_requests_canceled(client: anthropic.Anthropic) -> None:
    batch = client.messages.batches.create(requests=[entry("one")])

    canceling = client.messages.batches.cancel(batch.id)
    ended = client.messages.batches.retrieve(batch.id)

    assert canceling.processing_status == "canceling"
    assert (ended.processing_status, ended.request_counts.canceled) == ("ended", 1)
    with pytest.raises(anthropic.BadRequestError, match="has ended"):
        client.messages.batches.cancel(batch.id)


def test_batches_are_listed_newest_first_and_page_by_page(client: anthropic.Anthropic) -> None:
    made = [client.messages.batches.create(requests=[entry("one")]).id for _ in range(3)]

    listed = [batch.id for batch in client.messages.batches.list(limit=2)]

    assert listed == made[::-1]


def test_only_an_ended_batch_can_be_deleted_and_is_gone_then(
    client: anthropic.Anthropic, hands: Hands
) -> None:
    batch = client.messages.batches.create(requests=[entry("one")])
    with pytest.raises(anthropic.BadRequestError, match="has not ended"):
        client.messages.batches.delete(batch.id)
    hands.at += 61

    deleted = client.messages.batches.delete(batch.id)

    assert deleted.type == "message_batch_deleted"
    with pytest.raises(anthropic.NotFoundError):
        client.messages.batches.retrieve(batch.id)


def test_a_request_whose_fate_is_to_expire_keeps_its_batch_at_work_for_a_day(hands: Hands) -> None:
    fates = {"slow": "expired"}
    with (
        ClaudeSandbox(now=hands, batch_seconds=60, batch_fate=lambda name, _: fates.get(name)) as claude,
        anthropic.Anthropic(api_key="sandbox-key", base_url=claude.url, max_retries=0) as sdk,
    ):
        batch = sdk.messages.batches.create(requests=[entry("slow"), entry("fast")])
        hands.at += 86_399
        before = sdk.messages.batches.retrieve(batch.id)
        hands.at += 1
        after = sdk.messages.batches.retrieve(batch.id)

    assert (before.processing_status, before.request_counts.processing) == ("in_progress", 2)
    assert (after.request_counts.expired, after.request_counts.succeeded) == (1, 1)
    assert [call.batch for call in claude.calls] == [True]  # what expired was never answered


def test_an_error_of_the_vendor_concerns_its_request_only(hands: Hands) -> None:
    broken = Rejected(500, "Internal server error")
    with (
        ClaudeSandbox(now=hands, batch_fate=lambda name, _: broken if name == "one" else None) as claude,
        anthropic.Anthropic(api_key="sandbox-key", base_url=claude.url, max_retries=0) as sdk,
    ):
        batch = sdk.messages.batches.create(requests=[entry("one"), entry("two")])
        results = {result.custom_id: result.result for result in sdk.messages.batches.results(batch.id)}

    assert results["one"].type == "errored"
    assert results["one"].error.error.type == "api_error"
    assert results["two"].type == "succeeded"


def test_results_are_gone_after_29_days_and_the_batch_says_since_when(
    client: anthropic.Anthropic, hands: Hands
) -> None:
    batch = client.messages.batches.create(requests=[entry("one")])
    hands.at += 61
    client.messages.batches.retrieve(batch.id)
    hands.at += 29 * 86_400

    archived = client.messages.batches.retrieve(batch.id)

    assert archived.processing_status == "ended"
    assert archived.results_url is None
    assert archived.archived_at is not None
    with pytest.raises(anthropic.NotFoundError):
        client.get(f"/v1/messages/batches/{batch.id}/results", cast_to=object)


def test_what_was_handed_in_can_be_looked_at(hands: Hands) -> None:
    with (
        ClaudeSandbox(now=hands) as claude,
        anthropic.Anthropic(api_key="sandbox-key", base_url=claude.url, max_retries=0) as sdk,
    ):
        batch = sdk.messages.batches.create(requests=[entry("one"), entry("two")])

        assert [(each.batch_id, each.custom_id) for each in claude.batched] == [
            (batch.id, "one"),
            (batch.id, "two"),
        ]
