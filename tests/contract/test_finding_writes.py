"""Was it us?  A write of ours is found again, nobody else's is taken for it, and a dry run leaves none."""

from __future__ import annotations

from dataclasses import replace

import pytest

from connector.domain.decision import Outcome
from connector.helpdesk.dry_run import DryRunHelpdesk
from connector.pipeline.traces import has_arrived
from tests.contract.account import Account, Trouble, needs
from tests.contract.writes import OURS, arrived, noted, routing, see, write

LATER = ("nothing", "reply", "group", "assignee", "tags")


def act_on(account: Account, ticket_id: str, what: str) -> None:
    """What somebody does to the ticket after our write, or instead of it."""
    match what:
        case "reply":
            account.customer_replies(ticket_id, "Any news?")
        case "group":
            account.person_sets(ticket_id, group=account.add_group("Security"))
        case "assignee":
            account.person_sets(ticket_id, assignee=account.agent)
        case "tags":
            account.person_sets(ticket_id, tags=["vip", "mine"])


def test_our_write_is_found_and_another_one_is_not(account: Account, billing: str) -> None:
    seen, other = arrived(account), arrived(account)

    write(account, routing(seen, billing))

    find = account.helpdesk.find_write
    (now,) = see(account, seen.id)
    assert find(now, f"decision-{seen.id}") in (True, None)
    assert find(now, "decision-of-somebody-else") in (False, None)
    assert find(other, f"decision-{seen.id}") in (False, None)
    assert find(other, f"decision-{other.id}") in (False, None)


def test_a_person_who_does_what_we_wanted_is_not_taken_for_us(account: Account, billing: str) -> None:
    seen = arrived(account)
    account.person_sets(seen.id, group=billing, tags=OURS)

    (now,) = see(account, seen.id)
    assert account.helpdesk.find_write(now, f"decision-{seen.id}") in (False, None)


def test_a_write_that_lost_against_a_person_is_not_found(account: Account, billing: str) -> None:
    seen = arrived(account)
    account.person_sets(seen.id, tags=["mine"])

    write(account, routing(seen, billing))

    (now,) = see(account, seen.id)
    assert account.helpdesk.find_write(now, f"decision-{seen.id}") in (False, None)


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


def test_a_write_whose_answer_was_lost_is_unclear_and_never_sent_twice(
    account: Account, billing: str
) -> None:
    seen = arrived(account)
    needs(account.strike(Trouble.ANSWER_LOST), "network that loses answers")

    outcome = write(account, routing(seen, billing, note=noted(account)))

    assert (outcome.outcome, outcome.version) == (Outcome.UNCLEAR, None)
    assert account.shown(seen.id).writes == 1
    (now,) = see(account, seen.id)
    assert account.helpdesk.find_write(now, f"decision-{seen.id}") in (True, None)


@pytest.mark.parametrize("later", LATER)
def test_a_write_is_known_by_its_traces_to_whoever_did_not_send_it(
    account: Account, billing: str, later: str
) -> None:
    seen = arrived(account, tags=["vip"])
    change = replace(routing(seen, billing), priority="high")
    write(account, change)
    act_on(account, seen.id, later)

    (now,) = see(account, seen.id)

    assert has_arrived(change, now) is True


@pytest.mark.parametrize("later", [each for each in LATER if each != "assignee"])  # may bring a group along
def test_a_write_that_did_not_arrive_leaves_no_traces(account: Account, billing: str, later: str) -> None:
    seen = arrived(account, tags=["vip"])
    change = replace(routing(seen, billing), priority="high")
    act_on(account, seen.id, later)

    (now,) = see(account, seen.id)

    assert has_arrived(change, now) is False
