"""A burst pays for each model's prompt once: one call of a tier leads, and the others read what it wrote."""

from __future__ import annotations

import threading
from collections import Counter
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest

from connector.clock import ManualClock
from connector.domain.classification import Tier
from connector.pipeline.leader import Leaders
from connector.sandbox.claude_api import ClaudeSandbox, Scripted, failure
from tests.support.town import Town, open_town

HAIKU, SONNET = "claude-haiku-5-5", "claude-sonnet-5-5"
WORKERS = 16


def doubtful(request: Any) -> Scripted | None:
    """The cheap model is never sure, so that every ticket is asked about twice."""
    return Scripted(changes={"team_confidence": 0.3}) if request.model.id == HAIKU else None


@pytest.fixture
def town(tmp_path: Path, clock: ManualClock) -> Iterator[Town]:
    with open_town(
        tmp_path / "town.db",
        clock,
        claude={"author": doubtful, "latency_seconds": {HAIKU: 0.02, SONNET: 0.3}},
        settings={"llm": {"workers": WORKERS}},
    ) as opened:
        yield opened


def burst(town: Town, tickets: int) -> None:
    for number in range(tickets):
        town.ticket(text=f"Please refund invoice {number}.")


def writes(claude: ClaudeSandbox) -> Mapping[str | None, int]:
    return Counter(call.model for call in claude.calls if call.usage.cache_creation_input_tokens)


def test_a_burst_of_tickets_writes_the_cache_once_per_model(town: Town) -> None:
    burst(town, 64)
    town.claude.script(None)  # who leads is sure, so that the strong model is first asked in the midst of it

    ended = town.run()

    asked = Counter(call.model for call in town.claude.calls)
    assert ended.summary["decided"] == {"cheap": 1, "strong": 63}
    assert asked == {HAIKU: 64, SONNET: 63}
    assert writes(town.claude) == {HAIKU: 1, SONNET: 1}
    assert town.claude.high_water > 1


def test_after_a_pause_the_cache_is_written_once_more(town: Town) -> None:
    burst(town, 2)
    town.run()
    town.clock.advance(3600)
    burst(town, WORKERS)

    town.run()

    assert writes(town.claude) == {HAIKU: 2, SONNET: 2}


def test_when_the_leader_fails_the_next_in_line_leads(town: Town) -> None:
    burst(town, WORKERS)
    town.claude.script(failure(529))

    town.run()

    assert writes(town.claude) == {HAIKU: 1, SONNET: 1}


def test_nobody_waits_on_a_warm_cache(clock: ManualClock) -> None:
    leaders, inside, leave = Leaders(clock), threading.Event(), threading.Event()
    with leaders.turn(Tier.CHEAP):
        pass

    def linger() -> None:
        with leaders.turn(Tier.CHEAP):
            inside.set()
            leave.wait(30)

    slow = threading.Thread(target=linger)
    slow.start()
    assert inside.wait(30)
    with leaders.turn(Tier.CHEAP):
        overtakes = slow.is_alive()
    leave.set()
    slow.join()

    assert overtakes


def test_a_leader_of_one_tier_does_not_hold_up_another(clock: ManualClock) -> None:
    leaders = Leaders(clock)

    with leaders.turn(Tier.CHEAP), leaders.turn(Tier.STRONG):
        both = True

    assert both
