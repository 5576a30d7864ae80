"""What failed is put back when a person asks, judged anew, and never against a person."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from connector.domain.classification import Classification
from connector.domain.decision import Applied, Change, Kind, Outcome
from connector.domain.ticket import Disposition, Page, Status, Unreadable
from connector.errors import Unavailable
from connector.pipeline.intake import Intake, IntakePolicy
from connector.pipeline.retry import Deed, Plight, Retried, Retry
from connector.pipeline.write_back import WriteBack, WritePolicy
from connector.store import Store
from tests.support.world import World

INBOX = frozenset({"77"})
HUMAN, BILLING = "19", "11"
Labelled = Callable[..., Classification]


def retry(world: World, store: Store, **how: Any) -> Retry:
    return Retry(world.helpdesk, store.shelf("memory"), INBOX, **how)


def an_outage(world: World, labelled: Labelled, tickets: int = 1) -> list[str]:
    """Tickets that arrive while Claude is down, wait too long, and end in the human group; Claude is back."""
    arrived = [world.arrives() for _ in range(tickets)]
    world.model.reply = lambda _tier, _ticket: Unavailable("HTTP 529", retry_after_seconds=120)
    for _ in range(10):
        world.run()
        world.clock.advance(120)
    world.model.reply = lambda tier, _ticket: labelled(tier)
    assert {world.helpdesk.tickets[each].group for each in arrived} == {HUMAN}
    world.model.asked.clear()
    return arrived


class Contended:
    """A helpdesk at which somebody else is always faster."""

    def __init__(self, helpdesk: Any) -> None:
        self._helpdesk = helpdesk

    def __getattr__(self, name: str) -> Any:
        return getattr(self._helpdesk, name)

    def apply(self, changes: Sequence[Change]) -> Iterator[Applied]:
        for change in changes:
            yield Applied(change.seen.id, Outcome.CONFLICT)


def a_parked_write(world: World) -> str:
    ticket = world.arrives()
    world.stages.intake.run()
    world.stages.triage.run()
    contended: Any = Contended(world.helpdesk)
    for _ in range(6):
        WriteBack(contended, world.ledger, world.clock, world.events.append, WritePolicy(INBOX)).run()
        world.clock.advance(60)
    return ticket


# --- Failed open --------------------------------------------------------------------------------------------


def test_after_an_outage_all_that_failed_open_is_asked_again_and_routed(
    world: World, store: Store, labelled: Labelled
) -> None:
    tickets = an_outage(world, labelled, tickets=5)

    done = list(retry(world, store).all_since(world.clock.now() - timedelta(hours=2)))
    world.run()

    assert [(each.ticket_id, each.plight, each.deed) for each in done] == [
        (ticket, Plight.FAILED_OPEN, Deed.ASK) for ticket in tickets
    ]
    assert {world.helpdesk.tickets[ticket].group for ticket in tickets} == {BILLING}
    assert len(world.model.asked) == 5
    assert store.reports().parked() == []


def test_both_decisions_of_a_ticket_that_was_asked_again_stay_on_record(
    world: World, store: Store, labelled: Labelled
) -> None:
    (ticket,) = an_outage(world, labelled)
    list(retry(world, store).some([ticket]))

    world.run()

    story = store.reports().story(ticket)
    assert [each.decision.kind for each in story.decisions] == [Kind.FAILED_OPEN, Kind.ROUTED]
    assert [each.generation for each in story.submissions] == [1, 2]
    assert [each.outcome for each in story.writes] == [Outcome.APPLIED, Outcome.APPLIED]


def test_asking_twice_puts_a_ticket_back_once(world: World, store: Store, labelled: Labelled) -> None:
    (ticket,) = an_outage(world, labelled)
    shelf = store.shelf("memory")
    (parked,) = shelf.parked(None, None)
    now = world.helpdesk.tickets[ticket]

    first, second = shelf.ask_again(parked, now), shelf.ask_again(parked, now)

    assert (first, second) == (True, False)
    assert world.ledger.due().submissions == 1


@pytest.mark.parametrize(
    ("deed", "why"),
    [
        ({"group": "12"}, "a person changed the group"),
        ({"assignee": "5"}, "a person changed the assignee"),
        ({"status": Status.SOLVED}, "a person changed the status to solved"),
        ({"status": Status.CLOSED}, "closed"),
        ({"status": Status.DELETED}, "deleted"),
    ],
)
def test_a_ticket_that_a_person_took_meanwhile_is_left_alone(
    world: World, store: Store, labelled: Labelled, deed: dict[str, Any], why: str
) -> None:
    (ticket,) = an_outage(world, labelled)
    world.helpdesk.person(ticket, **deed)

    (done,) = retry(world, store).all_since(None)
    world.run()

    assert done == Retried(ticket, Plight.FAILED_OPEN, Deed.NOTHING, why)
    assert world.model.asked == []


def test_a_ticket_whose_move_was_polled_is_not_parked_any_more(
    world: World, store: Store, labelled: Labelled
) -> None:
    (ticket,) = an_outage(world, labelled)
    world.run()
    world.helpdesk.person(ticket, group="12")
    world.run()

    (done,) = retry(world, store).some([ticket])

    assert store.reports().parked() == []
    assert (done.deed, done.why) == (
        Deed.NOTHING,
        "nothing of it has failed, or a person has moved it since",
    )


def test_a_person_who_acts_between_the_retry_and_the_write_stands(
    world: World, store: Store, labelled: Labelled
) -> None:
    (ticket,) = an_outage(world, labelled)
    list(retry(world, store).some([ticket]))

    def person_is_faster(tier: Any, _: object) -> Classification:
        world.helpdesk.person(ticket, assignee="5")
        return labelled(tier)

    world.model.reply = person_is_faster
    summary = world.run()

    assert summary.written == {Outcome.SUPERSEDED: 1}
    assert world.helpdesk.tickets[ticket].group == HUMAN


def test_a_ticket_whose_write_to_the_human_group_waits_is_not_asked_beside_it(
    world: World, store: Store
) -> None:
    ticket = world.arrives()
    world.model.reply = lambda _tier, _ticket: ZeroDivisionError("bug")
    world.stages.intake.run()
    world.stages.triage.run()

    (done,) = retry(world, store).some([ticket])

    assert (done.deed, done.why) == (
        Deed.NOTHING,
        "its write to the human group still waits; try again after it",
    )


def test_a_ticket_whose_words_were_erased_is_said_to_be_so(
    world: World, store: Store, labelled: Labelled
) -> None:
    (ticket,) = an_outage(world, labelled)
    with store.database.write("test") as tx:
        tx.exec_driver_sql("UPDATE submissions SET ticket = NULL")

    (done,) = retry(world, store).some([ticket])

    assert (done.deed, done.why) == (Deed.NOTHING, "its text was erased; please move it by hand")


def test_what_kills_the_process_is_put_back_only_by_name(world: World, store: Store) -> None:
    ticket = world.arrives()
    world.stages.intake.run()
    for _ in range(6):
        store.ledger("memory", "doomed").claim_submissions(32)
        world.clock.advance(181)
    world.run()

    (refused,) = retry(world, store, rehearsal=True).all_since(None)
    (named,) = retry(world, store, rehearsal=True).some([ticket])

    assert (refused.deed, named.deed) == (Deed.NOTHING, Deed.ASK)
    assert "ai_cause__too_many_attempts" in world.helpdesk.tickets[ticket].tags


def test_recovery_from_an_outage_asks_each_ticket_once(world: World, labelled: Labelled) -> None:
    tickets = [world.arrives() for _ in range(40)]
    world.model.reply = lambda _tier, _ticket: Unavailable("HTTP 529", retry_after_seconds=60)
    world.run()
    during = len(world.model.asked)
    world.model.reply = lambda tier, _ticket: labelled(tier)
    for _ in range(3):
        world.clock.advance(121)
        world.run()

    assert during <= 5 + 4  # the breaker opens after five failures; the other workers' calls were in flight
    assert len(world.model.asked) - during == len(tickets)
    assert {world.helpdesk.tickets[ticket].group for ticket in tickets} == {BILLING}


# --- Writes -------------------------------------------------------------------------------------------------


def test_a_parked_write_that_is_put_back_is_written(world: World, store: Store) -> None:
    ticket = a_parked_write(world)
    (parked,) = store.reports().parked()

    (done,) = retry(world, store).all_since(None)
    world.run()

    assert (parked.plight, parked.reason) == (Plight.WRITE_FAILED, "conflict 5 times")
    assert (done.deed, done.why) == (Deed.WRITE, "waits to be written")
    assert world.helpdesk.tickets[ticket].group == BILLING
    assert store.reports().parked() == []


def test_a_parked_write_that_took_effect_after_all_is_found_and_not_repeated(
    world: World, store: Store
) -> None:
    ticket = world.arrives()
    world.stages.intake.run()
    world.stages.triage.run()
    (claim,) = world.ledger.claim_writes(1)
    seen = world.helpdesk.tickets[ticket]
    world.ledger.intend_writes([(claim, seen)])
    world.ledger.end_write(claim, Outcome.FAILED, None, "unclear after 5 attempts")
    late = Change(claim.decision.id, seen, BILLING, claim.decision.route.tags)
    assert [each.outcome for each in world.helpdesk.apply([late])] == [Outcome.APPLIED]

    list(retry(world, store).some([ticket]))
    world.run()

    assert len(world.helpdesk.writes) == 1
    (write,) = store.reports().story(ticket).writes
    assert (write.outcome, write.reason) == (Outcome.APPLIED, "found our earlier write")


def test_a_parked_write_gives_way_to_a_person(world: World, store: Store) -> None:
    ticket = a_parked_write(world)
    world.helpdesk.person(ticket, group="12")

    list(retry(world, store).some([ticket]))
    world.run()

    assert world.helpdesk.tickets[ticket].group == "12"
    assert store.reports().story(ticket).writes[0].outcome is Outcome.SUPERSEDED


def test_a_write_is_put_back_once(world: World, store: Store) -> None:
    a_parked_write(world)
    shelf = store.shelf("memory")
    (parked,) = shelf.parked(None, None)

    assert (shelf.write_again(parked), shelf.write_again(parked)) == (True, False)


# --- Unreadable ---------------------------------------------------------------------------------------------


class Garbled:
    """A helpdesk whose first page holds a ticket that cannot be read, and that can read it later."""

    def __init__(self, helpdesk: Any, lost: Unreadable) -> None:
        self._helpdesk = helpdesk
        self._lost = lost

    def __getattr__(self, name: str) -> Any:
        return getattr(self._helpdesk, name)

    def pages(self, checkpoint: str | None, start_at: Any) -> Iterator[Page]:
        for page in self._helpdesk.pages(checkpoint, start_at):
            rest = tuple(each for each in page.tickets if each.id != self._lost.ticket_id)
            yield replace(page, tickets=rest, unreadable=(self._lost,))


def poll_garbled(world: World, lost: Unreadable) -> None:
    helpdesk: Any = Garbled(world.helpdesk, lost)
    policy = IntakePolicy(INBOX, timedelta(hours=24))
    Intake(helpdesk, world.ledger, world.clock, world.events.append, policy).run()


def test_an_unreadable_ticket_that_can_be_read_now_is_screened_and_routed(world: World, store: Store) -> None:
    ticket = world.arrives()
    poll_garbled(world, Unreadable(ticket, "created_at is missing"))
    (parked,) = store.reports().parked()

    (done,) = retry(world, store).all_since(None)
    world.run()

    assert (parked.plight, parked.reason) == (Plight.UNREADABLE, "created_at is missing")
    assert (done.deed, done.why) == (Deed.SCREEN, "original: waits to be classified")
    assert world.helpdesk.tickets[ticket].group == BILLING
    assert store.reports().parked() == []


def test_an_unreadable_ticket_that_is_no_original_reaches_no_model(world: World, store: Store) -> None:
    ticket = world.arrives(group="12")
    poll_garbled(world, Unreadable(ticket, "created_at is missing"))

    (done,) = retry(world, store).some([ticket])
    world.run()

    assert (done.deed, done.why) == (Deed.SCREEN, Disposition.ALREADY_ROUTED)
    assert world.model.asked == []


def test_an_unreadable_ticket_that_was_polled_well_since_is_not_parked(world: World, store: Store) -> None:
    ticket = world.arrives()
    poll_garbled(world, Unreadable(ticket, "created_at is missing"))
    world.helpdesk.person(ticket, priority="low")

    world.run()

    assert store.reports().parked() == []
    assert world.helpdesk.tickets[ticket].group == BILLING


def test_what_came_without_an_id_is_listed_and_cannot_be_put_back(world: World, store: Store) -> None:
    poll_garbled(world, Unreadable(None, "not an object"))

    (done,) = retry(world, store).all_since(None)

    assert (done.ticket_id, done.deed, done.why) == ("", Deed.NOTHING, "the helpdesk sent it without an id")


# --- Rehearsals ---------------------------------------------------------------------------------------------


def test_a_rehearsal_says_the_same_and_changes_nothing(
    world: World, store: Store, labelled: Labelled
) -> None:
    a_parked_write(world)
    an_outage(world, labelled, tickets=2)
    poll_garbled(world, Unreadable(world.arrives(), "created_at is missing"))
    world.run()
    before = store.reports().parked()

    said = list(retry(world, store, rehearsal=True).all_since(None))
    due = world.ledger.due()
    done = list(retry(world, store).all_since(None))

    assert said == done
    assert {each.deed for each in said} == {Deed.ASK, Deed.WRITE, Deed.SCREEN}
    assert (due.submissions, due.writes, len(before)) == (0, 0, 4)
