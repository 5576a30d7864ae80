"""Labelled tickets reach the model as examples, and the cached part of the prompt stays the same for all."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from connector.bootstrap import open_labels, train_local
from connector.clock import ManualClock
from connector.quality.dataset import LabelledTicket
from connector.quality.merging import Take
from connector.settings import Settings
from tests.support import labels
from tests.support.town import Town, open_town

CHEAP = "claude-haiku-5-5"
Body = Mapping[str, Any]

BILLING = ("Refund", "Please refund the invoice, my card was charged twice the amount.")
OUTAGE = ("Timeout", "The api gateway is unreachable, every webhook ends in a timeout.")


@contextmanager
def town_with(folder: Path, bodies: list[Body], **examples: Any) -> Iterator[Town]:
    """A town whose model writes down what it is asked; one worker, so that calls have an order."""
    settings: dict[str, dict[str, Any]] = {
        "examples": {"enabled": True} | examples,
        "local": {"model": str(folder / "model.npz")},
        "llm": {"workers": 1},
    }
    watch = {"watch": bodies.append}
    with open_town(folder / "ledger.db", ManualClock(), claude=watch, settings=settings) as town:
        yield town


def store(settings: Settings, tickets: Sequence[LabelledTicket]) -> None:
    with open_labels(settings, ManualClock()) as book:
        book.store(tickets, Take.NEW)


def cheap(bodies: Sequence[Body]) -> list[Body]:
    return [each for each in bodies if each["model"] == CHEAP]


def examples_in(body: Body) -> list[dict[str, Any]]:
    """The block before the ticket."""
    before, _ = body["messages"][0]["content"]
    return list(json.loads(before["text"]))


def test_examples_come_after_the_cache_breakpoint_and_two_tickets_share_what_is_before_it(
    tmp_path: Path,
) -> None:
    bodies: list[Body] = []
    with town_with(tmp_path, bodies, count=6, teams=3) as town:
        own = town.ticket(*BILLING)
        itself = labels.ticket(str(own), BILLING[0], f"{BILLING[1]} canary", "billing")
        store(town.settings, [*labels.labelled(80), itself])
        train_local(town.settings, [*labels.labelled(80), itself])

        town.ticket(*OUTAGE)
        ended = town.run()
        usage = [call.usage for call in town.claude.calls if call.model == CHEAP]

        evidence = [
            json.loads(row["evidence"]) for row in town.rows("SELECT evidence FROM decisions ORDER BY id")
        ]

    assert ended.code == 0
    first, second = cheap(bodies)
    assert json.dumps(first["system"]).encode() == json.dumps(second["system"]).encode()
    assert first["output_config"] == second["output_config"]
    assert [block["cache_control"] for block in first["system"]] == [{"type": "ephemeral"}]
    assert "cache_control" not in json.dumps([first["messages"], second["messages"]])
    assert usage[1].cache_read_input_tokens == usage[0].cache_creation_input_tokens > 512
    assert usage[1].cache_creation_input_tokens == 0
    for body, team in ((first, "billing"), (second, "infrastructure")):
        shown = examples_in(body)
        assert 6 <= len(shown) <= 6 + 3
        assert shown[0]["labels"] == {"team": team}
        assert len({each["labels"]["team"] for each in shown}) >= 3
        assert json.loads(body["messages"][0]["content"][1]["text"])["subject"] in {BILLING[0], OUTAGE[0]}
    assert "canary" not in json.dumps(first)
    known = {each.ticket_id for each in labels.labelled(80)} | {str(own)}
    assert sorted(len(each["examples"]) for each in evidence) == sorted(
        map(len, map(examples_in, (first, second)))
    )
    assert all(set(each["examples"]) <= known for each in evidence)


def test_other_labels_are_another_prompt_version(tmp_path: Path) -> None:
    bodies: list[Body] = []
    with town_with(tmp_path, bodies) as town:
        known = labels.labelled(80)
        store(town.settings, known)
        train_local(town.settings, known)
        town.ticket(*BILLING)
        town.run()
        store(town.settings, [labels.ticket("t0", known[0].subject, known[0].text, "security")])
        town.ticket(*OUTAGE)
        town.run()
        versions = [row["prompt_version"] for row in town.rows("SELECT prompt_version FROM decisions")]

    assert len(set(versions)) == 2
    assert len(examples_in(cheap(bodies)[0])) >= 10


@pytest.mark.parametrize("enabled", [True, False])
def test_few_labels_are_fixed_examples_inside_the_cached_prompt_if_they_may_be(
    tmp_path: Path, enabled: bool
) -> None:
    bodies: list[Body] = []
    with town_with(tmp_path, bodies, enabled=enabled, fixed=4) as town:
        store(town.settings, labels.labelled(12))
        town.ticket(*BILLING)
        town.ticket(*OUTAGE)
        town.run()

    first, second = cheap(bodies)
    assert first["system"] == second["system"]
    assert [isinstance(each["messages"][0]["content"], str) for each in (first, second)] == [True, True]
    system = first["system"][0]["text"]
    shown = [json.loads(line.rstrip(",")) for line in system.splitlines() if line.startswith('{"ticket"')]
    teams = ["billing", "infrastructure", "onboarding", "security"]
    assert sorted(each["labels"]["team"] for each in shown) == (teams if enabled else [])
