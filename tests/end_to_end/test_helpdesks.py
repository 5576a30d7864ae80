"""Two accounts whose ticket ids are equal, in one ledger: what is about one is never about the other."""

from __future__ import annotations

from datetime import timedelta
from decimal import Decimal

import pytest

from connector.bootstrap import (
    connect_undo,
    open_eraser,
    open_labels,
    open_reports,
    open_retry,
)
from connector.bootstrap.backfill import survey_past
from connector.domain.decision import Cause
from connector.domain.ticket import Disposition
from connector.pipeline.undo import Selection
from connector.quality.dataset import LabelledTicket
from connector.quality.merging import Take
from connector.sandbox.faults import Fault, answer
from connector.settings.connections import HelpdeskSettings
from connector.store import Whose
from tests.support.twins import ELSEWHERE, NAMES, Twins


def test_each_ticket_is_classified_and_routed_by_itself(twins: Twins) -> None:
    ticket = twins.arrives(bolt="We suspect a data breach: our customers' data is on sale.")

    told = twins.run()
    again = twins.run()

    assert [each["written"] for each in told.values()] == [{"applied": 1}, {"applied": 1}]
    assert [each["screened"] for each in again.values()] == [{"echo": 1}, {"echo": 1}]
    assert twins.group_of("acme", ticket) == "Billing acme"
    assert twins.group_of("bolt", ticket) == "Security"
    stories = {name: twins.story(name, ticket) for name in NAMES}
    ids = {each.decision.id for story in stories.values() for each in story.decisions}
    assert len(ids) == 2
    assert [len(story.decisions) for story in stories.values()] == [1, 1]
    assert [len(story.writes) for story in stories.values()] == [1, 1]
    assert {call.id for call in stories["acme"].calls}.isdisjoint({c.id for c in stories["bolt"].calls})
    with open_reports(twins.settings, twins.clock) as reports:
        assert reports.helpdesks_of(str(ticket)) == NAMES
        assert [row.helpdesk for row in reports.decisions(ticket=str(ticket), helpdesk="bolt")] == ["bolt"]


def test_a_ledger_goes_on_when_its_helpdesk_becomes_one_of_several_under_its_name(twins: Twins) -> None:
    twins.arrives()
    alone = twins.of("acme").helpdesk.model_dump(include=set(HelpdeskSettings.model_fields))
    several = twins.settings
    twins.settings = several.model_copy(update={"helpdesk": HelpdeskSettings(**alone), "helpdesks": ()})
    twins.run("acme")

    twins.settings = several
    told = twins.run()

    assert told["acme"]["screened"] == {"echo": 1}
    assert told["bolt"]["screened"] == {"original": 1}


def test_events_of_each_say_whose_they_are(twins: Twins) -> None:
    twins.arrives()

    twins.run()

    for name in ("page.stored", "ticket.decided", "ticket.written"):
        of = [event.facts["helpdesk"] for event in twins.events if event.name == name]
        assert (name, set(of)) == (name, set(NAMES))


def test_a_persons_correction_counts_where_it_was_made(twins: Twins) -> None:
    ticket = twins.arrives()
    twins.run()

    twins.clock.advance(5)
    twins.accounts["acme"].person_sets(ticket, group=twins.groups[ELSEWHERE])
    told = twins.run()

    assert told["acme"]["screened"] == {"correction": 1}
    assert told["bolt"]["screened"] == {"echo": 1}
    assert [len(twins.story(name, ticket).corrections) for name in NAMES] == [1, 0]


def test_a_reply_that_changes_everything_changes_one_ticket(twins: Twins) -> None:
    ticket = twins.arrives()
    twins.run()

    twins.accounts["acme"].customer_reply(ticket, "My lawyer will contact you about this.")
    told = twins.run()

    assert [each["escalated"] for each in told.values()] == [1, 0]
    assert [twins.group_of(name, ticket) for name in NAMES] == ["Support", "Billing bolt"]


def test_what_is_forgotten_at_one_stays_at_the_other(twins: Twins) -> None:
    ticket = twins.arrives()
    twins.run()

    with open_eraser(twins.of("acme"), twins.clock) as eraser:
        found = eraser.forget(Whose(tickets=(str(ticket),)))

    kept = {name: [each.ticket for each in twins.story(name, ticket).submissions] for name in NAMES}
    assert (found.texts, found.decisions) == (1, 1)
    assert kept["acme"] == [None]
    assert [each and each.text for each in kept["bolt"]] == ["Please refund my invoice."]
    with open_eraser(twins.of("bolt"), twins.clock, read_only=True) as eraser:
        assert eraser.barred([each for each in kept["bolt"] if each]) == frozenset()


def test_an_undo_takes_back_at_one_what_was_written_there(twins: Twins) -> None:
    ticket = twins.arrives()
    twins.run()
    twins.clock.advance(60)

    chosen = Selection(tickets=(str(ticket),))
    with connect_undo(twins.of("acme"), twins.clock, twins.events.append, chosen) as undoing:
        assert undoing.ledger is not None
        undoing.undo.run(undoing.ledger.start_pass("undo"), chosen)

    assert [twins.group_of(name, ticket) for name in NAMES] == [None, "Billing bolt"]
    assert [len(twins.story(name, ticket).undos) for name in NAMES] == [1, 0]


def test_what_failed_at_one_is_put_back_there(twins: Twins) -> None:
    ticket = twins.arrives()
    for zendesk in twins.accounts.values():
        zendesk.faults.add(Fault(answer(422), method="PUT", times=None))
    twins.run()
    for zendesk in twins.accounts.values():
        zendesk.faults.clear()

    with open_reports(twins.settings, twins.clock) as reports:
        both, one = reports.parked(), reports.parked(helpdesk="acme")
    with open_retry(twins.of("acme"), twins.clock) as put_back:
        deeds = [each.deed for each in put_back.some([str(ticket)])]
    told = twins.run()

    assert ({each.helpdesk for each in both}, {each.helpdesk for each in one}) == (set(NAMES), {"acme"})
    assert deeds == ["write"]
    assert [each["written"] for each in told.values()] == [{"applied": 1}, {}]
    assert twins.group_of("bolt", ticket) is None


def test_a_backfill_of_one_does_not_take_the_others_tickets_for_known(twins: Twins) -> None:
    twins.arrives()
    twins.run("bolt")

    past = {
        name: survey_past(twins.of(name), twins.clock, twins.clock.now() - timedelta(days=2), None)
        for name in NAMES
    }

    assert (past["acme"].tickets, past["bolt"].tickets) == (1, 0)
    assert past["acme"].screened == {Disposition.ORIGINAL: 1}


def test_labels_belong_to_one_helpdesk(twins: Twins) -> None:
    ticket = twins.arrives()
    label = LabelledTicket(text="Please refund my invoice.", labels={}, ticket_id=str(ticket))
    with open_labels(twins.of("acme"), twins.clock) as book:
        book.store([label], Take.NEW)

    with open_labels(twins.of("bolt"), twins.clock) as book:
        assert (book.tickets(), book.find([str(ticket)])) == ((), {})
    with open_eraser(twins.of("bolt"), twins.clock) as eraser:
        assert eraser.forget(Whose(tickets=(str(ticket),))).labels == 0
    with open_labels(twins.of("acme"), twins.clock) as book:
        assert len(book.tickets()) == 1


def test_the_daily_budget_is_one_for_all(twins: Twins) -> None:
    ticket = twins.arrives()
    twins.run("acme")
    (call,) = twins.story("acme", ticket).calls
    assert call.cost_usd
    enough_for_one = call.reserve_usd + call.cost_usd / 2
    budget = twins.settings.budget.model_copy(update={"daily_usd": enough_for_one})
    twins.settings = twins.settings.model_copy(update={"budget": budget})

    rehearsed = twins.run("bolt", dry_run=True)
    told = twins.run("bolt")

    (decided,) = twins.story("bolt", ticket).decisions
    assert decided.decision.cause is Cause.BUDGET_SPENT
    assert [each["bolt"]["model_calls"] for each in (rehearsed, told)] == [0, 0]
    assert Decimal(0) < call.cost_usd < enough_for_one


@pytest.mark.parametrize("dry_run", [True, False])
def test_a_helpdesk_with_a_budget_of_its_own_spends_no_more(twins: Twins, dry_run: bool) -> None:
    twins.arrives()
    twins.let_pay("acme", Decimal(0))

    told = twins.run(dry_run=dry_run)

    assert [each["model_calls"] for each in told.values()] == [0, 1]
    assert [each["failed"] for each in told.values()] == [1, 0]


def test_each_has_a_rate_budget_of_its_own(twins: Twins) -> None:
    twins.arrives()

    twins.run()

    counted = twins.count("(SELECT DISTINCT helpdesk FROM rate_budgets) AS each_one")
    is_shared = twins.settings.store.url.get_secret_value().startswith("postgresql")
    assert counted == (2 if is_shared else 0)  # alone on a file nobody shares a count
