"""A pass from end to end: what is classified, what is written, and what is left alone."""

from __future__ import annotations

import threading
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import replace
from typing import Any

import pytest

from connector.domain.classification import Classification, Tier
from connector.domain.decision import Outcome
from connector.domain.ticket import Author, Nature, Status
from connector.errors import AuthRefused, RateLimited, RequestRejected, Unavailable
from tests.support.world import World

Labelled = Callable[..., Classification]


def test_an_original_gets_its_group_tags_and_priority(world: World) -> None:
    ticket = world.arrives(tags=("vip",))

    summary = world.run()

    after = world.helpdesk.tickets[ticket]
    assert (after.group, after.priority) == ("11", "normal")
    assert after.tags[0] == "vip"
    assert {"ai_routed", "ai_team__billing", "ai_queue__billing-normal"} <= set(after.tags)
    assert summary.as_json() | {"cost": 0} == {
        "polled": 1,
        "screened": {"original": 1},
        "decided": {"cheap": 1},
        "languages": {},
        "written": {"applied": 1},
        "escalated": 0,
        "failed": 0,
        "model_calls": 1,
        "cost": 0,
    }


def test_a_second_pass_asks_and_writes_nothing(world: World) -> None:
    world.arrives()
    world.run()

    summary = world.run()

    assert (len(world.model.asked), len(world.helpdesk.writes)) == (1, 1)
    assert summary.screened == {"echo": 1}


@pytest.mark.parametrize(
    "facts",
    [
        {"author": Author.AGENT},
        {"nature": Nature.MERGED},
        {"nature": Nature.SAMPLE},
        {"status": Status.SOLVED},
        {"group": "11"},
        {"assignee": "5"},
        {"is_public": False},
    ],
)
def test_what_is_not_an_original_reaches_no_model_and_is_not_touched(
    world: World, facts: dict[str, Any]
) -> None:
    world.arrives(**facts)

    world.run()

    assert (world.model.asked, world.helpdesk.writes) == ([], [])


def test_a_reply_after_the_decision_changes_nothing(world: World) -> None:
    ticket = world.arrives()
    world.run()
    world.clock.advance(60)
    world.helpdesk.person(ticket, status=Status.OPEN)

    summary = world.run()

    assert summary.screened == {"echo": 1, "update": 1}
    assert (len(world.model.asked), len(world.helpdesk.writes)) == (1, 1)


def test_a_group_changed_later_is_a_correction_and_stands(world: World) -> None:
    ticket = world.arrives()
    world.run()
    world.clock.advance(60)
    world.helpdesk.person(ticket, group="12")

    summary = world.run()

    assert summary.screened["correction"] == 1
    assert world.helpdesk.tickets[ticket].group == "12"


def test_a_person_who_routes_while_the_model_thinks_is_not_overruled(
    world: World, labelled: Labelled
) -> None:
    ticket = world.arrives()

    def person_is_faster(tier: Tier, _: object) -> Classification:
        world.helpdesk.person(ticket, group="12")
        return labelled(tier)

    world.model.reply = person_is_faster

    summary = world.run()

    assert world.helpdesk.tickets[ticket].group == "12"
    assert world.helpdesk.writes == []
    assert summary.written == {Outcome.SUPERSEDED: 1}


def test_a_person_who_routes_between_our_reading_and_our_writing_stands(world: World) -> None:
    ticket = world.arrives()
    world.before_the_first_write(lambda: world.helpdesk.person(ticket, group="12"))

    summary = world.run()

    assert world.helpdesk.tickets[ticket].group == "12"
    assert world.helpdesk.writes == []
    assert summary.written == {Outcome.SUPERSEDED: 1}


def test_tags_added_by_a_person_between_our_reading_and_our_writing_survive(world: World) -> None:
    ticket = world.arrives()
    world.before_the_first_write(lambda: world.helpdesk.person(ticket, tags=("vip",)))

    world.run()

    after = world.helpdesk.tickets[ticket]
    assert {"vip", "ai_routed"} <= set(after.tags)
    assert (after.group, len(world.helpdesk.writes)) == ("11", 1)


def test_a_guardrail_word_goes_to_the_human_group_with_a_note(world: World) -> None:
    ticket = world.arrives(text="My lawsuit is ready.")

    summary = world.run()

    after = world.helpdesk.tickets[ticket]
    assert after.group == "19"
    assert {"ai_needs_human", "ai_cause__guardrail"} <= set(after.tags)
    assert "guardrail word lawsuit" in world.helpdesk.notes[ticket][0]
    assert (summary.escalated, summary.model_calls) == (1, 0)


@pytest.mark.parametrize("reply", [RequestRejected("HTTP 400"), ZeroDivisionError("bug"), "refusal"])
def test_whatever_goes_wrong_the_ticket_ends_in_the_human_group(world: World, reply: Any) -> None:
    ticket = world.arrives()
    world.model.reply = lambda _tier, _ticket: reply

    summary = world.run()

    assert world.helpdesk.tickets[ticket].group == "19"
    assert "ai_needs_human" in world.helpdesk.tickets[ticket].tags
    assert summary.failed == 1


def test_an_outage_leaves_tickets_waiting_and_then_fails_open(world: World) -> None:
    ticket = world.arrives()
    world.model.reply = lambda _tier, _ticket: Unavailable("HTTP 529", retry_after_seconds=120)

    world.run()
    waiting = world.helpdesk.tickets[ticket].group
    for _ in range(10):
        world.clock.advance(120)
        world.run()

    assert waiting is None
    assert world.helpdesk.tickets[ticket].group == "19"
    assert "ai_cause__waited_too_long" in world.helpdesk.tickets[ticket].tags
    assert len(world.helpdesk.writes) == 1


def test_the_last_fraction_of_a_wait_is_not_spent_asking_again_and_again(world: World) -> None:
    ticket = world.arrives()

    def reply(_tier: Tier, _ticket: object) -> RateLimited | str:
        later = RateLimited("HTTP 429", retry_after_seconds=60)
        return later if len(world.model.asked) < 20 else "asked twenty times"

    world.model.reply = reply
    world.run()
    world.clock.advance(900 - 0.0004)  # of the 900 seconds that it may wait, less than a millisecond is left

    world.run()

    assert "ai_cause__waited_too_long" in world.helpdesk.tickets[ticket].tags
    assert len(world.model.asked) == 3


def test_an_outage_that_ends_costs_a_ticket_nothing_but_time(world: World, labelled: Labelled) -> None:
    ticket = world.arrives()
    world.model.reply = lambda _tier, _ticket: RateLimited("HTTP 429", retry_after_seconds=60)
    world.run()
    world.model.reply = lambda tier, _ticket: labelled(tier)
    world.clock.advance(61)

    world.run()

    assert world.helpdesk.tickets[ticket].group == "11"


def test_a_short_hiccup_is_retried_within_the_pass(world: World, labelled: Labelled) -> None:
    ticket = world.arrives()
    replies: list[Any] = [Unavailable("reset"), labelled()]
    world.model.reply = lambda _tier, _ticket: replies.pop(0)

    world.run()

    assert world.helpdesk.tickets[ticket].group == "11"
    assert len(world.model.asked) == 2


def test_a_refused_key_stops_the_stage_and_loses_nothing(world: World, labelled: Labelled) -> None:
    ticket = world.arrives()
    world.model.reply = lambda _tier, _ticket: AuthRefused("HTTP 401")
    with pytest.raises(AuthRefused):
        world.run()
    world.model.reply = lambda tier, _ticket: labelled(tier)

    world.run()

    assert world.helpdesk.tickets[ticket].group == "11"


def test_a_paid_answer_is_not_bought_again(world: World, labelled: Labelled) -> None:
    world.arrives()
    strong: list[Any] = [RateLimited("HTTP 429", retry_after_seconds=60), labelled(Tier.STRONG)]
    world.model.reply = lambda tier, _: labelled(team_confidence=0.3) if tier is Tier.CHEAP else strong.pop(0)
    world.run()
    world.clock.advance(61)

    world.run()

    assert [tier for tier, _ in world.model.asked] == [Tier.CHEAP, Tier.STRONG, Tier.STRONG]


def test_a_doubtful_submission_is_asked_twice_and_decided_by_the_strong_model(
    world: World, labelled: Labelled
) -> None:
    world.arrives()
    world.model.reply = lambda tier, _: labelled(tier, team_confidence=0.3 if tier is Tier.CHEAP else 0.9)

    summary = world.run()

    assert summary.decided == {"strong": 1}


def test_text_that_the_feed_does_not_carry_is_fetched(world: World) -> None:
    ticket = world.arrives(text=None, subject="Conversation with Ada")
    world.helpdesk.tickets[ticket] = world.make_ticket(
        id=ticket, text="I cannot log in", version=world.helpdesk.tickets[ticket].version
    )

    world.run()

    assert world.helpdesk.tickets[ticket].group == "11"


def test_many_tickets_are_each_decided_and_written_once(world: World) -> None:
    tickets = [world.arrives() for _ in range(250)]

    summary = world.run()

    assert summary.written == {"applied": 250}
    assert sorted(write.seen.id for write in world.helpdesk.writes) == sorted(tickets)
    assert len(world.model.asked) == 250


def test_after_a_pause_the_first_call_goes_alone_and_fills_the_prompt_cache(
    world: World, labelled: Labelled
) -> None:
    together = threading.Barrier(2)
    alone = []

    def reply(tier: Tier, _: object) -> Classification:
        if len(world.model.asked) == 1:
            with suppress(threading.BrokenBarrierError):
                together.wait(timeout=0.3)
            alone.append(len(world.model.asked) == 1)
        return labelled(tier)

    world.model.reply = reply
    for _ in range(8):
        world.arrives()

    world.run()

    assert (alone, len(world.model.asked)) == ([True], 8)


def test_an_unexpected_answer_is_paid_and_counted(world: World) -> None:
    world.arrives()
    world.model.reply = lambda _tier, _ticket: "truncated"

    summary = world.run()

    assert (summary.model_calls, summary.as_json()["cost"]) == (2, 0.0002)


def test_no_event_carries_ticket_text(world: World) -> None:
    secret = "the launch code is 0000"
    world.arrives(subject=secret, text=secret)
    world.arrives(subject=secret, text=f"{secret} lawsuit")

    world.run()

    assert secret not in repr(world.events)


def test_a_second_issue_is_a_tag_for_the_team_and_a_line_for_whoever_must_decide(
    world: World, labelled: Labelled
) -> None:
    def reply(tier: Tier, ticket: Mapping[str, Any]) -> Classification:
        sure = 0.95 if ticket["subject"] == "Sure" else 0.4
        return replace(labelled(tier, team_confidence=sure), secondary_team="security")

    world.model.reply = reply
    routed, escalated = world.arrives(subject="Sure"), world.arrives(subject="Unsure")

    world.run()

    assert "ai_secondary__security" in world.helpdesk.tickets[routed].tags
    assert world.helpdesk.tickets[routed].group == "11"
    assert "\nAnother issue in it: security\n" in world.helpdesk.notes[escalated][0]
