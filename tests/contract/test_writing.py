"""One write: only what was asked, only to a ticket that is still as it was seen, and told honestly."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import pytest

from connector.clock import ManualClock
from connector.domain.decision import EMPTY, Change, Outcome
from connector.domain.ticket import Status
from tests.contract.account import Account, needs
from tests.contract.writes import OURS, arrived, noted, routing, see, write

# --- What a write does ------------------------------------------------------------------------------------


def test_group_tags_and_priority_reach_the_ticket(account: Account, billing: str) -> None:
    seen = arrived(account)

    outcome = write(account, replace(routing(seen, billing), priority="high"))

    shown = account.shown(seen.id)
    assert (outcome.ticket_id, outcome.outcome, outcome.detail) == (seen.id, Outcome.APPLIED, "")
    assert (shown.group, shown.tags, shown.priority) == (billing, frozenset(OURS), "high")


def test_group_and_tags_are_one_update(account: Account, billing: str) -> None:
    needs(account.helpdesk.capabilities.atomic_write, "write of both in one request")
    seen = arrived(account)

    write(account, routing(seen, billing))

    assert account.shown(seen.id).writes == 1


def test_what_a_change_does_not_name_stays_as_it_is(account: Account, billing: str) -> None:
    ticket_id = account.open(tags=["vip"])
    account.person_sets(ticket_id, group=billing, assignee=account.agent, priority="high")
    account.settle()
    (before,) = see(account, ticket_id)

    write(account, Change("d-1", before, None, ("ai_billing",)))

    (after,) = see(account, ticket_id)
    kept = [(each.group, each.assignee, each.priority, each.status) for each in (before, after)]
    assert kept[0] == kept[1]
    assert set(after.tags) == {"vip", "ai_billing"}


def test_empty_takes_group_and_priority_away(account: Account, billing: str) -> None:
    seen = arrived(account)
    write(account, replace(routing(seen, billing), priority="high"))
    account.settle()
    (routed,) = see(account, seen.id)

    outcome = write(account, Change("undo-1", routed, EMPTY, (), EMPTY, remove_tags=OURS))

    shown = account.shown(seen.id)
    assert (outcome.outcome, outcome.group) == (Outcome.APPLIED, None)
    assert (shown.group, shown.priority, shown.tags) == (None, None, frozenset())


def test_other_peoples_tags_survive_what_we_add_and_what_we_remove(account: Account, billing: str) -> None:
    seen = arrived(account, tags=["vip"])
    write(account, routing(seen, billing))
    account.settle()
    account.person_sets(seen.id, tags=["vip", *OURS, "mine"])
    account.settle()
    (now,) = see(account, seen.id)

    write(account, Change("undo-1", now, None, ("ai_undone",), remove_tags=OURS))

    assert account.shown(seen.id).tags == {"vip", "mine", "ai_undone"}


def test_a_note_is_for_agents_alone(account: Account, billing: str, clock: ManualClock) -> None:
    needs(account.helpdesk.capabilities.notes, "notes")
    seen, since = arrived(account), clock.now() - timedelta(hours=1)
    said = account.shown(seen.id).said

    write(account, routing(seen, billing, note="Why: a duplicate charge."))

    shown = account.shown(seen.id)
    assert (shown.notes, shown.said) == (("Why: a duplicate charge.",), said)
    messages = account.helpdesk.messages(seen, since)
    assert not any("duplicate charge" in message.text for message in messages)


# --- What it answers --------------------------------------------------------------------------------------


def test_the_version_after_a_write_is_the_one_that_is_read_and_delivered(
    account: Account, billing: str, clock: ManualClock
) -> None:
    seen = arrived(account)

    outcome = write(account, routing(seen, billing))

    account.settle()
    (now,) = see(account, seen.id)
    pages = account.helpdesk.pages(None, clock.now() - timedelta(days=1))
    last = [each for page in pages for each in page.tickets if each.id == seen.id][-1]
    assert outcome.version != seen.version
    assert (outcome.version, outcome.at, outcome.group) == (now.version, now.updated_at, now.group)
    assert outcome.left in (None, now.standing)
    assert (last.version, last.standing) == (now.version, now.standing)


def test_a_ticket_that_is_as_wanted_is_not_written(account: Account, billing: str) -> None:
    seen = arrived(account)
    write(account, routing(seen, billing))
    account.settle()
    (routed,) = see(account, seen.id)

    outcome = write(account, routing(routed, billing))

    assert (outcome.outcome, outcome.version) == (Outcome.NO_OP, routed.version)
    assert account.shown(seen.id).writes == 1
    assert see(account, seen.id) == [routed]


@pytest.mark.parametrize("what", ["group", "assignee", "status", "priority", "tags", "reply"])
def test_a_person_who_was_there_before_the_write_wins(account: Account, billing: str, what: str) -> None:
    security, seen = account.add_group("Security"), arrived(account)
    match what:
        case "group":
            account.person_sets(seen.id, group=security)
        case "assignee":
            account.person_sets(seen.id, assignee=account.agent)
        case "status":
            account.person_sets(seen.id, status=Status.PENDING)
        case "priority":
            account.person_sets(seen.id, priority="low")
        case "tags":
            account.person_sets(seen.id, tags=["mine"])
        case _:
            account.agent_replies(seen.id, "I am on it.")
    before = account.shown(seen.id)

    outcome = write(account, routing(seen, billing))

    assert outcome.outcome is Outcome.CONFLICT
    assert account.shown(seen.id) == before


def test_a_person_who_gets_in_between_read_and_write_wins(account: Account, billing: str) -> None:
    needs(account.helpdesk.capabilities.conditional_write, "conditional write")
    security, seen = account.add_group("Security"), arrived(account, tags=["vip"])
    account.before_the_next_write(lambda: account.person_sets(seen.id, group=security, tags=["vip", "mine"]))

    outcome = write(account, routing(seen, billing))

    shown = account.shown(seen.id)
    assert outcome.outcome is Outcome.CONFLICT
    assert (shown.group, shown.tags, shown.writes) == (security, frozenset({"vip", "mine"}), 0)


def test_a_deleted_ticket_is_gone(account: Account, billing: str) -> None:
    seen = arrived(account)
    account.delete(seen.id)

    assert write(account, routing(seen, billing)).outcome is Outcome.GONE


def test_a_ticket_that_was_closed_meanwhile_is_left_alone(account: Account, billing: str) -> None:
    seen = arrived(account)
    account.person_sets(seen.id, status=Status.CLOSED)
    before = account.shown(seen.id)

    outcome = write(account, routing(seen, billing))

    assert outcome.outcome in (Outcome.GONE, Outcome.CONFLICT)
    assert account.shown(seen.id) == before


def test_a_group_that_does_not_exist_is_rejected_for_good(account: Account, billing: str) -> None:
    seen = arrived(account)
    account.delete_group(billing)

    assert write(account, routing(seen, billing)).outcome is Outcome.REJECTED
    assert account.shown(seen.id).group is None


def test_of_a_rejected_change_nothing_is_left(account: Account, billing: str) -> None:
    needs(account.helpdesk.capabilities.atomic_write, "write of both in one request")
    seen = arrived(account)
    account.delete_group(billing)
    before = account.shown(seen.id)

    write(account, routing(seen, billing, note=noted(account)))

    assert account.shown(seen.id) == before
