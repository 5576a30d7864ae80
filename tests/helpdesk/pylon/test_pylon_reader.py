"""What an issue becomes: plain text and facts, whatever Pylon leaves out or sets to null."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import TYPE_CHECKING, Any

import pytest

from connector.clock import ManualClock
from connector.domain.ticket import Author, Message, Nature, Status, Ticket, Unreadable
from connector.errors import Unavailable
from connector.helpdesk.pylon import PylonHelpdesk

if TYPE_CHECKING:
    from tests.helpdesk.pylon.conftest import ConnectPylon, Organization


def read(pylon: PylonHelpdesk, issue_id: str = "a") -> Ticket:
    found = pylon.fetch([issue_id])[issue_id]
    assert isinstance(found, Ticket)
    return found


def said(html: str, at: str = "2026-11-02T09:00:00Z", **fields: Any) -> dict[str, Any]:
    """A public message of the requester."""
    author = {"name": "Ann", "contact": {"id": "con-1"}, "user": None}
    return {"message_html": html, "timestamp": at, "is_private": False, "author": author} | fields


BY_AN_AGENT: dict[str, Any] = {"author": {"name": "Bo", "user": {"id": "u-1"}}}


def test_an_issue_with_every_list_and_object_null_is_a_ticket(
    pylon: PylonHelpdesk, organization: Organization, clock: ManualClock
) -> None:
    nothing = ("account", "assignee", "team", "tags", "custom_fields", "latest_message_time", "title")
    organization.add("a", **dict.fromkeys(nothing))

    ticket = read(pylon)

    assert ticket.text == "You charged my card twice this month."
    assert (ticket.subject, ticket.tags, ticket.group, ticket.assignee) == ("", (), None, None)
    assert (ticket.status, ticket.nature, ticket.author) == (Status.NEW, Nature.ORDINARY, Author.CUSTOMER)
    assert (ticket.created_at, ticket.requester, ticket.channel) == (clock.now(), "con-1", "email")
    assert (ticket.tier, ticket.organization, ticket.priority) == (None, None, None)


@pytest.mark.parametrize(
    ("state", "status"),
    [
        ("new", Status.NEW),
        ("waiting_on_you", Status.OPEN),
        ("waiting_on_customer", Status.PENDING),
        ("on_hold", Status.HOLD),
        ("closed", Status.SOLVED),
        ("bug_confirmed", Status.HOLD),
        ("wont_fix", Status.SOLVED),
        ("made_up_yesterday", Status.OTHER),
        (None, Status.OTHER),
    ],
)
def test_a_teams_own_state_means_what_its_category_does(
    pylon: PylonHelpdesk, organization: Organization, state: str | None, status: Status
) -> None:
    statuses = [
        {"slug": "bug_confirmed", "category": "on_hold"},
        {"slug": "wont_fix", "category": "closed"},
        {"slug": "archived_one", "category": None},
    ]
    organization.before = lambda _method, path, _nth: (
        organization.ok(statuses) if path == "/issue-statuses" else None
    )
    organization.add("a", state=state)

    assert read(pylon).status is status


def test_the_states_are_asked_for_once_in_ten_minutes_however_many_are_unknown(
    pylon: PylonHelpdesk, organization: Organization, clock: ManualClock
) -> None:
    organization.add("a", state="odd")

    for minutes in (0, 1, 11):
        clock.advance(60 * minutes)
        read(pylon)

    asked = [path for _, path, _ in organization.requests if path == "/issue-statuses"]
    assert len(asked) == 2


def test_an_issue_made_by_hand_is_an_agents(pylon: PylonHelpdesk, organization: Organization) -> None:
    organization.add("a", source="manual")

    ((ticket,),) = [page.tickets for page in pylon.pages(None, datetime(2026, 11, 2, tzinfo=UTC))]

    assert ticket.author is Author.AGENT


def test_a_member_of_an_issue_group_is_not_triaged_alone(
    pylon: PylonHelpdesk, organization: Organization
) -> None:
    organization.add("a", parent_issue_group={"id": "g", "number": 7})

    assert read(pylon).nature is Nature.MERGED


@pytest.mark.parametrize("issue", [{"source": "form"}, {"body_html": ""}, {"body_html": "<p> </p>"}])
def test_words_that_are_not_in_the_issue_are_those_of_its_first_public_message(
    pylon: PylonHelpdesk, organization: Organization, issue: dict[str, Any]
) -> None:
    organization.add("a", **issue)
    organization.messages["a"] = [
        said("<p>made by the form</p>", is_private=True),
        said("<p>My invoice is <i>wrong</i>.</p>"),
        said("<p>Looking into it</p>", **BY_AN_AGENT),
    ]

    ((delivered,),) = [page.tickets for page in pylon.pages(None, datetime(2026, 11, 2, tzinfo=UTC))]

    assert delivered.text == "My invoice is wrong."
    assert (read(pylon).text, read(pylon).author) == ("My invoice is wrong.", Author.CUSTOMER)


@pytest.mark.parametrize("source", ["form", "email", "slack"])
def test_an_issue_that_an_agent_opened_is_an_agents_whatever_came_later(
    pylon: PylonHelpdesk, organization: Organization, source: str
) -> None:
    organization.add("a", source=source)
    organization.messages["a"] = [
        said("<p>note to self</p>", is_private=True),
        said("<p>For a caller</p>", **BY_AN_AGENT),
        said("<p>Thanks</p>"),
    ]

    ((ticket,),) = [page.tickets for page in pylon.pages(None, datetime(2026, 11, 2, tzinfo=UTC))]

    assert ticket.author is Author.AGENT


@pytest.mark.parametrize("issue", [{"state": "closed"}, {"assignee": {"id": "u-1"}}, {"source": "manual"}])
def test_nobody_asks_who_opened_what_is_not_triaged_anyway(
    pylon: PylonHelpdesk, organization: Organization, issue: dict[str, Any]
) -> None:
    organization.add("a", **issue)

    list(pylon.pages(None, datetime(2026, 11, 2, tzinfo=UTC)))

    assert [path for _, path, _ in organization.requests] == ["/issues/search"]


def test_who_opened_an_issue_is_asked_once(pylon: PylonHelpdesk, organization: Organization) -> None:
    organization.add("a")

    for _ in range(3):
        list(pylon.pages(None, datetime(2026, 11, 2, tzinfo=UTC)))

    assert len([path for _, path, _ in organization.requests if path.endswith("/messages")]) == 1


def test_an_issue_without_any_words_has_an_empty_text(
    pylon: PylonHelpdesk, organization: Organization
) -> None:
    organization.add("a", body_html=None)
    organization.messages["a"] = []

    assert read(pylon).text == ""


def test_tier_and_revenue_are_custom_fields_of_the_account_and_are_looked_up_once_an_hour(
    connect_to_pylon: ConnectPylon, organization: Organization, clock: ManualClock
) -> None:
    fields = {
        "plan": {"slug": "plan", "value": "enterprise"},
        "arr": {"slug": "arr", "value": "120000.50"},
    }
    organization.accounts["acc-1"] = {"id": "acc-1", "name": "Acme", "tags": None, "custom_fields": fields}
    organization.add("a")
    organization.add("b")
    pylon = connect_to_pylon(tier_field="plan", arr_field="arr")

    tickets = [read(pylon, "a"), read(pylon, "b")]
    clock.advance(3601)
    read(pylon, "a")

    assert [(each.tier, each.arr_usd, each.organization) for each in tickets] == [
        ("enterprise", Decimal("120000.50"), "Acme")
    ] * 2
    assert len([path for _, path, _ in organization.requests if path.startswith("/accounts/")]) == 2


@pytest.mark.parametrize(("account_tags", "issue_tags"), [(["big"], None), (None, ["big"])])
def test_a_tag_of_the_account_or_of_the_issue_tells_the_tier(
    connect_to_pylon: ConnectPylon,
    organization: Organization,
    account_tags: list[str] | None,
    issue_tags: list[str] | None,
) -> None:
    organization.accounts["acc-1"] = {"id": "acc-1", "name": "Acme", "tags": account_tags}
    organization.add("a", tags=issue_tags)

    assert read(connect_to_pylon(tier_tags={"big": "enterprise"})).tier == "enterprise"


def test_an_account_that_is_gone_has_no_tier_and_costs_no_ticket(
    connect_to_pylon: ConnectPylon, organization: Organization
) -> None:
    organization.add("a")

    assert read(connect_to_pylon(tier_field="plan")).tier is None


def test_no_account_is_looked_up_where_no_setting_needs_one(
    pylon: PylonHelpdesk, organization: Organization
) -> None:
    organization.add("a")

    read(pylon)

    assert [path for _, path, _ in organization.requests] == ["/issues/a", "/issues/a/messages"]


def test_a_version_settles_two_seconds_after_the_change(
    pylon: PylonHelpdesk, organization: Organization, clock: ManualClock
) -> None:
    organization.add("a")
    waits = []

    for _ in range(3):
        waits.append(read(pylon).settles_in_seconds)
        clock.advance(1)

    assert waits == [2.0, 1.0, 0.0]


def test_a_version_from_the_future_is_not_waited_for(
    pylon: PylonHelpdesk, organization: Organization, clock: ManualClock
) -> None:
    ahead = f"{clock.now() + timedelta(minutes=5):%Y-%m-%dT%H:%M:%SZ}"
    organization.add("a", updated_at=ahead)

    assert read(pylon).settles_in_seconds == 0.0


def test_fractions_and_offsets_of_a_time_do_not_make_another_version(
    pylon: PylonHelpdesk, organization: Organization
) -> None:
    told = []

    for at in ("2026-11-02T08:00:00Z", "2026-11-02T08:00:00.871Z", "2026-11-02T09:00:00+01:00"):
        organization.add("a", updated_at=at)
        told.append((read(pylon).version, read(pylon).fingerprint))

    assert len(set(told)) == 1


def test_text_that_postgresql_cannot_store_is_mended(
    pylon: PylonHelpdesk, organization: Organization
) -> None:
    organization.add("a", title="A\0B", body_html="<p>half \ud83d pair</p>", tags=["x\0"])

    ticket = read(pylon)

    assert (ticket.subject, ticket.tags) == ("AB", ("x",))
    assert ticket.text == "half \ufffd pair"


def test_a_missing_issue_is_gone_and_an_unreadable_one_is_not(
    pylon: PylonHelpdesk, organization: Organization
) -> None:
    organization.add("odd", updated_at="soon")

    found = pylon.fetch(["missing", "odd"])

    assert set(found) == {"odd"}
    assert isinstance(found["odd"], Unreadable)


def test_an_outage_is_never_taken_for_a_deleted_issue(
    pylon: PylonHelpdesk, organization: Organization
) -> None:
    organization.before = lambda *_: organization.refuse(503, "down")

    with pytest.raises(Unavailable):
        pylon.fetch(["a"])


def test_later_public_messages_are_told_with_who_wrote_them(
    pylon: PylonHelpdesk, organization: Organization
) -> None:
    organization.add("a")
    stranger = {"author": {"contact": {"id": "con-2"}}}
    organization.messages["a"] = [
        said("<p>first</p>", "2026-11-02T09:00:00Z"),
        said("<p>secret</p>", "2026-11-02T09:01:00Z", is_private=True, **BY_AN_AGENT),
        said("<p>more</p>", "2026-11-02T09:02:00.5Z"),
        said("<p>us</p>", "2026-11-02T09:03:00Z", **BY_AN_AGENT),
        said("<p>me too</p>", "2026-11-02T09:04:00Z", **stranger),
        said("<p>when?</p>", "sometime"),
    ]

    found = pylon.messages(read(pylon), datetime(2026, 11, 2, 9, 0, tzinfo=UTC))

    assert found == [
        Message(datetime(2026, 11, 2, 9, 2, 0, 500_000, tzinfo=UTC), Author.CUSTOMER, "more"),
        Message(datetime(2026, 11, 2, 9, 3, tzinfo=UTC), Author.AGENT, "us"),
        Message(datetime(2026, 11, 2, 9, 4, tzinfo=UTC), Author.UNKNOWN, "me too"),
    ]


def test_a_reply_is_looked_for_only_after_the_latest_message(
    connect_to_pylon: ConnectPylon, organization: Organization
) -> None:
    organization.add("a", latest_message_time="2026-11-02T09:05:00Z")

    assert read(connect_to_pylon(hears_replies=True)).requester_spoke_at == datetime(
        2026, 11, 2, 9, 5, tzinfo=UTC
    )
    assert read(connect_to_pylon()).requester_spoke_at is None
