"""Writing: only what was asked, only to a ticket that is still as it was seen, and told honestly."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import timedelta

import pytest

from connector.clock import ManualClock
from connector.domain.decision import EMPTY, Applied, Change, Outcome
from connector.domain.ticket import Status, Ticket
from connector.helpdesk.dry_run import DryRunHelpdesk
from tests.contract.account import Account, needs

OURS = ("ai_billing", "ai_urgent")


def see(account: Account, *ticket_ids: str) -> list[Ticket]:
    found = account.helpdesk.fetch(ticket_ids)
    tickets = [found[each] for each in ticket_ids]
    return [each for each in tickets if isinstance(each, Ticket)]


def arrived(account: Account, **facts: Sequence[str]) -> Ticket:
    """A ticket as we saw it, whose version has settled."""
    ticket_id = account.open(tags=facts.get("tags", ()))
    account.settle()
    (ticket,) = see(account, ticket_id)
    return ticket


def routing(seen: Ticket, group: str, note: str | None = None) -> Change:
    return Change(f"decision-{seen.id}", seen, group, OURS, note=note)


def write(account: Account, change: Change) -> Applied:
    (outcome,) = account.helpdesk.apply([change])
    return outcome


@pytest.fixture
def billing(account: Account) -> str:
    return account.add_group("Billing")


# --- What a write does ------------------------------------------------------------------------------------


def test_group_tags_and_priority_reach_the_ticket(account: Account, billing: str) -> None:
    seen = arrived(account)

    outcome = write(account, replace(routing(seen, billing), priority="high"))

    shown = account.shown(seen.id)
    assert (outcome.ticket_id, outcome.outcome, outcome.detail) == (seen.id, Outcome.APPLIED, "")
    assert (shown.group, shown.tags, shown.priority) == (billing, frozenset(OURS), "high")


def test_group_tags_and_note_are_one_update(account: Account, billing: str) -> None:
    needs(account.helpdesk.capabilities.atomic_write, "write in one request")
    needs(account.helpdesk.capabilities.notes, "notes")
    seen = arrived(account)

    write(account, routing(seen, billing, note="A duplicate charge."))

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

    outcome = write(account, routing(seen, billing, note=None))

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


def test_a_closed_ticket_is_gone(account: Account, billing: str) -> None:
    ticket_id = account.open()
    account.person_sets(ticket_id, status=Status.CLOSED)
    account.settle()
    (seen,) = see(account, ticket_id)
    before = account.shown(ticket_id)

    assert write(account, routing(seen, billing)).outcome is Outcome.GONE
    assert account.shown(ticket_id) == before


def test_a_group_that_does_not_exist_is_rejected_for_good(account: Account, billing: str) -> None:
    seen = arrived(account)
    account.delete_group(billing)

    assert write(account, routing(seen, billing)).outcome is Outcome.REJECTED
    assert account.shown(seen.id).group is None


def test_of_a_rejected_change_nothing_is_left(account: Account, billing: str) -> None:
    needs(account.helpdesk.capabilities.atomic_write, "write in one request")
    seen = arrived(account)
    account.delete_group(billing)
    before = account.shown(seen.id)

    write(account, routing(seen, billing, note="Why: a duplicate charge."))

    assert account.shown(seen.id) == before


# --- Many at a time ---------------------------------------------------------------------------------------


@pytest.mark.parametrize("is_bulk", [False, True], ids=["few", "bulk"])
def test_of_many_changes_each_has_an_outcome_of_its_own(
    account: Account, billing: str, *, is_bulk: bool
) -> None:
    can = account.helpdesk.capabilities
    needs(not is_bulk or can.bulk_size > can.bulk_from, "bulk writes")
    gone_group = account.add_group("Old")
    ids = [account.open(f"Question {number}") for number in range(can.bulk_from + 5 if is_bulk else 5)]
    account.settle()
    changes = [routing(seen, billing) for seen in see(account, *ids)]
    changes[1] = replace(changes[1], group=gone_group)
    changes[2] = Change("nothing", changes[2].seen, None, ())
    account.delete_group(gone_group)
    account.person_sets(ids[3], tags=["mine"])
    account.delete(ids[4])

    outcomes = list(account.helpdesk.apply(changes))

    told = {each.ticket_id: each.outcome for each in outcomes}
    assert len(outcomes) == len(ids)
    assert [told[each] for each in ids] == [
        Outcome.APPLIED,
        Outcome.REJECTED,
        Outcome.NO_OP,
        Outcome.CONFLICT,
        Outcome.GONE,
        *[Outcome.APPLIED] * (len(ids) - 5),
    ]
    assert [account.shown(each).writes for each in ids] == [1, 0, 0, 0, 0, *[1] * (len(ids) - 5)]


@pytest.mark.parametrize("is_bulk", [False, True], ids=["few", "bulk"])
def test_many_changes_add_and_remove_as_one_does(account: Account, billing: str, *, is_bulk: bool) -> None:
    can = account.helpdesk.capabilities
    needs(not is_bulk or can.bulk_size > can.bulk_from, "bulk writes")
    ids = [account.open(tags=["vip"]) for _ in range(can.bulk_from + 1 if is_bulk else 2)]
    account.settle()
    list(account.helpdesk.apply([routing(seen, billing) for seen in see(account, *ids)]))
    account.settle()
    routed = see(account, *ids)

    outcomes = list(
        account.helpdesk.apply(
            [Change(f"undo-{seen.id}", seen, EMPTY, (), remove_tags=OURS) for seen in routed]
        )
    )

    now = {each.id: each for each in see(account, *ids)}
    assert {(seen.group, frozenset(seen.tags)) for seen in routed} == {(billing, frozenset({"vip", *OURS}))}
    assert {(each.group, each.tags) for each in now.values()} == {(None, ("vip",))}
    assert {(each.outcome, each.version == now[each.ticket_id].version) for each in outcomes} == {
        (Outcome.APPLIED, True)
    }


# --- What we wrote ----------------------------------------------------------------------------------------


def test_our_write_is_found_and_another_one_is_not(account: Account, billing: str) -> None:
    seen, other = arrived(account), arrived(account)

    write(account, routing(seen, billing))

    find = account.helpdesk.find_write
    assert find(seen, f"decision-{seen.id}") in (True, None)
    assert find(seen, "decision-of-somebody-else") in (False, None)
    assert find(other, f"decision-{seen.id}") in (False, None)
    assert find(other, f"decision-{other.id}") in (False, None)


def test_a_person_who_does_what_we_wanted_is_not_taken_for_us(account: Account, billing: str) -> None:
    seen = arrived(account)
    account.person_sets(seen.id, group=billing, tags=OURS)

    assert account.helpdesk.find_write(seen, f"decision-{seen.id}") in (False, None)


def test_a_write_that_lost_against_a_person_is_not_found(account: Account, billing: str) -> None:
    seen = arrived(account)
    account.person_sets(seen.id, tags=["mine"])

    write(account, routing(seen, billing))

    assert account.helpdesk.find_write(seen, f"decision-{seen.id}") in (False, None)


def test_a_dry_run_reads_the_same_and_writes_nothing(account: Account, billing: str) -> None:
    seen, other = arrived(account), arrived(account)
    before = [account.shown(each.id) for each in (seen, other)]
    dry = DryRunHelpdesk(account.helpdesk)

    outcomes = list(dry.apply([routing(seen, billing, note="Why"), routing(other, billing)]))

    assert [(each.ticket_id, each.outcome) for each in outcomes] == [
        (seen.id, Outcome.DRY_RUN),
        (other.id, Outcome.DRY_RUN),
    ]
    assert [account.shown(each.id) for each in (seen, other)] == before
    assert dry.fetch([seen.id, other.id]) == {seen.id: seen, other.id: other}
    assert dry.find_write(seen, f"decision-{seen.id}") in (False, None)
    assert (dry.capabilities, dry.groups()) == (account.helpdesk.capabilities, account.helpdesk.groups())
