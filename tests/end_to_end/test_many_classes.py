"""A tree of many classes with a shadow, through the real adapter, classifier and ledger."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from connector.bootstrap import open_reports
from connector.cli.decisions import as_facts
from connector.cli.explain import decision_labels
from connector.clock import ManualClock
from connector.domain.taxonomy import CROWDED_FROM
from connector.sandbox.claude_api.message_request import MessageRequest
from connector.sandbox.claude_api.script import Scripted
from tests.support.town import Town, open_town

_TOPICS = """\
invoice voucher statement receipt currency cheque deposit mortgage pension insurance dividend loan saving
broker leasing audit payroll customs tariff"""

TEAMS = [
    {"name": "billing", "group": "Money", "description": "Payments."},
    {"name": "chargebacks", "parent": "billing", "state": "shadow", "group": "Later"},
    {"name": "general"},
]
TYPES: list[dict[str, Any]] = [
    {"name": "money"},
    *({"name": topic, "parent": "money", "description": f"About a {topic}."} for topic in _TOPICS.split()),
    {"name": "other"},
]


class Answering:
    """The model says that the team is the shadow, and remembers what it was asked."""

    def __init__(self) -> None:
        self.asked: list[MessageRequest] = []

    def __call__(self, request: MessageRequest) -> Scripted:
        self.asked.append(request)
        return Scripted(changes={"team": "chargebacks", "team_confidence": 0.9, "urgency_confidence": 0.9})


@pytest.fixture
def answering() -> Answering:
    return Answering()


@pytest.fixture
def town(tmp_path: Path, clock: ManualClock, answering: Answering) -> Iterator[Town]:
    ours = {"teams": TEAMS, "types": TYPES, "llm": {"workers": 1}}
    with open_town(tmp_path / "ledger.db", clock, claude={"author": answering}, settings=ours) as opened:
        yield opened


def test_a_shadow_is_recorded_and_its_parent_gets_the_ticket(town: Town, answering: Answering) -> None:
    assert len(TYPES) >= CROWDED_FROM
    ticket = town.ticket("A dividend", "Where is my dividend?")

    ended = town.run()

    assert ended.code == 0
    there = town.zendesk.tickets()[ticket]
    assert there.group_id == town.groups["Money"]
    assert "ai_team__billing" in there.tags
    assert not [tag for tag in there.tags if "chargebacks" in tag]
    with open_reports(town.settings, town.clock) as reports:
        (row,) = reports.decisions()
        (total,) = reports.shadows()
    facts = as_facts(row)
    assert (facts["team"], facts["shadow"]) == ("billing", {"team": "chargebacks"})
    assert (facts["labels"]["team"], facts["labels"]["type"]) == ("billing", "dividend")
    assert "team billing 0.90 (shadow chargebacks)" in decision_labels(row.decision.classification)
    assert (total.name, total.acted_as, total.named, total.confident) == ("chargebacks", "billing", 1, 1)


def test_the_model_is_told_the_likeliest_classes_after_a_prompt_that_stays(
    town: Town, answering: Answering
) -> None:
    town.ticket("A dividend", "Where is my dividend?")
    town.ticket("Papers", "The customs want papers, and a tariff number.")

    town.run()

    shortlists = [request.ticket["shortlist"] for request in answering.asked]
    nearest = [each["type"][0] for each in sorted(shortlists, key=json.dumps)]
    assert sorted(nearest) == ["customs", "dividend"]
    assert len({request.blocks[0].text for request in answering.asked}) == 1
    assert [call.usage.cache_read_input_tokens > 512 for call in town.claude.calls] == [False, True]
