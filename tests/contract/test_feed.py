"""The feed: every change arrives, and a stored checkpoint never skips one."""

from __future__ import annotations

from datetime import timedelta

from connector.clock import ManualClock
from connector.domain.ticket import Author, Page, Ticket
from tests.contract.account import Account, needs


def poll(account: Account, clock: ManualClock, checkpoint: str | None = None) -> list[Page]:
    return list(account.helpdesk.pages(checkpoint, clock.now() - timedelta(days=1)))


def tickets_of(pages: list[Page]) -> list[Ticket]:
    return [ticket for page in pages for ticket in page.tickets]


def ids_of(pages: list[Page]) -> set[str]:
    return {ticket.id for ticket in tickets_of(pages)}


def checkpoint_of(pages: list[Page]) -> str:
    """What the ledger holds after these pages."""
    stored = [page.checkpoint for page in pages if page.checkpoint is not None]
    assert stored
    return stored[-1]


def test_every_ticket_arrives_whatever_the_number_of_pages(small_pages: Account, clock: ManualClock) -> None:
    made = {small_pages.open(f"Question {number}") for number in range(7)}
    small_pages.settle()

    pages = poll(small_pages, clock)

    assert made <= ids_of(pages)
    assert len(pages) > 3
    assert not any(page.unreadable for page in pages)


def test_the_last_page_and_only_that_says_that_nothing_is_left(
    small_pages: Account, clock: ManualClock
) -> None:
    for _ in range(5):
        small_pages.open()
    small_pages.settle()

    pages = poll(small_pages, clock)

    assert [page.complete for page in pages] == [False] * (len(pages) - 1) + [True]


def test_what_was_read_to_its_end_has_a_checkpoint(account: Account, clock: ManualClock) -> None:
    pages = poll(account, clock)
    account.open()
    account.settle()

    assert checkpoint_of(pages)
    assert checkpoint_of(poll(account, clock, checkpoint_of(pages)))


def test_every_page_of_a_sorted_feed_has_a_checkpoint(small_pages: Account, clock: ManualClock) -> None:
    needs(small_pages.helpdesk.capabilities.sorted_feed, "sorted feed")
    for _ in range(5):
        small_pages.open()
    small_pages.settle()

    pages = poll(small_pages, clock)

    assert len(pages) > 1
    assert all(page.checkpoint for page in pages)


def test_without_a_checkpoint_the_feed_begins_at_the_start_and_not_days_before(
    account: Account, clock: ManualClock
) -> None:
    old = account.open("From last week")
    account.settle()
    clock.advance(7 * 86_400)
    new = account.open("From today")
    account.settle()

    found = ids_of(poll(account, clock))

    assert new in found
    assert old not in found


def test_what_changed_at_the_start_itself_is_delivered(account: Account, clock: ManualClock) -> None:
    start = clock.now()
    ticket_id = account.open()
    account.settle()

    assert ticket_id in ids_of(list(account.helpdesk.pages(None, start)))


def test_a_checkpoint_from_any_page_resumes_without_loss(small_pages: Account, clock: ManualClock) -> None:
    made = [small_pages.open(f"Question {number}") for number in range(7)]
    small_pages.settle()
    pages = poll(small_pages, clock)

    for at, page in enumerate(pages):
        if page.checkpoint is None:
            continue  # the ledger keeps the checkpoint before it, if it has one
        stored = ids_of(pages[: at + 1])
        assert set(made) <= stored | ids_of(poll(small_pages, clock, page.checkpoint))


def test_an_old_checkpoint_still_leads_to_the_final_state_of_everything(
    small_pages: Account, clock: ManualClock
) -> None:
    checkpoint = checkpoint_of(poll(small_pages, clock))
    made = [small_pages.open(f"Question {number}") for number in range(5)]
    small_pages.settle()
    poll(small_pages, clock)
    clock.advance(3 * 86_400)
    for ticket_id in made[:3]:
        small_pages.person_sets(ticket_id, tags=["late"])
    small_pages.settle()

    arrived = {(each.id, each.tags) for each in tickets_of(poll(small_pages, clock, checkpoint))}

    assert arrived >= {(each, ("late",)) for each in made[:3]} | {(each, ()) for each in made[3:]}


def test_a_change_arrives_with_what_was_changed(account: Account, clock: ManualClock) -> None:
    group, ticket_id = account.add_group("Billing"), account.open()
    account.settle()
    checkpoint = checkpoint_of(poll(account, clock))
    account.person_sets(ticket_id, group=group, assignee=account.agent, tags=["vip"])
    account.settle()

    last = [each for each in tickets_of(poll(account, clock, checkpoint)) if each.id == ticket_id][-1]

    assert (last.group, last.assignee, last.tags) == (group, account.agent, ("vip",))


def test_a_change_while_the_pages_are_read_is_delivered_sooner_or_later(
    small_pages: Account, clock: ManualClock
) -> None:
    made = [small_pages.open(f"Question {number}") for number in range(6)]
    small_pages.settle()
    reading = small_pages.helpdesk.pages(None, clock.now() - timedelta(days=1))
    pages = [next(reading)]
    for ticket_id in (made[0], made[-1]):
        small_pages.person_sets(ticket_id, tags=["meanwhile"])
    pages += reading
    small_pages.settle()
    pages += poll(small_pages, clock, checkpoint_of(pages))

    tagged = {each.id for each in tickets_of(pages) if each.tags == ("meanwhile",)}

    assert tagged == {made[0], made[-1]}


def test_a_row_that_nobody_can_read_is_set_aside_with_its_id_and_holds_nothing_up(
    account: Account, clock: ManualClock
) -> None:
    before, bad, after = (account.open() for _ in range(3))
    account.garble(bad)
    account.settle()

    pages = poll(account, clock)

    assert {each.ticket_id for page in pages for each in page.unreadable} == {bad}
    assert {before, after} <= ids_of(pages)
    assert bad not in ids_of(pages)
    assert bad not in ids_of(poll(account, clock, checkpoint_of(pages)))


def test_a_ticket_that_arrives_is_known_by_the_version_and_content_that_fetch_tells(
    account: Account, clock: ManualClock
) -> None:
    ticket_id = account.open(tags=["vip"])
    account.settle()

    (arrived,) = [each for each in tickets_of(poll(account, clock)) if each.id == ticket_id]
    fetched = account.helpdesk.fetch([ticket_id])[ticket_id]

    assert isinstance(fetched, Ticket)
    assert (arrived.version, arrived.fingerprint) == (fetched.version, fetched.fingerprint)
    assert (arrived.standing, arrived.author) == (fetched.standing, Author.CUSTOMER)
