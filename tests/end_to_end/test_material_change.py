"""Customers write again: over HTTP, through the whole connector, with people and kills in between."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest

from connector.cli.explain import explain
from connector.clock import ManualClock
from connector.sandbox.faults import Fault, answer
from tests.support.town import Town, open_town

LAWYER = "Enough. My lawyer will contact you."
OUTAGE = "Now production is down for everybody."
Build = Callable[..., Town]


@pytest.fixture
def build(tmp_path: Path, clock: ManualClock) -> Iterator[Build]:
    opened = []

    def build(**settings: Mapping[str, Any]) -> Town:
        town = open_town(tmp_path / "ledger.db", clock, settings=settings)
        opened.append(town)
        return town.__enter__()

    yield build
    for town in opened:
        town.__exit__(None, None, None)


def routed(town: Town) -> int:
    """A ticket that we routed an hour ago; its echo has been polled."""
    ticket = town.ticket()
    town.run_until_rest()
    town.clock.advance(3600)
    town.run_until_rest()
    return ticket


def replied(town: Town, ticket: int, text: str) -> None:
    """The customer replies, and the export shows it."""
    town.zendesk.customer_reply(ticket, text)
    town.clock.advance(120)


def asked_for_comments(town: Town) -> int:
    return sum(each.path.endswith("/comments") for each in town.zendesk.requests)


def test_a_reply_with_a_guardrail_word_brings_in_a_person_once(build: Build) -> None:
    town = build()
    ticket = routed(town)

    for _ in range(2):
        replied(town, ticket, LAWYER)
        town.run_until_rest()

    now = town.zendesk.tickets()[ticket]
    assert now.group_id == town.groups[town.settings.helpdesk.human_group]
    assert "ai_escalated" in now.tags
    assert len(town.zendesk.writes(ticket)) == 2
    (note,) = town.zendesk.notes(ticket)
    assert "the requester wrote again: guardrail word my lawyer" in note.body
    assert LAWYER not in note.body
    assert len(town.claude.calls) == 1
    assert asked_for_comments(town) == 1


def test_a_reply_with_a_rules_word_raises_the_priority(build: Build) -> None:
    town = build()
    ticket = routed(town)
    before = town.zendesk.tickets()[ticket]

    replied(town, ticket, OUTAGE)
    town.run_until_rest()

    now = town.zendesk.tickets()[ticket]
    assert (now.group_id, now.priority) == (before.group_id, "urgent")
    assert "ai_urgency__critical" in now.tags
    assert len([tag for tag in now.tags if tag.startswith("ai_urgency__")]) == 1


def test_thanks_cost_one_request_and_change_nothing(build: Build) -> None:
    town = build()
    ticket = routed(town)

    replied(town, ticket, "Thanks, that works!")
    town.run_until_rest()

    assert len(town.zendesk.writes(ticket)) == 1
    assert asked_for_comments(town) == 1
    assert len(town.claude.calls) == 1


def test_quoted_words_are_not_the_requesters(build: Build) -> None:
    town = build()
    ticket = routed(town)

    replied(town, ticket, f"Fine, thanks.\n\nOn 2 Nov 2026, Support <help@example.com> wrote:\n> {LAWYER}")
    town.run_until_rest()

    assert len(town.zendesk.writes(ticket)) == 1


def test_an_agents_reply_and_a_triggers_change_cost_no_request(build: Build) -> None:
    town = build()
    ticket = routed(town)

    town.zendesk.agent_reply(ticket, f"{LAWYER} {OUTAGE}")
    town.zendesk.system_touch(ticket, {"tags": (*town.zendesk.tickets()[ticket].tags, "by_a_trigger")})
    town.clock.advance(120)
    town.run_until_rest()

    assert len(town.zendesk.writes(ticket)) == 1
    assert asked_for_comments(town) == 0


def test_another_customers_words_on_the_ticket_do_nothing(build: Build) -> None:
    town = build()
    ticket = routed(town)
    other = town.zendesk.add_user("Somebody in copy")

    town.zendesk.customer_reply(ticket, LAWYER, by=other)
    town.clock.advance(120)
    town.run_until_rest()

    assert len(town.zendesk.writes(ticket)) == 1


def test_a_ticket_that_a_person_moved_in_between_is_theirs(build: Build) -> None:
    town = build()
    ticket = routed(town)
    replied(town, ticket, LAWYER)
    town.zendesk.person_sets(ticket, group=town.groups["Security"])

    town.run_until_rest()
    town.clock.advance(120)
    town.run_until_rest()

    assert len(town.zendesk.writes(ticket)) == 1
    assert town.zendesk.tickets()[ticket].group_id == town.groups["Security"]


def test_an_outage_in_a_look_is_made_up_for_once(build: Build) -> None:
    town = build()
    ticket = routed(town)
    replied(town, ticket, LAWYER)
    town.zendesk.faults.add(Fault(answer(503), path="/comments", times=100))

    first = town.run()
    town.zendesk.faults.clear()
    town.clock.advance(600)
    town.run_until_rest()

    assert first.code != 0
    assert len(town.zendesk.writes(ticket)) == 2
    assert len(town.rows("SELECT id FROM decisions WHERE cause = 'material_change'")) == 1


def test_a_page_that_comes_again_brings_no_second_look(build: Build) -> None:
    town = build()
    ticket = routed(town)
    replied(town, ticket, "Any news?")
    town.run_until_rest()

    town.zendesk.system_touch(ticket)  # delivered anew, as it was
    town.clock.advance(120)
    town.run_until_rest()

    assert asked_for_comments(town) == 1


def test_the_cheap_model_reads_a_reply_once_where_that_is_wanted(build: Build) -> None:
    town = build(material_change={"ask_model": True})
    ticket = routed(town)

    replied(town, ticket, "Any news?")
    town.run_until_rest()
    town.clock.advance(120)
    town.run_until_rest()

    assert len(town.claude.calls) == 2
    calls = town.rows("SELECT tier, state FROM model_calls ORDER BY id")
    assert [(row["tier"], row["state"]) for row in calls] == [("cheap", "ok"), ("cheap", "ok")]


def test_whoever_switched_it_off_pays_nothing_for_it(build: Build) -> None:
    town = build(material_change={"enabled": False})
    ticket = routed(town)

    replied(town, ticket, LAWYER)
    town.run_until_rest()

    assert asked_for_comments(town) == 0
    assert not any("metric_sets" in each.query.get("include", "") for each in town.zendesk.requests)
    assert len(town.zendesk.writes(ticket)) == 1


def test_a_dry_run_shows_the_escalation_and_leaves_no_trace(build: Build) -> None:
    town = build()
    ticket = routed(town)
    replied(town, ticket, LAWYER)

    rehearsed = town.run(dry_run=True)

    assert rehearsed.summary["escalated"] == 1
    assert len(town.zendesk.writes(ticket)) == 1
    assert len(town.rows("SELECT id FROM submissions")) == 1


def test_explain_tells_both_decisions_in_order(
    build: Build, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    town = build()
    ticket = routed(town)
    replied(town, ticket, "Any news?")
    town.run_until_rest()
    replied(town, ticket, LAWYER)
    town.run_until_rest()
    settings = tmp_path / "settings.toml"
    settings.write_text(f'[store]\nurl = "sqlite:///{town.database}"\n')

    code = explain(str(ticket), ask=False, as_json=False, config=settings)

    told = capsys.readouterr().out
    assert code == 0
    order = [
        "decided: routed",
        "no change: nothing that the requester wrote changes where it belongs",
        "they change it: generation 3 begins",
        "decided: escalated (material_change) because: the requester wrote again: guardrail word my lawyer",
    ]
    assert sorted(order, key=told.index) == order


def test_explain_names_the_signals_of_a_decision(
    build: Build, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    town = build()
    first = routed(town)
    second = town.ticket()
    town.run_until_rest()
    settings = tmp_path / "settings.toml"
    settings.write_text(f'[store]\nurl = "sqlite:///{town.database}"\n')

    explain(str(second), ask=False, as_json=False, config=settings)

    assert "signal repeat: 1 earlier in the last 24 hours: tagged" in capsys.readouterr().out
    assert "ai_repeat" in town.zendesk.tickets()[second].tags
    assert "ai_repeat" not in town.zendesk.tickets()[first].tags
