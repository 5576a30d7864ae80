"""The emulated prompt cache is paid, read, shared and forgotten like the real one."""

from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from threading import Barrier
from typing import Any

import anthropic
import pytest

from connector.sandbox.claude_api import ClaudeSandbox

HAIKU, SONNET, OLD_HAIKU = "claude-haiku-5-5", "claude-sonnet-5-5", "claude-haiku-4-5"
LONG = "Route every ticket with care. " * 100  # about 975 tokens of the 5.5 family


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
        ClaudeSandbox(now=hands) as claude,
        anthropic.Anthropic(api_key="sandbox-key", base_url=claude.url, max_retries=0) as sdk,
    ):
        yield sdk


def usage(client: anthropic.Anthropic, prompt: str = LONG, ttl: str = "5m", **changes: Any) -> Any:
    block = {"type": "text", "text": prompt, "cache_control": {"type": "ephemeral", "ttl": ttl}}
    arguments: dict[str, Any] = {
        "model": HAIKU,
        "max_tokens": 1024,
        "system": [block],
        "messages": [{"role": "user", "content": "Hello"}],
    }
    return client.messages.create(**(arguments | changes)).usage


def paid(used: Any) -> tuple[bool, bool]:
    """Whether the cache was written and read."""
    return used.cache_creation_input_tokens > 0, used.cache_read_input_tokens > 0


def test_the_first_call_writes_and_the_second_reads_the_same_tokens(client: anthropic.Anthropic) -> None:
    first, second = usage(client), usage(client, messages=[{"role": "user", "content": "Other ticket"}])

    assert paid(first) == (True, False)
    assert paid(second) == (False, True)
    assert second.cache_read_input_tokens == first.cache_creation_input_tokens
    assert first.cache_creation.ephemeral_5m_input_tokens == first.cache_creation_input_tokens
    assert first.input_tokens < 20


def test_the_three_input_counts_add_up_to_the_whole_prompt(client: anthropic.Anthropic) -> None:
    first, second = usage(client), usage(client)

    totals = [
        used.input_tokens + used.cache_creation_input_tokens + used.cache_read_input_tokens
        for used in (first, second)
    ]
    assert totals[0] == totals[1]


@pytest.mark.parametrize(("model", "words"), [(HAIKU, 50), (SONNET, 50), (OLD_HAIKU, 500)])
def test_a_prefix_below_the_minimum_is_silently_not_cached(
    client: anthropic.Anthropic, model: str, words: int
) -> None:
    both = [usage(client, "Route with care. " * words, model=model) for _ in range(2)]

    assert [paid(used) for used in both] == [(False, False), (False, False)]


def test_without_a_breakpoint_nothing_is_cached(client: anthropic.Anthropic) -> None:
    both = [usage(client, system=LONG) for _ in range(2)]

    assert [paid(used) for used in both] == [(False, False), (False, False)]


@pytest.mark.parametrize(
    "change",
    [
        {"model": SONNET},
        {"thinking": {"type": "disabled"}},
        {"output_config": {"effort": "low"}},
        {"output_config": {"format": {"type": "json_schema", "schema": {"type": "string"}}}},
        {"system": [{"type": "text", "text": LONG + "!", "cache_control": {"type": "ephemeral"}}]},
        {"tools": [{"name": "route", "input_schema": {"type": "object"}}], "tool_choice": {"type": "none"}},
    ],
)
def test_another_model_thinking_effort_format_prompt_or_tool_misses(
    client: anthropic.Anthropic, change: dict[str, Any]
) -> None:
    usage(client)

    assert paid(usage(client, **change)) == (True, False)
    assert paid(usage(client, **change)) == (False, True)


def test_an_entry_lives_five_minutes_after_its_last_use(client: anthropic.Anthropic, hands: Hands) -> None:
    usage(client)
    hands.at += 299
    refreshing = usage(client)
    hands.at += 299
    refreshed = usage(client)
    hands.at += 301
    too_late = usage(client)

    assert [paid(used) for used in (refreshing, refreshed, too_late)] == [
        (False, True),
        (False, True),
        (True, False),
    ]


def test_a_one_hour_entry_lives_longer_and_is_billed_apart(client: anthropic.Anthropic, hands: Hands) -> None:
    first = usage(client, ttl="1h")
    hands.at += 3_500
    later = usage(client, ttl="1h")

    assert first.cache_creation.ephemeral_1h_input_tokens == first.cache_creation_input_tokens > 0
    assert first.cache_creation.ephemeral_5m_input_tokens == 0
    assert paid(later) == (False, True)


def test_automatic_caching_of_the_last_block_never_hits_for_other_tickets(
    client: anthropic.Anthropic,
) -> None:
    asked: dict[str, Any] = {"model": HAIKU, "max_tokens": 64, "system": LONG}

    both = [
        client.messages.create(
            **asked, cache_control={"type": "ephemeral"}, messages=[{"role": "user", "content": ticket}]
        ).usage
        for ticket in ("First ticket", "Second ticket")
    ]

    assert [paid(used) for used in both] == [(True, False), (True, False)]


def test_a_burst_writes_as_often_as_it_has_calls_because_no_response_has_begun() -> None:
    both_here = Barrier(2, timeout=20)
    burst = iter([True, True])

    def gather(_request: object) -> None:
        if next(burst, False):
            both_here.wait()

    with (
        ClaudeSandbox(author=gather, latency_seconds=0.5) as claude,
        anthropic.Anthropic(api_key="sandbox-key", base_url=claude.url, max_retries=0) as client,
        ThreadPoolExecutor(2) as pool,
    ):
        burst_usages = list(pool.map(lambda _: usage(client), range(2)))
        afterwards = usage(client)

    assert [paid(used) for used in burst_usages] == [(True, False), (True, False)]
    assert paid(afterwards) == (False, True)
    assert claude.high_water == 2
