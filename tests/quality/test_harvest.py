"""Only what a person decided becomes a label, and nothing that somebody wanted erased."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

import pytest

from connector.clock import ManualClock
from connector.domain.taxonomy import Axis
from connector.domain.ticket import (
    Author,
    Disposition,
    Group,
    History,
    Nature,
    Page,
    Status,
    Ticket,
    Unreadable,
)
from connector.helpdesk.memory import MemoryHelpdesk
from connector.quality.dataset import Source
from connector.quality.harvest import Memory, Skipped, gather, harvest, map_teams, source_of

BILLING, SECURITY, INBOX = Group("11", "Billing"), Group("12", "Security"), Group("77", "Inbox")
WHERE = map_teams({"billing": BILLING, "security": SECURITY}, [INBOX.id], "ai_")
KNOWS_NOTHING = Memory(lambda _: {}, lambda _: frozenset())
EPOCH = datetime(2026, 1, 1, tzinfo=UTC)

MakeTicket = Callable[..., Ticket]


def solved(make_ticket: MakeTicket, **facts: Any) -> Ticket:
    return make_ticket(**({"status": Status.SOLVED, "group": BILLING.id} | facts))


@pytest.fixture
def helpdesk(clock: ManualClock) -> MemoryHelpdesk:
    return MemoryHelpdesk(clock, [BILLING, SECURITY, INBOX], page_size=3)


# --- Who decided ------------------------------------------------------------------------------------------


@pytest.mark.parametrize("status", [Status.SOLVED, Status.CLOSED])
def test_a_solved_ticket_in_a_teams_group_is_resolved(make_ticket: MakeTicket, status: Status) -> None:
    assert source_of(solved(make_ticket, status=status), None, WHERE) is Source.RESOLVED


@pytest.mark.parametrize(
    ("facts", "reason"),
    [
        ({"status": Status.OPEN}, Skipped.UNSOLVED),
        ({"status": Status.DELETED}, Skipped.UNSOLVED),
        ({"nature": Nature.MERGED}, Skipped.SPECIAL),
        ({"nature": Nature.SIDE_CONVERSATION}, Skipped.SPECIAL),
        ({"nature": Nature.SAMPLE}, Skipped.SPECIAL),
        ({"nature": Nature.FOLLOW_UP}, Skipped.SPECIAL),
        ({"author": Author.AGENT}, Skipped.AGENT_AUTHORED),
        ({"is_public": False}, Skipped.PRIVATE),
        ({"group": None}, Skipped.NO_TEAM),
        ({"group": INBOX.id}, Skipped.NO_TEAM),
        ({"group": "99"}, Skipped.NO_TEAM),
        ({"tags": ("vip", "ai_routed")}, Skipped.OURS),
    ],
)
def test_a_ticket_that_proves_nothing_is_left_out(
    make_ticket: MakeTicket, facts: dict[str, Any], reason: Skipped
) -> None:
    assert source_of(solved(make_ticket, **facts), None, WHERE) is reason


def test_where_we_put_it_proves_nothing_and_where_a_person_moved_it_does(make_ticket: MakeTicket) -> None:
    ours = History(Disposition.ORIGINAL, "v2", EPOCH, written_group=SECURITY.id)
    stayed = solved(make_ticket, group=SECURITY.id, tags=("ai_routed",))
    moved = replace(stayed, group=BILLING.id)

    assert source_of(stayed, ours, WHERE) is Skipped.OURS
    assert source_of(moved, ours, WHERE) is Source.CORRECTION


def test_where_an_undo_under_way_may_have_put_it_proves_nothing(make_ticket: MakeTicket) -> None:
    undoing = History(Disposition.ORIGINAL, "v2", EPOCH, SECURITY.id, frozenset({BILLING.id}))

    assert source_of(solved(make_ticket), undoing, WHERE) is Skipped.OURS


def test_a_ticket_that_a_person_routed_before_we_could_write_is_resolved(make_ticket: MakeTicket) -> None:
    assert source_of(solved(make_ticket), History(Disposition.ALREADY_ROUTED), WHERE) is Source.RESOLVED


def test_a_group_of_two_teams_or_an_inbox_does_not_tell_the_team() -> None:
    teams = {"billing": BILLING, "sales": BILLING, "security": SECURITY, "general": INBOX}

    assert map_teams(teams, [INBOX.id], "ai_").teams == {SECURITY.id: "security"}


# --- The whole feed ---------------------------------------------------------------------------------------


def test_every_page_is_read_and_the_last_revision_counts(
    helpdesk: MemoryHelpdesk, make_ticket: MakeTicket
) -> None:
    for number in range(7):
        helpdesk.put(solved(make_ticket, id=f"t{number}"))
    helpdesk.person("t1", status=Status.OPEN)
    helpdesk.person("t2", group=SECURITY.id)

    found = harvest(helpdesk, KNOWS_NOTHING, WHERE, EPOCH)

    teams = {ticket.ticket_id: ticket.labels for ticket in found.tickets}
    assert sorted(teams) == ["t0", "t2", "t3", "t4", "t5", "t6"]
    assert (teams["t0"], teams["t2"]) == ({Axis.TEAM: "billing"}, {Axis.TEAM: "security"})
    assert (found.skipped, found.left_over) == ({Skipped.UNSOLVED: 1}, 0)
    assert helpdesk.writes == []


def test_a_label_says_whose_words_where_from_and_when(
    helpdesk: MemoryHelpdesk, make_ticket: MakeTicket, clock: ManualClock
) -> None:
    helpdesk.put(solved(make_ticket, id="t1", subject="Help", text="Charged twice", tier="enterprise"))

    (ticket,) = harvest(helpdesk, KNOWS_NOTHING, WHERE, EPOCH).tickets

    assert (ticket.subject, ticket.text, ticket.tier) == ("Help", "Charged twice", "enterprise")
    assert (ticket.route, ticket.source, ticket.labelled_at) == ("Billing", Source.RESOLVED, clock.now())


class WithoutTexts(MemoryHelpdesk):
    """A feed that has no text, and a ticket that is deleted before it is asked for."""

    def pages(self, checkpoint: str | None, start_at: datetime) -> Any:
        for page in super().pages(checkpoint, start_at):
            yield replace(page, tickets=tuple(replace(ticket, text=None) for ticket in page.tickets))
        self.tickets.pop("t3", None)


def test_a_text_that_the_feed_does_not_have_is_fetched(clock: ManualClock, make_ticket: MakeTicket) -> None:
    helpdesk = WithoutTexts(clock, [BILLING, SECURITY, INBOX])
    for name, text in {"t1": "Charged twice", "t2": " ", "t3": "gone", "t4": None}.items():
        helpdesk.put(solved(make_ticket, id=name, text=text))

    found = harvest(helpdesk, KNOWS_NOTHING, WHERE, EPOCH)

    assert [(ticket.ticket_id, ticket.text) for ticket in found.tickets] == [("t1", "Charged twice")]
    assert found.skipped == {Skipped.EMPTY: 2, Skipped.GONE: 1}


class Torn(MemoryHelpdesk):
    """A feed in which one ticket, delivered well before, and one without an id cannot be parsed."""

    def pages(self, checkpoint: str | None, start_at: datetime) -> Any:
        yield from super().pages(checkpoint, start_at)
        yield Page((), None, complete=True, unreadable=(Unreadable("t1", "no date"), Unreadable(None, "?")))


def test_a_ticket_that_cannot_be_read_is_counted_and_holds_up_nothing(
    clock: ManualClock, make_ticket: MakeTicket
) -> None:
    helpdesk = Torn(clock, [BILLING, SECURITY, INBOX])
    helpdesk.put(solved(make_ticket, id="t1"))
    helpdesk.put(solved(make_ticket, id="t2"))

    found = harvest(helpdesk, KNOWS_NOTHING, WHERE, EPOCH)

    assert [ticket.ticket_id for ticket in found.tickets] == ["t2"]
    assert found.skipped == {Skipped.UNREADABLE: 2}


def test_words_that_somebody_wanted_erased_do_not_come_back_as_a_label(
    helpdesk: MemoryHelpdesk, make_ticket: MakeTicket
) -> None:
    def barred(tickets: Sequence[Ticket]) -> frozenset[str]:
        return frozenset(ticket.id for ticket in tickets if ticket.requester == "jane")

    helpdesk.put(solved(make_ticket, id="t1", requester="jane"))
    helpdesk.put(solved(make_ticket, id="t2", requester="joe"))

    found = harvest(helpdesk, Memory(lambda _: {}, barred), WHERE, EPOCH)

    assert [ticket.ticket_id for ticket in found.tickets] == ["t2"]
    assert found.skipped == {Skipped.FORGOTTEN: 1}


def test_a_sample_is_limited_per_team_and_the_same_every_time(
    helpdesk: MemoryHelpdesk, make_ticket: MakeTicket
) -> None:
    for number in range(40):
        group = SECURITY.id if number % 4 == 0 else BILLING.id
        helpdesk.put(solved(make_ticket, id=f"t{number}", group=group))

    def drawn(per_team: int) -> set[str]:
        return {each.ticket_id for each in harvest(helpdesk, KNOWS_NOTHING, WHERE, EPOCH, per_team).tickets}

    found = harvest(helpdesk, KNOWS_NOTHING, WHERE, EPOCH, 12)
    teams = [ticket.labels[Axis.TEAM] for ticket in found.tickets]
    assert (teams.count("billing"), teams.count("security"), found.left_over) == (12, 10, 18)
    assert drawn(5) == drawn(5) < drawn(12)
    assert drawn(5) != {f"t{number}" for number in (0, 4, 8, 12, 16, 1, 2, 3, 5, 6)}  # not just the first


# --- Whole tickets, for a replay --------------------------------------------------------------------------


def test_gathered_tickets_come_in_the_same_order_whatever_the_feeds(
    clock: ManualClock, make_ticket: MakeTicket
) -> None:
    orders = []
    for numbers in (range(20), reversed(range(20))):
        helpdesk = MemoryHelpdesk(clock, [BILLING, SECURITY, INBOX])
        for number in numbers:
            helpdesk.put(solved(make_ticket, id=f"t{number}"))
        found = gather(helpdesk, KNOWS_NOTHING, WHERE, EPOCH)
        orders.append([each.ticket.id for each in found.solved])

    assert orders[0] == orders[1]
    assert orders[0] != sorted(orders[0])


def test_the_groups_of_what_belongs_to_no_team_are_known(
    helpdesk: MemoryHelpdesk, make_ticket: MakeTicket
) -> None:
    helpdesk.put(solved(make_ticket, id="t1", group="99"))
    helpdesk.put(solved(make_ticket, id="t2", group=None))
    helpdesk.put(solved(make_ticket, id="t3", group="99"))
    helpdesk.person("t3", group=BILLING.id)

    found = gather(helpdesk, KNOWS_NOTHING, WHERE, EPOCH)

    assert found.elsewhere == {"t1": "99", "t2": None}
    assert [(each.ticket.id, each.team) for each in found.solved] == [("t3", "billing")]


def test_arrivals_are_what_customers_opened_since_then_solved_or_not(
    helpdesk: MemoryHelpdesk, make_ticket: MakeTicket
) -> None:
    since = datetime(2026, 10, 1, tzinfo=UTC)
    helpdesk.put(solved(make_ticket, id="solved"))
    helpdesk.put(make_ticket(id="open"))
    helpdesk.put(solved(make_ticket, id="older", created_at=since.replace(month=9)))
    helpdesk.put(solved(make_ticket, id="agent's", author=Author.AGENT))
    helpdesk.put(solved(make_ticket, id="merged", nature=Nature.MERGED))
    helpdesk.put(make_ticket(id="deleted", status=Status.DELETED))

    assert gather(helpdesk, KNOWS_NOTHING, WHERE, since).arrivals == 2
