"""The Zendesk adapter against the emulated account, which follows the vendor and knows no client."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from connector.clock import ManualClock
from connector.domain.decision import EMPTY, Applied, Change, Outcome
from connector.domain.ticket import Author, Nature, Page, Status, Ticket
from connector.errors import AuthRefused
from connector.helpdesk.zendesk import ZendeskHelpdesk
from connector.sandbox.faults import Fault, lose_response
from connector.sandbox.ticket_factory import Kind, populate
from connector.sandbox.zendesk_api import ZendeskSandbox

Connect = Callable[..., ZendeskHelpdesk]


@pytest.fixture
def account(clock: ManualClock) -> Iterator[ZendeskSandbox]:
    with ZendeskSandbox(clock.timestamp) as sandbox:
        yield sandbox


@pytest.fixture
def log_in(connect: Connect, account: ZendeskSandbox) -> Connect:
    """Connects with the account's OAuth client, unless a test says otherwise."""

    def make(**options: Any) -> ZendeskHelpdesk:
        oauth = {
            "client_id": "connector",
            "client_secret": "sandbox-secret",
            "email": None,
            "api_token": None,
        }
        return connect(**({"base_url": account.url} | oauth | options))

    return make


@pytest.fixture
def zendesk(log_in: Connect) -> ZendeskHelpdesk:
    return log_in()


def poll(zendesk: ZendeskHelpdesk, clock: ManualClock, checkpoint: str | None = None) -> list[Page]:
    return list(zendesk.pages(checkpoint, clock.now() - timedelta(hours=24)))


def tickets_of(pages: list[Page]) -> list[Ticket]:
    return [ticket for page in pages for ticket in page.tickets]


def fetch(zendesk: ZendeskHelpdesk, ticket_id: int) -> Ticket:
    return fetch_all(zendesk, [ticket_id])[str(ticket_id)]


def fetch_all(zendesk: ZendeskHelpdesk, ids: list[int]) -> dict[str, Ticket]:
    found = zendesk.fetch([str(each) for each in ids])
    return {each: ticket for each, ticket in found.items() if isinstance(ticket, Ticket)}


def change(seen: Ticket, group: int, note: str | None = None) -> Change:
    return Change(
        decision_id=f"decision-{seen.id}", seen=seen, group=str(group), add_tags=("ai_billing",), note=note
    )


def back(seen: Ticket) -> Change:
    """What puts back a ticket that was in no group."""
    return Change(f"undo-{seen.id}", seen, EMPTY, (), EMPTY, remove_tags=("ai_billing",))


def write(zendesk: ZendeskHelpdesk, wanted: Change) -> Applied:
    (outcome,) = zendesk.apply([wanted])
    return outcome


def test_the_account_is_checked_and_its_groups_are_listed(
    zendesk: ZendeskHelpdesk, account: ZendeskSandbox
) -> None:
    made = {str(account.add_group(f"Team {number}")) for number in range(150)}
    gone = str(account.add_group("Old", deleted=True))

    found = [group.id for group in zendesk.groups()]

    assert zendesk.check().role == "admin"
    assert made <= set(found)
    assert gone not in found
    assert len(found) == len(set(found))


def test_wrong_credentials_are_refused(log_in: Connect) -> None:
    with pytest.raises(AuthRefused):
        log_in(client_secret="wrong").check()
    with pytest.raises(AuthRefused, match="anonymous"):
        log_in(client_id=None, email="connector@example.com", api_token="wrong").check()


def test_an_agent_may_not_poll(clock: ManualClock, connect: Connect) -> None:
    with ZendeskSandbox(clock.timestamp, role="agent") as account:
        zendesk = connect(base_url=account.url, email="connector@example.com", api_token="sandbox-token")

        with pytest.raises(AuthRefused, match="admin"):
            zendesk.check()


def test_every_ticket_arrives_once_within_the_rate_limits(
    zendesk: ZendeskHelpdesk, account: ZendeskSandbox, clock: ManualClock
) -> None:
    made = populate(account, 2500, seed=3)

    pages = poll(zendesk, clock)

    arrived = [ticket.id for ticket in tickets_of(pages)]
    assert sorted(arrived) == sorted(str(each) for ids in made.values() for each in ids)
    assert [len(page.tickets) for page in pages] == [1000, 1000, 500]
    assert sum(len(page.unreadable) for page in pages) == 0
    assert 429 not in {request.status for request in account.requests}


def test_what_is_special_about_a_ticket_is_seen(
    zendesk: ZendeskHelpdesk, account: ZendeskSandbox, clock: ManualClock
) -> None:
    made = populate(account, 300, seed=5)
    found = {ticket.id: ticket for ticket in tickets_of(poll(zendesk, clock))}

    def each(kind: Kind) -> list[Ticket]:
        assert made[kind]
        return [found[str(ticket_id)] for ticket_id in made[kind]]

    assert {ticket.author for ticket in each(Kind.BILLING)} == {Author.CUSTOMER}
    assert {ticket.author for ticket in each(Kind.AGENT_CREATED)} == {Author.AGENT}
    assert {ticket.nature for ticket in each(Kind.FOLLOW_UP)} == {Nature.FOLLOW_UP}
    assert {ticket.nature for ticket in each(Kind.MERGED)} == {Nature.MERGED}
    assert {ticket.nature for ticket in each(Kind.SAMPLE)} == {Nature.SAMPLE}
    assert {ticket.nature for ticket in each(Kind.SIDE_CONVERSATION)} == {Nature.SIDE_CONVERSATION}
    assert {ticket.nature for ticket in each(Kind.BILLING)} == {Nature.ORDINARY}
    assert not any(ticket.is_public for ticket in each(Kind.PRIVATE))
    assert {ticket.status for ticket in each(Kind.DELETED)} == {Status.DELETED}
    assert {ticket.text for ticket in each(Kind.MESSAGING)} == {None}
    assert {ticket.subject for ticket in each(Kind.NULL_SUBJECT)} == {""}
    assert all(ticket.group for ticket in each(Kind.ROUTED))
    assert not any("\0" in (ticket.text or "") for ticket in each(Kind.CONTROL_CHARACTERS))


def test_a_change_arrives_after_the_blind_minute_and_only_then(
    zendesk: ZendeskHelpdesk, account: ZendeskSandbox, clock: ManualClock
) -> None:
    checkpoint = poll(zendesk, clock)[-1].checkpoint
    ticket_id = account.create_ticket("Charged twice", "Please refund me")

    clock.advance(30)
    early = poll(zendesk, clock, checkpoint)
    clock.advance(60)
    late = poll(zendesk, clock, early[-1].checkpoint)
    nothing = poll(zendesk, clock, late[-1].checkpoint)

    assert [ticket.id for ticket in tickets_of(early)] == []
    assert [ticket.id for ticket in tickets_of(late)] == [str(ticket_id)]
    assert tickets_of(nothing) == []


def test_a_system_update_comes_with_the_version_and_fingerprint_it_had(
    zendesk: ZendeskHelpdesk, account: ZendeskSandbox, clock: ManualClock
) -> None:
    ticket_id = account.create_ticket("Charged twice", "Please refund me")
    clock.advance(120)
    first = poll(zendesk, clock)
    account.system_touch(ticket_id)
    clock.advance(120)

    again = tickets_of(poll(zendesk, clock, first[-1].checkpoint))

    assert [(ticket.version, ticket.fingerprint) for ticket in again] == [
        (ticket.version, ticket.fingerprint) for ticket in tickets_of(first)
    ]


def test_a_write_takes_effect_and_comes_back_as_the_version_it_reported(
    zendesk: ZendeskHelpdesk, account: ZendeskSandbox, clock: ManualClock
) -> None:
    group = account.add_group("Billing")
    ticket_id = account.create_ticket("Charged twice", "Please refund me", tags=["vip"])
    clock.advance(120)
    checkpoint = poll(zendesk, clock)[-1].checkpoint
    seen = fetch(zendesk, ticket_id)

    outcome = write(zendesk, change(seen, group, note="Why: {{ticket.title}}"))

    clock.advance(120)
    (echo,) = tickets_of(poll(zendesk, clock, checkpoint))
    (note,) = account.notes(ticket_id)
    assert (outcome.outcome, outcome.detail) == (Outcome.APPLIED, "")
    assert (echo.version, echo.updated_at, echo.group) == (outcome.version, outcome.at, outcome.group)
    assert set(echo.tags) == {"vip", "ai_billing"}
    assert (note.public, note.body) == (False, "Why: { {ticket.title}}")
    assert len(account.writes(ticket_id)) == 1
    assert zendesk.find_write(seen, f"decision-{ticket_id}") is True
    assert zendesk.find_write(seen, "another") is False


@pytest.mark.parametrize("count", [1, 25])
def test_group_priority_and_our_tags_can_be_taken_away_again_one_at_a_time_and_in_bulk(
    zendesk: ZendeskHelpdesk, account: ZendeskSandbox, clock: ManualClock, count: int
) -> None:
    group = account.add_group("Billing")
    ids = [account.create_ticket("Charged twice", "Please refund", tags=["vip"]) for _ in range(count)]
    clock.advance(10)
    seen = fetch_all(zendesk, ids)
    list(zendesk.apply([replace(change(each, group), priority="high") for each in seen.values()]))
    clock.advance(10)
    for each in ids:
        account.person_sets(each, tags=["vip", "ai_billing", "mine"])
    clock.advance(10)

    outcomes = list(zendesk.apply([back(each) for each in fetch_all(zendesk, ids).values()]))

    after = [account.tickets()[each] for each in ids]
    assert {(each.outcome, each.group, each.detail) for each in outcomes} == {(Outcome.APPLIED, None, "")}
    assert {(each.group_id, each.priority, each.tags) for each in after} == {(None, None, ("mine", "vip"))}
    assert all(zendesk.find_write(each, f"undo-{each.id}") for each in list(seen.values())[:2])


def test_a_person_who_was_faster_wins(
    zendesk: ZendeskHelpdesk, account: ZendeskSandbox, clock: ManualClock
) -> None:
    ours, theirs = account.add_group("Billing"), account.add_group("Security")
    ticket_id = account.create_ticket("Charged twice", "Please refund me")
    clock.advance(10)
    seen = fetch(zendesk, ticket_id)
    account.person_sets(ticket_id, group=theirs)

    outcome = write(zendesk, change(seen, ours))

    assert outcome.outcome is Outcome.CONFLICT
    assert account.tickets()[ticket_id].group_id == theirs
    assert account.writes(ticket_id) == ()


@pytest.mark.parametrize("end", ["close", "delete", "merge"])
def test_a_ticket_that_ended_meanwhile_is_gone_or_in_conflict_and_not_written(
    zendesk: ZendeskHelpdesk, account: ZendeskSandbox, clock: ManualClock, end: str
) -> None:
    group = account.add_group("Billing")
    ticket_id = account.create_ticket("Charged twice", "Please refund me")
    clock.advance(10)
    seen = fetch(zendesk, ticket_id)
    match end:
        case "close":
            account.person_sets(ticket_id, status="closed")
        case "delete":
            account.delete(ticket_id)
        case _:
            account.merge(ticket_id, account.create_ticket("The other", "one"))

    outcome = write(zendesk, change(seen, group))

    assert outcome.outcome in (Outcome.GONE, Outcome.CONFLICT)
    assert account.writes(ticket_id) == ()


def test_a_closed_ticket_is_gone_whatever_language_zendesk_speaks(
    clock: ManualClock, connect: Connect
) -> None:
    with ZendeskSandbox(clock.timestamp, locale="de") as account:
        zendesk = connect(base_url=account.url, email="connector@example.com", api_token="sandbox-token")
        group = account.add_group("Billing")
        ticket_id = account.create_ticket("Charged twice", "Please refund me", status="closed")
        seen = fetch(zendesk, ticket_id)

        outcome = write(zendesk, change(seen, group))

    assert (outcome.outcome, outcome.detail) == (Outcome.GONE, "closed")


def test_a_group_that_does_not_exist_is_rejected(zendesk: ZendeskHelpdesk, account: ZendeskSandbox) -> None:
    ticket_id = account.create_ticket("Charged twice", "Please refund me")

    outcome = write(zendesk, change(fetch(zendesk, ticket_id), 404404))

    assert outcome.outcome is Outcome.REJECTED
    assert account.writes(ticket_id) == ()


def test_a_trigger_that_moves_the_ticket_back_is_reported(
    zendesk: ZendeskHelpdesk, account: ZendeskSandbox
) -> None:
    group, other = account.add_group("Billing"), account.add_group("Front desk")
    account.add_trigger("Front desk first", lambda _before, _after: {"group_id": other})
    ticket_id = account.create_ticket("Charged twice", "Please refund me")

    outcome = write(zendesk, change(fetch(zendesk, ticket_id), group))

    assert (outcome.outcome, outcome.group) == (Outcome.APPLIED, str(other))
    assert "a trigger?" in outcome.detail


def test_a_write_whose_answer_is_lost_is_unclear_and_then_found(
    zendesk: ZendeskHelpdesk, account: ZendeskSandbox
) -> None:
    group = account.add_group("Billing")
    ticket_id = account.create_ticket("Charged twice", "Please refund me")
    seen = fetch(zendesk, ticket_id)
    account.faults.add(Fault(lose_response(), method="PUT"))

    outcome = write(zendesk, change(seen, group))

    assert outcome.outcome is Outcome.UNCLEAR
    assert zendesk.find_write(seen, f"decision-{ticket_id}") is True
    assert len(account.writes(ticket_id)) == 1


def test_a_young_version_has_not_settled(
    zendesk: ZendeskHelpdesk, account: ZendeskSandbox, clock: ManualClock
) -> None:
    ticket_id = account.create_ticket("Charged twice", "Please refund me")
    young = fetch(zendesk, ticket_id).settles_in_seconds
    clock.advance(2)

    assert young == 2
    assert fetch(zendesk, ticket_id).settles_in_seconds == 0


def test_a_backlog_is_one_job_in_which_each_ticket_has_its_own_outcome(
    zendesk: ZendeskHelpdesk, account: ZendeskSandbox, clock: ManualClock
) -> None:
    group, theirs = account.add_group("Billing"), account.add_group("Security")
    ids = [account.create_ticket(f"Question {number}", "Please help", tags=["vip"]) for number in range(60)]
    clock.advance(60)
    seen = fetch_all(zendesk, ids)
    account.person_sets(ids[0], group=theirs)
    account.delete(ids[1])
    account.person_sets(ids[2], status="closed")

    found = {
        each.ticket_id: each
        for each in zendesk.apply([change(seen[str(each)], group, note="Why") for each in ids])
    }

    after = account.tickets()
    assert found[str(ids[0])].outcome is Outcome.CONFLICT
    assert {found[str(each)].outcome for each in ids[1:3]} <= {Outcome.GONE, Outcome.CONFLICT}
    assert {found[str(each)].outcome for each in ids[3:]} == {Outcome.APPLIED}
    assert {found[str(each)].detail for each in ids[3:]} == {""}
    assert all(set(after[each].tags) == {"vip", "ai_billing"} for each in ids[3:])
    assert all(not note.public for each in ids[3:] for note in account.notes(each))
    assert zendesk.find_write(seen[str(ids[3])], f"decision-{ids[3]}") is True
    assert sum(request.method == "PUT" for request in account.requests) == 1
    fresh = fetch(zendesk, ids[3])
    assert found[fresh.id].version == fresh.version


def test_single_writes_stay_within_the_rate_limit(
    zendesk: ZendeskHelpdesk, account: ZendeskSandbox, clock: ManualClock
) -> None:
    group = account.add_group("Billing")
    ids = [account.create_ticket(f"Question {number}", "Please help") for number in range(100)]
    seen = fetch_all(zendesk, ids)
    started = clock.monotonic()

    outcomes = [
        outcome
        for at in range(0, 100, 20)
        for outcome in zendesk.apply([change(seen[str(each)], group) for each in ids[at : at + 20]])
    ]

    assert {each.outcome for each in outcomes} == {Outcome.APPLIED}
    assert 429 not in {request.status for request in account.requests}
    assert clock.monotonic() > started


def test_a_token_that_expires_during_the_run_is_renewed(
    zendesk: ZendeskHelpdesk, account: ZendeskSandbox, clock: ManualClock
) -> None:
    zendesk.check()
    clock.advance(3 * 86400)

    assert zendesk.check().role == "admin"
    assert sum(request.path.startswith("/oauth/tokens") for request in account.requests) == 2


def test_the_first_words_of_a_messaging_ticket_are_fetched(
    zendesk: ZendeskHelpdesk, account: ZendeskSandbox
) -> None:
    ticket_id = account.create_ticket(
        "Conversation with Carl",
        "My card was charged twice",
        channel="native_messaging",
        from_messaging=True,
        attachments=["invoice.pdf"],
    )

    ticket = fetch(zendesk, ticket_id)

    assert (ticket.text, ticket.attachments) == (
        "My card was charged twice",
        ("invoice.pdf (application/pdf)",),
    )


def test_tier_and_revenue_come_with_the_page(
    log_in: Connect, account: ZendeskSandbox, clock: ManualClock
) -> None:
    acme = account.add_organization("Acme", fields={"plan": "enterprise", "arr": 120_000})
    member = account.add_user("Eve", organization_id=acme)
    account.create_ticket("Charged twice", "Please refund me", requester=member, organization=acme)
    clock.advance(120)

    (ticket,) = tickets_of(poll(log_in(tier_field="plan", arr_field="arr"), clock))

    assert (ticket.tier, str(ticket.arr_usd), ticket.organization) == ("enterprise", "120000", "Acme")


def test_a_rehearsal_on_a_read_only_connection_changes_nothing(
    log_in: Connect, account: ZendeskSandbox, clock: ManualClock
) -> None:
    ticket_id = account.create_ticket("Charged twice", "Please refund me")
    before = account.tickets()
    zendesk = log_in(read_only=True)

    zendesk.check()
    poll(zendesk, clock)
    seen = fetch(zendesk, ticket_id)

    assert account.tickets() == before
    assert seen.id == str(ticket_id)
    assert {request.method for request in account.requests} == {"GET", "POST"}
    assert [request.path for request in account.requests if request.method == "POST"] == ["/oauth/tokens"]


def test_the_feed_tells_when_the_requester_spoke_where_that_is_asked_for(
    log_in: Connect, account: ZendeskSandbox, clock: ManualClock
) -> None:
    ticket = account.create_ticket("One", "text", created_at=clock.timestamp() - 600)
    account.customer_reply(ticket, "Any news?")
    spoke_at = clock.now()
    clock.advance(60)
    account.agent_reply(ticket, "Soon.")
    clock.advance(120)

    (deaf,) = tickets_of(poll(log_in(), clock))
    (heard,) = tickets_of(poll(log_in(hears_replies=True), clock))
    said = log_in().messages(heard, heard.created_at)

    assert deaf.requester_spoke_at is None
    assert heard.requester_spoke_at == spoke_at
    assert [(each.author, each.text) for each in said] == [
        (Author.CUSTOMER, "Any news?"),
        (Author.AGENT, "Soon."),
    ]


def test_a_long_conversation_is_read_to_the_moment_that_was_asked_for(
    zendesk: ZendeskHelpdesk, account: ZendeskSandbox, clock: ManualClock
) -> None:
    ticket = account.create_ticket("One", "text")
    for number in range(130):
        clock.advance(1)
        account.customer_reply(ticket, f"message {number}")

    said = zendesk.messages(fetch(zendesk, ticket), clock.now() - timedelta(seconds=120))

    assert [each.text for each in said] == [f"message {number}" for number in range(10, 130)]
