"""The newest tickets: what was opened last is listed before the feed shows it, and is the same ticket."""

from __future__ import annotations

from collections.abc import Collection
from datetime import timedelta

from connector.clock import ManualClock
from connector.domain.ticket import Author, Ticket, Unreadable
from tests.contract.account import Account, needs


def newest(account: Account, seen: Collection[str] = ()) -> list[Ticket]:
    """The newest tickets that can be read, in their order."""
    needs(account.helpdesk.capabilities.newest, "list of the newest")
    return [each for each in account.helpdesk.newest(seen) if isinstance(each, Ticket)]


def test_what_is_opened_is_listed_at_once_with_its_words_the_newest_first(account: Account) -> None:
    first, second = account.open("Charged twice", "Please refund me."), account.open("Locked out")

    found = newest(account)

    assert [each.id for each in found] == [second, first]
    assert (found[1].subject, found[1].text) == ("Charged twice", "Please refund me.")


def test_what_was_seen_is_left_out(account: Account) -> None:
    seen = {account.open() for _ in range(3)}
    fresh = account.open()

    assert [each.id for each in newest(account, seen)] == [fresh]
    assert newest(account, {*seen, fresh}) == []


def test_a_listed_ticket_is_the_one_that_the_feed_brings_later(account: Account, clock: ManualClock) -> None:
    customers, agents = account.open(tags=["vip"]), account.open(by_agent=True)

    listed = {each.id: each for each in newest(account)}
    account.settle()
    pages = list(account.helpdesk.pages(None, clock.now() - timedelta(days=1)))

    fed = {each.id: each for page in pages for each in page.tickets}
    assert listed.keys() == fed.keys() == {customers, agents}
    for ticket_id, ticket in listed.items():
        later = fed[ticket_id]
        assert (ticket.version, ticket.fingerprint) == (later.version, later.fingerprint)
        assert (ticket.standing, ticket.created_at) == (later.standing, later.created_at)
        assert (ticket.author, ticket.nature, ticket.text) == (later.author, later.nature, later.text)
    assert [listed[each].author for each in (customers, agents)] == [Author.CUSTOMER, Author.AGENT]


def test_tickets_are_listed_as_they_are_now_and_deleted_ones_not(account: Account) -> None:
    group, moved, gone = account.add_group("Billing"), account.open(), account.open()
    account.person_sets(moved, group=group, tags=["vip"])
    account.delete(gone)

    found = newest(account)

    assert [(each.id, each.group, each.tags) for each in found] == [(moved, group, ("vip",))]


def test_one_that_nobody_can_read_is_set_aside_and_holds_nothing_up(account: Account) -> None:
    before, bad, after = (account.open() for _ in range(3))
    account.garble(bad)

    found = newest(account)
    lost = [each for each in account.helpdesk.newest(()) if isinstance(each, Unreadable)]

    assert [each.id for each in found] == [after, before]
    assert [each.ticket_id for each in lost] == [bad]


def test_a_helpdesk_without_such_a_list_tells_of_no_ticket(account: Account) -> None:
    needs(not account.helpdesk.capabilities.newest, "want of such a list")
    account.open()

    assert account.helpdesk.newest(()) == ()
