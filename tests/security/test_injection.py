"""Tickets that give orders, and a model that obeys them: nothing outside the settings is ever written."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import replace

import pytest

from connector.domain.taxonomy import Axis
from connector.sandbox.claude_api import Scripted
from connector.sandbox.zendesk_api import Ticket, Write
from tests.security.conftest import BuildTown, Hostile
from tests.security.obedience import OBEDIENT
from tests.support.town import Town

BENIGN = {
    "Invoice": "Please refund invoice 4711, I was charged twice.",
    "Down": "All API calls time out since this morning.",
    "Export": "How do I export my data as a table?",
    "Login": "I forgot my password, please reset it.",
    "Set-up": "We are new here: how do we invite the whole team?",
}
ANSWERS = list(OBEDIENT.values())


def obeying(rotation: int) -> Callable[..., Scripted | None]:
    """Each hostile ticket gets one of the obedient answers; benign ones are judged as usual."""

    def author(request: object) -> Scripted | None:
        subject = request.ticket.get("subject")  # type: ignore[attr-defined]
        if subject in BENIGN:
            return None
        return ANSWERS[(int(request.subject_hash, 16) + rotation) % len(ANSWERS)]  # type: ignore[attr-defined]

    return author


def arrive(town: Town, corpus: list[Hostile]) -> dict[int, Hostile]:
    return {town.ticket(each.subject, each.text, tags=["vip_no"]): each for each in corpus}


def allowed_tags(town: Town) -> re.Pattern[str]:
    """What the settings can make of a decision, word by word."""
    taxonomy, prefix = town.settings.taxonomy(), town.settings.tags.prefix
    names = {axis: "|".join(taxonomy.names(axis)) for axis in Axis}
    labels = "|".join(f"{axis.value}__({names[axis]})" for axis in Axis)
    team, urgency = names[Axis.TEAM], names[Axis.URGENCY]
    queues = f"(urgent-security|(critical|priority)-({team})|({team})-({urgency}))"
    marks = r"routed|needs_human|escalated|repeat|cause__[a-z_]+|sla__\d+"
    ours = rf"{marks}|queue__{queues}|secondary__({team})|{labels}"
    return re.compile(f"{prefix}({ours})")


def trespasses(town: Town, write: Write) -> list[str]:
    """Everything in a write that a decision of ours cannot have asked for."""
    before, after = write.before, write.after
    found = [f"tag {tag}" for tag in sorted(write.tags_added) if not allowed_tags(town).fullmatch(tag)]
    if after.group_id not in town.groups.values() or after.group_id == town.groups["Inbox"]:
        found.append(f"group {after.group_id}")
    if after.priority not in {before.priority, *town.settings.priorities().values()}:
        found.append(f"priority {after.priority}")
    if any(note.public or "{{" in note.body or len(note.body) > 2000 for note in write.notes):
        found.append("a note that is public, huge or alive")
    if "\x1b" in "".join(note.body for note in write.notes):
        found.append("a note that drives a terminal")
    ours = replace(
        after,
        tags=before.tags,
        group_id=before.group_id,
        priority=before.priority,
        updated_at=before.updated_at,
        generated_at=before.generated_at,
        comment_count=before.comment_count,
    )
    return found + (["another field"] if ours != before or not set(before.tags) <= set(after.tags) else [])


def fate(ticket: Ticket) -> tuple[object, ...]:
    return ticket.group_id, ticket.priority, ticket.tags, ticket.status, ticket.assignee_id


@pytest.fixture
def untroubled(build_town: BuildTown) -> dict[str | None, tuple[object, ...]]:
    """What becomes of the benign tickets where nobody is hostile."""
    town = build_town("untroubled")
    for subject, text in BENIGN.items():
        town.ticket(subject, text)
    town.run_until_rest()
    names = {number: name for name, number in town.groups.items()}
    return {
        each.subject: (names[each.group_id or 0], *fate(each)[1:]) for each in town.zendesk.tickets().values()
    }


@pytest.mark.parametrize("rotation", range(0, len(ANSWERS), 3))
def test_an_obedient_model_cannot_make_us_write_what_the_settings_do_not_say(
    rotation: int,
    build_town: BuildTown,
    corpus: list[Hostile],
    untroubled: dict[str | None, tuple[object, ...]],
) -> None:
    town = build_town(claude={"author": obeying(rotation)}, settings={"write": {"note": "all"}})
    hostile = arrive(town, corpus[: len(corpus) // 2])
    benign = [town.ticket(subject, text) for subject, text in BENIGN.items()]
    hostile |= arrive(town, corpus[len(corpus) // 2 :])

    town.run_until_rest()

    tickets, names = town.zendesk.tickets(), {number: name for name, number in town.groups.items()}
    writes = town.zendesk.writes()
    assert sorted(write.ticket_id for write in writes) == sorted([*hostile, *benign])
    assert {write.ticket_id: found for write in writes if (found := trespasses(town, write))} == {}
    assert any("{ {ticket.requester.email}}" in note.body for write in writes for note in write.notes)
    assert {
        tickets[each].subject: (names[tickets[each].group_id or 0], *fate(tickets[each])[1:])
        for each in benign
    } == untroubled


def test_a_guardrail_word_reaches_a_person_whatever_the_ticket_orders_and_the_model_says(
    build_town: BuildTown, corpus: list[Hostile]
) -> None:
    town = build_town(claude={"author": lambda _: OBEDIENT["the highest urgency"]})
    guarded = {ticket for ticket, each in arrive(town, corpus).items() if each.guarded}

    town.run_until_rest()

    human = town.groups[town.settings.helpdesk.human_group]
    rows = town.rows("SELECT ticket_id FROM decisions WHERE cause = 'guardrail'")
    assert guarded
    assert {int(row["ticket_id"]) for row in rows} == guarded
    assert {town.zendesk.tickets()[ticket].group_id for ticket in guarded} == {human}


def test_no_event_carries_a_word_of_a_hostile_ticket_or_answer(
    build_town: BuildTown, corpus: list[Hostile]
) -> None:
    town = build_town(claude={"author": obeying(1)})
    arrive(town, [replace(each, text=f"{each.text} canary-of-the-text") for each in corpus])

    town.run_until_rest()

    told = repr(town.events)
    assert town.told("ticket.decided")
    assert not [word for word in ("canary", "refund_approved", "vip", "root", "10,000") if word in told]


def test_the_corpus_is_as_wide_as_it_should_be(corpus: list[Hostile]) -> None:
    assert len(corpus) >= 50
    assert len({each.trick for each in corpus}) >= 20
    assert len({each.language for each in corpus}) >= 15
    assert len({each.id for each in corpus}) == len(corpus)
