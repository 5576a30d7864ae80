"""Reading outside the feed: groups, people, tickets as they are now, and what was said on them."""

from __future__ import annotations

from collections.abc import Sequence

from connector.clock import ManualClock
from connector.domain.ticket import Author, Status, Ticket, Unreadable
from tests.contract.account import Account


def fetch(account: Account, ticket_id: str) -> Ticket:
    found = account.helpdesk.fetch([ticket_id])[ticket_id]
    assert isinstance(found, Ticket)
    return found


def test_the_account_says_who_we_are(account: Account) -> None:
    ours = account.helpdesk.check()

    assert ours.name
    assert ours.role


def test_groups_have_ids_of_their_own_even_under_one_name(account: Account) -> None:
    made = [account.add_group("Billing"), account.add_group("Billing"), account.add_group("Security")]
    gone = account.add_group("Old")
    account.delete_group(gone)

    found = account.helpdesk.groups()

    names = {group.id: group.name for group in found}
    assert len(names) == len(found)
    assert [names[each] for each in made] == ["Billing", "Billing", "Security"]
    assert gone not in names


def test_people_are_found_by_their_whole_address_whatever_its_case(account: Account) -> None:
    jane = account.add_customer("jane.doe@example.com")
    account.add_customer("mary.jane.doe@example.com")

    assert list(account.helpdesk.requesters("Jane.Doe@Example.com")) == [jane]
    assert list(account.helpdesk.requesters("doe@example.com")) == []


def test_a_ticket_names_the_requester_by_the_id_that_the_address_leads_to(account: Account) -> None:
    jane = account.add_customer("jane.doe@example.com")

    ticket = fetch(account, account.open(requester=jane))

    assert [ticket.requester] == list(account.helpdesk.requesters("jane.doe@example.com"))


def test_fetch_tells_the_state_of_this_moment(account: Account) -> None:
    group, ticket_id = account.add_group("Billing"), account.open()
    account.settle()
    account.person_sets(ticket_id, group=group, assignee=account.agent, tags=["vip"], status=Status.PENDING)

    now = fetch(account, ticket_id)

    assert (now.group, now.assignee, now.tags) == (group, account.agent, ("vip",))
    assert now.status is Status.PENDING


def test_fetch_finds_many_at_once_and_leaves_out_what_is_gone(account: Account) -> None:
    made = [account.open(f"Question {number}") for number in range(120)]
    account.settle()
    account.delete(made[7])

    found = account.helpdesk.fetch([*made, account.unknown_id])

    assert set(found) == {*made} - {made[7]}
    assert {ticket.subject for ticket in found.values() if isinstance(ticket, Ticket)} == {
        f"Question {number}" for number in range(120) if number != 7
    }


def test_one_deleted_ticket_alone_is_absent_and_so_is_one_that_never_was(account: Account) -> None:
    ticket_id = account.open()
    account.settle()
    account.delete(ticket_id)

    assert account.helpdesk.fetch([ticket_id]) == {}
    assert account.helpdesk.fetch([account.unknown_id]) == {}
    assert account.helpdesk.fetch([]) == {}


def test_a_ticket_that_nobody_can_read_is_neither_gone_nor_in_the_way(account: Account) -> None:
    good, bad = account.open(), account.open()
    account.garble(bad)

    together = account.helpdesk.fetch([good, bad])
    alone = account.helpdesk.fetch([bad])[bad]

    assert isinstance(together[good], Ticket)
    for found in (together[bad], alone):
        assert isinstance(found, Unreadable)
        assert found.ticket_id == bad


def test_the_text_is_the_requesters_first_words_whatever_was_said_later(account: Account) -> None:
    ticket_id = account.open("Charged twice", "You charged me twice.")
    account.settle()
    account.agent_replies(ticket_id, "Let me see.")
    account.agent_replies(ticket_id, "An angry one.", public=False)
    account.customer_replies(ticket_id, "Hello?")
    account.settle()

    now = fetch(account, ticket_id)

    assert (now.subject, now.text, now.author) == ("Charged twice", "You charged me twice.", Author.CUSTOMER)


def test_first_words_of_an_agent_are_not_taken_for_a_customers(account: Account) -> None:
    ticket = fetch(account, account.open(by_agent=True))

    assert ticket.author is not Author.CUSTOMER


def spoken(account: Account, ticket: Ticket, words: Sequence[str]) -> None:
    """The customer and an agent take turns, some time apart."""
    for number, text in enumerate(words):
        account.settle()
        (account.agent_replies if number % 2 else account.customer_replies)(ticket.id, text)


def test_messages_are_those_after_a_moment_with_their_authors_and_the_oldest_first(
    account: Account, clock: ManualClock
) -> None:
    ticket = fetch(account, account.open())
    spoken(account, ticket, ["Old news", "Noted"])
    account.settle()
    since = clock.now()
    spoken(account, ticket, ["It is urgent!", "On my way", "Thanks"])

    found = account.helpdesk.messages(ticket, since)

    assert [(each.author, each.text) for each in found] == [
        (Author.CUSTOMER, "It is urgent!"),
        (Author.AGENT, "On my way"),
        (Author.CUSTOMER, "Thanks"),
    ]
    assert sorted(each.at for each in found) == [each.at for each in found]
    assert all(each.at > since for each in found)


def test_what_agents_say_among_themselves_is_no_message(account: Account, clock: ManualClock) -> None:
    ticket = fetch(account, account.open())
    since = clock.now()
    account.settle()
    account.agent_replies(ticket.id, "Between us: he is right.", public=False)

    assert list(account.helpdesk.messages(ticket, since)) == []


def test_once_a_version_has_settled_a_further_change_is_told_apart(
    account: Account, clock: ManualClock
) -> None:
    ticket_id = account.open()
    clock.advance(fetch(account, ticket_id).settles_in_seconds)
    settled = fetch(account, ticket_id)

    account.person_sets(ticket_id, tags=["mine"])

    assert settled.settles_in_seconds == 0
    now = fetch(account, ticket_id)
    assert (now.version, now.fingerprint) != (settled.version, settled.fingerprint)
