"""Generated tickets: mixed, repeatable, and really what their kind says."""

from __future__ import annotations

from typing import TYPE_CHECKING

from connector.sandbox.ticket_factory import DEFAULT_MIX, ORIGINALS, Kind, populate
from connector.sandbox.zendesk_api import Ticket, ZendeskSandbox

if TYPE_CHECKING:
    from tests.sandbox.conftest import Caller, Now


def test_the_same_seed_makes_the_same_tickets(now: Now) -> None:
    first, second = ZendeskSandbox(now), ZendeskSandbox(now)
    with first, second:
        kinds = populate(first, 100, seed=7)
        again = populate(second, 100, seed=7)

        assert kinds == again
        assert first.tickets() == second.tickets()


def test_another_seed_makes_other_tickets(now: Now) -> None:
    first, second = ZendeskSandbox(now), ZendeskSandbox(now)
    with first, second:
        populate(first, 50, seed=7)
        populate(second, 50, seed=8)

        assert first.tickets() != second.tickets()


def test_every_kind_occurs_and_the_numbers_add_up(zendesk: ZendeskSandbox) -> None:
    made = populate(zendesk, 500, seed=7)

    assert set(made) == set(Kind)
    assert all(made.values())
    assert sum(map(len, made.values())) == len(zendesk.tickets()) == 500


def test_a_mix_of_one_kind_has_only_that_kind(zendesk: ZendeskSandbox) -> None:
    made = populate(zendesk, 30, seed=7, mix={Kind.BILLING: 1})

    assert {kind: len(ids) for kind, ids in made.items()} == {Kind.BILLING: 30}


def test_the_export_shows_all_of_them_at_once(zendesk: ZendeskSandbox, api: Caller) -> None:
    populate(zendesk, 120, seed=7)

    assert len(api.export(per_page=50)) == 120


def test_originals_are_new_unrouted_and_by_a_customer(zendesk: ZendeskSandbox) -> None:
    made = populate(zendesk, 500, seed=7)
    tickets = zendesk.tickets()

    originals = [tickets[each] for kind in ORIGINALS for each in made[kind]]

    assert all(is_untouched(zendesk, ticket) for ticket in originals)
    assert len(originals) > 300


def is_untouched(zendesk: ZendeskSandbox, ticket: Ticket) -> bool:
    by_customer = zendesk.world.users[ticket.submitter_id].role == "end-user"
    return by_customer and ticket.status == "new" and ticket.group_id is None and ticket.is_public


def test_special_kinds_are_recognisable_by_what_the_api_tells(zendesk: ZendeskSandbox) -> None:
    made = populate(zendesk, 200, seed=7)
    tickets = zendesk.tickets()

    one = {kind: tickets[ids[0]] for kind, ids in made.items()}

    assert zendesk.world.users[one[Kind.AGENT_CREATED].submitter_id].role == "agent"
    assert one[Kind.FOLLOW_UP].source["rel"] == "follow_up"
    assert "closed_by_merge" in one[Kind.MERGED].tags
    assert one[Kind.SAMPLE].channel == "sample_ticket"
    assert "created_for_side_conversation" in one[Kind.SIDE_CONVERSATION].tags
    assert one[Kind.PRIVATE].is_public is False
    assert one[Kind.ROUTED].group_id
    assert [one[kind].status for kind in (Kind.SOLVED, Kind.CLOSED, Kind.DELETED)] == [
        "solved",
        "closed",
        "deleted",
    ]


def test_odd_originals_are_as_odd_as_promised(zendesk: ZendeskSandbox) -> None:
    made = populate(zendesk, 200, seed=7)
    tickets = zendesk.tickets()

    one = {kind: tickets[ids[0]] for kind, ids in made.items()}

    assert one[Kind.NULL_SUBJECT].subject is None
    assert one[Kind.EMPTY_BODY].description == ""
    assert len(one[Kind.HUGE_BODY].description.encode()) > 65_000
    assert "\x00" in one[Kind.CONTROL_CHARACTERS].description
    assert "<script>" in one[Kind.HTML].description
    assert "Ignore all previous instructions" in one[Kind.INJECTION].description
    assert one[Kind.MESSAGING].from_messaging
    assert one[Kind.MESSAGING].comment_count == 2


def test_ordinary_tickets_are_as_long_as_real_ones(zendesk: ZendeskSandbox, api: Caller) -> None:
    populate(zendesk, 200, seed=7, mix={kind: DEFAULT_MIX[kind] for kind in list(Kind)[:6]})

    page = api.get("/incremental/tickets/cursor", start_time=1)

    assert 2_800 < len(page.body) / 200 < 3_800
